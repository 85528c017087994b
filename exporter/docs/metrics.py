"""Every metric, threshold and reason, as a page and for a terminal."""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from exporter import catalogue
from exporter.config.resolve import signals
from exporter.docs.table import HEAD, first_line, plain, table
from exporter.metric import Metric
from exporter.probe import COMMON_REASONS, Signal
from exporter.thresholds import SIGNALS, AlertSignal
from exporter.values import Duration, Ratio, Size

WIDTH = 100
"""Columns of the list in a terminal."""
_COMPARED = {"last": "the newest value", "p95": "p95 over 5 m", "rate": "rate over 5 m"}
_SIDES = {"above": "at least", "below": "at most"}
_GENERAL = ""
SIGNAL = ("signal", "metric", "compared", "warning", "critical", "help")


def page() -> Iterator[str]:
    """docs/metrics.md."""
    yield f"# Metrics\n\n{HEAD}"
    of = _by_kind()
    yield "## Of every component, and of the daemon itself\n"
    yield _rows(sorted(of[_GENERAL], key=lambda metric: metric.name))
    yield "Signals of alerts on what belongs to no component, and their default thresholds:\n"
    yield table(SIGNAL, map(_signal, SIGNALS))
    yield "Reasons that every kind can have:\n"
    yield _words(COMMON_REASONS)
    for kind in catalogue.kinds():
        cls = catalogue.load(kind)
        yield f"## {kind}\n"
        yield f"{first_line(cls)}\n"
        yield _rows(of.get(kind, []))
        yield "Signals and their default thresholds:\n"
        yield table(SIGNAL, map(_signal, signals(cls).values()))
        if cls.reasons:
            yield "Reasons:\n"
            yield _words(cls.reasons)


def show(output: str, kinds: Sequence[str] = ()) -> None:
    """Print the catalogue, or that of some kinds, as a list (table), markdown or json."""
    of = _by_kind()
    if output == "markdown":
        sys.stdout.write("\n".join(page()))
    elif output == "json":
        modules = dict(catalogue.metrics())
        wanted = [metric for kind in kinds for metric in of.get(kind, [])] if kinds else list(modules)
        rows = [{**asdict(metric), "unit": metric.unit, "module": modules[metric]} for metric in wanted]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        for kind in kinds or (_GENERAL, *catalogue.kinds()):
            sys.stdout.write("\n".join(_list(kind, of.get(kind, []))) + "\n\n")


def _by_kind() -> dict[str, list[Metric]]:
    """By its name, as a kind of several files declares some in its helpers; those of no kind by ''."""
    of: dict[str, list[Metric]] = {_GENERAL: []}
    kinds = catalogue.kinds()
    for metric, module in catalogue.metrics():
        of_probes = module.startswith("exporter.probes.")
        kind = next((k for k in kinds if of_probes and metric.name.startswith(f"stack_{k}_")), _GENERAL)
        of.setdefault(kind, []).append(metric)
    return of


def _list(kind: str, metrics: Sequence[Metric]) -> Iterator[str]:
    """For a terminal: what is one line stays one line, and nothing is wider than WIDTH but a metric's own line."""
    yield (kind or "every component, and the daemon itself").upper()
    for metric in metrics:
        labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
        yield "  ".join(filter(None, (metric.name, metric.type, metric.unit, labels)))
        yield from _indented(metric.help)
    yield "thresholds"
    for name, of, compared, warning, critical, says in map(_signal, _signals(kind)):
        bounds = ", ".join(f"{word} {at}" for word, at in (("warning", warning), ("critical", critical)) if at)
        yield from _indented(f"{name} ({of}, {compared}): {bounds or 'none by default'}. {says}".replace("`", ""))
    yield "reasons"
    for word, says in (catalogue.load(kind).reasons if kind else COMMON_REASONS).items():
        yield from _indented(f"{word}: {says}")


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False)


def _rows(metrics: Sequence[Metric]) -> str:
    rows = ((f"`{m.name}`", m.type, ", ".join(f"`{label}`" for label in m.labels), m.unit, m.help) for m in metrics)
    return table(("name", "type", "labels", "unit", "help"), rows)


def _words(reasons: Mapping[str, str]) -> str:
    return table(("reason", "meaning"), ((f"`{word}`", text) for word, text in reasons.items()))


def _signals(kind: str) -> Iterable[Signal | AlertSignal]:
    return signals(catalogue.load(kind)).values() if kind else SIGNALS


def _signal(signal: Signal | AlertSignal) -> tuple[str, ...]:
    unit: Any = {"seconds": Duration, "bytes": Size, "ratio": Ratio}.get(signal.unit, float)
    bounds = ("" if value is None else str(plain(unit, value)) for value in (signal.warning, signal.critical))
    if isinstance(signal, AlertSignal):
        metric, compared = signal.metric, signal.compared
    else:
        metric, compared = signal.metric.name, f"{_COMPARED[signal.statistic]}, {_SIDES[signal.direction]}"
    return (f"`{signal.name}`", f"`{metric}`", compared, *bounds, signal.help)
