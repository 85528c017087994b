"""Components with everything decided: their kind's class, times and thresholds, from YAML's values and the defaults."""

import dataclasses
import importlib.util
import re
from collections.abc import Iterable, Mapping
from typing import Any

from exporter import catalogue
from exporter.component import Component, Limit
from exporter.config import thresholds
from exporter.config.fit import fit
from exporter.config.problem import Path, Report
from exporter.config.sections import Defaults, times
from exporter.metric import Metric
from exporter.probe import LATENCY, Probe, Signal
from exporter.values import duration

NAME = re.compile(r"[a-z0-9_-]{1,63}")
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
    limits = thresholds.read(fields.get("thresholds"), signals(cls), (*path, "thresholds"), report)
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
        limits=tuple(Limit(*one) for one in limits),
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
