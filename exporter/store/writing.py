"""Adds entries: each id once, each occurrence to its group, all in one transaction."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from exporter.ingest.ports import Entry, Grouped, Outcome
from exporter.ingest.values import SEVERITIES, Occasion, Occurrence
from exporter.store import codec, compression, group, sampling
from exporter.store.engine import Transaction, among, chunks, places
from exporter.store.group import COLUMNS, Fold
from exporter.store.sampling import Samples

T = TypeVar("T")

SLOT = 8 * 3600
SLOTS = 4
"""Ids of what is not kept itself are known for 24 hours at least: in this slot of time and the three before it."""
FEW, TYPICAL = 4, 10_000
"""Events that are worked on at once where they are, and bytes of one."""
RENEWED = 7 * group.DAY
"""A group's sample is replaced after this time, so that it outlives its occurrence by no more."""

_KNOWN = (
    "SELECT id FROM stack_occurrences WHERE id IN ({ids}) UNION ALL "
    "SELECT id FROM stack_occasions WHERE id IN ({ids}) UNION ALL "
    "SELECT id FROM stack_seen WHERE slot IN ({slots}) AND id IN ({ids})"
)
_PLACES = ",".join("?" * (COLUMNS.count(",")))
_INSERT = (
    f"INSERT INTO stack_groups ({COLUMNS.removeprefix('key, ')}) VALUES ({_PLACES}) "  # noqa: S608 - constants
    "ON CONFLICT (id) DO NOTHING RETURNING key"
)
_CHANGED = (
    "code", "severity", "security", "team", "status", "regressed", "ignored_until", "first_seen", "last_seen", "total",
    "users", "releases", "environments", "sample", "trace",
)  # fmt: skip
_CHANGED_PLACES = tuple(COLUMNS.split(", ").index(name) - 1 for name in _CHANGED)
_UPDATE = f"UPDATE stack_groups SET {', '.join(f'{name} = ?' for name in _CHANGED)} WHERE key = ?"  # noqa: S608

_USER = "INSERT INTO stack_users (grp, person) VALUES (?, ?) ON CONFLICT (grp, person) DO NOTHING"

Fresh = tuple[int, bytes, Occurrence, Grouped]
"""Place among the entries, id, and what it is."""


async def add(tx: Transaction, entries: Sequence[Entry], now: float, samples: Samples) -> list[Outcome]:
    """What came of each."""
    ids = [codec.binary(entry.id) for entry in entries]
    known = await _known(tx, sorted(set(ids)), now)
    outcomes: list[Outcome] = ["duplicate"] * len(entries)
    fresh: list[Fresh] = []
    occasions: list[tuple[bytes, Occasion]] = []
    seen: list[tuple[int, bytes]] = []
    for place, (id_, entry) in enumerate(zip(ids, entries, strict=True)):
        if id_ in known:
            continue
        known.add(id_)
        outcomes[place] = "seen"
        if entry.occurrence is not None and entry.grouped is not None:
            fresh.append((place, id_, entry.occurrence, entry.grouped))
        elif entry.occasion is not None:
            occasions.append((id_, entry.occasion))
        else:
            seen.append((int(now // SLOT), codec.short(id_)))
    if fresh:
        await _occurrences(tx, fresh, outcomes, now, samples)
    if occasions:
        await _occasions(tx, occasions)
    if seen:
        await tx.many("INSERT INTO stack_seen (slot, id) VALUES (?, ?)", seen)
    return outcomes


async def _known(tx: Transaction, ids: list[bytes], now: float) -> set[bytes]:
    """Those of the ids that are kept, in one statement: of PostgreSQL's each is a round trip."""
    found: set[bytes] = set()
    slots = [int(now // SLOT) - past for past in range(SLOTS)]
    for part in chunks(ids):
        short = {codec.short(id_): id_ for id_ in part}
        seen = [codec.short(id_) for id_ in part]
        rows = await tx.rows(_KNOWN.format(ids=places(part), slots=places(slots)), *part, *part, *slots, *seen)
        found.update(short.get(bytes(id_), bytes(id_)) for (id_,) in rows)
    return found


async def _occurrences(
    tx: Transaction, fresh: list[Fresh], outcomes: list[Outcome], now: float, samples: Samples
) -> None:
    bodies = await _computed(tx, len(fresh), lambda: [codec.body(occurrence) for _, _, occurrence, _ in fresh])
    groups = await _groups(tx, fresh)
    of = [groups[codec.binary(grouped.fingerprint)] for _, _, _, grouped in fresh]
    for (place, _, occurrence, grouped), its in zip(fresh, of, strict=True):
        outcomes[place] = its.take(occurrence, grouped, now)
    made = await _sampled(tx, of, bodies, now, samples)
    chosen = [made[its.sample] for its in of]
    packed = await _computed(tx, sum(map(len, bodies)) // TYPICAL, partial(_packed, bodies, chosen))
    rows = [
        (
            codec.key(one.at), id_, its.key, codec.number(one.at), codec.LEVELS.index(one.level),
            codec.text(one.origin.release), codec.text(one.origin.environment), its.sample, data,
        )
        for (_, id_, one, _), its, data in zip(fresh, of, packed, strict=True)
    ]  # fmt: skip
    await tx.many(
        "INSERT INTO stack_occurrences (key, id, grp, at, level, release, environment, sample, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sorted(rows),
    )
    await _keep(tx, list(groups.values()), now)


async def _computed(tx: Transaction, events: int, work: Callable[[], T]) -> T:
    """A few take less than it takes to have them done by a thread."""
    return work() if events <= FEW else await tx.compute(work)


def _packed(bodies: list[bytes], samples: list[compression.Dictionary]) -> list[bytes]:
    return [compression.compressed(body, sample) for body, sample in zip(bodies, samples, strict=True)]


async def _groups(tx: Transaction, fresh: list[Fresh]) -> dict[bytes, Fold]:
    """Those of the occurrences, locked until the end; in one order, so that replicas don't block each other."""
    first = {codec.binary(grouped.fingerprint): (one, grouped) for _, _, one, grouped in reversed(fresh)}
    lock = " ORDER BY id FOR UPDATE" if tx.dialect == "postgres" else ""
    select = f"SELECT {COLUMNS} FROM stack_groups WHERE id IN ({{}}){lock}"  # noqa: S608 - constants
    found = {bytes(row[1]): group.fold(row) for row in await among(tx, select, sorted(first))}
    for id_ in sorted(first.keys() - found.keys()):
        new = group.made(*first[id_])
        rows = await tx.rows(_INSERT, *new.row())
        if rows:
            (new.key,) = rows[0]
        else:  # another replica has made it meanwhile
            new = group.fold((await among(tx, select, [id_]))[0])
        found[id_] = new
    return found


async def _sampled(
    tx: Transaction, of: list[Fold], bodies: list[bytes], now: float, samples: Samples
) -> dict[int, compression.Dictionary]:
    """See that each group has a sample that is not too old; those used, as the cache may be too small for all."""
    wanted = {its.sample for its in of if its.sample and codec.time_of(its.sample) >= now - RENEWED}
    used = {key: kept for key in wanted if (kept := samples.get(key)) is not None}
    used |= await sampling.loaded(tx, sorted(wanted - used.keys()), samples)
    for its, body in zip(of, bodies, strict=True):
        if its.sample not in used:
            its.sample = codec.key(now)
            content = body[: compression.LONGEST_SAMPLE]
            data = await tx.compute(partial(compression.compressed, content))
            await tx.run("INSERT INTO stack_samples (key, grp, body) VALUES (?, ?, ?)", its.sample, its.key, data)
            # Not into the cache: the transaction may fail yet.
            used[its.sample] = compression.Dictionary(content)
    return used


async def _keep(tx: Transaction, groups: list[Fold], now: float) -> None:
    groups = sorted(groups, key=lambda its: its.key)
    people = [(its.key, one) for its in groups for one in sorted(its.people)]
    if len(people) <= FEW:
        for its in groups:
            for one in sorted(its.people):
                its.users = min(its.users + len(await tx.rows(_USER + " RETURNING grp", its.key, one)), group.PEOPLE)
    else:
        await tx.many(_USER, people)
        count = "SELECT grp, count(*) FROM stack_users WHERE grp IN ({}) GROUP BY grp"
        users = dict(map(tuple, await among(tx, count, [its.key for its in groups if its.people])))
        for its in groups:
            its.users = min(users.get(its.key, its.users), group.PEOPLE)
    await tx.many(
        "INSERT INTO stack_hours (grp, hour, n) VALUES (?, ?, ?) "
        "ON CONFLICT (grp, hour) DO UPDATE SET n = stack_hours.n + excluded.n",
        [(its.key, hour, n) for its in groups for hour, n in sorted(its.hours.items())],
    )
    rows = [(its.key, its.row()) for its in groups]
    await tx.many(_UPDATE, [(*(row[place] for place in _CHANGED_PLACES), key) for key, row in rows])
    acts = [(its.id, now, group.OURS, action) for its in groups for action in its.acts]
    if acts:
        await tx.many("INSERT INTO stack_acts (subject, at, actor, action, note) VALUES (?, ?, ?, ?, '')", acts)


async def _occasions(tx: Transaction, occasions: list[tuple[bytes, Occasion]]) -> None:
    def row(id_: bytes, one: Occasion) -> tuple[Any, ...]:
        words = [one.type, *(str(one.detail.get(name, "")) for name in ("title", "message"))]
        body = compression.compressed(codec.encoded((codec.text(one.user, 100), one.detail)))
        return (
            codec.key(one.at), id_, codec.number(one.at), one.kind, codec.text(one.type),
            SEVERITIES.index(one.severity), codec.text(one.origin.service), codec.text(one.origin.environment),
            codec.text(one.origin.release), codec.folded(*words), body,
        )  # fmt: skip

    rows = await tx.compute(lambda: [row(*one) for one in occasions])
    await tx.many(
        "INSERT INTO stack_occasions (key, id, at, kind, type, severity, service, environment, release, folded, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
