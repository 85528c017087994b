"""Where a notification about errors leads: to the newest group that it may be about, or to its trace."""

import asyncio
from urllib.parse import urlencode

from exporter.ingest.ports import Refusing
from exporter.ingest.values import SEVERITIES
from exporter.store.rows import Group, Wanted
from exporter.web.call import Answer, Call, Refused
from exporter.web.page import challenge
from exporter.web.traced import linking

STATES = {"": "last_seen", "new": "first_seen", "regressed": "last_seen", "spiking": "last_seen"}
"""What can be asked for, each with what is newest of it."""
PATIENCE = 2.0
"""Seconds for the store."""


async def error(call: Call) -> Answer:
    """GET /go/error?service=…&state=…[&severity=…][&to=trace]: 303; where there is none, to the page, which says so."""
    query = call.request.rel_url.query
    service, state, severity = (query.get(name, "") for name in ("service", "state", "severity"))
    if state not in STATES:
        raise Refused(400, "state is one of new, regressed, spiking")
    if severity and severity not in SEVERITIES:
        raise Refused(400, f"severity is one of {', '.join(SEVERITIES)}")
    if not call.detailed:
        raise challenge(call)
    status = state or "unresolved"
    wanted = Wanted(service=service, status=status, severity=severity, sort=STATES[state], limit=1)
    group = await _newest(call, wanted)
    if group is None:
        asked = {"service": service, "state": state, "severity": severity}
        return _to(f"/?{urlencode({'none': 'error', **{key: value for key, value in asked.items() if value}})}#errors")
    trace = linking(call)(group.trace_id) if query.get("to") == "trace" and group.trace_id else ""
    return _to(trace or f"/?error={group.id}#error-{group.id}")


async def _newest(call: Call, wanted: Wanted) -> Group | None:
    records = call.services.records
    if records is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            page = await records.groups(wanted)
    except (Refusing, TimeoutError):
        raise Refused(503, "the store of errors does not answer", headers={"Retry-After": "2"}) from None
    return next(iter(page.items), None)


def _to(address: str) -> Answer:
    return Answer(303, "see there", headers={"Location": address})
