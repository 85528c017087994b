"""Answers what is asked of groups and their occurrences."""

from typing import Any

import msgspec

from exporter.store import codec, compression, filters, group, sampling
from exporter.store.engine import Transaction, among
from exporter.store.group import COLUMNS, EFFECTIVE, HOUR, UNRESOLVED
from exporter.store.rows import Group, Kept, Page, Wanted
from exporter.store.sampling import Samples

SORTS = {"": "last_seen", "last_seen": "last_seen", "first_seen": "first_seen", "count": "total", "users": "users"}
Body = tuple[str, str, str, str, msgspec.Raw]
"""As `codec.Body`; a list shows no details, and building them is most of its work."""
UNREADABLE: Body = ("", "", "", "(damaged)", msgspec.Raw(b"{}"))
SCANNED = 300
"""Occurrences that one page looks into for a text; the next goes on from there."""
_SPIKING = (
    "last_seen >= ? AND (SELECT n FROM stack_hours h WHERE h.grp = stack_groups.key AND h.hour = ?) >= 10 "
    "AND (SELECT 24 * sum(CASE WHEN h.hour = ? THEN n ELSE 0 END) - 5 * sum(CASE WHEN h.hour < ? THEN n ELSE 0 END) "
    "FROM stack_hours h WHERE h.grp = stack_groups.key AND h.hour >= ? AND h.hour <= ?) >= 0"
)
"""This hour at least ten, and five times the mean hour of the 24 before; takes what `_spiking` gives."""
OCCURRENCE = "key, key, id, grp, at, level, release, environment, sample, body"


def _spiking(now: float) -> tuple[float, int, int, int, int, int]:
    hour = int(now // HOUR)
    return float(hour * HOUR), hour, hour, hour, hour - 24, hour


async def groups(tx: Transaction, wanted: Wanted, now: float) -> Page[Group]:
    """Raises ValueError for a cursor or sort that is not ours."""
    if wanted.sort not in SORTS:
        raise ValueError(f"sort is one of {', '.join(filter(None, SORTS))}")
    sort = SORTS[wanted.sort]
    where = filters.Where()
    where.equal(wanted, "service", "team", "type", "assignee")
    where.severity(wanted)
    where.within(wanted, "last_seen")
    where.text(wanted)
    if wanted.security is not None:
        where.add("security = ?", int(wanted.security))
    where.listed("releases", wanted.release)
    where.listed("environments", wanted.environment)
    _status(where, wanted.status, now)
    columns = f"key, {sort}, {COLUMNS}"
    whole = sort in ("total", "users")
    rows, following, total = await filters.page(tx, "stack_groups", columns, where, sort, wanted, whole=whole)
    return Page(await shown(tx, [row[2:] for row in rows], now), following, total)


def _status(where: filters.Where, status: str, now: float) -> None:
    if status:
        where.add(f"{EFFECTIVE} = ?", now, codec.STATUSES.index(status) if status in codec.STATUSES else UNRESOLVED)
    if status == "new":
        where.add("first_seen >= ?", now - group.DAY)
    elif status == "regressed":
        where.add("regressed = 1")
    elif status == "spiking":
        where.add(_SPIKING, *_spiking(now))
    elif status and status not in codec.STATUSES:
        where.add("1 = 0")


async def shown(tx: Transaction, rows: list[Any], now: float) -> list[Group]:
    hour = int(now // HOUR)
    counts: dict[int, dict[int, int]] = {}
    sql = "SELECT grp, hour, n FROM stack_hours WHERE grp IN ({}) AND hour >= ? AND hour <= ?"
    for key, at, n in await among(tx, sql, [row[0] for row in rows], hour - 24, hour):
        counts.setdefault(key, {})[at] = n
    return [group.group(row, now, counts.get(row[0], {})) for row in rows]


async def one_group(tx: Transaction, id_: str, now: float) -> Group | None:
    rows = await tx.rows(f"SELECT {COLUMNS} FROM stack_groups WHERE id = ?", codec.binary(id_))  # noqa: S608
    return (await shown(tx, list(rows), now))[0] if rows else None


async def key_of(tx: Transaction, group_: str) -> int | None:
    rows = await tx.rows("SELECT key FROM stack_groups WHERE id = ?", codec.binary(group_))
    return rows[0][0] if rows else None


async def occurrences(tx: Transaction, group_: str, wanted: Wanted, samples: Samples) -> Page[Kept]:
    """Raises ValueError for a cursor that is not ours. With a text, `total` is how many this page found."""
    key = await key_of(tx, group_)
    if key is None:
        codec.position(wanted.cursor, "key")
        return Page([])
    where = filters.Where()
    where.add("grp = ?", key)
    where.equal(wanted, "release", "environment")
    where.within(wanted, "at")
    where.keys(wanted)
    if not wanted.text:
        rows, following, total = await filters.page(tx, "stack_occurrences", OCCURRENCE, where, "key", wanted)
        return Page([kept for kept, _ in await opened(tx, [row[1:] for row in rows], samples)], following, total)
    scan = msgspec.structs.replace(wanted, limit=SCANNED)
    rows, following, _ = await filters.page(tx, "stack_occurrences", OCCURRENCE, where, "key", scan)
    text = wanted.text.casefold()
    found = []
    for start in range(0, len(rows), 50):
        part = [row[1:] for row in rows[start : start + 50]]
        for place, (kept, _) in enumerate(await opened(tx, part, samples), start):
            if text in kept.message.casefold():
                found.append(kept)
                if len(found) == filters.limit(wanted) and place + 1 < len(rows):
                    return Page(found, codec.cursor("key", rows[place][0], rows[place][0]), len(found))
    return Page(found, following, len(found))


async def occurrence(tx: Transaction, id_: str, samples: Samples) -> Kept | None:
    rows = await tx.rows(f"SELECT {OCCURRENCE} FROM stack_occurrences WHERE id = ?", codec.binary(id_))  # noqa: S608
    if not rows:
        return None
    ((kept, detail),) = await opened(tx, [rows[0][1:]], samples)
    return msgspec.structs.replace(kept, detail=msgspec.json.decode(detail))


async def opened(tx: Transaction, rows: list[Any], samples: Samples) -> list[tuple[Kept, msgspec.Raw]]:
    used: dict[int, compression.Dictionary] = {}
    for key in {row[7] for row in rows}:
        if (known := samples.get(key)) is not None:
            used[key] = known
    missing = sorted({row[7] for row in rows} - used.keys())
    used |= await sampling.loaded(tx, missing, samples)
    ids = {}
    for key, id_ in await among(tx, "SELECT key, id FROM stack_groups WHERE key IN ({})", sorted({r[2] for r in rows})):
        ids[key] = bytes(id_).hex()
    return await tx.compute(lambda: [_opened(row, ids, used) for row in rows])


def _opened(row: Any, groups_: dict[int, str], samples: dict[int, compression.Dictionary]) -> tuple[Kept, msgspec.Raw]:
    _, id_, grp, at, level, release, environment, sample, data = row
    transaction, user, trace_id, message, detail = codec.opened(data, samples.get(sample), Body) or UNREADABLE
    kept = Kept(
        id=bytes(id_).hex(),
        group=groups_.get(grp, ""),
        at=at,
        level=codec.LEVELS[level],
        release=release,
        environment=environment,
        transaction=transaction,
        user=user,
        trace_id=trace_id,
        message=message,
    )
    return kept, detail


async def hours(tx: Transaction, group_: str, since: float) -> list[tuple[float, int]]:
    sql = (
        "SELECT hour, n FROM stack_hours h JOIN stack_groups g ON g.key = h.grp "
        "WHERE g.id = ? AND hour >= ? ORDER BY hour"
    )
    first = int(codec.number(since) // HOUR)
    return [(float(hour * HOUR), n) for hour, n in await tx.rows(sql, codec.binary(group_), first)]


async def statuses(tx: Transaction, now: float) -> dict[tuple[str, str], int]:
    """How many groups of each service are unresolved, resolved, ignored, and what is special of the unresolved."""
    counts: dict[tuple[str, str], int] = {}
    sql = f"SELECT service, {EFFECTIVE} AS effective, count(*) FROM stack_groups GROUP BY service, effective"  # noqa: S608
    for service, status, n in await tx.rows(sql, now):
        counts[service, codec.STATUSES[status]] = n
    conditions = {"new": ("first_seen >= ?", [now - group.DAY]), "regressed": ("regressed = 1", [])}
    for name, (condition, args) in [*conditions.items(), ("spiking", (_SPIKING, list(_spiking(now))))]:
        sql = f"SELECT service, count(*) FROM stack_groups WHERE {EFFECTIVE} = 0 AND {condition} GROUP BY service"  # noqa: S608
        counts |= {(service, name): n for service, n in await tx.rows(sql, now, *args)}
    return counts
