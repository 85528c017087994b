"""Is Alertmanager ready, does it know its peers, and do its notifications get through?"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from exporter.metric import counter, gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _http_json, _net, _tls
from exporter.probes._http_json import LABEL, Answer, Server, server
from exporter.probes._openmetrics import samples
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Secret

READY = gauge("stack_alertmanager_ready", "Whether it says that it is ready: 1 or 0.", "component")
ALERTS = gauge("stack_alertmanager_alerts", "Alerts by state: active, suppressed or unprocessed.", "component", "state")
SILENCES = gauge("stack_alertmanager_silences", "Silences by state: active, pending or expired.", "component", "state")
PEERS = gauge("stack_alertmanager_cluster_peers", "Members of its cluster, itself among them.", "component")
SENT = counter(
    "stack_alertmanager_notifications_total", "Notifications that it tried to send.", "component", "integration"
)
FAILED = counter(
    "stack_alertmanager_notifications_failed_total",
    "Notifications that it gave up, after all its tries.",
    "component",
    "integration",
)
REQUESTS_FAILED = counter(
    "stack_alertmanager_notification_requests_failed_total",
    "Tries to send a notification that failed.",
    "component",
    "integration",
)
RELOADED = gauge(
    "stack_alertmanager_config_reload_successful", "Whether its last reload was taken: 1 or 0.", "component"
)
INFO = info("stack_alertmanager_info", "Its version.", "component", "version")
NOT_AFTER = gauge(
    "stack_alertmanager_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component"
)
REMAINING = gauge(
    "stack_alertmanager_certificate_remaining_seconds",
    "Time until the certificate expires; negative after.",
    "component",
)

# Alertmanager's names, and the label that tells its series apart; those of 0.28 have a `reason` too, which is summed.
_OWN = {
    "alertmanager_alerts": (ALERTS, "state"),
    "alertmanager_silences": (SILENCES, "state"),
    "alertmanager_notifications_total": (SENT, "integration"),
    "alertmanager_notifications_failed_total": (FAILED, "integration"),
    "alertmanager_notification_requests_failed_total": (REQUESTS_FAILED, "integration"),
}
_RELOADED = "alertmanager_config_last_reload_successful"
_FAILURES = ("alertmanager_notifications_failed_total", "alertmanager_notification_requests_failed_total")


class _Version(Struct, frozen=True):
    version: str = ""


class _Cluster(Struct, frozen=True):
    status: str = ""
    peers: tuple[object, ...] | None = None


class _Status(Struct):
    versionInfo: _Version = _Version()  # noqa: N815 - Alertmanager's spelling
    cluster: _Cluster = _Cluster()


class Alertmanager(Probe, kw_only=True, frozen=True):
    """Asks its HTTP API v2 and its own /metrics."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_http_json.REASONS,
        "not_metrics": "Its own /metrics is not in Prometheus' format.",
        "not_ready": "It says that it is not ready.",
        "notifications": "Since the last run, notifications or tries to send one failed.",
        "cluster": "It has fewer peers than it should.",
        "reload_failed": "It refused its configuration at the last reload.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("failures", FAILED, "number", "Notifications given up a second.", statistic="rate", warning=0.003),
        Signal("active_alerts", ALERTS, "number", "Alerts of a state."),
        _tls.expiry(REMAINING),
    )

    url: Annotated[str, Meta(description="Where it listens.", examples=["http://alertmanager:9093"])]
    peers: Annotated[int, Meta(description="Members that its cluster should have, itself among them.", ge=1)] = 1
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
        status = (await self._get(out, "/api/v2/status")).json(_Status)
        if status.versionInfo.version:
            out.set(INFO, 1, status.versionInfo.version[:LABEL])
        self._own(out, await self._get(out, "/metrics"))
        # Without a cluster it has the status "disabled", and itself alone.
        found = len(status.cluster.peers or ()) or 1
        out.set(PEERS, found)
        if found < self.peers:
            out.degraded("cluster", f"{ready.where} has {found} of {self.peers} peers")

    def _own(self, out: Readings, page: Answer) -> None:
        totals: dict[tuple[str, str], float] = {}
        reloaded = None
        for name, labels, value in samples(page.body, frozenset((*_OWN, _RELOADED)), page.where):
            if name == _RELOADED:
                reloaded = value
            else:
                key = name, labels.get(_OWN[name][1], "")[:LABEL]
                totals[key] = totals.get(key, 0.0) + value
        for (name, label), value in totals.items():
            out.set(_OWN[name][0], value, label)
        if reloaded is not None:
            out.set(RELOADED, reloaded)
        if reloaded == 0:
            out.degraded("reload_failed", f"{page.where} runs on an older configuration than its file")
        failed = {key: value for key, value in totals.items() if key[0] in _FAILURES}
        # What failed before we looked is not news.
        worse = sorted({key[1] for key, value in failed.items() if value > self._failed.get(key, value)})
        self._failed.update(failed)
        if worse:
            out.degraded("notifications", f"{page.where} could not send to {', '.join(worse)}"[:200])

    async def _get(self, out: Readings, path: str, *also: int) -> Answer:
        return await self._server.get(out, path, *also, show=_tls.dates(out, NOT_AFTER, REMAINING))

    @cached_property
    def _server(self) -> Server:
        return server(self.url, self.tls, self.username, self.password, self.bearer_token)

    @cached_property
    def _failed(self) -> dict[tuple[str, str], float]:
        return {}
