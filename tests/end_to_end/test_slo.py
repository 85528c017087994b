"""Errors that an application tells of burn a budget: the daemon's counts, the shipped rules, a real Prometheus."""

import json

import pytest
import yaml

from exporter.rules.divide import divided
from tests import servers
from tests.servers.process import wait_until
from tests.tree import ROOT

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("slo")]

CONFIG = "service: shop\nservices: {shop: {team: web}}\nslos: {api: {objective: 99.9%, window: 30d, latency: 500ms}}\n"
FACTOR = 60.0
"""An hour is a minute."""


def test_slow_answers_burn_the_budget_until_it_pages(tmp_path):
    rules = tmp_path / "slo.yml"
    rules.write_text(divided((ROOT / "alert_rules" / "slo.yml").read_text(), FACTOR))
    with servers.daemon(CONFIG) as daemon:
        settings = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "stack", "static_configs": [{"targets": [f"127.0.0.1:{daemon.port}"]}]}],
        }
        with servers.prometheus(yaml.safe_dump(settings)) as prometheus:

            def firing() -> dict[str, str]:
                alerts = prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
                found = [one for one in alerts if one["labels"]["severity"] == "critical" and one["state"] == "firing"]
                return found[0] if found else {}

            def send(duration: float) -> None:
                event = {"type": "request", "service": "shop", "method": "GET", "route": "/", "status": 200}
                body = json.dumps([event | {"duration": duration}] * 20).encode()
                kind = {"Content-Type": "application/json"}
                assert daemon.request("POST", "/api/v1/events", body, kind, port=daemon.ingest_port).status == 200

            wait_until(lambda: prometheus.query('stack_slo_events_total{outcome="good"} == 0'), 20)
            send(0.1)
            wait_until(lambda: prometheus.query('slo:stack_slo_errors:ratio_rate5m{slo="api"} == 0'), 10)
            assert firing() == {}
            send(0.7)
            wait_until(firing, 20)
            alert = firing()
            wait_until(lambda: prometheus.query('slo:stack_slo_errors:ratio_rate1h{slo="api"} > 0.4'), 10)
    assert alert["labels"] == {
        "alertname": "SloBudgetBurning", "severity": "critical", "subject": "slo", "job": "stack", "slo": "api",
        "service": "shop", "team": "web",
    }  # fmt: skip
    assert alert["annotations"]["summary"].startswith("api: its error budget burns ")
    assert "the objective of 99.9% allows" in alert["annotations"]["description"]
    assert "<error" not in alert["annotations"]["description"]
