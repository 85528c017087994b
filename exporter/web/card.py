"""One component on the status page, in brief for anybody or in full."""

import datetime as dt
from collections.abc import Sequence
from math import ceil

from exporter.component import Limit
from exporter.probe import COMMON_REASONS, LATENCY, Signal
from exporter.quantity import counts_down, crossing, quantity, reading, seconds, span
from exporter.state import Record
from exporter.web import chart, report
from exporter.web.markup import Markup, join, tag


def brief(record: Record) -> Markup:
    """Name, kind, status and reason; and whether it is critical, which /metrics shows to anybody too."""
    component = record.component
    facts = [tag("span", fact) for fact in (component.kind, component.critical and "critical") if fact]
    return tag(
        "article",
        _title(record),
        tag("p", *facts, class_="facts"),
        _why(record, ""),
        class_=_class(record),
        id=_id(record),
    )


def full(record: Record, now: float) -> Markup:
    """With message, times, runs, phases and thresholds."""
    component = record.component
    facts = [component.kind, "critical" if component.critical else "", component.team and f"team {component.team}"]
    since = None
    if record.verdict is not None:
        at = dt.datetime.fromtimestamp(record.verdict.since, dt.UTC).isoformat(timespec="seconds")
        since = tag("time", f"for {span(now - record.verdict.since)}", datetime=at, title=at)
    parts = [tag("span", fact) for fact in facts if fact] + ([since] if since else [])
    return tag(
        "article",
        tag(
            "div",
            _title(record),
            tag("p", *parts, class_="facts"),
            _why(record, _crossings(record) or report.message(record)),
        ),
        tag("div", _history(record), _phases(record), class_="past"),
        _thresholds(record),
        class_=_class(record),
        id=_id(record),
    )


def _class(record: Record) -> str:
    return f"card {record.status}"


def _id(record: Record) -> str:
    """What a runbook links to."""
    return f"component-{record.component.name}"


def _title(record: Record) -> Markup:
    status = tag("span", record.status, class_="status")
    return tag("h3", chart.icon(record.status), tag("span", record.component.name, class_="name"), status)


def _why(record: Record, message: str) -> Markup | None:
    """The reason, what it means, and what was seen."""
    word = report.reason(record)
    if not word:
        return None
    means = record.component.probe.reasons.get(word) or COMMON_REASONS.get(word, "")
    recent = record.status == "healthy" and "last run: "
    return tag(
        "div",
        tag("p", recent or None, tag("b", word), " ", means),
        tag("p", message, class_="message") if message else None,
        class_="why",
    )


def _crossings(record: Record) -> str:
    """What is beyond its threshold, each signal in a line: as `detail` says it of one."""
    if record.result is None or record.result.reason != "threshold":
        return ""
    worst: dict[str, str] = {}
    for limit in sorted(record.component.limits, key=lambda limit: limit.severity != "critical"):
        signal = limit.signal
        value = _value(record, signal) if signal.statistic == "last" else None
        if value is not None and limit.crossed(value):
            worst.setdefault(signal.name, crossing(limit, value))
    return "\n".join(worst.values())


def _history(record: Record) -> Markup | None:
    runs = list(record.runs)
    if not runs:
        asked = f"It runs when /probe?component={record.component.name} or a cycle asks."
        words = "Its first run is under way." if record.component.probe.scheduled else asked
        return tag("p", words, class_="pending")
    good = sorted(run.duration for run in runs if run.outcome != "unhealthy")
    share = len(good) / len(runs)
    texts = [tag("span", f"last {len(runs)} runs" if len(runs) > 1 else "one run")]
    texts.append(tag("span", f"{100 * share:.3g} % up"))
    legend = tag("p", *texts, class_="legend")
    figures = None
    if good:
        label = f"Latency of the last {len(good)} good runs, highest {seconds(good[-1])}"
        line = chart.sparkline([run.duration for run in runs if run.outcome != "unhealthy"], label)
        last = next(run.duration for run in reversed(runs) if run.outcome != "unhealthy")
        pairs = (("last", last), ("median", _quantile(good, 0.5)), ("p95", _quantile(good, 0.95)))
        numbers = [tag("div", tag("dt", name), tag("dd", seconds(value))) for name, value in pairs]
        figures = tag("div", tag("dl", *numbers), line, class_="latency")
    return join(chart.bars(runs), legend, figures)


def _phases(record: Record) -> Markup | None:
    lengths: dict[str, float] = {}
    for phase in record.result.phases if record.result else ():  # one of several requests took its times together
        lengths[phase.name] = lengths.get(phase.name, 0.0) + phase.duration
    if not lengths:
        return None
    parts = list(lengths.items())
    names = [
        tag("span", tag("i", class_=f"phase{n % 5}"), f"{name} ", tag("b", seconds(length)))
        for n, (name, length) in enumerate(parts)
    ]
    return tag("div", chart.phases(parts), tag("p", *names, class_="legend"), class_="phasing")


def _thresholds(record: Record) -> Markup | None:
    signals: dict[Signal, list[Limit]] = {}
    for limit in record.component.limits:
        signals.setdefault(limit.signal, []).append(limit)
    found = [(signal, limits, _value(record, signal)) for signal, limits in signals.items()]
    # A disk without a quota, a port without TLS: its thresholds would be noise. A rate is Prometheus' to compute.
    rows = [_threshold(signal, limits, value) for signal, limits, value in found if value is not None]
    if not rows:
        return None
    return tag("ul", *rows, class_="thresholds")


def _threshold(signal: Signal, limits: Sequence[Limit], value: float) -> Markup:
    bounds = ", ".join(f"{limit.severity} {quantity(limit.value, signal.unit)}" for limit in limits)
    words = signal.name if signal.statistic == "last" else f"{signal.name} ({signal.statistic})"
    name = tag("span", words, title=signal.help)
    crossed = {limit.severity for limit in limits if limit.crossed(value)}
    state = "critical" if "critical" in crossed else "warning" if crossed else "fine"
    if signal.direction == "below" and value in (0, 1) and all(limit.value < 1 for limit in limits):
        # 1 for what succeeded, 0 for what failed: a scale says less than the word.
        return tag("li", name, tag("b", "failed" if crossed else "ok", class_=state))
    picture = chart.meter(
        value,
        [(limit.severity, limit.value) for limit in limits],
        state,
        top=1.0 if signal.unit == "ratio" and max(value, *(limit.value for limit in limits)) <= 1 else None,
    )
    side = "," if counts_down(signal) else " over" if signal.direction == "above" else " under"
    words = "" if state == "fine" else f"{side} {state}"
    number = tag("b", reading(signal, value), words, class_=state)
    return tag("li", name, number, picture, tag("small", bounds, class_="bounds"))


def _value(record: Record, signal: Signal) -> float | None:
    """What the threshold is compared with: the worst of its series; for latency the p95 of the remembered runs."""
    if signal is LATENCY or signal.name == LATENCY.name:
        good = sorted(run.duration for run in record.runs if run.outcome != "unhealthy")
        return _quantile(good, 0.95) if good else None
    if record.result is None or signal.statistic != "last":
        return None
    found = [value for (metric, _), value in record.result.values.items() if metric is signal.metric]
    worst = max if signal.direction == "above" else min
    return worst(found) if found else None


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, max(0, ceil(part * len(ordered)) - 1))]
