"""The thread of a spool: it writes together what has come together, and tells the loop once."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple

from exporter.config.onward import Waiting
from exporter.forward.ports import Lost, Record
from exporter.forward.spool_folder import InUse
from exporter.forward.spool_log import PAUSE, Log
from exporter.forward.spool_segment import Dropped, Place
from exporter.ingest.ports import Refusing

log = logging.getLogger(__name__)
_TOGETHER, _BYTES = 500, 4 * 2**20
"""Records, and about as many bytes, that are written at once."""
_LOOK, _TRIAL = 10.0, 1.0
"""Seconds between looks at what is too old, and at a disk that takes nothing."""


class Put:
    """One thing to write, and who waits for it."""

    __slots__ = ("at", "body", "future", "items", "result", "since", "withdrawn")

    def __init__(self, body: bytes, items: int, future: "asyncio.Future[None]", since: float) -> None:
        self.body, self.items, self.future, self.since = body, items, future, since
        self.withdrawn = False
        self.result: Place | Refusing | None = None
        self.at = 0.0


class Read(NamedTuple):
    most: int
    future: "asyncio.Future[list[tuple[Place, Record]]]"


class State(NamedTuple):
    """What the loop knows of the log."""

    front: Place
    tail: Place
    size: int
    oldest: float
    refusing: str


class Report(NamedTuple):
    """What was done at once."""

    state: State
    puts: list[Put]
    reads: list[tuple[Read, list[tuple[Place, Record]]]]
    lost: list[tuple[Lost, int | Dropped]]
    corrupt: int
    ended: bool


class Work:
    """What is asked of the thread, and what it answers."""

    def __init__(self, path: Path, limits: Waiting, clock: Callable[[], float]) -> None:
        self._log = Log(path, limits, self._was_lost, self._was_corrupt, clock)
        self.jobs: SimpleQueue[Put | Read | bool] = SimpleQueue()
        """True wakes it, False ends it."""
        self.done = self._log.front
        """Before it all is dealt with; set by the loop."""
        self._lost: list[tuple[Lost, int | Dropped]] = []
        self._corrupt = 0
        self._ended = self._closed = False
        self._next = time.monotonic() + _LOOK

    def open(self) -> Report:
        """Blocks. Raises InUse, OSError."""
        self._log.open()
        self.done = self._log.front
        return self._report([], [])

    def close(self) -> None:
        """Of one that was never started."""
        self._log.close()

    def start(self, loop: asyncio.AbstractEventLoop, report: Callable[[Report], None]) -> None:
        """`report` is called in the loop with each Report."""
        # A daemon thread: one that hangs in its disk must not keep the process.
        Thread(target=self._run, args=(loop, report), name="spool", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop, report: Callable[[Report], None]) -> None:
        while not self._ended:
            puts, reads, idle = self._gather()
            answers: list[tuple[Read, list[tuple[Place, Record]]]] = []
            try:
                self._log.advance(self.done)
                if puts:
                    self._log.write(puts)
                    if reads:
                        self._tell(loop, report, puts, [])
                        puts = []
                answers = [(read, self._read(read.most)) for read in reads]
                if idle or time.monotonic() >= self._next:
                    self._log.look(idle=idle)
                    self._next = time.monotonic() + _LOOK
                if self._ended:
                    self._log.close()
                    self._closed = True
            except Exception:  # a fault of ours ends what was asked, and not the thread
                log.exception("the spool has a fault")
                answers = [(read, []) for read in reads]
            self._tell(loop, report, puts, answers)

    def _gather(self) -> tuple[list[Put], list[Read], bool]:
        """What waits; whether nothing came for a while."""
        puts: list[Put] = []
        reads: list[Read] = []
        size = 0
        try:
            job = self.jobs.get(timeout=_TRIAL if self._log.refusing else _LOOK)
            while True:
                if isinstance(job, Put):
                    puts.append(job)
                    size += len(job.body)
                elif isinstance(job, Read):
                    reads.append(job)
                elif not job:
                    self._ended = True
                if self._ended or size >= _BYTES or len(puts) >= _TOGETHER:
                    break
                job = self.jobs.get_nowait()
        except Empty:
            return puts, reads, not puts and not reads
        return puts, reads, False

    def _read(self, most: int) -> list[tuple[Place, Record]]:
        try:
            return self._log.read(most)
        except (OSError, InUse) as error:
            log.warning("the spool can't be read", extra={"error": str(error)})
            return []

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[Report], None],
        puts: list[Put],
        reads: list[tuple[Read, list[tuple[Place, Record]]]],
    ) -> None:
        for put in puts:
            put.result = put.result or Refusing("unavailable", PAUSE)
        found = self._report(puts, reads)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(report, found)

    def _report(self, puts: list[Put], reads: list[tuple[Read, list[tuple[Place, Record]]]]) -> Report:
        log_ = self._log
        state = State(log_.front, log_.tail, log_.size, log_.oldest(), log_.refusing)
        lost, self._lost = self._lost, []
        corrupt, self._corrupt = self._corrupt, 0
        return Report(state, puts, reads, lost, corrupt, self._closed)

    def _was_lost(self, reason: Lost, items: int | Dropped) -> None:
        if items:
            self._lost.append((reason, items))

    def _was_corrupt(self, count: int) -> None:
        self._corrupt += count
