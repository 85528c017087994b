"""What only follows from another alert is kept quiet, and nothing else, in a real Alertmanager of both generations."""

import time
from typing import Any

import pytest
import yaml

from tests.alertmanager import shipped
from tests.rules.cases import cases, stems
from tests.rules.expand import own_labels
from tests.servers.telemetry import Alertmanager
from tests.tree import ROOT

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_shipped")]
EXPORTER = {"job": "stack-exporter", "instance": "shop-1:9676"}
DATABASE = EXPORTER | {"component": "database", "kind": "postgres", "team": "platform"}
SHOP = {"job": "stack-exporter", "service": "shop", "team": "web"}


def of(name: str, severity: str, subject: str, labels: dict[str, str], **more: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "subject": subject} | labels | more


CRITICAL_DOWN = of("ComponentDown", "critical", "components", DATABASE, critical="true")
DOWN = of("ComponentDown", "warning", "components", DATABASE, critical="false")
FULL = of("DatabaseConnectionsHigh", "critical", "databases", DATABASE)
DEGRADED = of("ComponentDegraded", "warning", "components", DATABASE)
FAILS = of("HttpErrorRateHigh", "critical", "http", SHOP)
BUDGET = of("SloBudgetBurning", "critical", "slo", {"job": "stack-exporter", "component": "database"}, slo="db")
EXPORTER_DOWN = of("ExporterDown", "critical", "exporter", EXPORTER)
ABSENT = of("ExporterAbsent", "critical", "exporter", {})
UNRESOLVED = of("AlertUnresolved", "critical", "monitoring", DATABASE, escalated="true", alert="ComponentDown")
OTHER = {"instance": "shop-2:9676"}
WATCHDOG = of("Watchdog", "none", "monitoring", {})
# Two alerts, and whether the first keeps the second quiet.
TABLE = {
    "a full pool, of what is down": (CRITICAL_DOWN, FULL | {"severity": "warning"}, True),
    "a restart, of what is down": (CRITICAL_DOWN, of("DatabaseRestarted", "info", "databases", DATABASE), True),
    "a full pool, of what is down and not critical": (DOWN, FULL | {"severity": "warning"}, True),
    "it goes up and down": (CRITICAL_DOWN, of("ComponentFlapping", "warning", "components", DATABASE), True),
    "it is very slow": (CRITICAL_DOWN, of("ComponentSlow", "critical", "components", DATABASE), True),
    "what pages still pages, as it may say why": (CRITICAL_DOWN, FULL, False),
    "no ticket silences a page": (DOWN, of("ComponentSlow", "critical", "components", DATABASE), False),
    "not itself": (CRITICAL_DOWN, CRITICAL_DOWN | {"kind": "tcp"}, False),
    "another component": (CRITICAL_DOWN, FULL | {"severity": "warning", "component": "other"}, False),
    "another daemon": (CRITICAL_DOWN, FULL | {"severity": "warning"} | OTHER, False),
    "another namespace": (CRITICAL_DOWN, FULL | {"severity": "warning", "namespace": "elsewhere"}, False),
    "no component": (CRITICAL_DOWN, of("ExporterLoopLag", "warning", "exporter", EXPORTER), False),
    "why it is down": (CRITICAL_DOWN, of("CertificateExpiring", "warning", "certificates", DATABASE), False),
    "why a job is": (CRITICAL_DOWN, of("HeartbeatFailed", "warning", "heartbeats", DATABASE), False),
    "that it is not mended": (CRITICAL_DOWN, UNRESOLVED, False),
    "a low score": (CRITICAL_DOWN, of("HealthScoreLow", "critical", "components", EXPORTER), True),
    "a low score elsewhere": (CRITICAL_DOWN, of("HealthScoreLow", "critical", "components", EXPORTER | OTHER), False),
    "a low score without a page": (DOWN, of("HealthScoreLow", "critical", "components", EXPORTER), False),
    "the application is slow": (CRITICAL_DOWN, of("HttpResponsesSlow", "warning", "http", SHOP), True),
    "the application fails": (CRITICAL_DOWN, of("HttpErrorRateHigh", "critical", "http", SHOP), False),
    "its calls of the database fail": (CRITICAL_DOWN, of("DatabaseCallsFailing", "critical", "calls", SHOP), True),
    "its calls fail, for another reason": (DOWN, of("DatabaseCallsFailing", "critical", "calls", SHOP), False),
    "a service's budget, while it fails": (FAILS, of("SloBudgetBurning", "critical", "slo", SHOP, slo="shop"), False),
    "that of another": (FAILS, of("SloBudgetBurning", "critical", "slo", SHOP | {"service": "b"}, slo="b"), False),
    "a component's budget, while it is down": (CRITICAL_DOWN, BUDGET, True),
    "that of another component": (CRITICAL_DOWN, BUDGET | {"component": "other"}, False),
    "a release": (FAILS, of("ReleaseFailing", "critical", "spikes", SHOP), False),
    "degraded, and this is why": (FULL, DEGRADED, True),
    "degraded, and nobody says why": (of("ProbesSkipped", "warning", "probes", DATABASE), DEGRADED, False),
    "degraded, another one": (FULL, DEGRADED | {"component": "other"}, False),
    "a job that is missed": (of("HeartbeatMissed", "critical", "heartbeats", DATABASE), CRITICAL_DOWN, True),
    "a job that failed is down": (of("HeartbeatFailed", "warning", "heartbeats", DATABASE), DOWN, True),
    "a ticket of a job silences no page": (
        of("HeartbeatFailed", "warning", "heartbeats", DATABASE),
        CRITICAL_DOWN,
        False,
    ),
    "a new error": (CRITICAL_DOWN, of("ErrorGroupNew", "warning", "errors", SHOP), False),
    "another application": (CRITICAL_DOWN, of("HttpResponsesSlow", "warning", "http", SHOP | {"job": "b"}), False),
    "slow, while something lesser is down": (DOWN, of("HttpResponsesSlow", "warning", "http", SHOP), False),
    "its own warning": (FULL, FULL | {"severity": "warning"}, True),
    "a warning of another name": (FULL, FULL | {"severity": "warning", "alertname": "DatabaseLarge"}, False),
    "the warning of a service": (
        of("AiCostHigh", "critical", "ai", SHOP),
        of("AiCostHigh", "warning", "ai", SHOP),
        True,
    ),
    "the warning of another queue": (
        of("QueueLong", "critical", "workers", DATABASE, queue="mail"),
        of("QueueLong", "warning", "workers", DATABASE, queue="default"),
        False,
    ),
    "a lesser error": (
        of("ErrorGroupNew", "critical", "errors", SHOP),
        of("ErrorGroupNew", "warning", "errors", SHOP),
        False,
    ),
    "what the silent daemon said": (EXPORTER_DOWN, FULL, True),
    "what another daemon says": (EXPORTER_DOWN, FULL | OTHER, False),
    "the daemon itself": (EXPORTER_DOWN, EXPORTER_DOWN | {"extra": "x"}, False),
    "that the daemon is not mended": (EXPORTER_DOWN, UNRESOLVED | {"alert": "ExporterDown"}, False),
    "somebody else's alert": (EXPORTER_DOWN, {"alertname": "NodeDown", "severity": "critical"} | EXPORTER, False),
    "no daemon at all": (ABSENT, of("ExporterVanished", "warning", "exporter", {"job": "stack-exporter"}), True),
    "the daemons of others": (ABSENT, FULL, False),
}


def test_what_follows_is_silenced_and_what_does_not_is_not(silent: Alertmanager) -> None:
    """Each pair in a cluster of its own."""
    given, targets = [], {}
    for number, (what, (source, target, _)) in enumerate(TABLE.items()):
        for labels in (source, target, WATCHDOG):
            own = {key: text for key, text in labels.items() if key not in ("alertname", "severity")}
            cluster = {"cluster": f"pair-{number}", "namespace": own.pop("namespace", "shop")}
            if labels["alertname"] == "ExporterAbsent":
                cluster.pop("namespace")
            given.append(shipped.alert(labels["alertname"], labels["severity"], **cluster, **own))
        targets[what] = given[-2]["labels"]
    shipped.tell(silent, *given)
    wanted = {what: silenced for what, (*_, silenced) in TABLE.items()}

    def inhibited() -> dict[frozenset[tuple[str, str]], bool]:
        found: list[dict[str, Any]] = silent.get('/api/v2/alerts?filter=cluster=~"pair-.*"').json()
        return {frozenset(one["labels"].items()): bool(one["status"]["inhibitedBy"]) for one in found}

    def silenced() -> dict[str, bool]:
        by = inhibited()
        return {what: by[frozenset(labels.items())] for what, labels in targets.items()}

    # Alertmanager takes an alert first, and looks at what it inhibits afterwards.
    end = time.monotonic() + 5
    while silenced() != wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert silenced() == wanted
    assert not any(is_it for labels, is_it in inhibited().items() if ("alertname", "Watchdog") in labels)


def test_every_label_by_which_alerts_of_one_name_differ_is_compared() -> None:
    """Else the critical alert of one queue would keep the warning of another quiet."""
    (rule,) = [one for one in shipped.config()["inhibit_rules"] if one["source_matchers"] == ['severity="critical"']]
    severities: dict[str, set[str]] = {}
    labels: dict[str, set[str]] = {}
    for stem in stems():
        for case in cases(stem):
            if stem == "errors" or case.alert in ("ComplianceViolation", "ComponentDown"):
                continue
            severities.setdefault(case.alert, set()).add(case.severity)
            said = own_labels(case) | dict(case.labels)
            labels.setdefault(case.alert, set()).update(name for name, text in said.items() if text)
    differ = {name for alert, of_it in labels.items() if {"warning", "critical"} <= severities[alert] for name in of_it}
    static = {"alertname", "severity", "subject", "kind", "team", "escalated"}
    assert sorted(differ - static - set(rule["equal"])) == []


def test_each_alert_and_subject_that_an_inhibition_names_exists() -> None:
    names, subjects = set(), set()
    for file in (ROOT / "alert_rules").glob("*.yml"):
        subjects.add(file.stem)
        for group in yaml.safe_load(file.read_text())["groups"]:
            names |= {rule["alert"] for rule in group["rules"] if "alert" in rule}
    for rule in shipped.config()["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            label, _, text = matcher.partition('"')
            known = {"alertname": names, "subject": subjects}.get(label.rstrip("=!~"))
            if known and text != '.+"':
                assert set(text.rstrip('"').split("|")) <= known, matcher
