"""A real Alertmanager tells the daemon: an alert fires, is resolved, fires again, and its history is there afterwards."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.telemetry import Alertmanager

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_history")]
ADMIN, HOOK = "the-token-of-an-admin", "the-token-of-alertmanager"
CONFIG = f"web: {{admin_tokens: [{ADMIN}]}}\nalertmanager: {{token: {HOOK}}}\n"
ROUTE = """
route: {{receiver: hook, group_wait: 0s, group_interval: 200ms, repeat_interval: 1s, group_by: [alertname]}}
receivers:
  - name: hook
    webhook_configs:
      - url: http://127.0.0.1:{port}/hooks/alertmanager
        send_resolved: true
        http_config: {{authorization: {{credentials: {token}}}}}
"""


@dataclass
class Pair:
    daemon: Daemon
    alertmanager: Alertmanager

    def tell(self, name: str, *, began: float, ended: float | None = None, **labels: str) -> None:
        """Give Alertmanager an alert, as Prometheus would: seconds ago."""
        now = datetime.now(UTC)
        given: dict[str, Any] = {
            "labels": {"alertname": name, "severity": "critical", "team": "ops"} | labels,
            "annotations": {"summary": f"{name}: ask joe@shop.example"},
            "startsAt": (now - timedelta(seconds=began)).isoformat(),
        }
        if ended is not None:
            given["endsAt"] = (now - timedelta(seconds=ended)).isoformat()
        reply = self.alertmanager.post("/api/v2/alerts", json.dumps([given]), {"Content-Type": "application/json"})
        assert reply.status == 200, reply.text

    def history(self, name: str) -> list[dict[str, Any]]:
        reply = self.daemon.get(f"/api/v1/alerts/history?name={name}", {"Authorization": f"Bearer {ADMIN}"})
        assert reply.status == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["data"]
        return found


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with servers.daemon(CONFIG) as daemon, servers.alertmanager(ROUTE.format(port=daemon.port, token=HOOK)) as other:
        yield Pair(daemon, other)


def test_an_alert_fires_is_repeated_resolved_and_flaps(pair: Pair) -> None:
    pair.tell("DiskFull", began=40)
    (firing,) = wait_until(lambda: pair.history("DiskFull"))
    assert (firing["severity"], firing["team"], firing["resolved_at"]) == ("critical", "ops", None)
    assert firing["annotations"] == {"summary": "DiskFull: ask [email]"}
    assert firing["receiver"] == "hook"
    wait_until(lambda: pair.history("DiskFull")[0]["notifications"] >= 2, what="Alertmanager repeats it")
    pair.tell("DiskFull", began=40, ended=0)
    (ended,) = wait_until(lambda: [one for one in pair.history("DiskFull") if one["resolved_at"]])
    assert ended["id"] == firing["id"]
    pair.tell("DiskFull", began=0)
    wait_until(lambda: len(pair.history("DiskFull")) == 2)
    found = pair.daemon.metrics()
    assert found['stack_alert_notifications_total{severity="critical",status="firing"}'] == 2
    assert found['stack_alert_notifications_total{severity="critical",status="resolved"}'] == 1
    assert found['stack_alert_flaps_total{severity="critical"}'] == 1
    latency = "stack_alert_notification_latency_seconds"
    assert found[f'{latency}_count{{severity="critical"}}'] == 2
    assert 40 <= found[f'{latency}_sum{{severity="critical"}}'] < 60
    assert found['stack_alert_resolution_seconds_count{severity="critical"}'] == 1
    assert 40 <= found['stack_alert_resolution_seconds_sum{severity="critical"}'] < 60


def test_what_is_marked_as_a_false_alarm_is_counted_once(pair: Pair) -> None:
    pair.tell("Nervous", began=5, severity="warning")
    (firing,) = wait_until(lambda: pair.history("Nervous"))
    for _ in range(2):
        reply = pair.daemon.post(
            f"/api/v1/alerts/{firing['id']}/resolve",
            json.dumps({"false_alarm": True}),
            {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"},
        )
        assert reply.status == 200, reply.text
    found = pair.daemon.metrics()
    assert found['stack_alert_false_alarms_total{severity="warning"}'] == 1
    assert found['stack_alert_resolution_seconds_count{severity="warning"}'] == 1


def test_alertmanager_tries_again_what_was_not_kept(pair: Pair) -> None:
    """The daemon is away; the alert comes when it is back, once."""
    pair.daemon.stop()
    pair.tell("Away", began=1)
    pair.daemon.start()
    wait_until(lambda: pair.history("Away"), timeout=20)
    assert {one["name"] for one in pair.history("DiskFull")} == {"DiskFull"}, "what was told before is still there"
