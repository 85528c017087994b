"""Is the daemon alive, is it ready, and how is what it watches? Only the last follows the components."""

from collections.abc import Sequence

from exporter.health import Overall, overall
from exporter.schedule import Scheduler
from exporter.supervise import Tasks
from exporter.web import onward, report
from exporter.web.answer import text
from exporter.web.call import Answer, Call, Refused, Services


def ailments(tasks: Tasks, scheduler: Scheduler) -> list[str]:
    """Why the daemon should be started anew: its background tasks hang, or no run has ended for three intervals."""
    found = [f"background task {name} is stuck" for name in tasks.stuck()]
    if scheduler.silent():
        found.append("no probe run has ended for three intervals")
    return found


async def unready(call: Call) -> str:
    """Why no requests should come yet, or not any more; with `web.readiness: ingest` also why not now."""
    services = call.services
    if services.stopping():
        return "stopping"
    if not services.started():
        return "starting"
    return await _refusing(services) if services.web.readiness == "ingest" else ""


async def _refusing(services: Services) -> str:
    """Which of those that keep what comes in takes nothing now."""
    if services.records is not None and (reason := await services.records.refuses()):
        return f"the store takes nothing: {reason}"
    for one in services.forwarding.backends if services.forwarding is not None else ():
        if reason := one.queue.refusing:
            return f"what waits for {one.signal} of {one.name} takes nothing more: {reason}"
    return ""


async def livez(call: Call) -> Answer:
    """That this is answered at all shows that the loop turns."""
    found = ailments(call.services.tasks, call.services.scheduler)
    return Answer(503, "not alive", errors=found) if found else Answer(message="alive")


async def readyz(call: Call) -> Answer:
    problem = await unready(call)
    return Answer(503, f"not ready: {problem}", errors=[problem]) if problem else Answer(message="ready")


async def healthy(call: Call) -> Answer:
    """/livez in Prometheus' own words."""
    found = ailments(call.services.tasks, call.services.scheduler)
    return text("not healthy", 503) if found else text("stack-exporter is Healthy.")


async def ready(call: Call) -> Answer:
    """/readyz in Prometheus' own words."""
    return text("not ready", 503) if await unready(call) else text("stack-exporter is Ready.")


async def health(call: Call) -> Answer:
    """503 only when a critical component is unhealthy: for what routes requests by it, and so in brief."""
    found = overall(call.services.state.records.values())
    return _whole(call, found, found.failing, detailed=False)


async def detailed(call: Call) -> Answer:
    """503 when any component is unhealthy."""
    found = overall(call.services.state.records.values())
    more = {"forwarding": onward.report(call, detailed=call.detailed)} if call.services.forwarding is not None else {}
    return _whole(call, found, found.unhealthy, detailed=call.detailed, **more)


async def component(call: Call) -> Answer:
    """503 when this one is unhealthy."""
    record = call.services.state.records.get(call.name)
    if record is None:
        raise Refused(404, "no component has this name")
    data = report.full(record) if call.detailed else report.brief(record)
    return Answer(503 if record.status == "unhealthy" else 200, record.status, data)


def _whole(call: Call, found: Overall, down: Sequence[str], *, detailed: bool, **more: object) -> Answer:
    data = report.whole(found, call.services.state.records.values(), detailed=detailed) | more
    errors = [f"{name} is unhealthy" for name in down]
    return Answer(503 if down else 200, found.status, data, errors, compressible=True)
