"""Builds, starts, reloads and stops everything.

asks    scheduler -> probe -> Result -> `App.on_result`: verdict -> state -> page (/metrics), log, span
serves  web listeners <- page, health, status page; reload and cycle by the admin API
"""

import asyncio
import logging
import ssl
import sys
import time
from collections.abc import Mapping, Sequence

from exporter import __version__, health
from exporter import log as logs
from exporter.component import Component
from exporter.config import Config
from exporter.exposition import Page
from exporter.forward import spans
from exporter.metric import gauge, info
from exporter.options import OFF, Options
from exporter.plan import Plan, plan
from exporter.probe import Result
from exporter.config.problem import ConfigError, Problem
from exporter.process import Process
from exporter.schedule import Scheduler
from exporter.state import HEALTH_SCORE, State
from exporter.store.sqlite import Store
from exporter.supervise import Tasks, watch_lag
from exporter.web import address, routes, toolkit
from exporter.web.call import Services
from exporter.web.server import Server
from exporter.web.site import Route, Site

log = logging.getLogger(__name__)

BUILD = info("stack_exporter_build_info", "The daemon's version and Python's.", "version", "python")
RELOAD_OK = gauge(
    "stack_exporter_config_last_reload_successful",
    "Whether the last reload of the configuration was taken (1) or refused (0).",
)
RELOADED_AT = gauge(
    "stack_exporter_config_last_reload_success_timestamp_seconds", "When a configuration was last taken, in Unix time."
)

REQUESTS_END = 5.0
SPANS_END = 1.5
"""Seconds that requests under way, and then spans not yet sent, are given at the end; the whole takes 8 at most."""


class App:
    """The daemon."""

    def __init__(self, options: Options, environ: Mapping[str, str], first: Plan) -> None:
        self.options = options
        self.plan = first
        self._environ = environ
        self._reloading = asyncio.Lock()
        self.started = False
        self.stopping = False
        self.state = State()
        self.page = Page(self.state)
        self._process = Process()
        self.store = Store(options.storage, first.config.store)
        self.tasks = Tasks(self.state.tallies)
        self.tracer = spans.tracer(first.config, environ, self.state.tallies)
        self.scheduler = Scheduler(
            self.tasks,
            self.state.tallies,
            self.on_result,
            concurrency=first.config.concurrency,
            traceparent=self._traceparent,
        )
        self.toolkit = toolkit.read(options.web_config_file) if options.web_config_file else None
        self.sites: list[Site] = []
        tls = self.toolkit.certificates.context if self.toolkit and self.toolkit.certificates else None
        self.web = self._server(options.web_listen_address, routes.scraping(), tls=tls, web=self.toolkit)
        self.servers = {"web": self.web}
        if options.ingest_listen_address != OFF:
            self.servers["ingest"] = self._server(options.ingest_listen_address, routes.ingest())
        if options.web_health_address != OFF:
            self.servers["health"] = self._server(options.web_health_address, routes.PROBES)

    async def start(self) -> None:
        """Bind, open the store, begin to probe. Raises OSError for an address, Unusable for the store."""
        self.store.open()
        for server in self.servers.values():
            await server.start()
        tallies = self.state.tallies
        tallies.child(BUILD, __version__, ".".join(map(str, sys.version_info[:3]))).set(1)
        tallies.child(HEALTH_SCORE)
        self.tasks.start("lag", lambda: watch_lag(tallies, lambda: self.tasks.beat("lag")), heartbeat=1.0)
        self.tasks.start("store", lambda: self.store.work(lambda: self.tasks.beat("store")), heartbeat=10.0)
        self._start_tracer()
        for component in self.plan.config.components:
            self._add(component)
        self._reloaded(ok=True)
        self.started = True

    async def stop(self) -> None:
        """Stop accepting, finish what is under way, flush. Called once; ends within 8 s."""
        self.stopping = True
        await asyncio.gather(*(server.stop(REQUESTS_END) for server in self.servers.values()))
        await self.tasks.end(*(f"{task} {name}" for name in self.state.records for task in ("probe", "watch")))
        if self.tracer is not None:
            await self.tracer.flush(SPANS_END)
            self.tracer.close()
        await self.tasks.end()
        await self.store.flush()
        self.store.close()
        for site in self.sites:
            site.close()

    def on_result(self, result: Result) -> None:
        """What follows from a run, in order."""
        record = self.state.records[result.component]
        before = record.status if record.result is not None else "unknown"
        verdict = health.judge(record.verdict, record.component, result)
        at = time.time()
        maintenance = any(window.covers(result.component, at) for window in self.plan.config.maintenance)
        self.state.record(result, verdict, maintenance=maintenance)
        if record.status != before:
            self._score()
        self.page.write(result.component)
        if self.tracer is not None:
            self.tracer.ended(result)
        logs.change(before, record)

    async def reload(self) -> Sequence[str]:
        """Take the configuration as it is now; the problems when it is refused, and then nothing has changed."""
        async with self._reloading:
            tracer = self.tracer
            try:
                new = await asyncio.to_thread(plan, self.options, self._environ)
                tracer = self._new_tracer(new.config)
                web = self._new_toolkit()
            except ConfigError as error:
                if tracer is not None and tracer is not self.tracer:
                    tracer.close()
                log.error("the configuration is refused and the old one stays", extra={"problems": str(error)})  # noqa: TRY400
                self._reloaded(ok=False)
                return [str(problem) for problem in error.problems]
            await self._swap(new, tracer)
            self._take(web)
            self._reloaded(ok=True)
            log.info("the configuration is loaded", extra={"components": len(new.config.components)})
            return []

    async def _swap(self, new: Plan, tracer: spans.Tracer | None) -> None:
        old = {component.name: component for component in self.plan.config.components}
        now = {component.name: component for component in new.config.components}
        same = {name for name, component in now.items() if old.get(name) == component}
        self.plan = new
        self.scheduler.limit(new.config.concurrency)
        for name in old.keys() - same:
            await self.scheduler.remove(name)
            self.state.remove(name)
            self.page.drop(name)
        for name in [name for name in now if name not in same]:
            self._add(now[name])
        if tracer is not self.tracer:
            gone, self.tracer = self.tracer, tracer
            if gone is not None:
                await self.tasks.end("spans")
                await gone.flush(SPANS_END)
                gone.close()
            self._start_tracer()
        services = self._services(new.config)
        for site in self.sites:
            site.services = services
        self._score()

    def _server(
        self,
        listen: str,
        table: Sequence[Route],
        *,
        tls: ssl.SSLContext | None = None,
        web: toolkit.Toolkit | None = None,
    ) -> Server:
        host = address.parse(listen)[0]
        site = Site(table, self._services(self.plan.config), toolkit=web, hosts=(host,))
        self.sites.append(site)
        return Server(listen, site, tls=tls)

    def _new_toolkit(self) -> toolkit.Toolkit | None:
        """The web configuration as it is now. Raises ConfigError, also when TLS comes or goes: the listener can't change."""
        file = self.options.web_config_file
        if file is None:
            return None
        new = toolkit.read(file)
        if (new.certificates is None) != (self.toolkit is None or self.toolkit.certificates is None):
            raise ConfigError([Problem(0, "tls_server_config", "comes or goes with a restart only")], str(file))
        return new

    def _take(self, new: toolkit.Toolkit | None) -> None:
        if new is None or self.toolkit is None:
            return
        if self.toolkit.certificates and new.certificates:
            # The listener keeps the first context, which asks these certificates at each handshake.
            self.toolkit.certificates.take(new.certificates)
            new.certificates = self.toolkit.certificates
        self.toolkit = self.sites[0].toolkit = new

    def _new_tracer(self, config: Config) -> spans.Tracer | None:
        old = self.plan.config
        if (config.forward, config.tracing, config.service, config.environment) == (
            old.forward,
            old.tracing,
            old.service,
            old.environment,
        ):
            return self.tracer
        return spans.tracer(config, self._environ, self.state.tallies)

    def _start_tracer(self) -> None:
        if (tracer := self.tracer) is not None:
            self.tasks.start("spans", lambda: tracer.work(lambda: self.tasks.beat("spans")), heartbeat=15.0)

    def _traceparent(self) -> str:
        return self.tracer.traceparent() if self.tracer is not None else ""

    def _add(self, component: Component) -> None:
        record = self.state.add(component)
        self.page.write(component.name)
        watched = self.scheduler.add(component, self.store.kept(component.name, component.kind))
        record.watched = watched.values

    def _score(self) -> None:
        overall = health.overall(self.state.records.values())
        self.state.tallies.child(HEALTH_SCORE).set(float("nan") if overall.score is None else overall.score)

    def _reloaded(self, *, ok: bool) -> None:
        self.state.tallies.child(RELOAD_OK).set(1 if ok else 0)
        if ok:
            self.state.tallies.child(RELOADED_AT).set(time.time())

    def _services(self, config: Config) -> Services:
        return Services(
            state=self.state,
            page=self.page,
            process=self._process,
            tasks=self.tasks,
            scheduler=self.scheduler,
            reload=self.reload,
            web=config.web,
            started=lambda: self.started,
            stopping=lambda: self.stopping,
            service=config.service,
            environment=config.environment,
        )
