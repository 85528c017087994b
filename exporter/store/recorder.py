"""The store of errors, occasions and alerts: SQLite's file, or PostgreSQL where one is configured."""

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from exporter.config.application import Retention
from exporter.ingest.ports import Entry, Outcome, Refusing
from exporter.store import ages, alerts, changing, codec, foremost, occasions, reading, retention, writing
from exporter.store.commits import DEADLINE, Commits
from exporter.store.connection import Unusable
from exporter.store.embedded import Embedded
from exporter.store.engine import Engine, Transaction
from exporter.store.lease import Lease
from exporter.store.rows import Act, Alert, Change, Foremost, Group, Kept, Noted, Page, Wanted
from exporter.store.sampling import Samples
from exporter.store.series import Series
from exporter.store.sqlite import Store
from exporter.tally import Tallies
from exporter.values import Secret

log = logging.getLogger(__name__)

T = TypeVar("T")

TICK = 1.0
GAUGES, SWEEP = 15.0, 60.0
"""Seconds between updates of the gauges, and between sweeps."""
_PAUSE = 0.01
"""Seconds between the steps of a sweep, in which what comes in is written."""


class Recorder:
    """`rows.Records` and `ports.Ledger`."""

    def __init__(
        self,
        database: Secret | None,
        kept: Retention,
        tallies: Tallies,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._retention = kept
        self._clock = clock
        self._engine: Engine | None = None
        self._series = Series(tallies)
        self._commits = Commits(self._write, tallies)
        # One cache for each thread.
        self._samples, self._read_samples = Samples(), Samples()
        self._lease = Lease()
        self._wake = asyncio.Event()

    async def open(self, store: Store) -> None:
        """Use the store's file, which is open, unless there is a database. Raises Unusable."""
        if self._database is None:
            self._engine = Embedded(store)
        else:
            try:
                postgres = importlib.import_module("exporter.store.postgres")
            except ImportError:
                raise Unusable("store: PostgreSQL needs a driver: pip install 'stack-exporter[postgres]'") from None
            engine = postgres.Postgres(self._database)
            try:
                await engine.open()
            except Refusing as refusing:
                # What the daemon is for needs none of it; what comes in is refused until it is there.
                log.warning("PostgreSQL does not take what comes in yet", extra={"reason": refusing.reason})
            self._engine = engine
        self.use(self._retention)

    def use(self, kept: Retention) -> None:
        """Keep so much from now on."""
        self._retention = kept
        if self._engine is not None:
            self._engine.bound(kept.size, kept.low_space)

    async def close(self) -> None:
        """Finish what is being written."""
        await self._commits.finish(1.0)
        if self._engine is not None:
            await self._lease.release(self._engine)
            await self._engine.close()
            self._engine = None

    async def work(self, beat: Callable[[], None]) -> None:
        """Sweep, trim, update the gauges, hold the lease, for ever."""
        swept = shown = -SWEEP
        showing = False
        while True:
            beat()
            now = time.monotonic()
            try:
                leased = await self.lease()
                # At once when the lease is new: until then nobody shows them, and alerts would end.
                if now - shown >= GAUGES or leased > showing:
                    shown = now
                    await self._show(leased)
                showing = leased
                if leased and now - swept >= SWEEP:
                    swept = now
                    await self._sweep(self._clock(), beat)
                elif leased and (not self._open().shared or now == shown):
                    self._series.swept(await retention.trim(self._open(), self._retention.size, partial(_pause, beat)))
            except Refusing as refusing:
                log.debug("the store is not swept", extra={"reason": refusing.reason})
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), TICK)
            except TimeoutError:
                continue
            await asyncio.sleep(TICK / 10)

    async def lease(self) -> bool:
        """Whether series that are read from the store are this replica's to expose; else it shows none."""
        engine = self._open()
        self._hide_unless_leased(engine)  # before the wait below: they may be another's by its end
        await self._lease.renew(engine)
        return self._hide_unless_leased(engine)

    def _hide_unless_leased(self, engine: Engine) -> bool:
        leased = self._lease.held(engine)
        if not leased:
            self._series.groups({})
            self._series.oldest({})
        return leased

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Keep them. What is older than what is kept is dated now, or the next sweep took it although it was accepted.

        Sentry's Relay does the same with events that are too old (`max_secs_in_past`, 30 days).
        """
        self._open()
        now, kept = self._clock(), self._retention
        entries = [_dated(entry, now, kept) for entry in entries]
        try:
            return await self._commits.add(entries)
        except Refusing as refusing:
            if refusing.reason == "full":
                self._wake.set()
            raise

    async def refuses(self) -> str:
        return "unavailable" if self._engine is None else await self._commits.refuses()

    async def groups(self, wanted: Wanted) -> Page[Group]:
        return await self._read(partial(reading.groups, wanted=wanted, now=self._clock()))

    async def group(self, id: str) -> Group | None:  # noqa: A002 - the contract's word
        return await self._read(partial(reading.one_group, id_=id, now=self._clock()))

    async def occurrences(self, group: str, wanted: Wanted) -> Page[Kept]:
        return await self._read(partial(reading.occurrences, group_=group, wanted=wanted, samples=self._read_samples))

    async def occurrence(self, id: str) -> Kept | None:  # noqa: A002 - the contract's word
        return await self._read(partial(reading.occurrence, id_=id, samples=self._read_samples))

    async def hours(self, group: str, since: float) -> list[tuple[float, int]]:
        return await self._read(partial(reading.hours, group_=group, since=since))

    async def foremost(self, since: float, limit: int) -> Foremost:
        return await self._read(
            partial(foremost.foremost, since=since, limit=limit, now=self._clock(), samples=self._read_samples)
        )

    async def change(self, group: str, change: Change, actor: str, at: float) -> Group | None:
        changed = await self._change(partial(changing.change, id_=group, wanted=change, actor=actor, at=at))
        return await self.group(group) if changed else None

    async def acts(self, subject: str) -> list[Act]:
        return await self._read(partial(changing.acts, subject=subject))

    async def occasions(self, wanted: Wanted) -> Page[Noted]:
        return await self._read(partial(occasions.occasions, wanted=wanted))

    async def alerted(self, alert: Alert) -> tuple[Alert, bool]:
        return await self._change(partial(alerts.alerted, alert=alert))

    async def alerts(self, wanted: Wanted) -> Page[Alert]:
        return await self._read(partial(alerts.alerts, wanted=wanted))

    async def mark(
        self, alert: str, actor: str, at: float, *, resolved: bool, false_alarm: bool | None, note: str
    ) -> Alert | None:
        work = partial(
            alerts.mark, id_=alert, actor=actor, at=at, resolved=resolved, false_alarm=false_alarm, note=note
        )
        return await self._change(work)

    async def statuses(self) -> dict[tuple[str, str], int]:
        return await self._read(partial(reading.statuses, now=self._clock()))

    async def sweep(self, now: float) -> int:
        return await self._sweep(now, lambda: None)

    async def size(self) -> int:
        return (await self._open().space())[0]

    def _open(self) -> Engine:
        if self._engine is None:
            raise Refusing("unavailable", 2.0)
        return self._engine

    async def _read(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        return await self._open().read(work)

    async def _change(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        return await self._open().write(work, DEADLINE)

    async def _write(self, entries: Sequence[Entry], deadline: float) -> list[Outcome]:
        work = partial(writing.add, entries=entries, now=self._clock(), samples=self._samples)
        return await self._open().write(work, deadline)

    async def _sweep(self, now: float, beat: Callable[[], None]) -> int:
        gone = await retention.sweep(self._open(), self._retention, now, partial(_pause, beat))
        self._series.swept(gone)
        return gone

    async def _show(self, leased: bool) -> None:
        self._series.sized(await self.size())
        self._series.groups(await self.statuses() if leased else {})
        self._series.oldest(await self._read(partial(ages.oldest, now=self._clock())) if leased else {})


def _dated(entry: Entry, now: float, kept: Retention) -> Entry:
    """The entry, of now when it is too old to be kept, or of no time at all."""
    occurrence, occasion = entry.occurrence, entry.occasion
    if occurrence is not None and codec.number(occurrence.at) < now - kept.errors:
        return replace(entry, at=now, occurrence=replace(occurrence, at=now))
    if occasion is not None and codec.number(occasion.at) < now - kept.events:
        return replace(entry, at=now, occasion=replace(occasion, at=now))
    return entry


def _pause(beat: Callable[[], None]) -> Awaitable[None]:
    beat()
    return asyncio.sleep(_PAUSE)
