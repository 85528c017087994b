"""The application's side of the daemon: builds what takes in errors, requests and events, and puts it in force anew."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from exporter import process, thresholds
from exporter.bounds import cut
from exporter.config import Config
from exporter.foreign import Foreign
from exporter.forward.forwarding import Forwarding
from exporter.ingest.group import Groups
from exporter.ingest.group_known import Known
from exporter.ingest.intake import Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.measure import Meter
from exporter.ingest.measure_known import teams
from exporter.ingest.measure_names import DEPLOYED_AT, RELEASE
from exporter.ingest.measure_sources import Sources
from exporter.ingest.otlp_metrics import OtlpMetrics
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Entry, Ledger, Outcome, Refusing, Scrubber
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import CheckIn, Origin, Request
from exporter.metric import counter
from exporter.onward.told import told
from exporter.schedule import Scheduler
from exporter.slo import Slos
from exporter.state import State
from exporter.store.rows import Noted, Records, Wanted
from exporter.store.sqlite import Store
from exporter.tally import Tallies
from exporter.values import Secret

UNHEARD = counter(
    "stack_exporter_check_ins_unheard_total",
    "Sentry check-ins of monitors without a heartbeat component of the same name.",
)
STATES = {"in_progress": "start", "ok": "success", "error": "failure"}
"""A heartbeat's words for those of Sentry's check-ins."""
SWEEP = 60.0
"""Seconds between two looks for series that nobody updates any more."""
REMEMBERED = 1_000
"""Groups, and as many deploys, that a start takes over from the store."""
TOLD_AT_ONCE = 100
"""Errors and events that become log records at once: 4 ms."""
RELEASES = 20
"""Of a service in an environment, the latest, whose beginning a start takes over."""
KEPT = ("", "receive")
"""The component and kind under which the store keeps what is ours: no component has that name."""


class Receiving:
    """What outlives a reload, and the intake. `open` comes before anything is taken in."""

    def __init__(self, config: Config, tallies: Tallies, forwarding: Forwarding) -> None:
        self._tallies = tallies
        self._forwarding = forwarding
        self._key = b""
        self._known = Known()
        self._sources = Sources(time.monotonic)
        self.performance = Performance(time.monotonic)
        self.slos = Slos(tallies)
        self.foreign = Foreign(tallies, config.ingest.series, config.ingest.metrics_ttl, process.NAMES)
        self.metrics = OtlpMetrics(self.foreign, self._scrubber, tallies)
        self._config = config
        self.intake: Intake | None = None

    def open(self, ledger: Ledger, key: bytes, heard: Callable[[Sequence[CheckIn]], Awaitable[None]]) -> None:
        """Take in from now on. `key` is of the hash that tells users apart; with another all of them are new."""
        self._key = key
        thresholds.show(self._config.thresholds, self._tallies)
        buckets = Buckets(*_rate(self._config))
        self.intake = Intake(self._parts(self._config), ledger, self._tallies, buckets, heard, tell=self._tell)

    async def remember(self, records: Records) -> bool:
        """See that the latest groups and releases are no news after a restart; whether the store could tell them."""
        try:
            page = await records.groups(Wanted(limit=REMEMBERED))
            deploys = await records.occasions(Wanted(kind="deploy", limit=REMEMBERED))
        except Refusing:
            return False
        self._known.remember(group.id for group in reversed(page.items))
        self._deployed(deploys.items)
        return True

    def use(self, config: Config) -> None:
        """Work by another configuration from now on."""
        self._config = config
        self.foreign.limit(config.ingest.series, config.ingest.metrics_ttl)
        if self.intake is not None:
            thresholds.show(config.thresholds, self._tallies)
            self.intake.use(self._parts(config))
            self.intake.buckets.rate, self.intake.buckets.burst = _rate(config)

    async def work(self, records: Records, beat: Callable[[], None]) -> None:
        """Let series go that nobody updates any more, for ever; before, learn the groups, once the store is there."""
        told = False
        while True:
            # Here, because a start must not wait for a database that hangs.
            told = told or await self.remember(records)
            self._tallies.sweep(time.monotonic())
            beat()
            await asyncio.sleep(SWEEP)

    def requested(self, service: str, method: str, path: str, status: int, seconds: float) -> None:
        """A request that an access log tells of; NaN where the log has no duration."""
        if self.intake is not None:
            origin = Origin(service, self._config.environment)
            route = self.intake.scrubber.text(path)
            self.intake.parts.meter.take(Request(origin, "logs", method, route, status, seconds, at=time.time()))

    async def _tell(self, kept: Sequence[tuple[Entry, Outcome]]) -> None:
        """Send what the configuration names of errors and events onward, as log records."""
        which, forwarding = self._config.forward.events, self._forwarding
        if not which or not forwarding.takes("logs"):
            return
        for begin in range(0, len(kept), TOLD_AT_ONCE):
            some = kept[begin : begin + TOLD_AT_ONCE]
            # In a thread, as the first imports protobuf's messages.
            body, records = await asyncio.to_thread(told, some, which, time.time(), forwarding.attributes)
            if records:
                await forwarding.keep("logs", body, records)

    def _deployed(self, deploys: Sequence[Noted]) -> None:
        """When services were deployed last, and their releases first; from the newest down."""
        releases: dict[tuple[str, str], dict[str, float]] = {}
        for one in deploys:
            place = (one.service, one.environment)
            last = self._tallies.child(DEPLOYED_AT, *place)
            last.set(max(last.value, one.at))
            known = releases.setdefault(place, {})
            if one.release in known or len(known) < RELEASES:
                known[one.release] = one.at
        for place, known in releases.items():
            for release, at in known.items():
                if release:
                    first = self._tallies.child(RELEASE, *place, cut(release))
                    first.set(min(first.value or at, at))

    def _scrubber(self) -> Scrubber:
        assert self.intake is not None, "nothing is taken in before `open`"  # noqa: S101
        return self.intake.scrubber

    def _parts(self, config: Config) -> Parts:
        self.slos.use(config)
        return Parts(
            Scrubbing(config.scrub, self._key),
            Groups(config.classes, config.owners, config.grouping, self._known, teams(config)),
            Meter(config, self._tallies, self.performance, self._sources, self.slos),
        )


class Heard:
    """Hands check-ins to heartbeat components."""

    def __init__(self, state: State, scheduler: Scheduler, keep: Callable[[], Awaitable[bool]]) -> None:
        self._state = state
        self._scheduler = scheduler
        self._keep = keep

    async def __call__(self, check_ins: Sequence[CheckIn]) -> None:
        """Returns once what they change is kept, and what those before them changed. Raises Refusing."""
        for check_in in check_ins:
            self._tell(check_in)
        if not await self._keep():
            raise Refusing("unavailable", 10.0)

    def _tell(self, check_in: CheckIn) -> None:
        record = self._state.records.get(check_in.monitor)
        if record is None or record.component.kind != "heartbeat":
            self._state.tallies.child(UNHEARD).add()
            return
        report: Mapping[str, str] = {"state": STATES[check_in.status], "run": check_in.id}
        if check_in.duration is not None and check_in.status != "in_progress":
            report = {**report, "duration": repr(check_in.duration)}
        try:
            self._scheduler.tell(check_in.monitor, report)
        except (KeyError, ValueError):  # it is being reloaded; or a duration that is none
            self._state.tallies.child(UNHEARD).add()


async def users_key(database: Secret | None, store: Store) -> bytes:
    """The key of the hash that tells users apart: made once and kept; of replicas, which share a database, the same."""
    if database is not None:
        return hashlib.blake2b(database.reveal().encode(), person=b"users", digest_size=32).digest()
    kept = store.kept(*KEPT)
    key = kept.get("users_key")
    if not isinstance(key, str):
        key = secrets.token_hex(32)
        kept.put("users_key", key)
        await store.flush()
    return bytes.fromhex(key)


def _rate(config: Config) -> tuple[float, float]:
    """Events a second, and at once."""
    return config.ingest.events_per_minute / 60, config.ingest.burst
