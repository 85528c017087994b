"""Components with everything decided: their kind's class, times and thresholds, from YAML's values and the defaults."""

import dataclasses
import importlib.util
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from exporter import catalogue
from exporter.component import Component, Limit, Severity
from exporter.config.document import scalar
from exporter.config.fit import fit
from exporter.config.problem import Path, Report
from exporter.config.sections import Defaults, times
from exporter.metric import Metric
from exporter.nearest import suggestion
from exporter.probe import LATENCY, Probe, Signal, Threshold
from exporter.values import decode, duration, ratio, size

NAME = re.compile(r"[a-z0-9_-]{1,63}")
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")
CRITICAL_WEIGHT = 3.0


def resolve(written: Mapping[str, Any], defaults: Defaults, report: Report) -> tuple[Component, ...]:
    """The components that are right, in the order of the file; what is wrong with the others goes to `report`."""
    resolved = [_component(name, fields, defaults, report) for name, fields in written.items()]
    return tuple(component for component in resolved if component is not None)


def check_families(components: Iterable[Component], report: Report) -> None:
    """Whether those that name a metric mean the same one: both formats want a family's type, help and labels once."""
    first: dict[str, tuple[str, Metric]] = {}
    for component in components:
        for metric in component.probe.families:
            # OpenMetrics names a counter's family without its _total.
            name, other = first.setdefault(metric.name.removesuffix("_total"), (component.name, metric))
            if other is not metric:
                report.add(("components", component.name), f"{other.name} has another type, help or label in {name}")


def signals(cls: type[Probe]) -> dict[str, Signal]:
    """What can have thresholds for a kind, by name, with the kind's own defaults."""
    warning, critical = cls.latency
    latency = dataclasses.replace(LATENCY, warning=warning, critical=critical)
    return {latency.name: latency} | {signal.name: signal for signal in cls.signals}


def _component(name: str, fields: Any, defaults: Defaults, report: Report) -> Component | None:
    path: Path = ("components", name)
    if not NAME.fullmatch(name):
        report.add(path, "a name has 1 to 63 of a-z, 0-9, _ and -")
    if not isinstance(fields, dict):
        report.add(path, "expected a mapping with a kind")
        return None
    cls = _kind(fields, path, report)
    if cls is None:
        return None
    probe = fit(cls, {key: value for key, value in fields.items() if key != "kind"}, path, report)
    _check_drivers(cls, probe, fields["kind"], path, report)
    _check_times(fields, defaults, path, report)
    limits = _limits(cls, _thresholds(fields.get("thresholds"), path, report), path, report)
    if probe is None or report.blames(path):
        return None
    interval = defaults.interval if probe.interval is None else probe.interval
    timeout = probe.timeout or min(cls.slow or defaults.timeout, interval)
    failing = probe.failing_interval or min(defaults.failing_interval or interval, interval)
    return Component(
        name=name,
        kind=fields["kind"],
        probe=probe,
        interval=float(interval),
        timeout=float(timeout),
        failing_interval=float(failing),
        rise=probe.rise or defaults.rise,
        fall=probe.fall or defaults.fall,
        critical=probe.critical,
        weight=probe.weight or (CRITICAL_WEIGHT if probe.critical else 1.0),
        team=probe.team,
        limits=limits,
    )


def _kind(fields: Mapping[str, Any], path: Path, report: Report) -> type[Probe] | None:
    kind = fields.get("kind")
    if not isinstance(kind, str):
        report.add((*path, "kind"), f"is required, one of {', '.join(catalogue.kinds())}")
        return None
    try:
        return catalogue.load(kind)
    except catalogue.UnknownKind as error:
        report.add((*path, "kind"), str(error))
        return None


def _check_drivers(cls: type[Probe], probe: Probe | None, kind: str, path: Path, report: Report) -> None:
    """Whether they are installed; of a kind whose fields decide on them, once these are right."""
    if probe is None and cls.needs is not Probe.needs:
        return
    if missing := [driver for driver in (cls.drivers if probe is None else probe.needs) if not _installed(driver)]:
        report.add((*path, "kind"), f"needs {', '.join(missing)}: pip install 'stack-exporter[{kind}]'")


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a parent of a dotted name is missing
        return False


def _check_times(fields: Mapping[str, Any], defaults: Defaults, path: Path, report: Report) -> None:
    """Whether the times that were written agree, whatever else is wrong."""
    if any(report.blames((*path, key)) for key in ("interval", "timeout", "failing_interval")):
        return
    interval, timeout, failing = (
        None if fields.get(key) is None else duration(fields[key])
        for key in ("interval", "timeout", "failing_interval")
    )
    for problem in times(defaults.interval if interval is None else interval, timeout, failing):
        report.add((*path, problem.split()[0]), problem)


def _thresholds(written: Any, path: Path, report: Report) -> dict[str, Threshold | None]:
    """The thresholds by signal, whatever else is wrong; None for one that is not right itself."""
    return {
        name: None if report.blames((*path, "thresholds", name)) else msgspec.convert(one, Threshold, dec_hook=decode)
        for name, one in (written.items() if isinstance(written, dict) else ())
    }


def _limits(cls: type[Probe], written: Mapping[str, Threshold | None], path: Path, report: Report) -> tuple[Limit, ...]:
    known = signals(cls)
    for name in written:
        if name not in known:
            message = f"unknown signal{suggestion(name, known)} (signals: {', '.join(known)})"
            report.add((*path, "thresholds", name), message)
    limits: list[Limit] = []
    for name, signal in known.items():
        at = (*path, "thresholds", name)
        threshold = written.get(name, Threshold())
        if threshold is None:
            continue
        values = {severity: _value(signal, severity, threshold, at, report) for severity in SEVERITIES}
        warning, critical = values["warning"], values["critical"]
        if warning is not None and critical is not None and not report.blames(at):
            wrong = warning > critical if signal.direction == "above" else warning < critical
            if wrong:
                side = "above" if signal.direction == "above" else "below"
                report.add(at, f"warning is {side} critical: it would never be seen{_default(signal, threshold)}")
        limits += [Limit(signal, severity, value) for severity, value in values.items() if value is not None]
    return tuple(limits)


def _default(signal: Signal, threshold: Threshold) -> str:
    for severity in SEVERITIES:
        if getattr(threshold, severity) is None:
            unit = {"seconds": " s", "bytes": " bytes"}.get(signal.unit, "")
            return f" ({severity} is by default {getattr(signal, severity):g}{unit}; off takes it away)"
    return ""


def _value(signal: Signal, severity: Severity, threshold: Threshold, path: Path, report: Report) -> float | None:
    """A threshold in the signal's unit; None when there is none."""
    written: str | float | None = getattr(threshold, severity)
    if written is None:
        default: float | None = getattr(signal, severity)
        return default
    if written == "off":
        return None
    try:
        return _parsed(signal, written)
    except ValueError as error:
        report.add((*path, severity), str(error))
        return None


def _parsed(signal: Signal, written: str | float) -> float:
    if isinstance(written, str) and signal.unit in ("number", "ratio"):
        # A number that came from ${…} is still text here, because a threshold may be either.
        plain = scalar(written)
        written = plain if isinstance(plain, int | float) and not isinstance(plain, bool) else written
    if signal.unit == "ratio":
        return ratio(written)
    if signal.unit == "number":
        if isinstance(written, str):
            raise ValueError("expected a number")
        return float(written)
    # A bare number of seconds or bytes would be read as either milliseconds or seconds by half of its readers.
    text = written if isinstance(written, str) else ""
    return duration(text) if signal.unit == "seconds" else float(size(text))
