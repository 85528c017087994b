"""Events that are no errors: security and business events, deploys, feedback."""

from exporter.web.api import asked, shapes
from exporter.web.api.endpoint import paged, records
from exporter.web.call import Answer, Call


async def events(call: Call, wanted: asked.Events, _: float) -> Answer:
    """A page of events, newest first."""
    page = records(call).occasions(wanted.wanted(wanted.kind or ""))
    return await paged(page, shapes.event, wanted, "events")


async def security(call: Call, wanted: asked.SecurityEvents, _: float) -> Answer:
    """A page of security events, newest first."""
    page = records(call).occasions(wanted.wanted("security"))
    return await paged(page, shapes.event, wanted, "security events")
