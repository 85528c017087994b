"""Answers what is asked of security and business events, deploys and feedback."""

from exporter.store import codec, filters
from exporter.store.engine import Transaction
from exporter.store.rows import Noted, Page, Wanted

_COLUMNS = "key, key, id, at, kind, type, severity, service, environment, release, body"


async def occasions(tx: Transaction, wanted: Wanted) -> Page[Noted]:
    """Newest first. Raises ValueError for a cursor that is not ours."""
    where = filters.Where()
    where.equal(wanted, "service", "environment", "release", "type", "kind")
    where.severity(wanted)
    where.within(wanted, "at")
    where.text(wanted)
    where.keys(wanted)
    rows, following, total = await filters.page(tx, "stack_occasions", _COLUMNS, where, "key", wanted)
    items = []
    for _, _, id_, at, kind, type_, severity, service, environment, release, body in rows:
        user, detail = codec.opened(body, None) or ("", {})
        level = codec.severity(severity)
        items.append(Noted(bytes(id_).hex(), at, kind, type_, level, service, environment, release, user, detail))
    return Page(items, following, total)
