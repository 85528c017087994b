"""Thresholds as they are written, of a component's signals and of alerts, as numbers in the signals' units."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from exporter.component import Severity
from exporter.config.document import scalar
from exporter.config.problem import Path, Report
from exporter.nearest import suggestion
from exporter.probe import Threshold, Unit
from exporter.thresholds import SEVERITIES, AlertSignal
from exporter.values import decode, duration, ratio, size


class Measure(Protocol):
    """What thresholds are about: probe.Signal, or thresholds.AlertSignal."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> Unit: ...
    @property
    def direction(self) -> str: ...
    @property
    def warning(self) -> float | None: ...
    @property
    def critical(self) -> float | None: ...


M = TypeVar("M", bound=Measure)


def read(written: Any, known: Mapping[str, M], path: Path, report: Report) -> list[tuple[M, Severity, float]]:
    """What stands under `thresholds` at `path`, and the defaults of the rest; what is wrong goes to `report`.

    `path` is blamed already for what is no Threshold; of that there is nothing.
    """
    given = {
        name: None if report.blames((*path, name)) else msgspec.convert(one, Threshold, dec_hook=decode)
        for name, one in (written.items() if isinstance(written, dict) else ())
    }
    for name in given:
        if name not in known:
            hint = suggestion(name, known) or ("; a component's own stand in its thresholds" if len(path) == 1 else "")
            message = f"unknown signal{hint} (signals: {', '.join(known)})"
            report.add((*path, name), message)
    found: list[tuple[M, Severity, float]] = []
    for name, signal in known.items():
        at = (*path, name)
        threshold = given.get(name, Threshold())
        if threshold is None:
            continue
        values = {severity: _value(signal, severity, threshold, at, report) for severity in SEVERITIES}
        warning, critical = values["warning"], values["critical"]
        if warning is not None and critical is not None and not report.blames(at):
            wrong = warning > critical if signal.direction == "above" else warning < critical
            if wrong:
                side = "above" if signal.direction == "above" else "below"
                report.add(at, f"warning is {side} critical: it would never be seen{_default(signal, threshold)}")
        found += [(signal, severity, value) for severity, value in values.items() if value is not None]
    return found


def _default(signal: Measure, threshold: Threshold) -> str:
    for severity in SEVERITIES:
        if getattr(threshold, severity) is None:
            unit = {"seconds": " s", "bytes": " bytes"}.get(signal.unit, "")
            return f" ({severity} is by default {getattr(signal, severity):g}{unit}; off takes it away)"
    return ""


def _value(signal: Measure, severity: Severity, threshold: Threshold, path: Path, report: Report) -> float | None:
    """A threshold in the signal's unit; None when there is none."""
    written: str | float | None = getattr(threshold, severity)
    if written is None:
        default: float | None = getattr(signal, severity)
        return default
    if written == "off":
        return None
    try:
        value = _parsed(signal.unit, written)
    except ValueError as error:
        report.add((*path, severity), str(error))
        return None
    # Each of these is a share. A component's may be beyond 100 %: a load for each core, fragmented memory.
    if value > 1 and signal.unit == "ratio" and isinstance(signal, AlertSignal):
        report.add((*path, severity), f"expected at most 100%, such as 5% or 0.05; this is {value * 100:g}%")
        return None
    return value


def _parsed(unit: Unit, written: str | float) -> float:
    if isinstance(written, str) and unit in ("number", "ratio"):
        # A number that came from ${…} is still text here, because a threshold may be either.
        plain = scalar(written)
        written = plain if isinstance(plain, int | float) and not isinstance(plain, bool) else written
    if unit == "ratio":
        return ratio(written)
    if unit == "number":
        if isinstance(written, str):
            raise ValueError("expected a number")
        return float(written)
    # A bare number of seconds or bytes would be read as either milliseconds or seconds by half of its readers.
    text = written if isinstance(written, str) else ""
    return duration(text) if unit == "seconds" else float(size(text))
