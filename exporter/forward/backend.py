"""One back end's queue and thread: bounded, sent in batches, patient while the back end is away."""

import asyncio
import contextlib
import logging
import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from exporter.forward.ended import Ended
from exporter.forward.otlp import Exporter, Outcome
from exporter.metric import counter, gauge
from exporter.tally import Tallies

log = logging.getLogger(__name__)

SPANS_EXPORTED = counter("stack_exporter_spans_exported_total", "Spans that a back end took.", "backend")
SPANS_DROPPED = counter(
    "stack_exporter_spans_dropped_total",
    "Spans lost: queue_full, unreachable (queue full while the back end is away), rejected, or stopped.",
    "backend",
    "reason",
)
SPANS_QUEUED = gauge("stack_exporter_spans_queued", "Spans that wait to be exported.", "backend")
REASONS = ("queue_full", "unreachable", "rejected", "stopped")

QUEUE = 2048
BATCH = 512
EVERY = 5.0
"""Spans kept, spans sent at once, and seconds that one waits at most: OpenTelemetry's BatchSpanProcessor's figures."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Back-off in seconds while the back end is away; the exporter's own retrying within a request comes before it."""


class Backend:
    """Queue and thread of one back end. Of the loop's thread; only `Exporter.send` runs in another."""

    def __init__(self, name: str, address: str, exporter: Exporter, tallies: Tallies, *, every: float = EVERY) -> None:
        self.name = name
        self._address = address
        self._exporter = exporter
        self._every = every
        self._tallies = tallies
        self._runs: deque[Ended] = deque()
        self._queued = 0
        self._enough = asyncio.Event()
        self._turn = asyncio.Lock()
        self._sending: tuple[Sequence[Ended], asyncio.Future[Outcome]] | None = None
        self._state = "exported"
        self._pause = 0.0
        self._closed = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._exported = tallies.child(SPANS_EXPORTED, name)
        self._dropped = {reason: tallies.child(SPANS_DROPPED, name, reason) for reason in REASONS}
        self._waiting = tallies.child(SPANS_QUEUED, name)
        self._shown = 0

    def put(self, run: Ended) -> None:
        """Queue a run; when there is no room the oldest goes."""
        self._runs.append(run)
        self._queued += 1 + len(run.phases)
        if self._queued >= BATCH:
            self._enough.set()
            self._trim()
        self._show()

    async def work(self) -> None:
        """Send for ever: every few seconds, sooner when there is a batch, later while the back end is away."""
        while not self._closed:
            if self._pause:
                await asyncio.sleep(self._pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._every):
                        await self._enough.wait()
            while await self._send() and self._enough.is_set():
                pass

    async def flush(self) -> None:
        """Send all there is, as long as the back end takes it."""
        while await self._send():
            pass

    def close(self) -> None:
        """Give up what has not been sent, and let go of the connection. The thread ends by itself."""
        if self._closed:
            return
        if self._sending is not None and self._sending[1].done():
            self._settle(self._sending[0], self._sending[1].result())
        self._closed = True
        self._enough.set()
        self._exporter.close()
        self._jobs.put(None)
        self._drop("stopped", self._queued)
        self._runs.clear()
        self._queued = 0
        self._show()

    def forget(self) -> None:
        """Take away the series; of one that is closed and has no successor of its name."""
        self._tallies.forget(SPANS_EXPORTED, self.name)
        self._tallies.forget(SPANS_QUEUED, self.name)
        for reason in REASONS:
            self._tallies.forget(SPANS_DROPPED, self.name, reason)

    async def _send(self) -> bool:
        """Send a batch, or wait for one that a cancelled call left; False when there is none or nobody to take it."""
        async with self._turn:
            if self._sending is None:
                if self._closed or not self._runs:
                    self._enough.clear()
                    return False
                taken = self._take()
                self._sending = taken, self._begin(taken)
            batch, job = self._sending
            outcome = await asyncio.shield(job)
            self._sending = None
            if not self._closed:
                self._settle(batch, outcome)
            return outcome.result != "unreachable"

    def _take(self) -> list[Ended]:
        batch: list[Ended] = []
        count = 0
        while self._runs and (not batch or count + 1 + len(self._runs[0].phases) <= BATCH):
            batch.append(run := self._runs.popleft())
            count += 1 + len(run.phases)
        return batch

    def _begin(self, batch: Sequence[Ended]) -> asyncio.Future[Outcome]:
        """Have it sent by the thread: a daemon of our own, for executors' threads are joined when the process ends."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()

        def job() -> None:
            outcome = self._exporter.send(batch)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_answer, future, outcome)

        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=_do, args=(self._jobs,), name=f"spans {self.name}", daemon=True)
            self._thread.start()
        return future

    def _settle(self, batch: Sequence[Ended], outcome: Outcome) -> None:
        if outcome.result == "unreachable":
            self._runs.extendleft(reversed(batch))
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self._trim()
        else:
            self._pause = 0.0
            self._queued -= (count := _spans(batch))
            if outcome.result == "exported":
                self._exported.add(count)
            else:
                self._drop("rejected", count)
        if self._queued < BATCH:
            self._enough.clear()
        self._show()
        self._tell(outcome)

    def _show(self) -> None:
        """Its part of the series alone: after a reload another of its name may queue while this one is flushed."""
        self._waiting.add(self._queued - self._shown)
        self._shown = self._queued

    def _trim(self) -> None:
        """Drop the oldest until the rest has room. What is being sent counts, so that memory stays bounded."""
        lost = 0
        while self._queued - lost > QUEUE and self._runs:
            lost += 1 + len(self._runs.popleft().phases)
        self._queued -= lost
        self._drop("unreachable" if self._state == "unreachable" else "queue_full", lost)

    def _drop(self, reason: str, count: int) -> None:
        if count:
            self._dropped[reason].add(count)

    def _tell(self, outcome: Outcome) -> None:
        before, self._state = self._state, outcome.result
        if before == outcome.result:
            return
        extra = {"backend": self.name, "address": self._address, "reason": outcome.result, "detail": outcome.detail}
        if outcome.result == "exported":
            log.info("spans are exported again", extra={"backend": self.name, "address": self._address})
        elif outcome.result == "rejected":
            log.warning("spans are rejected by a back end and dropped", extra=extra)
        else:
            log.warning("spans can't be exported and wait", extra=extra)


def _spans(runs: Sequence[Ended]) -> int:
    return sum(1 + len(run.phases) for run in runs)


def _answer(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _do(jobs: "queue.SimpleQueue[Callable[[], None] | None]") -> None:
    while (job := jobs.get()) is not None:
        job()
