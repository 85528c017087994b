"""Every alert of every severity is provoked by some fault, or it is said why it can't be."""

from tests.alerts import seen
from tests.alerts.fault import found
from tests.alerts.unprovoked import UNPROVOKED
from tests.tree import ROOT, rule_groups

ALERTS = {
    f"{rule['alert']}/{rule['labels']['severity']}"
    for group in rule_groups()
    for rule in group["rules"]
    if "alert" in rule
}
# Each run waits for the Watchdog, which always fires, before anything is broken.
PROVOKED = {alert for fault in found() for alert in fault.expects} | {"Watchdog/none"}
QUICKLY = {alert for fault in found() if fault.quick for alert in fault.expects}
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


def test_the_page_of_what_was_seen_has_a_line_for_each_that_is_provoked():
    shown = seen.read(ROOT / "docs" / "alerts-seen.md").keys() | {"Watchdog/none"}
    assert (sorted(PROVOKED - shown), sorted(shown - PROVOKED)) == ([], [])


def test_what_has_a_figure_in_the_requirements_is_provoked_and_nearly_all_of_it_in_every_run_of_the_tests():
    # Error budgets are slow ones: beside all the others they want more than a minute.
    assert sorted(WITH_FIGURES - QUICKLY) == ["SloBudgetBurning/critical"]
    assert sorted(WITH_FIGURES - PROVOKED) == []
