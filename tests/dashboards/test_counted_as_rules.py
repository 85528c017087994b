"""What Storage, Security and Exporter show is counted as the alert counts that is named beside it."""

import re

import pytest
import yaml

from dashboards.source import exporter, security, security_certificates, storage_full
from dashboards.source.query import risen
from tests.tree import ROOT

CHOSEN = re.compile(r'(service|component|instance)=~"\$\1"(, )?')


def rule(subject: str, alert: str) -> str:
    groups = yaml.safe_load((ROOT / "alert_rules" / f"{subject}.yml").read_text())["groups"]
    found: str = next(one["expr"] for group in groups for one in group["rules"] if alert in one.values())
    return bare(found)


def bare(expr: str) -> str:
    """Without what a dashboard's reader has chosen, and without room and parentheses, which differ."""
    return re.sub(r"[\s()]|\{\}", "", CHOSEN.sub("", expr).replace(", }", "}"))


@pytest.mark.parametrize(
    ("shown", "subject", "alert"),
    [
        (storage_full.SOONEST, "storage", "StorageFullSoon"),
        (security.FAILED, "security", "BruteForce"),
        (exporter.LAG, "exporter", "ExporterLoopLag"),
        (exporter.STUCK, "exporter", "ExporterTaskStuck"),
        (exporter.STALE.rpartition("unless")[0], "probes", "ProbeStale"),
        (exporter.OURS, "exporter", "ExporterDown"),
        (risen("stack_alert_flaps_total", "1h"), "monitoring", "AlertsFlapping"),
        (risen('stack_logs_lines_total{level=~"error|critical"}', "5m"), "logs", "LogErrors"),
        (risen("stack_alert_notification_latency_seconds_bucket", "15m"), "monitoring", "NotificationsLate"),
    ],
)
def test_a_panel_counts_as_its_alert_does(shown: str, subject: str, alert: str) -> None:
    assert bare(shown) in rule(subject, alert)


def test_the_certificates_are_those_that_the_rules_have() -> None:
    assert bare(security_certificates.REMAINING) == rule(
        "certificates", "component:stack_certificate_remaining_seconds"
    )
