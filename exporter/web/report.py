"""A component's record as values for the JSON form: what anybody may see, and what needs a token (PS-12)."""

from collections.abc import Iterable
from typing import Any

from exporter.component import Limit
from exporter.health import Overall
from exporter.probe import Result
from exporter.state import Record, Run
from exporter.web.answer import stamp


def reason(record: Record) -> str:
    """Why it is not healthy: its last run's reason, or while it recovers that of the last bad one."""
    if record.result is not None and record.result.reason:
        return record.result.reason
    if record.status in ("unhealthy", "degraded") and record.failures:
        return record.failures[-1].reason
    return ""


def message(record: Record) -> str:
    """The detail that belongs to `reason`."""
    if record.result is not None and record.result.reason:
        return record.result.detail
    if record.status in ("unhealthy", "degraded") and record.failures:
        return record.failures[-1].detail
    return ""


def brief(record: Record) -> dict[str, Any]:
    """Name, kind, status and reason."""
    component = record.component
    return {"name": component.name, "kind": component.kind, "status": record.status, "reason": reason(record)}


def full(record: Record) -> dict[str, Any]:
    """All that is known of it, short of the readings."""
    component, verdict, result = record.component, record.verdict, record.result
    return brief(record) | {
        "critical": component.critical,
        "team": component.team,
        "message": message(record),
        "since": stamp(verdict.since if verdict else None),
        "last_run": stamp(result.started + result.duration if result else None),
        "last_success": stamp(record.last_success),
        "duration": result.duration if result else None,
        "phases": phases(result),
        "thresholds": [threshold(limit) for limit in component.limits],
        "failures": [past(run) for run in reversed(record.failures)],
        "history": [past(run) for run in reversed(record.runs)],
    }


def whole(overall: Overall, records: Iterable[Record], *, detailed: bool) -> dict[str, Any]:
    """The overall status, and each component by name."""
    show = full if detailed else brief
    return {
        "status": overall.status,
        "score": overall.score,
        "failing": list(overall.failing),
        "components": [show(record) for record in sorted(records, key=lambda record: record.component.name)],
    }


def ran(result: Result, status: str) -> dict[str, Any]:
    """A run that was asked for, with its readings."""
    return {
        "name": result.component,
        "kind": result.kind,
        "status": status,
        "outcome": result.outcome,
        "reason": result.reason,
        "message": result.detail,
        "started": stamp(result.started),
        "duration": result.duration,
        "phases": phases(result),
        "readings": [
            {"metric": metric.name, "labels": dict(zip(metric.labels[1:], labels, strict=True)), "value": value}
            for (metric, labels), value in result.values.items()
        ],
    }


def past(run: Run) -> dict[str, Any]:
    return {
        "at": stamp(run.started),
        "duration": run.duration,
        "outcome": run.outcome,
        "reason": run.reason,
        "message": run.detail,
    }


def phases(result: Result | None) -> list[dict[str, Any]]:
    return [
        {"name": phase.name, "offset": phase.offset, "duration": phase.duration}
        for phase in (result.phases if result else ())
    ]


def threshold(limit: Limit) -> dict[str, Any]:
    signal = limit.signal
    return {
        "signal": signal.name,
        "severity": limit.severity,
        "value": limit.value,
        "unit": signal.unit,
        "direction": signal.direction,
        "statistic": signal.statistic,
    }
