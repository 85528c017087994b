"""The Sentry endpoints over an intake whose ledger is a dictionary: what is answered and what is taken in are under test."""

import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exporter.config import Config
from exporter.config.application import Ingest, Scrub
from exporter.config.sections import Web
from exporter.exposition import Page
from exporter.ingest.group import Groups
from exporter.ingest.intake import EVENTS, Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.ports import Entry, Grouped, Outcome, Refusing
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import CheckIn, Measured, Occasion, Occurrence, Request
from exporter.schedule import Scheduler
from exporter.state import State
from exporter.supervise import Tasks
from exporter.web.call import Services
from exporter.web.otlp import Otlp
from exporter.web.routes import ingest as routes
from exporter.web.sentry import SKIPPED
from exporter.web.server import Server
from exporter.web.site import Site
from tests.web.client import Reply, raw

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = {"projects": {"7": {"keys": [KEY], "service": "shop", "origins": ["https://shop.example"]}}}


@dataclass
class Taken:
    """What came through, in order; a ledger and a meter."""

    kept: dict[str, Entry] = field(default_factory=dict)
    measured: list[Measured] = field(default_factory=list)
    check_ins: list[CheckIn] = field(default_factory=list)
    refuse: Refusing | None = None

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        if self.refuse is not None:
            raise self.refuse
        known: list[Outcome] = ["duplicate" if entry.id in self.kept else "new" for entry in entries]
        self.kept |= {entry.id: entry for entry in entries if entry.id not in self.kept}
        return known

    def take(self, measured: Measured) -> None:
        self.measured.append(measured)

    def hold(self, request: Request) -> Any:
        raise AssertionError(request)

    def error(self, occurrence: Occurrence, grouped: Grouped, outcome: Outcome) -> None: ...

    def occasion(self, occasion: Occasion) -> None: ...

    @property
    def occurrences(self) -> list[Occurrence]:
        return [entry.occurrence for entry in self.kept.values() if entry.occurrence is not None]


@dataclass
class Endpoint:
    port: int
    taken: Taken
    services: Services

    async def post(self, body: bytes, path: str = "/api/7/envelope/", **headers: str) -> Reply:
        return await self.send("POST", path, body, **({"X-Sentry-Auth": f"Sentry sentry_key={KEY}"} | headers))

    async def send(self, method: str, path: str, body: bytes, **headers: str) -> Reply:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
        head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *lines]
        return await raw(self.port, "\r\n".join([*head, "Connection: close", "", ""]).encode() + body)

    @property
    def counted(self) -> dict[str, float]:
        children = self.services.state.tallies.families[EVENTS].children.values()
        return {one.labels[1]: one.value for one in children if one.labels[0] == "sentry" and one.value}

    @property
    def skipped(self) -> dict[str, float]:
        return {one.labels[0]: one.value for one in self.services.state.tallies.families[SKIPPED].children.values()}


@contextlib.asynccontextmanager
async def endpoint(
    ingest: dict[str, Any] | None = None, *, buckets: Buckets | None = None, **config: Any
) -> AsyncIterator[Endpoint]:
    """With the `ingest` section of a configuration; by default the project 7."""
    section = msgspec.convert(PROJECT if ingest is None else ingest, Ingest, dec_hook=_secret)
    state = State()
    tasks = Tasks(state.tallies)
    taken = Taken()

    async def heard(check_ins: Sequence[CheckIn]) -> None:
        taken.check_ins.extend(check_ins)

    async def reload() -> list[str]:
        return []

    async def keep() -> bool:
        return True

    parts = Parts(Scrubbing(Scrub(), b"key"), Groups({}, (), ()), taken)
    services = Services(
        state=state,
        page=Page(state),
        tasks=tasks,
        scheduler=Scheduler(tasks, state.tallies, lambda _: None),
        reload=reload,
        keep=keep,
        web=Web(),
        started=lambda: True,
        stopping=lambda: False,
        config=Config(ingest=section, **config),
        intake=Intake(parts, taken, state.tallies, Buckets(1_000, 10_000) if buckets is None else buckets, heard),
    )
    site = Site(routes(Otlp()), services)
    server = Server("127.0.0.1:0", site)
    await server.start()
    try:
        yield Endpoint(server.port, taken, services)
    finally:
        await server.stop(1.0)
        await tasks.end()
        site.close()


def _secret(kind: type, value: Any) -> Any:
    return kind(value)


def enveloped(*items: tuple[str, Any], header: dict[str, Any] | None = None) -> bytes:
    """An envelope as SDKs write it."""
    lines = [json.dumps(header or {}).encode()]
    for type_, value in items:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        lines += [json.dumps({"type": type_, "length": len(payload)}).encode(), payload]
    return b"\n".join(lines) + b"\n"


def detail(reply: Reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["detail"]


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, 1)
