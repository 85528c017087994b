"""GET /metrics, and the series of one component as of now."""

import asyncio
import time
from contextlib import suppress
from math import isfinite

from exporter import exposition, process
from exporter.state import Record
from exporter.web import negotiate
from exporter.web.call import Answer, Call, Refused

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
LONGEST = 120.0
"""Seconds that a request waits for a run at most, whatever it asks for."""
RELOADING = 0.05
"""Seconds between two looks at whether a component that a reload changes is there again."""


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
    records = call.services.state.records
    if name in records and not _recent(records[name]):
        with suppress(TimeoutError):  # no result in time
            async with asyncio.timeout(patience(call)):
                await _run(call, name)
    if name not in records:
        raise Refused(404, "no component has this name", errors=[name[:200]])
    return _page(call, {name})


async def _run(call: Call, name: str) -> None:
    while name in call.services.state.records:
        try:
            await call.services.scheduler.run_now(name)
        except KeyError:  # a reload takes it away, and may bring it back
            await asyncio.sleep(RELOADING)
        else:
            return


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
    services = call.services
    page = process.body(
        services.page,
        services.process,
        openmetrics=wanted,
        components=names or None,
        foreign=services.otlp_metrics.foreign if services.otlp_metrics is not None else None,
    )
    content_type = exposition.OPENMETRICS if wanted else exposition.TEXT
    return Answer(body=page, content_type=content_type, compressible=True)
