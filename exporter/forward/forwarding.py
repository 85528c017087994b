"""All back ends: what is put here waits in the spool of each that takes its signal, and is delivered from there."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.config.onward import Waiting
from exporter.forward.figures import RECEIVED, SAMPLED_OUT
from exporter.forward.ports import SIGNALS, Signal
from exporter.forward.target import Target
from exporter.ingest.ports import Refusing
from exporter.supervise import Tasks
from exporter.tally import Tallies

if TYPE_CHECKING:
    from exporter.forward.backend import Backend

log = logging.getLogger(__name__)

SPOOLS = "spool"
"""Folder beneath the storage path, with one for each back end in it."""
LAST_WORDS = 0.5
"""Seconds for what waits for a back end that a reload takes away."""
SHOWN, SWEPT = 1.0, 3_600.0
"""Seconds between two looks at what waits, and at spools that no back end has any more."""


class Forwarding:
    """Implements `ingest.ports.Onward`. Of the loop's thread."""

    def __init__(self, tallies: Tallies, tasks: Tasks) -> None:
        self.backends: Sequence[Backend] = ()
        self.attributes: Mapping[str, str] = {}
        """Added to the resources of what applications send."""
        self._tallies = tallies
        self._tasks = tasks
        self._folder: Path | None = None
        self._of: dict[Signal, Sequence[Backend]] = dict.fromkeys(SIGNALS, ())
        self._open = asyncio.Event()
        self._open.set()
        self._begun = False
        self._swept = -inf
        self._left: set[str] = set()
        for signal in SIGNALS:
            tallies.child(RECEIVED, signal)
        self._sampled_out = tallies.child(SAMPLED_OUT)

    def takes(self, signal: Signal) -> bool:
        return bool(self._of[signal])

    @property
    def refusing(self) -> str:
        """Why a signal is not taken now: full, unavailable; empty when all are."""
        return next(filter(None, (backend.queue.refusing for backend in self.backends)), "")

    async def put(self, signal: Signal, body: bytes, items: int) -> None:
        """Keep it for all back ends of its signal. Raises Refusing; one of several may have taken it even then."""
        if not self._open.is_set():
            await self._open.wait()
        backends = self._of[signal]
        if not backends:  # a reload has just taken them away
            return
        for backend in backends:
            if why := backend.queue.refusing:
                # Before any has it, for the sender will send it again to all.
                raise Refusing(why, 1.0)
        if len(backends) == 1:
            await backends[0].queue.put(body, items)
        else:
            done = await asyncio.gather(*(one.queue.put(body, items) for one in backends), return_exceptions=True)
            for error in done:
                if isinstance(error, BaseException):
                    raise error
        self._tallies.child(RECEIVED, signal).add(items)

    async def keep(self, signal: Signal, body: bytes, items: int) -> bool:
        """The same of what nobody would send again: when it is not kept it is counted as refused."""
        try:
            await self.put(signal, body, items)
        except Refusing:
            self.refused(signal, items)
            return False
        return True

    def refused(self, signal: Signal, items: int) -> None:
        for backend in self._of[signal]:
            backend.figures.lost("refused", items)

    def sampled_out(self, spans: int) -> None:
        if spans:
            self._sampled_out.add(spans)

    async def use(
        self, targets: Sequence[Target], storage: Path | None, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Deliver to these from now on, with spools beneath `storage`, None for memory.

        Raises spool.InUse, the first time alone.
        """
        self._folder = storage / SPOOLS if storage is not None else None
        staying = {backend.target.folder: backend for backend in self.backends if backend.target in targets}
        leaving = [backend for backend in self.backends if backend not in staying.values()]
        self._open.clear()
        opened: list[Backend] = []
        try:
            folders = {target.folder for target in targets}
            changed = {one.target.folder: one for one in leaving if one.target.folder in folders}
            await self._end(leaving, handed=list(changed.values()))
            for target in targets:
                backend = staying.get(target.folder) or await self._begin(target, changed.get(target.folder))
                opened.append(backend)
        finally:
            self.backends = tuple(opened)
            self._of = {signal: [one for one in opened if one.signal == signal] for signal in SIGNALS}
            names = {(backend.signal, backend.name) for backend in opened}
            for backend in leaving:
                if (backend.signal, backend.name) not in names:
                    backend.figures.forget()
            self._begun = True
            self.attributes = attributes or {}
            self._swept = -inf
            self._open.set()

    async def work(self, beat: Callable[[], None]) -> None:
        """Show what waits, and let spools go that nobody has any more, for ever."""
        while True:
            beat()
            for backend in self.backends:
                backend.figures.show(backend.queue, time.time())
            if time.monotonic() - self._swept > SWEPT:
                self._swept = time.monotonic()
                await asyncio.to_thread(self._sweep)
            await asyncio.sleep(SHOWN)

    async def end(self, seconds: float) -> None:
        """Deliver what waits as far as that goes in time, and let go of all.

        What waits on disk waits for the next start; what waits in memory is counted as dropped.
        """
        self._open.clear()
        await self._tasks.end(*map(_task, self.backends))
        await _flush(self.backends, seconds)
        await asyncio.gather(*(backend.close() for backend in self.backends))

    async def _begin(self, target: Target, before: "Backend | None") -> "Backend":
        from exporter.forward.backend import Backend  # noqa: PLC0415 - 20 MB that a daemon that sends nothing has not

        backend = Backend(target, self._folder / target.folder if self._folder is not None else None, self._tallies)
        await backend.open(starting=not self._begun, before=before)
        name = _task(backend)
        self._tasks.start(name, lambda: backend.delivery.work(lambda: self._tasks.beat(name)), heartbeat=15.0)
        return backend

    async def _end(self, backends: Sequence["Backend"], handed: Sequence["Backend"]) -> None:
        """`handed`: those whose queues go to others; what waits for the rest is sent, as far as that goes at once."""
        if backends:
            await self._tasks.end(*map(_task, backends))
            await _flush([one for one in backends if one not in handed], LAST_WORDS)
            await asyncio.gather(*(one.stop() if one in handed else one.close() for one in backends))

    def _sweep(self) -> None:
        """Take away what waits for back ends that there are no more, once all of it is too old; say so before."""
        if self._folder is None or not self._folder.is_dir():
            return
        had = {backend.target.folder for backend in self.backends}
        longest = max((backend.target.waiting.age for backend in self.backends), default=Waiting().age)
        for folder in self._folder.iterdir():
            if folder.name in had or folder.is_symlink() or not folder.is_dir():
                continue
            size, last = _waits(folder)
            said = {"folder": str(folder), "bytes": size}
            if time.time() - last > longest:
                shutil.rmtree(folder, ignore_errors=True)
                self._left.discard(folder.name)
                if size:
                    log.warning("what waited in a spool without a back end was too old and is deleted", extra=said)
            elif size and folder.name not in self._left:
                self._left.add(folder.name)
                log.warning(
                    "what waits in a spool has no back end any more, and is kept until it is too old",
                    extra={**said, "until": round(last + longest)},
                )


def _waits(folder: Path) -> tuple[int, float]:
    """Bytes in a spool, and when the last of them, or of what was set aside there, came; 0.0 for never."""
    size, last = 0, 0.0
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            found = file.lstat()
            if file.suffix in (".spool", ".corrupt"):
                last = max(last, found.st_mtime)
            size += found.st_size if file.suffix == ".spool" else 0
    return size, last


def _task(backend: "Backend") -> str:
    return f"forward {backend.target.folder}"


async def _flush(backends: Sequence["Backend"], seconds: float) -> None:
    flushing = [asyncio.create_task(backend.delivery.flush()) for backend in backends]
    if flushing:
        await asyncio.wait(flushing, timeout=seconds)
    for task in flushing:
        task.cancel()
    await asyncio.gather(*flushing, return_exceptions=True)
