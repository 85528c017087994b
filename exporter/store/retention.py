"""Drops what is older or more than is kept, a little at a time, so that what comes in need not wait."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from exporter.config.application import Retention
from exporter.store import codec
from exporter.store.changing import expire
from exporter.store.engine import CHUNKS, Engine, Transaction
from exporter.store.group import DAY, HOUR
from exporter.store.writing import RENEWED, SLOT, SLOTS

STEP = 100
"""Rows in one transaction: some milliseconds."""
FULL, TRIMMED = 0.95, 0.9
"""Of the size: trimming begins above the one and ends below the other."""
LAG = RENEWED + 120.0
"""An occurrence is no later than this after its sample was made; a client's clock may be a minute ahead."""
FORGOTTEN = 30 * DAY
"""An alert whose end nobody told goes this long after it came."""

Step = Callable[[Transaction], Coroutine[Any, Any, int]]


async def sweep(engine: Engine, retention: Retention, now: float, pause: Callable[[], Awaitable[None]]) -> int:
    """How many rows went. Raises Refusing."""
    errors = codec.floor(now - retention.errors)
    gone = await engine.write(partial(expire, now=now), 5.0, growing=False)
    for step in (
        partial(_before, table="stack_occurrences", key=errors),
        partial(_before, table="stack_occasions", key=codec.floor(now - retention.events)),
        partial(_groups, before=now - retention.errors),
        partial(_samples, key=codec.floor(now - retention.errors - LAG)),
        partial(_seen, slot=int(now // SLOT) - SLOTS + 1),
        partial(_alerts, resolved=now - retention.alerts, received=now - max(FORGOTTEN, retention.alerts)),
    ):
        gone += await _repeat(engine, step, pause)
    gone += await _hours(engine, int((now - retention.errors) // HOUR), pause)
    gone += await trim(engine, retention.size, pause)
    while await engine.shrink():
        await pause()
    return gone


async def trim(engine: Engine, size: int, pause: Callable[[], Awaitable[None]]) -> int:
    """Drop the oldest occurrences, then occasions, then groups, until what is left takes less than that."""
    gone = 0
    if (await engine.space())[1] < size * FULL:
        return 0
    oldest = partial(_before, key=1 << 62)
    for step in (partial(oldest, table="stack_occurrences"), partial(oldest, table="stack_occasions"), _oldest_groups):
        went = 1
        while went and (await engine.space())[1] > size * TRIMMED:
            went = await engine.write(step, 5.0, growing=False)
            gone += went
            await pause()
    return gone


async def _repeat(engine: Engine, step: Step, pause: Callable[[], Awaitable[None]]) -> int:
    gone = 0
    while went := await engine.write(step, 5.0, growing=False):
        gone += went
        await pause()
    return gone


async def _before(tx: Transaction, table: str, key: int) -> int:
    return await tx.run(
        f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE key < ? ORDER BY key LIMIT ?)",  # noqa: S608
        key,
        STEP,
    )


async def _groups(tx: Transaction, before: float) -> int:
    lock = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgres" else ""
    rows = await tx.rows(
        f"SELECT key, id FROM stack_groups WHERE last_seen < ? ORDER BY last_seen LIMIT ?{lock}",  # noqa: S608
        before,
        CHUNKS[1],
    )
    for key, id_ in rows:
        for table in ("occurrences", "samples", "users", "hours"):
            await tx.run(f"DELETE FROM stack_{table} WHERE grp = ?", key)  # noqa: S608
        await tx.run("DELETE FROM stack_acts WHERE subject = ?", id_)
        await tx.run("DELETE FROM stack_groups WHERE key = ?", key)
    return len(rows)


async def _oldest_groups(tx: Transaction) -> int:
    """Only those without occurrences are left to go."""
    return await _groups(tx, 1e12)


async def _samples(tx: Transaction, key: int) -> int:
    """Those of groups that have a newer one; what was compressed by them has gone before, by age or for space."""
    (oldest,) = (await tx.rows("SELECT min(key) FROM stack_occurrences"))[0]
    if oldest is not None:
        key = max(key, codec.floor(codec.time_of(oldest) - LAG))
    return await tx.run(
        "DELETE FROM stack_samples WHERE key IN (SELECT s.key FROM stack_samples s WHERE s.key < ? "
        "AND NOT EXISTS (SELECT 1 FROM stack_groups g WHERE g.key = s.grp AND g.sample = s.key) "
        "ORDER BY s.key LIMIT ?)",
        key,
        STEP,
    )


async def _seen(tx: Transaction, slot: int) -> int:
    return await tx.run(
        "DELETE FROM stack_seen WHERE (slot, id) IN "
        "(SELECT slot, id FROM stack_seen WHERE slot < ? ORDER BY slot, id LIMIT ?)",
        slot,
        5 * STEP,
    )


async def _alerts(tx: Transaction, resolved: float, received: float) -> int:
    rows = await tx.rows(
        "SELECT key, id FROM stack_alerts WHERE resolved_at < ? OR (resolved_at IS NULL AND received_at < ?) LIMIT ?",
        resolved,
        received,
        STEP,
    )
    for key, id_ in rows:
        await tx.run("DELETE FROM stack_acts WHERE subject = ?", id_)
        await tx.run("DELETE FROM stack_alerts WHERE key = ?", key)
    return len(rows)


async def _hours(engine: Engine, hour: int, pause: Callable[[], Awaitable[None]]) -> int:
    """By ranges of groups, as they are kept by group."""

    async def ends(tx: Transaction) -> tuple[int, int]:
        rows = await tx.rows("SELECT min(grp), max(grp) FROM stack_hours")
        return (int(rows[0][0]), int(rows[0][1])) if rows[0][0] is not None else (0, -1)

    first, last = await engine.read(ends)
    gone = 0
    for start in range(first, last + 1, STEP):

        async def step(tx: Transaction, start: int = start) -> int:
            return await tx.run(
                "DELETE FROM stack_hours WHERE grp >= ? AND grp < ? AND hour < ?", start, start + STEP, hour
            )

        gone += await engine.write(step, 5.0, growing=False)
        await pause()
    return gone
