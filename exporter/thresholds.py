"""Thresholds of what belongs to no component, as series that alert rules compare with; only the rules judge by them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from exporter.component import Severity
from exporter.metric import gauge
from exporter.probe import Unit
from exporter.tally import Tallies

SECONDS = gauge("stack_alert_threshold_seconds", "Threshold of an alert, in seconds.", "signal", "severity")
RATIO = gauge("stack_alert_threshold_ratio", "Threshold of an alert, as a part of one.", "signal", "severity")
NUMBER = gauge("stack_alert_threshold_number", "Threshold of an alert, a plain number.", "signal", "severity")
FAMILIES = {"seconds": SECONDS, "ratio": RATIO, "number": NUMBER}


@dataclass(frozen=True, slots=True)
class AlertSignal:
    """What alert rules make of a metric of the daemon or of an application. `compared` says how, in words."""

    name: str
    metric: str
    unit: Unit
    compared: str
    help: str
    direction: Literal["above", "below"] = "above"
    warning: float | None = None
    critical: float | None = None


@dataclass(frozen=True, slots=True)
class AlertLimit:
    """From `value` on, in the signal's unit, an alert has this severity."""

    signal: AlertSignal
    severity: Severity
    value: float


SIGNALS: tuple[AlertSignal, ...] = (
    AlertSignal(
        "health_score",
        "stack_health_score",
        "ratio",
        "the newest value, at most",
        "Weighted health of all components.",
        direction="below",
        warning=0.8,
        critical=0.5,
    ),
    AlertSignal(
        "error_rate",
        "stack_http_server_requests_total",
        "ratio",
        "share of 5xx over 5 m, more than",
        "Requests of a service that failed on the server's side.",
        critical=0.05,
    ),
    AlertSignal(
        "response_time",
        "stack_http_server_request_duration_seconds",
        "seconds",
        "p95 over 5 m, more than",
        "How long a service takes to answer requests.",
        warning=5.0,
    ),
    AlertSignal(
        "slow_operations",
        "stack_operation_slow_total",
        "number",
        "increase over 15 m, at least",
        "How often an operation of a service was slower than `operations:` says.",
        warning=3.0,
    ),
    AlertSignal(
        "operation_failures",
        "stack_operation_duration_seconds",
        "ratio",
        "share of failures, at least",
        "Runs of an operation that failed.",
        warning=0.1,
        critical=0.5,
    ),
    AlertSignal(
        "task_failures",
        "stack_task_duration_seconds",
        "ratio",
        "share of failures, at least",
        "Runs of a background task that failed.",
        warning=0.1,
        critical=0.5,
    ),
    AlertSignal(
        "ai_latency",
        "stack_ai_call_duration_seconds",
        "seconds",
        "p95, at least",
        "How long calls of an AI model take.",
        warning=30.0,
    ),
    AlertSignal(
        "ai_cost",
        "stack_ai_cost_dollars_total",
        "number",
        "increase over 24 h, at least",
        "What a service spends on AI models in a day, in US dollars.",
    ),
    AlertSignal(
        "ai_failures",
        "stack_ai_call_duration_seconds",
        "ratio",
        "share of failures, at least",
        "Calls of an AI model that failed.",
        warning=0.1,
        critical=0.5,
    ),
    AlertSignal(
        "database_time",
        "stack_db_client_operation_duration_seconds",
        "seconds",
        "p95, at least",
        "How long a service's calls of databases and caches take.",
        warning=1.0,
        critical=5.0,
    ),
    AlertSignal(
        "cache_hits",
        "stack_cache_requests_total",
        "ratio",
        "share of hits, at most",
        "Look-ups of a service that found something in its cache.",
        direction="below",
        warning=0.5,
    ),
    AlertSignal(
        "crash_free",
        "stack_sessions_total",
        "ratio",
        "share of those that did not crash over 1 h, at most",
        "User sessions that did not crash.",
        direction="below",
        warning=0.98,
        critical=0.9,
    ),
    AlertSignal(
        "error_spike",
        "stack_errors_total",
        "number",
        "an hour by its mean hour before, at least",
        "How many times as many errors as in its own past a service has.",
        warning=3.0,
        critical=10.0,
    ),
    AlertSignal(
        "unresolved",
        "stack_error_groups_oldest_age_seconds",
        "seconds",
        "the newest value, at least",
        "How long an error has been there, or has been back, and nobody has resolved it.",
        critical=14_400.0,
    ),
    AlertSignal(
        "log_errors",
        "stack_logs_lines_total",
        "number",
        "increase over 5 m, at least",
        "Error lines in a log file, or that a service sent.",
        warning=20.0,
    ),
    AlertSignal(
        "brute_force",
        "stack_security_events_total",
        "number",
        "increase over 5 m, at least",
        "Failed logins at a service.",
        warning=20.0,
        critical=100.0,
    ),
    AlertSignal(
        "notification_latency",
        "stack_alert_notification_latency_seconds",
        "seconds",
        "p95, at least",
        "Time from when an alert began to fire until its first notification.",
        warning=60.0,
        critical=300.0,
    ),
    AlertSignal(
        "alert_flaps",
        "stack_alert_flaps_total",
        "number",
        "increase over 1 h, at least",
        "Alerts that fired again soon after they were resolved.",
        warning=5.0,
    ),
    AlertSignal(
        "false_alarms",
        "stack_alert_false_alarms_total",
        "ratio",
        "share of the alerts of 7 d, at least",
        "Alerts that somebody marked as a false alarm.",
        warning=0.05,
    ),
    AlertSignal(
        "loop_lag",
        "stack_exporter_loop_lag_seconds",
        "seconds",
        "p99, at least",
        "How late the daemon's event loop is.",
        warning=0.1,
        critical=1.0,
    ),
    AlertSignal(
        "spool_age",
        "stack_exporter_spool_age_seconds",
        "seconds",
        "the newest value, at least",
        "How long the oldest of what waits to be forwarded has waited.",
        warning=300.0,
        critical=3_600.0,
    ),
)

BY_NAME = {signal.name: signal for signal in SIGNALS}
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")
DEFAULTS: tuple[AlertLimit, ...] = tuple(
    AlertLimit(signal, severity, value)
    for signal in SIGNALS
    for severity in SEVERITIES
    if (value := signal.warning if severity == "warning" else signal.critical) is not None
)


def show(limits: Iterable[AlertLimit], tallies: Tallies) -> None:
    """Show them as series, and those no more that are configured no longer."""
    wanted = {(FAMILIES[one.signal.unit], one.signal.name, one.severity): one.value for one in limits}
    for (metric, name, severity), value in wanted.items():
        tallies.child(metric, name, severity).set(value)
    for metric in FAMILIES.values():
        family = tallies.families.get(metric)
        for labels in tuple(family.children) if family else ():
            if (metric, *labels) not in wanted:
                tallies.forget(metric, *labels)
