"""Events that are no errors: security and business events, deploys, feedback."""

from exporter.store.rows import Wanted
from exporter.web.api import asked, shapes
from exporter.web.api.endpoint import paged, records
from exporter.web.call import Answer, Call


async def events(call: Call, wanted: asked.Events, _: float) -> Answer:
    """A page of events, newest first."""
    page = records(call).occasions(wanted.wanted(wanted.kind or ""))
    return await paged(page, shapes.event, wanted, "events")


async def security(call: Call, wanted: asked.SecurityEvents, _: float) -> Answer:
    """A page of security events, newest first; of errors that are such events how many groups there are."""
    found = records(call)
    answer = await paged(found.occasions(wanted.wanted("security")), shapes.event, wanted, "security events")
    errors = await found.groups(Wanted(service=wanted.service, security=True, limit=1))
    answer.metadata = {**answer.metadata, "error_groups": errors.total}
    return answer
