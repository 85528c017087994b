"""The web part as app.py builds it, over components whose runs are made up: what is shown is under test, not what is probed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from exporter.log import request_id
from exporter.component import Component, Limit
from exporter.exposition import Page
from exporter.health import judge
from exporter.metric import gauge
from exporter.probe import LATENCY, Phase, Probe, Readings, Result, Signal
from exporter.schedule import Scheduler
from exporter.config.sections import Web
from exporter.state import State
from exporter.supervise import Tasks
from exporter.values import Secret
from exporter.web import routes
from exporter.web.otlp import Otlp
from exporter.web.server import Server
from exporter.web.site import Site
from exporter.web.toolkit import Toolkit
from tests.probing import Memory

TOKEN = "a-right-token"
POOL = gauge("stack_made_up_pool_ratio", "Part of the pool that is in use.", "component")
SIZE = gauge("stack_made_up_size_bytes", "Size of it.", "component", "part")
SIGNALS = (
    Signal("pool", POOL, "ratio", "The pool's use."),
    Signal("size", SIZE, "bytes", "Its size."),
)


class MadeUp(Probe, kw_only=True):
    """Answers what the test has set in `answers`: a Down, an exception, or readings."""

    reasons = {"refused": "The server refuses connections.", "pool": "The pool is nearly full."}
    signals = SIGNALS

    async def run(self, out: Readings) -> None:
        answer = ANSWERS.get(out.component)
        with out.phase("connect"):
            await asyncio.sleep(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        out.set(POOL, 0.5)


ANSWERS: dict[str, Any] = {}


def component(name: str, **fields: Any) -> Component:
    limits = (
        Limit(LATENCY, "warning", 0.5),
        Limit(LATENCY, "critical", 2.0),
        Limit(SIGNALS[0], "warning", 0.8),
        Limit(SIGNALS[0], "critical", 0.95),
    )
    kind = fields.pop("kind", "made_up")
    return Component(name, kind, MadeUp(), **({"limits": limits, "interval": 60.0} | fields))


def asked_alone(name: str) -> Component:
    """One with `scheduled: false`."""
    made = component(name)
    return replace(made, probe=msgspec.structs.replace(made.probe, scheduled=False))


def result(name: str, outcome: str = "healthy", reason: str = "", detail: str = "", **fields: Any) -> Result:
    duration = fields.pop("duration", 0.012)
    phases = (Phase("connect", 0.0, duration * 0.3), Phase("query", duration * 0.3, duration * 0.7))
    values = {(POOL, ()): fields.pop("pool", 0.5)}
    made = Result(
        name, "made_up", fields.pop("started", time.time()), duration, outcome, reason, detail, values, phases
    )
    return replace(made, **fields)


@dataclass
class Stand:
    """What a test turns: `site.services`, `state`, the answers of the callables."""

    server: Server
    site: Site
    state: State
    page: Page
    tasks: Tasks
    scheduler: Scheduler
    problems: list[str] = field(default_factory=list)
    reloads: int = 0
    reloaded_by: str = ""
    """The request id that whatever the reload logs would carry."""
    """Those that came to their end."""
    started: bool = True
    stopping: bool = False
    keeps: bool = True
    """Whether what components keep can be written."""

    @property
    def port(self) -> int:
        return self.server.port

    def add(self, made: Component, *, scheduled: bool = False) -> None:
        self.state.add(made)
        if scheduled:
            self.scheduler.add(made, Memory())
        self.page.write(made.name)

    def take(self, made: Result, *, maintenance: bool = False) -> None:
        """Take in a run as the daemon does."""
        record = self.state.records[made.component]
        self.state.record(made, judge(record.verdict, record.component, made), maintenance=maintenance)
        self.page.write(made.component)

    def use(self, **fields: Any) -> None:
        """Reload: other Services."""
        self.site.services = replace(self.site.services, **fields)


@contextlib.asynccontextmanager
async def stand(
    address: str = "127.0.0.1:0",
    *,
    tokens: Sequence[str] = (TOKEN,),
    hosts: Sequence[str] = (),
    toolkit: Toolkit | None = None,
    ingest: bool = False,
) -> AsyncIterator[Stand]:
    ANSWERS.clear()
    state = State()
    page = Page(state)
    tasks = Tasks(state.tallies)
    made: list[Stand] = []

    def on_result(found: Result) -> None:
        made[0].take(found)

    async def reload() -> list[str]:
        await asyncio.sleep(0.05)
        made[0].reloads += 1
        made[0].reloaded_by = request_id.get()
        return made[0].problems

    async def keep() -> bool:
        return made[0].keeps

    scheduler = Scheduler(tasks, state.tallies, on_result)
    services = routes.Services(
        state=state,
        page=page,
        tasks=tasks,
        scheduler=scheduler,
        reload=reload,
        keep=keep,
        web=Web(admin_tokens=tuple(map(Secret, tokens)), allowed_hosts=tuple(hosts)),
        started=lambda: made[0].started,
        stopping=lambda: made[0].stopping,
    )
    site = Site(routes.ingest(Otlp()) if ingest else routes.scraping(), services, toolkit=toolkit)
    tls = toolkit.certificates.context if toolkit and toolkit.certificates else None
    made.append(Stand(Server(address, site, tls=tls), site, state, page, tasks, scheduler))
    await made[0].server.start()
    try:
        yield made[0]
    finally:
        await made[0].server.stop(1.0)
        await tasks.end()
        site.close()
