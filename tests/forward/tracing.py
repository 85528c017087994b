"""A tracer and back ends at work, made from YAML as the daemon makes them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from exporter import config
from exporter.forward.forwarding import Forwarding
from exporter.forward.spans import Tracer
from exporter.forward.target import targets
from exporter.probe import Phase, Result
from exporter.supervise import Tasks
from exporter.tally import Tallies

STARTED = 1_700_000_000.25
PHASES = (Phase("resolve", 0.0, 0.05), Phase("connect", 0.05, 0.1))


def read(yaml: str) -> config.Config:
    return config.load(yaml, source="it", environ={})


async def nobody(body: bytes, spans: int) -> None:
    """Takes whatever it is given."""


def make(
    yaml: str, put: Any = nobody, *, lost: Callable[[int], None] = lambda spans: None, every: float = 0.02
) -> Tracer:
    return Tracer(read(yaml), {}, put, lost, every)


def traces(*endpoints: str, protocol: str = "http", timeout: str = "2s", ratio: float = 1.0) -> str:
    each = ", ".join(f"{{endpoint: '{url}', protocol: {protocol}, timeout: {timeout}}}" for url in endpoints)
    return f"forward: {{traces: [{each}]}}\ntracing: {{ratio: {ratio}}}\n"


@asynccontextmanager
async def forwarding(
    yaml: str, tallies: Tallies, environ: Mapping[str, str] | None = None, storage: Path | None = None
) -> AsyncIterator[Forwarding]:
    tasks = Tasks(tallies)
    made = Forwarding(tallies, tasks)
    await made.use(targets(read(yaml).forward, environ or {}), storage)
    tasks.start("spools", lambda: made.work(lambda: None))
    try:
        yield made
    finally:
        await made.end(0.2)
        await tasks.end()


@asynccontextmanager
async def working(
    yaml: str, tallies: Tallies, environ: Mapping[str, str] | None = None, storage: Path | None = None
) -> AsyncIterator[Tracer]:
    async with forwarding(yaml, tallies, environ, storage) as back_ends:
        made = make(
            yaml,
            lambda body, spans: back_ends.put("traces", body, spans),
            lost=lambda n: back_ends.refused("traces", n),
        )
        work = asyncio.create_task(made.work(lambda: None))
        try:
            yield made
        finally:
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
    """What is counted of forwarding by name and labels, those at 0, times and bytes left out."""
    return {
        " ".join((family.metric.name.removeprefix("stack_exporter_"), *labels)): child.value
        for family in tallies.families.values()
        for labels, child in family.children.items()
        if child.value and family.metric.name.startswith(("stack_exporter_forward", "stack_exporter_spool_items"))
        if not family.metric.name.endswith("_seconds")
    }
