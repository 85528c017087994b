"""The monitoring itself fails: alerts that nobody mends, notifications that do not get through, configurations refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from tests import servers
from tests.alertmanager import receiving
from tests.alertmanager.shipped import alert, tell
from tests.alerts.fault import Scene, Steps, provokes
from tests.servers.exporters import Daemon
from tests.servers.process import Server

PACE = {"interval": "500ms", "timeout": "400ms", "rise": 1, "fall": 2}
TOKEN = "the-token-of-alertmanager"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


@provokes("AlertUnresolved/critical")
def a_critical_alert_that_nobody_mends(scene: Scene) -> Steps:
    with servers.valkey() as server:
        components = {"orders": {"kind": "redis", "url": server.url, "critical": True, "team": "web"}}
        config = {"defaults": PACE, "components": components, "thresholds": {"unresolved": {"critical": "3s"}}}
        with servers.daemon(yaml.safe_dump(config)) as daemon:
            yield {"scraped": {"of-orders": [f"127.0.0.1:{daemon.port}"]}}
            server.stop()
            yield None
            server.start()
            yield None


@provokes("NotificationsFailing/warning", "AlertmanagerReloadFailed/warning", "AlertmanagerAlertsMany/warning")
def an_alertmanager_that_cannot_send_and_refuses_its_configuration(scene: Scene) -> Steps:
    with receiving.receiver() as web:
        config = {
            "route": {"receiver": "web", "group_wait": "0s", "group_interval": "200ms"},
            "receivers": [{"name": "web", "webhook_configs": [{"url": f"{web.url}/hook"}]}],
        }
        with servers.alertmanager(yaml.safe_dump(config)) as server:
            limits = {"active_alerts": {"warning": 3}}
            yield {"components": {"routes": {"kind": "alertmanager", "url": server.url, "thresholds": limits}}}
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
    "PrometheusNotificationErrors/warning",
    "PrometheusNotificationsDropped/warning",
    "PrometheusRulesFailing/warning",
    "PrometheusReloadFailed/warning",
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
            yield {"components": {"rules": {"kind": "prometheus", "url": server.url}}}
            other.stop()
            _rules(server, "1 / on () group_left () (label_replace(vector(1), 'a', '1', '', '') or vector(1))")
            (server.folder / "prometheus.yml").write_text("nonsense: true\n")
            assert server.post("/-/reload", "", {}).status == 500
            yield None
            other.start()
            (server.folder / "prometheus.yml").write_text(text)
            _rules(server, "1")
            yield None


@provokes("NotificationsLate/warning", "AlertsTruncated/warning", "AlertsFlapping/warning")
def an_alertmanager_that_is_late_leaves_alerts_out_and_flaps(scene: Scene) -> Steps:
    """The daemon is told what such an Alertmanager tells it."""
    thresholds = {"alert_flaps": {"warning": 2}}
    with _daemon({"alertmanager": {"token": TOKEN}, "thresholds": thresholds}) as daemon:
        yield {"scraped": {"of-notifications": [f"127.0.0.1:{daemon.port}"]}}
        for name in "abc":
            _told(daemon, name, began=100, truncated=2)
        for ended in (True, False):
            for name in "abc":
                _told(daemon, name, began=10 if ended else 0, ended=ended)
        yield None
        yield None


def _rules(server: Server, expression: str) -> None:
    rules = [{"alert": "Always", "expr": "vector(1)"}, {"alert": "Sometimes", "expr": f"vector(1) * {expression}"}]
    (server.folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "any", "rules": rules}]}))
    assert server.post("/-/reload", "", {}).status == 200


@contextmanager
def _daemon(config: dict[str, Any]) -> Iterator[Daemon]:
    with servers.daemon(yaml.safe_dump({"defaults": PACE} | config)) as daemon:
        yield daemon


def _told(daemon: Daemon, name: str, *, began: float, ended: bool = False, truncated: int = 0) -> None:
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
