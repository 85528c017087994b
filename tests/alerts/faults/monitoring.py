"""The monitoring itself fails: alerts that nobody mends, notifications that do not get through, configurations refused."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import yaml

from tests import servers
from tests.alertmanager import receiving
from tests.alertmanager.shipped import alert, tell
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.servers.exporters import Daemon
from tests.servers.process import Server

PACE = {"interval": "500ms", "timeout": "400ms", "rise": 1, "fall": 2}
TOKEN = "the-token-of-alertmanager"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


# A second component of the same server has the threshold as a critical one, since that silences the warning; of another
# team, so that its notifications wait for no others.
BADLY = ("NotificationsFailing", "AlertmanagerAlertsMany")
WORSE = ("PrometheusNotificationErrors", "PrometheusNotificationsDropped", "PrometheusRulesFailing")


@provokes(
    # Where figures say why a component is degraded, that alert inhibits this one; an Alertmanager that says so itself has none.
    *("AlertmanagerReloadFailed/warning", "ComponentDegraded/warning"),
    *(f"{name}/{severity}" for name in BADLY for severity in ("warning", "critical")),
)
def an_alertmanager_that_cannot_send_and_refuses_its_configuration(scene: Scene) -> Steps:
    with receiving.receiver() as web:
        config = {
            "route": {"receiver": "web", "group_wait": "0s", "group_interval": "200ms"},
            "receivers": [{"name": "web", "webhook_configs": [{"url": f"{web.url}/hook"}]}],
        }
        with servers.alertmanager(yaml.safe_dump(config)) as server:
            asked = {"kind": "alertmanager", "url": server.url}
            critical = {"failures": {"warning": "off", "critical": 0.003}, "active_alerts": {"critical": 3}}
            yield {
                "components": {
                    "routes": asked | {"thresholds": {"active_alerts": {"warning": 3}}},
                    "routes_that_matter": asked | {"team": "platform", "thresholds": critical},
                }
            }
            # What is refused for good is not tried again; Alertmanager gives it up at once, with each flush of the group.
            web.status, web.refuse = 400, {"/hook": 1_000_000}
            tell(server, *(alert("Anything", "warning", component=name) for name in "abc"))
            file = server.folder / "alertmanager.yml"
            file.write_text("route: {receiver: nobody}\n")
            assert server.post("/-/reload", "", {}).status == 500
            yield None
            web.refuse = {}
            tell(server, *(alert("Anything", "warning", component=name, ended=True) for name in "abc"))
            file.write_text(yaml.safe_dump(config))
            assert server.post("/-/reload", "", {}).status == 200
            yield None


@provokes(
    "PrometheusReloadFailed/warning", *(f"{name}/{severity}" for name in WORSE for severity in ("warning", "critical"))
)
def a_prometheus_whose_rules_fail_and_whose_alertmanager_is_gone(scene: Scene) -> Steps:
    receiver = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with servers.alertmanager(receiver) as other:
        targets = [{"static_configs": [{"targets": [f"127.0.0.1:{other.port}"]}]}]
        config = {"global": {"evaluation_interval": "500ms"}, "alerting": {"alertmanagers": targets}}
        text = yaml.safe_dump(config | {"rule_files": ["rules.yml"]})
        flags = ("--web.enable-lifecycle", "--rules.alert.resend-delay=500ms")
        with servers.prometheus(text, *flags) as server:
            _rules(server, "1")
            asked = {"kind": "prometheus", "url": server.url}
            signals = ("notification_errors", "notifications_dropped", "rule_failures")
            critical = {signal: {"warning": "off", "critical": 0.003} for signal in signals}
            yield {
                "components": {
                    "rules": asked,
                    "rules_that_matter": asked | {"team": "platform", "thresholds": critical},
                }
            }
            other.stop()
            _rules(server, "1 / on () group_left () (label_replace(vector(1), 'a', '1', '', '') or vector(1))")
            (server.folder / "prometheus.yml").write_text("nonsense: true\n")
            assert server.post("/-/reload", "", {}).status == 500
            yield None
            other.start()
            (server.folder / "prometheus.yml").write_text(text)
            _rules(server, "1")
            yield None


@provokes(
    *("AlertUnresolved/critical", "AlertsTruncated/warning"),
    *("NotificationsLate/warning", "NotificationsLate/critical", "AlertsFlapping/warning", "AlertsFlapping/critical"),
    imitated=True,
    quick=True,
)
def nobody_mends_and_an_alertmanager_is_late_leaves_alerts_out_and_flaps(scene: Scene) -> Steps:
    """Two daemons are told what such an Alertmanager tells: one of them has the thresholds as critical ones."""
    port = servers.free_port()
    orders = {"kind": "tcp", "address": f"127.0.0.1:{port}", "critical": True, "team": "web"}
    late = {"warning": "off", "critical": "60s"}
    thresholds = {"unresolved": {"critical": "3s"}, "alert_flaps": {"warning": 2}}
    configs = (
        {"components": {"orders": orders}, "thresholds": thresholds},
        {"thresholds": {"notification_latency": late, "alert_flaps": {"warning": "off", "critical": 2}}},
    )
    shared = {"defaults": PACE, "alertmanager": {"token": TOKEN}}
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(port))
        daemons = [stack.enter_context(servers.daemon(yaml.safe_dump(shared | config))) for config in configs]
        jobs = ("of-orders", "of-other-orders")
        yield {"scraped": {job: [f"127.0.0.1:{one.port}"] for job, one in zip(jobs, daemons, strict=True)}}
        listening.close()
        with repeating(lambda: [_flap(daemon) for daemon in daemons], 1.0):
            yield None
        stack.enter_context(_listening(port))
        yield None


def _flap(daemon: Daemon) -> None:
    for name in "abc":
        notify(daemon, name, began=100, truncated=2)
    for ended in (True, False):
        for name in "abc":
            notify(daemon, name, began=10 if ended else 0, ended=ended)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """The kernel answers for whoever listens, as long as nobody fills the queue of those who wait."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        yield server


def _rules(server: Server, expression: str) -> None:
    rules = [{"alert": "Always", "expr": "vector(1)"}, {"alert": "Sometimes", "expr": f"vector(1) * {expression}"}]
    (server.folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "any", "rules": rules}]}))
    assert server.post("/-/reload", "", {}).status == 200


def notify(daemon: Daemon, name: str, *, began: float, ended: bool = False, truncated: int = 0) -> None:
    """The daemon's history is told of an alert, as by Alertmanager."""
    now = datetime.now(UTC)
    told = {
        "status": "resolved" if ended else "firing",
        "labels": {"alertname": name, "severity": "warning"},
        "startsAt": (now - timedelta(seconds=began)).isoformat(),
        "endsAt": now.isoformat() if ended else "0001-01-01T00:00:00Z",
    }
    body = {"version": "4", "receiver": "history", "truncatedAlerts": truncated, "alerts": [told]}
    reply = daemon.post("/hooks/alertmanager", json.dumps(body), HEADERS)
    assert reply.status == 200, reply.text
