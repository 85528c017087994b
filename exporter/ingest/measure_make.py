"""Where each request, task, operation, query, model and file is measured: its labels, its source, its threshold."""

from collections.abc import Mapping, Sequence

from exporter.bounds import cut
from exporter.config.application import Measuring
from exporter.ingest import measure_names as names
from exporter.ingest import route
from exporter.ingest.measure_slow import Thresholds
from exporter.ingest.measure_sources import Choice, Fixed, Sources
from exporter.ingest.measure_timed import Series, Timed
from exporter.ingest.performance import Kind, Performance
from exporter.ingest.values import AiCall, Operation, Origin, Query, Request, Source, Task
from exporter.slo import Counted, Slos
from exporter.tally import Tallies

METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"])
OTHER_METHOD = "_OTHER"
"""OpenTelemetry's word for a method that is none of HTTP's."""
STATES = frozenset(["success", "failure", "retry", "revoked", "rejected", "ignored", "started", "received", "pending"])
OTHER_STATE = "other"
ENDED = ("success", "failure")
UNNAMED = "unknown_service"
UNKNOWN = "unknown"
_STATUSES = range(100, 600)
NOT_FOUND = 404
_SERVER_ERROR = 500


class Making:
    """What is called for each that happened, made for one of them."""

    def __init__(
        self,
        tallies: Tallies,
        performance: Performance,
        sources: Sources,
        thresholds: Thresholds,
        measuring: Mapping[str, Measuring],
        slos: Slos,
    ) -> None:
        self._tallies = tallies
        self._performance = performance
        self._sources = sources
        self._thresholds = thresholds
        self._measuring = measuring
        self._slos = slos

    def request(self, one: Request) -> Timed:
        service = service_of(one.origin)
        method = one.method.upper() if len(one.method) <= len("CONNECT") else OTHER_METHOD
        method = method if method in METHODS else OTHER_METHOD
        strayed = one.status == NOT_FOUND and not one.templated
        path = route.UNMATCHED if strayed else route.template(one.route, templated=one.templated)
        right = one.status in _STATUSES
        status, kind = (str(one.status), f"{one.status // 100}xx") if right else (UNKNOWN, UNKNOWN)
        also: list[Series] = [(names.REQUESTS, (service, method, path, status))]
        if one.sampled:
            also.append((names.UNKNOWN_SAMPLING, (service,)))
        title = f"{method} {path}"
        return Timed(
            self._tallies,
            self._sources.clock,
            (names.REQUEST_DURATION, (service, method, path, kind)),
            also=tuple(also),
            work=self._performance.work(service, "request", title),
            failed=right and one.status >= _SERVER_ERROR,
            choice=self._sources.choice(service, "requests", self._wanted(service).requests),
            source=one.source,
            slow=self._thresholds.find(title),
            slos=self._slos.requests(service, method, path),
        )

    def task(self, one: Task) -> Timed:
        task = route.name(one.task)
        state = one.state.lower()
        state = state if state in STATES else OTHER_STATE
        series = (names.TASK_DURATION, (service_of(one.origin), task, state))
        # Neither good nor bad: an attempt that is retried, which ends otherwise later, and a task that was called off.
        slos = self._slos.works("task", service_of(one.origin), task) if state in ENDED else ()
        return self._work(one.origin, one.source, "task", task, series, failed=state == "failure", slos=slos)

    def operation(self, one: Operation) -> Timed:
        operation = route.name(one.operation)
        series = (names.OPERATION_DURATION, (service_of(one.origin), operation, outcome_of(one.failed)))
        slos = self._slos.works("operation", service_of(one.origin), operation)
        return self._work(one.origin, one.source, "operation", operation, series, failed=one.failed, slos=slos)

    def ai(self, one: AiCall) -> Timed:
        model, operation = cut(one.model), route.name(one.operation)
        labels = (service_of(one.origin), cut(one.provider), model, operation, outcome_of(one.failed))
        return self._work(one.origin, one.source, "ai_call", model, (names.AI_DURATION, labels), failed=one.failed)

    def query(self, one: Query) -> Timed:
        labels = (service_of(one.origin), cut(one.system), route.name(one.operation), outcome_of(one.failed))
        return Timed(self._tallies, self._sources.clock, (names.QUERY_DURATION, labels))

    def file(self, of: tuple[Origin, str, bool]) -> Timed:
        origin, operation, failed = of
        series = (names.FILE_DURATION, (service_of(origin), operation))
        return self._work(origin, None, "operation", operation, series, failed=failed)

    def _work(
        self,
        origin: Origin,
        source: Source | None,
        kind: Kind,
        name: str,
        series: Series,
        *,
        failed: bool,
        slos: Sequence[Counted] = (),
    ) -> Timed:
        service = service_of(origin)
        return Timed(
            self._tallies,
            self._sources.clock,
            series,
            work=self._performance.work(service, kind, name),
            failed=failed,
            choice=self._choice(service, kind, name) if source is not None else None,
            source=source,
            slow=self._thresholds.find(name),
            slos=slos,
        )

    def _wanted(self, service: str) -> Measuring:
        return self._measuring.get(service) or Measuring()

    def _choice(self, service: str, kind: Kind, name: str) -> Choice | Fixed:
        """By name: what the application says of its own operations stands beside the spans of others."""
        return self._sources.choice(service, f"{kind} {name}", self._wanted(service).tasks)


def service_of(origin: Origin) -> str:
    return cut(origin.service) or UNNAMED


def outcome_of(failed: bool) -> str:
    return "failure" if failed else "success"
