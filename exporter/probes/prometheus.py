"""Is Prometheus ready, do its rules work, does it scrape us, and do its notifications get out?"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from msgspec import Meta, Struct

from exporter.metric import counter, gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _http_json, _net, _tls
from exporter.probes._http_json import LABEL, Answer, Server, server
from exporter.probes._openmetrics import samples
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

READY = gauge("stack_prometheus_ready", "Whether it says that it is ready to serve: 1 or 0.", "component")
RULES = gauge("stack_prometheus_rules", "Rules by health: ok, err or unknown.", "component", "health")
TARGETS = gauge("stack_prometheus_targets", "Active targets by health: up, down or unknown.", "component", "health")
TARGET_UP = gauge("stack_prometheus_target_up", "Whether the configured target is there and up: 1 or 0.", "component")
ALERTMANAGERS = gauge("stack_prometheus_alertmanagers", "Alertmanagers that it sends alerts to.", "component")
RELOADED = gauge("stack_prometheus_config_reload_successful", "Whether its last reload was taken: 1 or 0.", "component")
SERIES = gauge("stack_prometheus_head_series", "Series in its head block.", "component")
SENT = counter("stack_prometheus_notifications_sent_total", "Alerts sent to Alertmanagers.", "component")
ERRORS = counter(
    "stack_prometheus_notifications_errors_total", "Alerts that an Alertmanager did not take.", "component"
)
DROPPED = counter("stack_prometheus_notifications_dropped_total", "Alerts that were dropped.", "component")
QUEUE_RATIO = gauge("stack_prometheus_notifications_queue_ratio", "How full its queue of alerts is.", "component")
EVALUATION_FAILURES = counter(
    "stack_prometheus_rule_evaluation_failures_total", "Evaluations of rules that failed.", "component"
)
MISSED_ITERATIONS = counter(
    "stack_prometheus_rule_group_iterations_missed_total",
    "Evaluations of rule groups that were left out because the one before took too long.",
    "component",
)
INFO = info("stack_prometheus_info", "Its version.", "component", "version")
NOT_AFTER = gauge(
    "stack_prometheus_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component"
)
REMAINING = gauge(
    "stack_prometheus_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)

T = TypeVar("T")

# What its own /metrics tells: one series, or the sum over Alertmanagers and rule groups.
_OWN = {
    "prometheus_config_last_reload_successful": RELOADED,
    "prometheus_tsdb_head_series": SERIES,
    "prometheus_notifications_sent_total": SENT,
    "prometheus_notifications_errors_total": ERRORS,
    "prometheus_notifications_dropped_total": DROPPED,
    "prometheus_rule_evaluation_failures_total": EVALUATION_FAILURES,
    "prometheus_rule_group_iterations_missed_total": MISSED_ITERATIONS,
}
_QUEUE, _CAPACITY = "prometheus_notifications_queue_length", "prometheus_notifications_queue_capacity"


class Wanted(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A target that Prometheus should scrape: this daemon, say."""

    job: Annotated[str, Meta(description="Its label job.", examples=["stack"])]
    instance: Annotated[str, Meta(description="Its label instance; without it any of the job.")] = ""


class _Envelope(Struct, Generic[T]):
    data: T


class _Rule(Struct):
    health: str = "unknown"
    name: str = ""
    lastError: str = ""  # noqa: N815 - Prometheus' spelling


class _Group(Struct):
    rules: list[_Rule] = []


class _Groups(Struct):
    groups: list[_Group] = []


class _Scraped(Struct):
    labels: dict[str, str] = {}
    health: str = "unknown"
    lastError: str = ""  # noqa: N815


class _Targets(Struct):
    activeTargets: list[_Scraped] = []  # noqa: N815


class _Alertmanagers(Struct):
    activeAlertmanagers: list[Any] = []  # noqa: N815


class _Build(Struct):
    version: str = ""


class Prometheus(Probe, kw_only=True, frozen=True):
    """Asks its HTTP API v1 (prometheus.io/docs/prometheus/latest/querying/api) and its own /metrics."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_http_json.REASONS,
        "not_metrics": "Its own /metrics is not in Prometheus' format.",
        "not_ready": "It is starting, or stopping: it says that it is not ready.",
        "rules": "A rule's last evaluation failed.",
        "target_missing": "The configured target is not among those it scrapes.",
        "target_down": "It can't scrape the configured target.",
        "no_alertmanager": "It has rules that alert and no Alertmanager to send to.",
        "notifications": "Alerts were dropped, or not taken by an Alertmanager, since the last run.",
        "reload_failed": "It refused its configuration at the last reload.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("notification_errors", ERRORS, "number", "Alerts not taken a second.", statistic="rate", warning=0.003),
        Signal("notifications_dropped", DROPPED, "number", "Alerts dropped a second.", statistic="rate", warning=0.003),
        Signal("notification_queue", QUEUE_RATIO, "ratio", "How full its queue is.", warning=0.5, critical=0.9),
        Signal(
            "rule_failures",
            EVALUATION_FAILURES,
            "number",
            "Failed evaluations a second.",
            statistic="rate",
            warning=0.003,
        ),
        Signal("series", SERIES, "number", "Series in its head block."),
        _tls.expiry(REMAINING),
    )

    url: Annotated[str, Meta(description="Where it listens.", examples=["http://prometheus:9090"])]
    target: Annotated[Wanted | None, Meta(description="What it should scrape and find up, such as {job: stack}.")] = (
        None
    )
    alertmanager: Annotated[bool, Meta(description="Whether it should have an Alertmanager.")] = True
    username: Annotated[str, Meta(description="User of basic authentication.")] = ""
    password: Annotated[Secret, Meta(description="Password of basic authentication.")] = Secret("")
    bearer_token: Annotated[Secret | None, Meta(description="Sent as Authorization: Bearer.")] = None
    tls: Annotated[TLS | None, Meta(description="How to do TLS with https.")] = None

    def __post_init__(self) -> None:
        server(self.url, self.tls, self.username, self.password, self.bearer_token)

    async def run(self, out: Readings) -> None:
        ready = await self._get(out, "/-/ready", 503)
        out.set(READY, float(ready.status == 200))
        if ready.status != 200:
            raise Down("not_ready", f"{ready.where}: {quoted(ready.body[:200].decode(errors='replace'), self)}")
        if version := (await self._ask(out, "/api/v1/status/buildinfo", _Build)).version:
            out.set(INFO, 1, version[:LABEL])
        self._own(out, await self._get(out, "/metrics"))
        self._rules(out, await self._ask(out, "/api/v1/rules", _Groups))
        self._targets(out, await self._ask(out, "/api/v1/targets?state=active", _Targets))
        if self.alertmanager:
            found = len((await self._ask(out, "/api/v1/alertmanagers", _Alertmanagers)).activeAlertmanagers)
            out.set(ALERTMANAGERS, found)
            if not found:
                out.degraded("no_alertmanager", f"{ready.where} knows no Alertmanager")

    def _rules(self, out: Readings, found: _Groups) -> None:
        rules = [rule for group in found.groups for rule in group.rules]
        for health in ("ok", "err", "unknown"):
            out.set(RULES, sum(rule.health == health for rule in rules), health)
        if broken := [rule for rule in rules if rule.health == "err"]:
            first = f"{broken[0].name}: {broken[0].lastError}"
            out.degraded("rules", f"{len(broken)} of {len(rules)} rules fail; {quoted(first, self)}")

    def _targets(self, out: Readings, found: _Targets) -> None:
        for health in ("up", "down", "unknown"):
            out.set(TARGETS, sum(one.health == health for one in found.activeTargets), health)
        if (wanted := self.target) is None:
            return
        ours = [
            one
            for one in found.activeTargets
            if one.labels.get("job") == wanted.job and wanted.instance in ("", one.labels.get("instance"))
        ]
        down = [one for one in ours if one.health == "down"]
        out.set(TARGET_UP, float(bool(ours) and all(one.health == "up" for one in ours)))
        if not ours:
            out.degraded("target_missing", f"no target has the job {wanted.job!r}"[:120])
        elif down:
            instance = down[0].labels.get("instance", "")
            out.degraded("target_down", quoted(f"{instance}: {down[0].lastError}", self))

    def _own(self, out: Readings, page: Answer) -> None:
        totals: dict[str, float] = {}
        for name, _, value in samples(page.body, frozenset((*_OWN, _QUEUE, _CAPACITY)), page.where):
            totals[name] = totals.get(name, 0.0) + value
        for name, metric in _OWN.items():
            if name in totals:
                out.set(metric, totals[name])
        if _QUEUE in totals and totals.get(_CAPACITY):
            out.set(QUEUE_RATIO, totals[_QUEUE] / totals[_CAPACITY])
        if totals.get("prometheus_config_last_reload_successful") == 0:
            out.degraded("reload_failed", f"{page.where} runs on an older configuration than its file")
        lost = sum(totals.get(f"prometheus_notifications_{what}_total", 0.0) for what in ("errors", "dropped"))
        before = self._memory.get("lost", lost)  # what was lost before we looked is not news
        self._memory["lost"] = lost
        if lost > before:
            out.degraded("notifications", f"{lost - before:g} alerts did not reach an Alertmanager since the last run")

    async def _ask(self, out: Readings, path: str, form: type[Any]) -> Any:
        """The `data` of the API's answer."""
        return (await self._get(out, path)).json(_Envelope[form]).data  # type: ignore[valid-type]

    async def _get(self, out: Readings, path: str, *also: int) -> Answer:
        return await self._server.get(out, path, *also, show=_tls.dates(out, NOT_AFTER, REMAINING))

    @cached_property
    def _server(self) -> Server:
        return server(self.url, self.tls, self.username, self.password, self.bearer_token)

    @cached_property
    def _memory(self) -> dict[str, float]:
        return {}
