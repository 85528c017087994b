"""How long the oldest unresolved error has been there, for each service, severity and team."""

from exporter.ingest.values import Severity
from exporter.store import codec
from exporter.store.engine import Transaction
from exporter.store.group import EFFECTIVE, IGNORED, UNRESOLVED

Owned = tuple[str, Severity, str]
"""Service, severity and team."""

_OPENED = (
    f"CASE WHEN status = {IGNORED} THEN ignored_until ELSE coalesce("  # noqa: S608 - constants
    "(SELECT max(at) FROM stack_acts WHERE subject = stack_groups.id "
    "AND action IN ('regressed', 'expired', 'unresolved')), first_seen) END"
)
"""When it was first seen, or came back: after it was resolved or ignored. Whoever only looks at it changes nothing."""
_OLDEST = (
    f"SELECT service, severity, team, min({_OPENED}) FROM stack_groups "  # noqa: S608 - constants
    f"WHERE {EFFECTIVE} = {UNRESOLVED} GROUP BY service, severity, team"
)


async def oldest(tx: Transaction, now: float) -> dict[Owned, float]:
    """Seconds, of those that have any."""
    rows = await tx.rows(_OLDEST, now)
    return {(service, codec.severity(severity), team): max(now - at, 0.0) for service, severity, team, at in rows}
