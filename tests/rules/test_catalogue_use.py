"""Every metric is used by a rule, runbook or dashboard, or excused; every threshold is compared with what it is of."""

import fnmatch
import functools
import re
from collections.abc import Iterator

import pytest

from dashboards.source.reading import annotations, queries, substituted
from exporter import catalogue
from exporter.probe import LATENCY, Signal
from exporter.thresholds import SIGNALS
from tests.dashboards import promql
from tests.dashboards import shown as dashboards
from tests.rules.cases import stems
from tests.rules.excused import EXCUSED, RECENT
from tests.rules.runbook import runbooks
from tests.rules.test_lint import files
from tests.rules.written import Rule


def used() -> set[str]:
    """Metrics in rules, what they record and annotate, runbooks and dashboards; of histograms without their suffix."""
    selectors = [one for book in files().values() for rule in book.alerts for one in rule.reading.selectors]
    selectors += [one for book in files().values() for reading in book.recorded.values() for one in reading.selectors]
    names = {one.name or "" for one in selectors} | {name for book in runbooks() for name in book.metrics}
    names |= {name for book in files().values() for rule in book.alerts for name in annotated(rule)}
    names |= shown()
    return names | {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


@functools.cache
def shown() -> set[str]:
    """In dashboards by name: what is found there by the kind that is chosen does not count."""
    boards = dashboards.boards().values()
    asked = [one.expr for board in boards for one in queries(board)] + [e for b in boards for _, e in annotations(b)]
    return {name for expr in asked for name in promql.names(substituted(expr, {}))}


def annotated(rule: Rule) -> Iterator[str]:
    for text in rule.annotations.values():
        yield from re.findall(r"\bstack_\w+", text)


def test_each_metric_is_used_or_excused() -> None:
    unused = {metric.name for metric, _ in catalogue.metrics()} - used()
    found = {name for name in unused if not any(fnmatch.fnmatch(name, pattern) for pattern in EXCUSED)}
    if found:
        pytest.fail("neither used nor excused:\n" + "\n".join(sorted(found)), pytrace=False)


def test_no_excuse_is_left_over() -> None:
    unused = {metric.name for metric, _ in catalogue.metrics()} - used()
    assert [pattern for pattern in EXCUSED if not fnmatch.filter(unused, pattern)] == []


def signals() -> list[tuple[str, Signal]]:
    """Every kind's, and latency, which each has."""
    own = [(kind, signal) for kind in catalogue.kinds() for signal in catalogue.load(kind).signals]
    return [("every kind", LATENCY), *own]


def compared(metric: str, family: str, signal: str, severity: str, direction: str) -> bool:
    """Whether an alert compares the metric, or what is recorded of it, with that threshold, in that direction."""
    operators = (">=", ">") if direction == "above" else ("<=", "<")
    for rule in (rule for book in files().values() for rule in book.alerts):
        names = {one.name or "" for one in rule.reading.selectors}
        names |= {
            one.name or ""
            for book in files().values()
            for record, reading in book.recorded.items()
            if record in names
            for one in reading.selectors
        }
        about = {metric, f"{metric}_bucket", f"{metric}_sum", f"{metric}_count"} & names
        if (
            about
            and (signal, severity) in rule.thresholds
            and family in names
            and any(o in rule.expr for o in operators)
        ):
            return True
    return False


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_each_signal_of_each_kind_is_compared_with_its_threshold(severity: str) -> None:
    missing = [
        f"{kind}: {signal.name} ({signal.metric.name})"
        for kind, signal in signals()
        if not compared(
            RECENT.get(signal.metric.name, signal.metric.name),
            f"stack_threshold_{signal.unit}",
            signal.name,
            severity,
            signal.direction,
        )
    ]
    if missing:
        pytest.fail("compared nowhere:\n" + "\n".join(missing), pytrace=False)


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_each_signal_of_no_component_is_compared_with_its_threshold(severity: str) -> None:
    missing = [
        f"{signal.name} ({signal.metric})"
        for signal in SIGNALS
        if not compared(signal.metric, f"stack_alert_threshold_{signal.unit}", signal.name, severity, signal.direction)
    ]
    if missing:
        pytest.fail("compared nowhere:\n" + "\n".join(missing), pytrace=False)


def test_every_file_of_cases_has_its_rules() -> None:
    assert set(stems()) == set(files())
