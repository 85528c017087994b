"""A tracer at work, made from YAML as the daemon makes it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from exporter import config
from exporter.forward.spans import Tracer, tracer
from exporter.probe import Phase, Result
from exporter.tally import Tallies

STARTED = 1_700_000_000.25
PHASES = (Phase("resolve", 0.0, 0.05), Phase("connect", 0.05, 0.1))


def make(yaml: str, tallies: Tallies, environ: Mapping[str, str] | None = None, *, every: float = 0.02) -> Tracer:
    found = tracer(config.load(yaml, source="it", environ={}), environ or {}, tallies, every=every)
    assert found is not None
    return found


def traces(*endpoints: str, protocol: str = "http", timeout: str = "2s", ratio: float = 1.0) -> str:
    each = ", ".join(f"{{endpoint: '{url}', protocol: {protocol}, timeout: {timeout}}}" for url in endpoints)
    return f"forward: {{traces: [{each}]}}\ntracing: {{ratio: {ratio}}}\n"


@asynccontextmanager
async def working(
    yaml: str, tallies: Tallies, environ: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Tracer]:
    made = make(yaml, tallies, environ, **options)
    work = asyncio.create_task(made.work(lambda: None))
    try:
        yield made
    finally:
        made.close()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def result(
    made: Tracer, outcome: Any = "healthy", reason: str = "", detail: str = "", phases: tuple[Phase, ...] = PHASES
) -> Result:
    return Result("api", "http", STARTED, 0.5, outcome, reason, detail, {}, phases, made.traceparent())


async def until(claim: Callable[[], Any], timeout: float = 10.0) -> None:
    async with asyncio.timeout(timeout):
        while not claim():
            await asyncio.sleep(0.01)


def counts(tallies: Tallies) -> dict[str, float]:
    """Our own counts by name and labels, those at 0 left out."""
    return {
        " ".join((family.metric.name.removeprefix("stack_exporter_spans_"), *labels)): child.value
        for family in tallies.families.values()
        for labels, child in family.children.items()
        if child.value
    }
