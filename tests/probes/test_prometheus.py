"""A real Prometheus, well and ailing, and a fake one for what it does not do on demand."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.component import Component
from exporter.probe import Result
from exporter.probes.prometheus import Prometheus
from exporter.run import run_once
from tests import certificates, hostile, servers
from tests.probes import api
from tests.probing import Memory, component, probe, readings
from tests.servers.process import wait_until

RULES = """groups:
  - name: test
    interval: 200ms
    rules:
      - {alert: Watchdog, expr: vector(1)}
      - {record: "one", expr: "1"}
"""
BROKEN = '      - {record: broken, expr: "label_replace(vector(1), \\"a\\", \\"b\\", \\"c\\", \\"d\\") + on() group_left() vector(1) * on(x) (vector(1) or label_replace(vector(1), \\"y\\", \\"1\\", \\"\\", \\"\\"))"}\n'
CONFIG = """global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
rule_files: [{rules}]
scrape_configs:
  - {{job_name: stack, static_configs: [{{targets: ["127.0.0.1:{target}"]}}]}}
alerting:
  alertmanagers: [{{timeout: 1s, static_configs: [{{targets: [{alertmanagers}]}}]}}]
"""
RESEND = "--rules.alert.resend-delay=500ms"
READY: api.Pages = {
    "/-/ready": (200, b"ready"),
    "/api/v1/status/buildinfo": (200, {"data": {"version": "2.42.0"}}),
    "/metrics": (200, b"prometheus_config_last_reload_successful 1\n"),
    "/api/v1/rules": (200, {"data": {"groups": []}}),
    "/api/v1/targets": (200, {"data": {"activeTargets": []}}),
    "/api/v1/alertmanagers": (200, {"data": {"activeAlertmanagers": [{"url": "http://am"}]}}),
}
UP = {"labels": {"job": "stack", "instance": "a:1"}, "health": "up", "lastError": ""}
DOWN = {"labels": {"job": "stack", "instance": "b:1"}, "health": "down", "lastError": "connection refused"}


def fake(changes: api.Pages, **fields: Any) -> api.Fields:
    return api.answers(api.pages({**READY, **changes}), **fields)


def losing() -> api.Fields:
    """One more alert is lost each time that its metrics are read."""
    lost = iter(range(1, 100))

    def answer(connection: socket.socket, request: bytes) -> None:
        count = next(lost) if b"GET /metrics " in request else 0
        page = b"prometheus_notifications_dropped_total %d\n" % count
        api.pages({**READY, "/metrics": (200, page)})(connection, request)

    return api.answers(answer)


def data(**content: Any) -> tuple[int, Any]:
    return 200, {"status": "success", "data": content}


DEGRADED: dict[str, Callable[[], api.Fields]] = {
    "rules": lambda: fake(
        {"/api/v1/rules": data(groups=[{"rules": [{"name": "r", "health": "err", "lastError": "no"}]}])}
    ),
    "target_missing": lambda: fake({}, target={"job": "stack"}),
    "target_down": lambda: fake({"/api/v1/targets": data(activeTargets=[UP, DOWN])}, target={"job": "stack"}),
    "no_alertmanager": lambda: fake({"/api/v1/alertmanagers": data(activeAlertmanagers=[])}),
    "reload_failed": lambda: fake({"/metrics": (200, b"prometheus_config_last_reload_successful 0\n")}),
}
REASONS: dict[str, Callable[[], api.Fields]] = {
    **api.TRANSPORT,
    **DEGRADED,
    "not_json": lambda: fake({"/api/v1/rules": (200, {"data": {"groups": 7}})}),
    "not_metrics": lambda: fake({"/metrics": (200, b"prometheus_tsdb_head_series{ 1\n")}),
    "not_ready": lambda: fake({"/-/ready": (503, b"Service Unavailable")}),
    "notifications": lambda: losing(),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str) -> None:
    with REASONS[reason]() as fields:
        made = component("prometheus", **fields)
        result = run(made)
        if reason == "notifications":
            assert result.outcome == "healthy", "what was lost before we looked is not news"
            result = run(made)
    assert (result.outcome, result.reason) == (
        "degraded" if reason in (*DEGRADED, "notifications") else "unhealthy",
        reason,
    ), result.detail
    assert result.detail


def run(made: Component) -> Result:
    return asyncio.run(run_once(made, Memory(), Memory()))


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(Prometheus.reasons)


def test_a_mute_server_is_a_timeout() -> None:
    with api.answers(hostile.mute) as fields:
        assert probe("prometheus", timeout=0.3, **fields).reason == "timeout"


def test_the_certificate_is_shown_also_when_it_has_expired() -> None:
    pair = certificates.expired()
    with api.shows(pair) as fields:
        result = probe("prometheus", **fields)
    assert readings(result)["stack_prometheus_certificate_not_after_timestamp_seconds"] == pair.not_after


def test_credentials_are_sent_and_appear_nowhere() -> None:
    with hostile.serving(api.pages(READY)) as server:
        result = probe("prometheus", url=server.url, bearer_token="hunter2hunter2")
        assert all(b"Authorization: Bearer hunter2hunter2\r\n" in request for request in server.requests)
        assert (result.outcome, server.connections) == ("healthy", 6)


def test_a_path_before_the_api_is_kept() -> None:
    with hostile.serving(api.pages({f"/prom{path}": page for path, page in READY.items()})) as server:
        assert probe("prometheus", url=f"{server.url}prom/").up


@pytest.mark.parametrize("case", api.BAD)
def test_a_bad_configuration_is_refused(case: str) -> None:
    fields, message = api.BAD[case]
    with pytest.raises(msgspec.ValidationError, match=message) as refused:
        component("prometheus", **fields)
    assert "hunter2" not in str(refused.value)


@pytest.mark.debian
def test_a_real_one_that_is_well_shows_all_its_figures(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with servers.alertmanager("route: {receiver: none}\nreceivers: [{name: none}]\n") as alertmanager:
        config = CONFIG.format(rules=rules, target=alertmanager.port, alertmanagers=f'"127.0.0.1:{alertmanager.port}"')
        with servers.prometheus(config, RESEND) as server:
            fields: dict[str, Any] = {"url": server.url, "target": {"job": "stack"}, "timeout": 5.0}
            wait_until(
                lambda: readings(probe("prometheus", **fields)).get("stack_prometheus_target_up"), 20, "it scrapes"
            )
            wait_until(lambda: readings(probe("prometheus", **fields))["stack_prometheus_notifications_sent_total"], 20)
            found = readings(probe("prometheus", **fields))
    sent, series = found.pop("stack_prometheus_notifications_sent_total"), found.pop("stack_prometheus_head_series")
    (version,) = [name for name in found if name.startswith("stack_prometheus_info")]
    assert (found.pop(version), sent > 0, series > 0) == (1.0, True, True)
    # Until it has discovered Alertmanager, seconds after its start, it drops what fires.
    assert found.pop("stack_prometheus_notifications_dropped_total") >= 0
    assert found == {
        "stack_prometheus_ready": 1.0,
        "stack_prometheus_config_reload_successful": 1.0,
        "stack_prometheus_notifications_errors_total": 0.0,
        "stack_prometheus_notifications_queue_ratio": 0.0,
        "stack_prometheus_rule_evaluation_failures_total": 0.0,
        "stack_prometheus_rule_group_iterations_missed_total": 0.0,
        'stack_prometheus_rules{health="ok"}': 2.0,
        'stack_prometheus_rules{health="err"}': 0.0,
        'stack_prometheus_rules{health="unknown"}': 0.0,
        'stack_prometheus_targets{health="up"}': 1.0,
        'stack_prometheus_targets{health="down"}': 0.0,
        'stack_prometheus_targets{health="unknown"}': 0.0,
        "stack_prometheus_target_up": 1.0,
        "stack_prometheus_alertmanagers": 1.0,
    }


@pytest.mark.debian
def test_alerts_that_do_not_arrive_a_target_that_is_down_and_a_broken_rule_are_seen_in_a_real_one(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES + BROKEN)
    nobody = hostile.unused()
    config = CONFIG.format(rules=rules, target=nobody, alertmanagers=f'"127.0.0.1:{nobody}"')
    with servers.prometheus(config, RESEND) as server:
        watched = component("prometheus", url=server.url, target={"job": "stack"}, timeout=5.0)
        wait_until(lambda: readings(run(watched)).get('stack_prometheus_rules{health="err"}') == 1.0, 20)
        wait_until(lambda: readings(run(watched)).get('stack_prometheus_targets{health="down"}') == 1.0, 20)
        wait_until(lambda: run(watched).reason == "notifications", 20)
        found = readings(run(watched))
    assert found["stack_prometheus_notifications_errors_total"] > 0
    assert found["stack_prometheus_target_up"] == 0.0


@pytest.mark.debian
def test_a_real_one_with_passwords_refuses_wrong_ones(tmp_path: Path) -> None:
    import bcrypt

    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users: {{ops: {bcrypt.hashpw(b'correct-horse', bcrypt.gensalt(4)).decode()}}}\n")
    with servers.prometheus("scrape_configs: []\n", f"--web.config.file={web}") as server:
        wrong = probe("prometheus", url=server.url, username="ops", password="hunter2hunter2")
        right = {"username": "ops", "password": "correct-horse", "alertmanager": False}
        wait_until(lambda: probe("prometheus", url=server.url, **right).outcome == "healthy", what="it is ready")
    assert wrong.reason == "auth"
    assert "hunter2" not in wrong.detail
