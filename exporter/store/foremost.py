"""What a page shows at once of errors: the gravest unresolved groups, each with its latest occurrence and its hours."""

import msgspec

from exporter.store import codec
from exporter.store.engine import Transaction, among
from exporter.store.group import COLUMNS, EFFECTIVE, HOUR, UNRESOLVED
from exporter.store.reading import OCCURRENCE, opened, shown
from exporter.store.rows import Foremost, Kept, Shown
from exporter.store.sampling import Samples

_OPEN = f"{EFFECTIVE} = {UNRESOLVED}"
_GROUPS = f"SELECT {COLUMNS} FROM stack_groups WHERE {_OPEN} ORDER BY severity DESC, last_seen DESC, key DESC LIMIT ?"  # noqa: S608
_SEVERITIES = f"SELECT severity, count(*) FROM stack_groups WHERE {_OPEN} GROUP BY severity"  # noqa: S608
_LATEST = (
    "SELECT (SELECT max(o.key) FROM stack_occurrences o WHERE o.grp = g.key) FROM stack_groups g WHERE g.key IN ({})"
)
_OCCURRENCES = f"SELECT {OCCURRENCE} FROM stack_occurrences WHERE key IN ({{}})"  # noqa: S608
_HOURS = "SELECT grp, hour, n FROM stack_hours WHERE grp IN ({}) AND hour >= ? ORDER BY grp, hour"


async def foremost(tx: Transaction, since: float, limit: int, now: float, samples: Samples) -> Foremost:
    """In one transaction, and in as many statements however many groups it is."""
    rows = list(await tx.rows(_GROUPS, now, limit))
    severities = {codec.severity(severity): n for severity, n in await tx.rows(_SEVERITIES, now)}
    groups = await shown(tx, rows, now)
    keys = [row[0] for row in rows]
    latest = await _latest(tx, keys, samples)
    hours: dict[int, list[tuple[float, int]]] = {}
    for key, hour, n in await among(tx, _HOURS, keys, int(codec.number(since) // HOUR)):
        hours.setdefault(key, []).append((float(hour * HOUR), n))
    items = [Shown(group, latest.get(group.id), hours.get(key, [])) for key, group in zip(keys, groups, strict=True)]
    return Foremost(items, severities)


async def _latest(tx: Transaction, keys: list[int], samples: Samples) -> dict[str, Kept]:
    newest = [key for (key,) in await among(tx, _LATEST, keys) if key is not None]
    found = await opened(tx, [row[1:] for row in await among(tx, _OCCURRENCES, newest)], samples)
    return {kept.group: msgspec.structs.replace(kept, detail=msgspec.json.decode(detail)) for kept, detail in found}
