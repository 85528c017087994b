"""Builds, starts, reloads and stops everything.

asks    scheduler -> probe -> Result -> `App.on_result`: verdict -> state -> page (/metrics), log, span
serves  web listeners <- page, health, status page; reload and cycle by the admin API
"""

import asyncio
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from exporter import __version__, drivers, health
from exporter import log as logs
from exporter.changes import Changes
from exporter.component import Component
from exporter.config import Config
from exporter.config.problem import ConfigError, Problem
from exporter.exposition import Page
from exporter.listeners import Listeners
from exporter.metric import gauge, info
from exporter.options import Options
from exporter.plan import Plan, plan
from exporter.probe import Result
from exporter.process import Process
from exporter.receive import SWEEP, Heard, Receiving, users_key
from exporter.schedule import Scheduler
from exporter.sending import MADE_OF, Sending
from exporter.state import HEALTH_SCORE, State
from exporter.store.recorder import Recorder
from exporter.store.sqlite import Store, Unwritable
from exporter.supervise import Tasks, watch_lag
from exporter.web.call import Services
from exporter.windows import Windows

log = logging.getLogger(__name__)

BUILD = info("stack_exporter_build_info", "The daemon's version and Python's.", "version", "python")
RELOAD_OK = gauge(
    "stack_exporter_config_last_reload_successful",
    "Whether the last reload of the configuration was taken (1) or refused (0).",
)
RELOADED_AT = gauge(
    "stack_exporter_config_last_reload_success_timestamp_seconds", "When a configuration was last taken, in Unix time."
)

UNREADY = 0.25
"""Seconds at the end for which /readyz says 503 and requests are still taken, so that a load balancer can tell."""
REQUESTS_END = 4.5
FORWARD_END = 1.5
"""Seconds for requests under way, and then for what was not yet delivered; the whole end takes 8 at most."""
RELOAD_ENDS = 1.0
"""Seconds for a reload that is under way when the end begins."""


class App:
    """The daemon."""

    def __init__(self, options: Options, environ: Mapping[str, str], first: Plan) -> None:
        """Raises ConfigError, and ValueError for what is not an address."""
        self.options = options
        self.plan = first
        self._environ = environ
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[Sequence[str]] | None = None
        self.started = False
        self.stopping = False
        self.state = State()
        self.page = Page(self.state)
        self._process = Process()
        self.store = Store(options.storage, first.config.store)
        self.records = Recorder(first.config.database, first.config.retention, self.state.tallies)
        self.tasks = Tasks(self.state.tallies)
        self.sending = Sending(self.state.tallies, self.tasks, environ, options.ingest_ports)
        self.receiving = Receiving(first.config, self.state.tallies, self.sending.forwarding)
        self.changes = Changes(self.tasks, self.reload, options.watched)
        self.windows = Windows(self.state, self.page, self.tasks, self._score)
        self.scheduler = Scheduler(
            self.tasks,
            self.state.tallies,
            self.on_result,
            concurrency=first.config.concurrency,
            traceparent=self.sending.traceparent,
            requests=self.receiving.requested,
        )
        self.listeners = Listeners(options, self._services(first.config))

    async def start(self) -> None:
        """Bind, open the store, begin to probe. Raises OSError for an address, Unusable for the store."""
        async with self._reloading:
            self._open_store()
            await self._open_records()
            await self._send(self.plan.config)
            await self.listeners.start()
            tallies, forwarding = self.state.tallies, self.sending.forwarding
            tallies.child(BUILD, __version__, ".".join(map(str, sys.version_info[:3]))).set(1)
            self._score()  # not 0, which would be an alarm, while nothing has run
            self.tasks.start("lag", lambda: watch_lag(tallies, lambda: self.tasks.beat("lag")), heartbeat=1.0)
            self.tasks.start("store", lambda: self.store.work(lambda: self.tasks.beat("store")), heartbeat=10.0)
            self.tasks.start("spools", lambda: forwarding.work(lambda: self.tasks.beat("spools")), heartbeat=15.0)
            await drivers.load(self.plan.config.components)
            for component in self.plan.config.components:
                self._add(component)
            await self.windows.use(self.plan.config.maintenance)
            await self.changes.use(self.plan.config)
            self._reloaded(ok=True)
            self.started = True

    async def stop(self) -> None:
        """Say so, stop accepting, finish what is under way, flush. Called once; ends within 8 s."""
        self.stopping = True
        await asyncio.sleep(UNREADY)
        await self.listeners.stop(REQUESTS_END)
        with suppress(TimeoutError):  # what it begins would not be ended
            await asyncio.wait_for(self._reloading.acquire(), RELOAD_ENDS)
        await self.tasks.end(*(f"{task} {name}" for name in self.state.records for task in ("probe", "watch")))
        await self.records.close()
        await self.store.flush()
        await self.sending.end(FORWARD_END)
        await self.tasks.end()
        self.store.close()
        self.listeners.close()

    def on_result(self, result: Result) -> None:
        """What follows from a run, in order."""
        record = self.state.records[result.component]
        before = record.status if record.result is not None else "unknown"
        verdict = health.judge(record.verdict, record.component, result)
        self.state.record(result, verdict, maintenance=self.windows.cover(result.component))
        self.receiving.slos.run(result, maintenance=record.maintenance)
        if record.status != before:
            self._score()
        self.page.write(result.component)
        self.sending.ended(result)
        logs.change(before, record)

    async def reload(self) -> Sequence[str]:
        """Take the configuration as it is now; the problems when it is refused, and then nothing has changed.

        Whoever calls while one waits for its turn shares it: it will read what is there then.
        """
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload())
        return await asyncio.shield(self._next_reload)

    async def _reload(self) -> Sequence[str]:
        async with self._reloading:
            self._next_reload = None
            try:
                new = await asyncio.to_thread(plan, self.options, self._environ)
                self._check(new.config)
                web = self.listeners.read()
            except ConfigError as error:
                log.error("the configuration is refused and the old one stays", extra={"problems": str(error)})  # noqa: TRY400
                self._reloaded(ok=False)
                return str(error).splitlines()
            if self.stopping:
                return []
            await self._swap(new)
            self.listeners.take(web)
            self._reloaded(ok=True)
            onward = {"onward": told} if (told := self.sending.told) else {}
            log.info("the configuration is loaded", extra={"components": len(new.config.components), **onward})
            return []

    def _check(self, new: Config) -> None:
        """Raises ConfigError for what a running daemon does not take."""
        source = str(self.options.config_file or "")
        if new == Config() != self.plan.config:
            # What a file that is being written looks like for a moment: every counter would be lost.
            raise ConfigError([Problem(0, "", "is empty, which takes a restart")], source)
        if (new.store, new.database) != (self.plan.config.store, self.plan.config.database):
            raise ConfigError([Problem(0, "store", "changes with a restart only")], source)

    async def _swap(self, new: Plan) -> None:
        before = self.plan.config
        old = {component.name: component for component in self.plan.config.components}
        now = {component.name: component for component in new.config.components}
        await drivers.load(new.config.components)
        self.plan = new
        self.scheduler.limit(new.config.concurrency)
        if any(getattr(new.config, name) != getattr(before, name) for name in MADE_OF):
            await self._send(new.config)
        # All at once, because a run that ignores its cancellation is waited for.
        gone = [name for name, component in old.items() if now.get(name) != component]
        await asyncio.gather(*(self._replace(name, now.get(name)) for name in gone))
        for name in now.keys() - old.keys():
            self._add(now[name])
        await self.windows.use(new.config.maintenance)
        await self.changes.use(new.config)
        self.records.use(new.config.retention)
        self.receiving.use(new.config)
        self.listeners.use(self._services(new.config))
        self._score()

    async def _replace(self, name: str, new: Component | None) -> None:
        """Forget a component with all its series, and begin anew as it is configured now."""
        await self.scheduler.remove(name)
        self.state.remove(name)
        self.page.drop(name)
        if new is not None:
            self._add(new)

    def _add(self, component: Component) -> None:
        self.state.add(component)
        self.page.write(component.name)
        self.scheduler.add(component, self.store.kept(component.name, component.kind))

    def _open_store(self) -> None:
        try:
            self.store.open()
        except Unwritable as error:
            if self.options.storage_given or self.plan.config.store is not None:
                raise
            # Nobody asked for the folder: what the daemon is for needs none.
            log.warning("state is kept in memory", extra={"error": str(error)})
            self.store = Store(None)

    async def _open_records(self) -> None:
        await self.records.open(self.store)
        heard = Heard(self.state, self.scheduler, self._keep)
        self.receiving.open(self.records, await users_key(self.plan.config.database, self.store), heard)
        self.listeners.use(self._services(self.plan.config))
        self.tasks.start("records", lambda: self.records.work(lambda: self.tasks.beat("records")), heartbeat=15.0)
        work = self.receiving.work
        self.tasks.start("series", lambda: work(self.records, lambda: self.tasks.beat("series")), heartbeat=SWEEP)

    async def _send(self, config: Config) -> None:
        await self.sending.use(config, self.options.storage if self.store.file is not None else None)

    def _score(self) -> None:
        overall = health.overall(self.state.records.values())
        self.state.tallies.child(HEALTH_SCORE).set(float("nan") if overall.score is None else overall.score)

    def _reloaded(self, *, ok: bool) -> None:
        self.state.tallies.child(RELOAD_OK).set(1 if ok else 0)
        if ok:
            self.state.tallies.child(RELOADED_AT).set(time.time())

    async def _keep(self) -> bool:
        return await self.store.flush()  # of the store that there is by then: a start may replace it

    def _services(self, config: Config) -> Services:
        return Services(
            state=self.state,
            page=self.page,
            process=self._process,
            tasks=self.tasks,
            scheduler=self.scheduler,
            reload=self.reload,
            keep=self._keep,
            web=config.web,
            probing=config.probing,
            started=lambda: self.started,
            stopping=lambda: self.stopping,
            service=config.service,
            environment=config.environment,
            config=config,
            intake=self.receiving.intake,
            records=self.records,
            performance=self.receiving.performance,
            otlp_metrics=self.receiving.metrics,
            forwarding=self.sending.forwarding,
        )
