"""Alerts as Alertmanager told of them: which fire, which fired, and how they ended (PS-3, FH-10)."""

from exporter.ingest.alerts import ended, marked
from exporter.store.rows import Wanted
from exporter.web.api import asked, shapes
from exporter.web.api.actor import actor, note
from exporter.web.api.endpoint import paged, records
from exporter.web.api.given import id_of
from exporter.web.call import Answer, Call, Refused

SAME = 0.001
"""Seconds between two times that are one."""


async def firing(call: Call, wanted: asked.Alerts, _: float) -> Answer:
    """A page of those that fire, newest first."""
    page = records(call).alerts(_wanted(wanted, "firing"))
    return await paged(page, shapes.alert, wanted, "alerts that fire")


async def history(call: Call, wanted: asked.History, _: float) -> Answer:
    """A page of all that are kept, newest first."""
    page = records(call).alerts(_wanted(wanted, wanted.status or "", wanted.since, wanted.until))
    return await paged(page, shapes.alert, wanted, "alerts")


async def resolve(call: Call, wanted: asked.Resolution, now: float) -> Answer:
    """Say that it is over, and whether it was a false alarm; also of one that is over already."""
    id_ = id_of(call)
    alert = await records(call).mark(
        id_,
        actor(call, wanted.actor),
        now,
        resolved=True,
        false_alarm=wanted.false_alarm,
        note=note(call, wanted.note),
    )
    if alert is None:
        raise Refused(404, "no alert has this id, or it is no longer kept")
    # The store notes what is news: so it counts once, however often it is said.
    done = {act.action for act in await records(call).acts(id_) if abs(act.at - now) < SAME}
    if "resolved" in done:
        ended(call.services.state.tallies, alert.severity, now - alert.starts_at)
    if "false_alarm" in done:
        marked(call.services.state.tallies, alert.severity)
    message = "resolved, a false alarm" if alert.false_alarm else "resolved"
    return Answer(message=message, data=shapes.alert(alert))


def _wanted(wanted: asked.Alerts, status: str, since: float | None = None, until: float | None = None) -> Wanted:
    return Wanted(
        status=status,
        name=wanted.name,
        severity=wanted.severity,
        team=wanted.team,
        text=wanted.q,
        since=since,
        until=until,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
