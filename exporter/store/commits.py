"""Many callers, one transaction: what comes while the disk writes is written together next."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from exporter.ingest.ports import Entry, Outcome, Refusing
from exporter.metric import counter, histogram
from exporter.store.lane import settle
from exporter.tally import Tallies

log = logging.getLogger(__name__)

WRITE_DURATION = histogram(
    "stack_exporter_store_write_duration_seconds", "How long the store took to make a transaction durable."
)
REFUSED = counter(
    "stack_exporter_store_refused_total",
    "Entries that the store refused, by reason: full, slow, unavailable.",
    "reason",
)
REASONS = ("full", "slow", "unavailable")

GATHER, RECENT = 0.006, 0.004
"""Seconds, from when it came, that what comes so soon after a commit waits for others: for one a commit costs nearly as
much as for two."""
CROWD = 2
"""So many callers are enough."""
SKIPPED = 15
"""Commits that don't wait, at most, after some for which nobody else came."""
TOGETHER = 500
"""Entries in one transaction, unless one caller has more."""
WAITING = 5_000
"""Entries that may wait; of 10 kB each 50 MB."""
DEADLINE, TRIAL = 5.0, 1.0
"""Seconds that a transaction may take, and that one may which tries whether a fault has ended."""
PAUSE = 1.0
"""Seconds after a failure for which whatever comes is refused at once."""
PATIENCE = 0.5
"""Seconds that one who asks waits for a trial; kubelet waits 1 for the answer."""

Write = Callable[[Sequence[Entry], float], Awaitable[list[Outcome]]]


class _Waiting(NamedTuple):
    entries: Sequence[Entry]
    future: "asyncio.Future[list[Outcome]]"
    since: float


class Commits:
    """Gathers what is added, and refuses quickly while the store fails."""

    def __init__(self, write: Write, tallies: Tallies, clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._tallies = tallies
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._held = 0
        self._task: asyncio.Task[None] | None = None
        self._failed: Refusing | None = None
        self._trial: asyncio.Future[list[Outcome]] | None = None
        self._until = 0.0
        self._ended = -RECENT
        self._gathering: asyncio.Future[None] | None = None
        self._skipping = self._alone = 0
        self._duration = tallies.child(WRITE_DURATION)
        for reason in REASONS:
            tallies.child(REFUSED, reason)

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        """All of them or none, durable. Raises Refusing."""
        if not entries:
            return []
        try:
            self._admit(len(entries))
            outcomes = await self._enqueue(entries)
        except Refusing as refusing:
            self._tallies.child(REFUSED, refusing.reason).add(len(entries))
            raise
        return outcomes

    async def refuses(self) -> str:
        """Why nothing is taken now; empty when it is.

        Where senders are kept away for it, nothing comes that would show that the fault has ended: so it is tried, with
        an id of which nothing but 8 bytes are kept for a day.
        """
        if self._failed is None:
            return "slow" if self._held >= WAITING else ""
        if self._clock() >= self._until and (self._trial is None or self._trial.done()):
            self._trial = self._enqueue([Entry(secrets.token_hex(16), 0.0)])
            self._trial.add_done_callback(_seen)
        if self._trial is not None:
            await asyncio.wait({self._trial}, timeout=PATIENCE)
        return self._failed.reason if self._failed is not None else ""

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way; no longer than that."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
        self._refuse(Refusing("unavailable", 2.0))

    def failed(self, refusing: Refusing) -> None:
        """Whoever comes within the next second is told the same."""
        if self._failed is None:
            log.warning("the store refuses what comes in", extra={"reason": refusing.reason})
        self._failed, self._until = refusing, self._clock() + PAUSE

    def _enqueue(self, entries: Sequence[Entry]) -> "asyncio.Future[list[Outcome]]":
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entries, future, self._clock()))
        self._held += len(entries)
        if len(self._waiting) >= CROWD and self._gathering is not None:
            settle(self._gathering)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="store commits")
        return future

    def _admit(self, entries: int) -> None:
        if self._failed is not None and self._clock() < self._until:
            raise Refusing(self._failed.reason, self._failed.retry_after)
        if self._waiting and self._held + entries > WAITING:
            raise Refusing("slow", 1.0)

    async def _drain(self) -> None:
        while self._waiting:
            await self._gather()
            together = self._next()
            try:
                await self._commit(together)
            except Refusing as refusing:
                self.failed(refusing)
                self._refuse(refusing, together)
            except asyncio.CancelledError:
                self._refuse(Refusing("unavailable", 2.0), together)
                raise
            except Exception as error:  # noqa: BLE001 - of one of them, and our fault: no other must suffer
                await self._each(together, error)

    async def _gather(self) -> None:
        """Wait for others while they come; one who sends the next when he has the answer to the last does not wait."""
        before = len(self._waiting)
        now = self._clock()
        patience = self._waiting[0].since + GATHER - now
        if before >= CROWD or patience <= 0 or now - self._ended > RECENT:
            return
        if self._skipping:
            self._skipping -= 1
            return
        loop = asyncio.get_running_loop()
        self._gathering = loop.create_future()
        loop.call_later(patience, settle, self._gathering)
        await self._gathering
        self._alone = 0 if len(self._waiting) > before else min(2 * self._alone + 1, SKIPPED)
        self._skipping = self._alone

    def _next(self) -> list[_Waiting]:
        together = [self._waiting.popleft()]
        entries = len(together[0].entries)
        while self._waiting and entries + len(self._waiting[0].entries) <= TOGETHER:
            entries += len(self._waiting[0].entries)
            together.append(self._waiting.popleft())
        self._held -= entries
        return together

    async def _commit(self, together: Sequence[_Waiting]) -> None:
        began = self._clock()
        entries = [entry for waiting in together for entry in waiting.entries]
        outcomes = await self._write(entries, DEADLINE if self._failed is None else TRIAL)
        self._ended = self._clock()
        self._duration.observe(self._ended - began)
        if self._failed is not None:
            log.info("the store takes what comes in again")
            self._failed = None
        start = 0
        for waiting in together:
            end = start + len(waiting.entries)
            if not waiting.future.done():
                waiting.future.set_result(outcomes[start:end])
            start = end

    async def _each(self, together: Sequence[_Waiting], error: Exception) -> None:
        if len(together) == 1:
            if not together[0].future.done():
                together[0].future.set_exception(error)
            return
        for waiting in together:
            try:
                await self._commit([waiting])
            except Refusing as refusing:
                self.failed(refusing)
                self._refuse(refusing, [waiting])
            except Exception as its:  # noqa: BLE001 - its caller has it
                await self._each([waiting], its)

    def _refuse(self, refusing: Refusing, together: Sequence[_Waiting] = ()) -> None:
        """Those, and all that wait behind them: they would wait for the same."""
        waiting = [*together, *self._waiting]
        self._waiting.clear()
        self._held = 0
        for one in waiting:
            if not one.future.done():
                one.future.set_exception(Refusing(refusing.reason, refusing.retry_after))


def _seen(trial: "asyncio.Future[list[Outcome]]") -> None:
    """Nobody may be waiting for it any more."""
    if not trial.cancelled():
        trial.exception()
