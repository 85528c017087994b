"""Every alert of every severity is provoked by some fault, or it is said why it can't be."""

import yaml

from tests.alerts.engines import RULES
from tests.alerts.fault import found
from tests.alerts.unprovoked import UNPROVOKED

ALERTS = {
    f"{rule['alert']}/{rule['labels']['severity']}"
    for file in RULES.glob("*.yml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
PROVOKED = {alert for fault in found() for alert in fault.expects}
# What a requirement puts a figure to (EN-5, EN-9 to EN-12, EN-15, FH-5, FH-11, CO-2).
WITH_FIGURES = {
    "OperationSlow/warning", "StorageQuota/warning", "HttpErrorRateHigh/critical", "HttpResponsesSlow/warning",
    "CeleryWorkersNone/critical", "ComplianceViolation/critical", "ErrorGroupUnresolved/critical",
    "AlertUnresolved/critical", "SloBudgetBurning/critical", "LogPolicyBroken/warning",
}  # fmt: skip


def test_every_alert_is_provoked_or_it_is_said_why_not():
    assert sorted(ALERTS - PROVOKED - UNPROVOKED.keys()) == []


def test_nothing_is_excused_that_is_provoked_or_is_no_alert():
    assert sorted(UNPROVOKED.keys() & PROVOKED) == []
    assert sorted((UNPROVOKED.keys() | PROVOKED) - ALERTS) == []


def test_what_has_a_figure_in_the_requirements_is_provoked():
    assert sorted(WITH_FIGURES - PROVOKED) == []
