"""Thresholds of alerts as series."""

from exporter import catalogue
from exporter.config import load
from exporter.tally import Tallies
from exporter.thresholds import DEFAULTS, FAMILIES, SIGNALS, show


def shown(tallies: Tallies) -> dict[tuple[str, ...], float]:
    return {
        (metric.unit or "number", *labels): child.value
        for metric in FAMILIES.values()
        for labels, child in tallies.families[metric].children.items()
    }


def test_a_signal_is_of_a_metric_that_there_is() -> None:
    known = {metric.name: metric for metric, _ in catalogue.metrics()}
    assert {signal.metric for signal in SIGNALS} <= known.keys()
    in_seconds = {signal.name for signal in SIGNALS if signal.unit == "seconds"}
    assert {signal.name for signal in SIGNALS if known[signal.metric].unit == "seconds"} - in_seconds == {
        "operation_failures", "task_failures", "ai_failures",
    }  # fmt: skip
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)


def test_they_are_shown_in_their_units_and_follow_the_configuration() -> None:
    tallies = Tallies()
    show(DEFAULTS, tallies)
    before = shown(tallies)
    assert before["ratio", "error_rate", "critical"] == 0.05
    assert before["seconds", "unresolved", "critical"] == 14_400.0
    assert before["number", "brute_force", "warning"] == 20.0
    assert len(before) == len(DEFAULTS)
    text = "thresholds: {error_rate: {warning: 1%, critical: off}, ai_cost: {critical: 9}}"
    show(load(text, source="it", environ={}).thresholds, tallies)
    after = shown(tallies)
    assert dict(after.items() - before.items()) == {
        ("ratio", "error_rate", "warning"): 0.01, ("number", "ai_cost", "critical"): 9.0,
    }  # fmt: skip
    assert before.keys() - after.keys() == {("ratio", "error_rate", "critical")}
