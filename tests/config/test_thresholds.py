"""Thresholds of alerts on what belongs to no component."""

import pytest

from exporter.config import Config, ConfigError, load
from exporter.config.schema import json_schema
from exporter.thresholds import SIGNALS


def limits(text: str) -> dict[tuple[str, str], float]:
    config = load(text, source="it", environ={"LINES": "40"})
    return {(one.signal.name, one.severity): one.value for one in config.thresholds}


def test_without_any_they_are_the_documents_figures() -> None:
    assert limits("") == {
        ("health_score", "warning"): 0.8, ("health_score", "critical"): 0.5, ("error_rate", "critical"): 0.05,
        ("response_time", "warning"): 5.0, ("slow_operations", "warning"): 3.0,
        ("operation_failures", "warning"): 0.1, ("operation_failures", "critical"): 0.5,
        ("task_failures", "warning"): 0.1, ("task_failures", "critical"): 0.5,
        ("ai_latency", "warning"): 30.0, ("ai_failures", "warning"): 0.1, ("ai_failures", "critical"): 0.5,
        ("database_time", "warning"): 1.0, ("database_time", "critical"): 5.0, ("cache_hits", "warning"): 0.5,
        ("crash_free", "warning"): 0.98, ("crash_free", "critical"): 0.9,
        ("error_spike", "warning"): 3.0, ("error_spike", "critical"): 10.0, ("unresolved", "critical"): 14_400.0,
        ("log_errors", "warning"): 20.0, ("brute_force", "warning"): 20.0, ("brute_force", "critical"): 100.0,
        ("notification_latency", "warning"): 60.0, ("notification_latency", "critical"): 300.0,
        ("alert_flaps", "warning"): 5.0, ("false_alarms", "warning"): 0.05,
        ("loop_lag", "warning"): 0.1, ("loop_lag", "critical"): 1.0,
        ("spool_age", "warning"): 300.0, ("spool_age", "critical"): 3600.0,
    }  # fmt: skip
    assert load("service: shop", source="it", environ={}).thresholds == Config().thresholds


def test_each_is_changed_added_or_taken_away() -> None:
    changed = limits(
        "thresholds: {error_rate: {warning: 2%, critical: off}, ai_cost: {warning: 50}, response_time: {critical: 10s},"
        ' log_errors: {warning: "${LINES}"}}'
    )
    before = limits("")
    assert dict(changed.items() - before.items()) == {
        ("error_rate", "warning"): 0.02, ("ai_cost", "warning"): 50.0, ("response_time", "critical"): 10.0,
        ("log_errors", "warning"): 40.0,
    }  # fmt: skip
    assert before.keys() - changed.keys() == {("error_rate", "critical")}


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("{error_rat: {warning: 1%}}", "thresholds.error_rat", "unknown signal; did you mean error_rate? (signals: "),
        ("{connections: {warning: 70%}}", "thresholds.connections", "unknown signal; a component's own stand in its"),
        (
            "{error_rate: {critical: 5}}",
            "thresholds.error_rate.critical",
            "expected at most 100%, such as 5% or 0.05; this is 500%",
        ),
        ("{crash_free: {warning: 98}}", "thresholds.crash_free.warning", "expected at most 100%"),
        ("{error_rate: 5%}", "thresholds.error_rate", "expected a mapping, such as {error_rate: {warning: 5%}}"),
        ("{error_rate: {warn: 5%}}", "thresholds.error_rate.warn", "unknown key; did you mean warning?"),
        ("{error_rate: {critical: 5s}}", "thresholds.error_rate.critical", "expected a ratio, such as 80% or 0.8"),
        ("{response_time: {warning: 5}}", "thresholds.response_time.warning", "expected a duration with its unit"),
        ("{log_errors: {warning: 5s}}", "thresholds.log_errors.warning", "expected a number"),
        (
            "{error_rate: {warning: 10%}}",
            "thresholds.error_rate",
            "warning is above critical: it would never be seen (critical is by default 0.05; off takes it away)",
        ),
        (
            "{health_score: {warning: 40%, critical: 50%}}",
            "thresholds.health_score",
            "warning is below critical: it would never be seen",
        ),
        ("[error_rate]", "thresholds", "expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(written: str, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        limits(f"thresholds: {written}")
    (problem,) = caught.value.problems
    assert (problem.path, problem.message[: len(message)]) == (path, message)


def test_the_schema_knows_each_signal_and_no_other() -> None:
    thresholds = json_schema()["properties"]["thresholds"]
    assert list(thresholds["properties"]) == [signal.name for signal in SIGNALS]
    assert thresholds["additionalProperties"] is False
    assert thresholds["properties"]["error_rate"]["description"] == (
        "Requests of a service that failed on the server's side. By default critical 0.05 (ratio, above)."
    )
