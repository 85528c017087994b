"""GET /metrics, and the series of one component as of now."""

import asyncio
import time
from math import isfinite

from exporter import exposition, process
from exporter.state import Record
from exporter.web import negotiate
from exporter.web.call import Answer, Call, Refused

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
LONGEST = 120.0
"""Seconds that a request waits for a run at most, whatever it asks for."""


async def metrics(call: Call) -> Answer:
    """The page in the format that Accept wants, whole or of `?component=` alone."""
    names = call.components()
    records = call.services.state.records
    if unknown := sorted(name for name in names if name not in records):
        raise Refused(404, "no component has this name", errors=[name[:200] for name in unknown[:100]])
    return _page(call, names)


async def component(call: Call, name: str) -> Answer:
    """One component's series; it is run first unless a run ended just now: one attempt in each interval.

    The run is waited for as long as Prometheus waits for us; after that the series are those of the run before.
    """
    record = call.services.state.records.get(name)
    if record is None:
        raise Refused(404, "no component has this name", errors=[name[:200]])
    if not _recent(record):
        try:
            async with asyncio.timeout(patience(call)):
                await call.services.scheduler.run_now(name)
        except (TimeoutError, KeyError):  # no result in time, or removed by a reload
            pass
    return _page(call, {name})


def patience(call: Call, default: float = LONGEST) -> float:
    """Seconds within which Prometheus wants its answer, less a little for the way back."""
    try:
        given = float(call.request.headers.get(TIMEOUT, default))
    except ValueError:
        raise Refused(400, f"{TIMEOUT} is not a number") from None
    if not isfinite(given) or given <= 0:
        raise Refused(400, f"{TIMEOUT} is not a number of seconds")
    return min(max(given - 0.5, given * 0.5), LONGEST)


def _recent(record: Record) -> bool:
    if record.result is None:
        return False
    age = abs(time.time() - record.result.started - record.result.duration)
    # Where nobody but Prometheus asks, the last run is as old as its interval, give or take a little.
    return age < record.component.interval * (1.0 if record.component.probe.scheduled else 0.5)


def _page(call: Call, names: set[str]) -> Answer:
    wanted = negotiate.openmetrics(",".join(call.request.headers.getall("Accept", ())))
    page = process.body(call.services.page, call.services.process, openmetrics=wanted, components=names or None)
    content_type = exposition.OPENMETRICS if wanted else exposition.TEXT
    return Answer(body=page, content_type=content_type, compressible=True)
