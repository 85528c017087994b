"""Every signal that can have a threshold is drawn with it on the dashboard of its kind, and every alert's link leads."""

import re
from collections.abc import Iterator

import pytest
import yaml

from dashboards.source import databases, workers
from dashboards.source.components_readings import LABELS
from dashboards.source.reading import queries
from exporter import catalogue
from exporter.probe import Signal
from tests.dashboards.shown import boards
from tests.tree import ROOT

KINDS = {"stack-databases": databases.KINDS, "stack-workers": workers.KINDS}
ELSEWHERE = {"certificate": "stack-security", "latency": "stack-components"}
"""Signals that every kind has, and the dashboard where those of all kinds are."""
IN_TABLES = {
    *("aborted_connects", "cursors", "fragmentation", "invalid_constraints", "invalid_indexes", "threads_running"),
    *("foreign_key_violations", "freelist", "pending", "tickets", "append", "save"),
}
"""Signals that are columns, or words over time: where there is no line, none can be dashed."""
RATIOS = {"cache_hit", "buffer_pool_hit", "hit_ratio"}
"""Signals whose gauges are of all time since the start: dashboards and rules count the last five minutes instead."""


def signals(kinds: str) -> Iterator[tuple[str, Signal]]:
    for kind in kinds.split("|"):
        yield from ((kind, signal) for signal in catalogue.load(kind).signals)


def asked(uid: str) -> str:
    return "\n".join(one.expr for one in queries(boards()[uid]))


def limited(uid: str) -> set[str]:
    """Signals whose thresholds it draws."""
    found = re.findall(r'stack_threshold_\w+\{[^}]*signal=~?"([^"]+)"', asked(uid))
    return {name for names in found for name in names.split("|")}


@pytest.mark.parametrize("uid", KINDS)
def test_a_signal_is_shown_where_its_alert_leads(uid: str) -> None:
    shown = asked(uid)
    missing = [
        (kind, one.name)
        for kind, one in signals(KINDS[uid])
        if one.name not in ELSEWHERE and one.name not in RATIOS and one.metric.name not in shown
    ]
    assert missing == []


@pytest.mark.parametrize("uid", KINDS)
def test_a_signal_is_drawn_with_its_threshold(uid: str) -> None:
    wanted = {one.name for _, one in signals(KINDS[uid])} - IN_TABLES - set(ELSEWHERE)
    assert wanted - limited(uid) == set()


def test_latency_is_drawn_with_its_threshold_for_every_kind() -> None:
    assert "latency" in limited("stack-components")


def test_readings_are_told_apart_by_every_label_that_a_component_has() -> None:
    """Else two readings would be one line, the greater of them."""
    common = {"component", "kind", "critical", "team", "status", "phase", "reason", "signal", "severity", "slo"}
    names = {
        name
        for metric, _ in catalogue.metrics()
        if "component" in metric.labels and not metric.name.endswith("_info")
        for name in metric.labels
    }
    assert names - set(LABELS) - common == set()


def test_every_link_of_an_alert_sets_variables_that_its_dashboard_has() -> None:
    wrong = []
    for path in sorted((ROOT / "alert_rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text()).get("groups", []):
            for rule in group["rules"]:
                url = rule.get("annotations", {}).get("dashboard_url", "")
                if found := re.search(r"/d/([\w-]+)(?:\?(.*))?$", url):
                    had = {one["name"] for one in boards()[found[1]]["templating"]["list"]}
                    set_ = set(re.findall(r"var-(\w+)=", found[2] or ""))
                    wrong += [(rule["alert"], found[1], name) for name in set_ - had]
    assert wrong == []
