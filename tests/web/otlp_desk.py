"""The ingest listener's OTLP routes over real parts, with a ledger in memory that can be made to refuse."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


from exporter.config import Config
from exporter.config.application import Ingest
from exporter.foreign import Foreign
from exporter.ingest.group import Groups
from exporter.ingest.intake import EVENTS, Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.measure import Meter
from exporter.ingest.measure_sources import Sources
from exporter.ingest.otlp_metrics import OtlpMetrics
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Entry, Outcome, Refusing
from exporter.ingest.scrub import Scrubbing
from exporter.values import Secret
from exporter.web.auth import Guard
from exporter.web.call import Room, Services
from exporter.web.grpc_server import GrpcServer
from exporter.web.otlp import Otlp
from exporter.web.server import Server
from exporter.web.site import Route, Site
from tests.web.client import Reply, ask
from tests.web.stand import stand

PROTOBUF, JSON = "Content-Type: application/x-protobuf", "Content-Type: application/json"


@dataclass
class Ledger:
    kept: dict[str, Entry] = field(default_factory=dict)
    refusing: Refusing | None = None

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        await asyncio.sleep(0)
        if self.refusing is not None:
            raise self.refusing
        found: list[Outcome] = ["duplicate" if entry.id in self.kept else "new" for entry in entries]
        self.kept |= {entry.id: entry for entry in entries}
        return found


@dataclass
class Desk:
    server: Server
    grpc: GrpcServer
    site: Site
    ledger: Ledger
    services: Services

    async def post(self, path: str, body: bytes, *headers: str) -> Reply:
        return await ask(self.server.port, f"POST {path}", *(headers or (PROTOBUF,)), body=body)

    def use(self, **fields: Any) -> None:
        """Reload: other Services."""
        self.services = self.site.services = replace(self.site.services, **fields)

    def counts(self) -> dict[str, float]:
        """Of OTLP's events, by outcome, without zeros."""
        children = self.services.state.tallies.families[EVENTS].children
        return {labels[1]: child.value for labels, child in children.items() if labels[0] == "otlp" and child.value}

    def figures(self, metric: str) -> dict[tuple[str, ...], float]:
        """The series of a family: a counter's value, a histogram's count."""
        families = {made.name: family for made, family in self.services.state.tallies.families.items()}
        children = families[metric].children.items() if metric in families else ()
        return {labels: sum(child.cells) if child.cells is not None else child.value for labels, child in children}


@contextlib.asynccontextmanager
async def desk(
    *, tokens: Sequence[str] = (), rate: float = 1e9, burst: float = 1e9, **ingest: Any
) -> AsyncIterator[Desk]:
    """`rate` and `burst` of events; `ingest`: fields of the section."""
    config = replace(Config(), ingest=Ingest(tokens=tuple(map(Secret, tokens)), **ingest))
    async with stand(ingest=True) as made:
        tallies = made.state.tallies
        meter = Meter(config, tallies, Performance(time.monotonic), Sources(time.monotonic))
        parts = Parts(Scrubbing(config.scrub), Groups(config.classes, config.owners, config.grouping), meter)
        ledger = Ledger()
        intake = Intake(parts, ledger, tallies, Buckets(rate, burst), lambda _: None)
        metrics = OtlpMetrics(Foreign(tallies), lambda: intake.scrubber, tallies)
        services = replace(made.site.services, config=config, intake=intake, otlp_metrics=metrics)
        otlp = Otlp()
        routes = [
            Route("POST", f"/v1/{signal}", f"otlp_{signal}", getattr(otlp, signal), "ingest")
            for signal in ("traces", "metrics", "logs")
        ]
        site = Site(routes, services)
        server = Server("127.0.0.1:0", site)
        grpc = GrpcServer("127.0.0.1:0", otlp, lambda: site.services, Guard(tallies), Room())
        await server.start()
        await grpc.start()
        try:
            yield Desk(server, grpc, site, ledger, services)
        finally:
            await grpc.stop(0.2)
            await server.stop(1.0)
            site.close()
