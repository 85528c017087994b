"""Everything at a glance: components, the daemon itself, errors, alerts, what is kept and what came in."""

import asyncio
from typing import Any

from msgspec import Struct

from exporter import __version__
from exporter.health import overall
from exporter.ingest.intake import EVENTS
from exporter.ingest.ports import Refusing
from exporter.store.rows import Records, Wanted
from exporter.web import health, onward, report
from exporter.web.api import shapes
from exporter.web.call import Answer, Call

LISTED = 50
"""Alerts that are shown; how many there are is said."""
PATIENCE = 5.0
"""Seconds for the store, which what is known without it does not wait longer for."""


class Firing(Struct, frozen=True):
    """Alerts that fire: how many, and the newest of them."""

    total: int
    newest: tuple[shapes.Alert, ...]


class Kept(Struct, frozen=True):
    """The store; `reason` is why it can't be read now."""

    available: bool
    reason: str = ""
    bytes: int | None = None


class Itself(Struct, frozen=True):
    """The daemon."""

    version: str
    ailments: tuple[str, ...]
    ready: bool
    series: int


class Status(Struct, frozen=True):
    """The whole."""

    status: str
    score: float | None
    failing: tuple[str, ...]
    components: tuple[dict[str, Any], ...]
    service: str
    environment: str
    exporter: Itself
    ingest: dict[str, dict[str, int]]
    """Events by source and by what became of them."""
    forwarding: tuple[onward.Destination, ...]
    """What is sent onward, by back end."""
    store: Kept
    errors: dict[str, dict[str, int]] | None = None
    """Groups by service and status; null where the store can't be read."""
    alerts: Firing | None = None


async def status(call: Call) -> Answer:
    """GET /api/v1/status."""
    services = call.services
    records = services.state.records.values()
    whole = report.whole(overall(records), records, detailed=True)
    kept, errors, alerts = await _told(services.records)
    ailments = health.ailments(services.tasks, services.scheduler)
    data = Status(
        **whole,
        service=services.service,
        environment=services.environment,
        exporter=Itself(__version__, tuple(ailments), not await health.unready(call), services.page.series()),
        ingest=_ingest(call),
        forwarding=tuple(map(onward.destination, onward.back_ends(call))),
        store=kept,
        errors=errors,
        alerts=alerts,
    )
    return Answer(message=data.status, data=data, compressible=True)


async def _told(records: Records | None) -> tuple[Kept, dict[str, dict[str, int]] | None, Firing | None]:
    if records is None:
        return Kept(available=False, reason="none"), None, None
    try:
        async with asyncio.timeout(PATIENCE):
            counts = await records.statuses()
            page = await records.alerts(Wanted(status="firing", limit=LISTED))
            size = await records.size()
    except Refusing as refusing:
        return Kept(available=False, reason=refusing.reason), None, None
    except TimeoutError:
        return Kept(available=False, reason="slow"), None, None
    errors: dict[str, dict[str, int]] = {}
    for (service, state), count in counts.items():
        errors.setdefault(service, {})[state] = count
    firing = Firing(page.total, tuple(map(shapes.alert, page.items)))
    return Kept(available=True, bytes=size), errors, firing


def _ingest(call: Call) -> dict[str, dict[str, int]]:
    family = call.services.state.tallies.families.get(EVENTS)
    found: dict[str, dict[str, int]] = {}
    for child in family.children.values() if family is not None else ():
        source, outcome = child.labels
        found.setdefault(source, {})[outcome] = int(child.value)
    return found
