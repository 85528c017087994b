"""Takes what came in into the tallies and into the last hour's figures: what is kept is counted here, once.

What is known from the configuration (services, severities, classes, slow operations) begins at 0, because `increase()`
over a series that is born at 1 is empty: a first error would never alert.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

from exporter.bounds import cut
from exporter.ingest import measure_names as names
from exporter.ingest import route
from exporter.ingest.measure_known import Configured, known, services, teams
from exporter.ingest.measure_make import Making, outcome_of, service_of
from exporter.ingest.measure_services import Services
from exporter.ingest.measure_slow import Thresholds
from exporter.ingest.measure_sources import Sources
from exporter.ingest.measure_timed import HEAVIEST, Timed
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Grouped, Outcome
from exporter.ingest.prices import Prices
from exporter.ingest.values import (
    AiCall,
    CacheUse,
    FileUse,
    Logged,
    Lost,
    Measured,
    Occasion,
    Occurrence,
    Operation,
    Origin,
    Query,
    Request,
    Sessions,
    Task,
)
from exporter.metric import Metric
from exporter.slo import Slos
from exporter.tally import Tallies

OTHER = "other"
HELD = 10_000
"""Series that are held; beyond it all are looked up anew."""
_MOST = 1e15
_FILE_TYPE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-./")
_LONGEST_FILE_TYPE = 64

T = TypeVar("T")


class Meter:
    """ports.Meter. A reload makes another; `performance` and `sources` go on."""

    def __init__(
        self,
        config: Configured,
        tallies: Tallies,
        performance: Performance,
        sources: Sources,
        slos: Slos | None = None,
    ) -> None:
        """Bounds its families and begins those that are known at 0, so it is made when the configuration is taken."""
        self._tallies = tallies
        thresholds = Thresholds(config.operations)
        self._make = Making(tallies, performance, sources, thresholds, config.services, slos or Slos(tallies))
        self._prices = Prices(config.ai_prices)
        self._services = services(config)
        self._held: dict[Any, Timed] = {}
        tallies.bound(names.ALL, config.ingest.series, float(config.ingest.series_ttl))
        tallies.follow(Services(tallies, teams(config)))
        tallies.keep([tallies.child(metric, *labels) for metric, labels in known(config)])
        thresholds.show(tallies)
        performance.slow = thresholds.seconds
        self._takers: Mapping[type, Callable[[Any], None]] = {
            Request: self._request,
            Task: self._task,
            Operation: self._operation,
            Query: self._query,
            CacheUse: self._cache,
            AiCall: self._ai,
            FileUse: self._file,
            Logged: self._logged,
            Sessions: self._sessions,
            Lost: self._lost,
        }

    def services(self) -> frozenset[str]:
        """Those that the configuration names."""
        return self._services

    def take(self, measured: Measured) -> None:
        self._takers[type(measured)](measured)

    def hold(self, request: Request) -> Timed:
        """What to tell of each request like this one: duration, weight, trace id, when it ended or 0.0."""
        self._release(request.origin, request.at)
        return self._make.request(request)

    def error(self, occurrence: Occurrence, grouped: Grouped, outcome: Outcome) -> None:
        """Count an error that is kept, and its group when it is new or regressed."""
        origin, severity, type_ = occurrence.origin, grouped.severity, cut(grouped.type)
        service = service_of(origin)
        self._release(origin, occurrence.at)
        self._add(names.ERRORS, service, cut(origin.environment), severity, type_)
        if grouped.code:
            self._add(names.CLASSIFIED, service, cut(grouped.code))
        if grouped.security:
            self._add(names.SECURITY, service, type_, severity)
        if outcome == "new":
            self._add(names.NEW_GROUPS, service, severity, cut(grouped.team))
        elif outcome == "regressed":
            self._add(names.REGRESSED, service, severity, cut(grouped.team))

    def occasion(self, occasion: Occasion) -> None:
        origin = occasion.origin
        service, type_ = service_of(origin), cut(occasion.type.strip())
        self._release(origin, occasion.at)
        if occasion.kind == "security":
            self._add(names.SECURITY, service, type_, occasion.severity)
        elif occasion.kind == "business":
            self._add(names.BUSINESS, service, type_)
        elif occasion.kind == "feedback":
            self._add(names.FEEDBACK, service)
        else:
            environment = cut(origin.environment)
            self._add(names.DEPLOYS, service, environment)
            last = self._tallies.child(names.DEPLOYED_AT, service, environment)
            last.set(max(last.value, occasion.at))

    def _request(self, one: Request) -> None:
        key = (one.origin, one.source, one.method, one.route, one.status, one.templated, one.sampled)
        self._timed(key, one, self.hold)(one.duration, one.weight, one.trace_id, one.at)

    def _task(self, one: Task) -> None:
        key = (one.origin, one.source, "task", one.task, one.state)
        self._timed(key, one, self._make.task)(one.duration, one.weight, one.trace_id, one.at)

    def _operation(self, one: Operation) -> None:
        key = (one.origin, one.source, "operation", one.operation, one.failed)
        self._timed(key, one, self._make.operation)(one.duration, one.weight, one.trace_id, one.at)

    def _query(self, one: Query) -> None:
        key = (one.origin, "query", one.system, one.operation, one.failed)
        self._timed(key, one, self._make.query)(one.duration, one.weight)

    def _cache(self, one: CacheUse) -> None:
        self._add(names.CACHE, service_of(one.origin), cut(one.cache), one.result, amount=one.count)

    def _ai(self, one: AiCall) -> None:
        key = (one.origin, one.source, one.provider, one.model, one.operation, one.failed)
        if not self._timed(key, one, self._make.ai)(one.duration, one.weight, one.trace_id, one.at):
            return
        weight = one.weight if 0 < one.weight <= HEAVIEST else 1.0
        labels = (service_of(one.origin), cut(one.provider), cut(one.model))
        for type_, tokens in (("input", one.input_tokens), ("output", one.output_tokens)):
            self._add(names.AI_TOKENS, *labels, type_, amount=_amount(tokens) * weight)
        cost = one.cost
        if cost is None:
            cost = self._prices.cost(one.model, _amount(one.input_tokens), _amount(one.output_tokens))
        if cost is None:
            self._add(names.AI_UNPRICED, *labels, amount=weight)
        else:
            self._add(names.AI_COST, *labels, amount=_amount(cost) * weight)

    def _file(self, one: FileUse) -> None:
        service, operation, type_ = service_of(one.origin), route.name(one.operation), _file_type(one.type)
        self._add(names.FILES, service, operation, type_, outcome_of(one.failed))
        self._add(names.FILE_BYTES, service, operation, type_, amount=_amount(one.bytes))
        if one.duration is not None:
            key = (service, "file", operation, one.failed)
            self._timed(key, (one.origin, operation, one.failed), self._make.file)(one.duration)

    def _logged(self, one: Logged) -> None:
        self._add(names.LOGGED, service_of(one.origin), one.level, amount=one.count)

    def _sessions(self, one: Sessions) -> None:
        self._release(one.origin, 0.0)
        self._add(names.SESSIONS, service_of(one.origin), cut(one.origin.release), one.status, amount=one.count)

    def _lost(self, one: Lost) -> None:
        labels = (service_of(one.origin), cut(one.category), cut(one.reason))
        self._add(names.LOST, *labels, amount=one.count)

    def _timed(self, key: Any, one: T, make: Callable[[T], Any]) -> Timed:
        found = self._held.get(key)
        if found is None:
            if len(self._held) >= HELD:
                self._held.clear()
            found = self._held[key] = make(one)
        return found

    def _add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        if amount := _amount(amount):
            self._tallies.child(metric, *labels).add(amount)

    def _release(self, origin: Origin, at: float) -> None:
        """Note that a release is heard of; its series lasts as long as it is."""
        if origin.release:
            child = self._tallies.child(names.RELEASE, service_of(origin), cut(origin.environment), cut(origin.release))
            child.set(child.value or (at if 0 < at < _MOST else 0.0))


def _amount(number: float) -> float:
    """What may be added to a counter: it never goes down, nor becomes infinite."""
    return min(number, _MOST) if number > 0 and isfinite(number) else 0.0


def _file_type(text: str) -> str:
    """An extension or a media type: pdf, image/png."""
    type_ = text.strip().lower().partition(";")[0].lstrip(".")
    return type_ if len(type_) <= _LONGEST_FILE_TYPE and _FILE_TYPE.issuperset(type_) else OTHER
