"""State -> Prometheus text and OpenMetrics 1.0: rendered when written, joined when read.

A chunk of bytes for each family and owner, because both formats want a family's samples together: a scrape is, for each family,
its header and the join of its chunks. Sample lines are the same in both formats; only headers, exemplars and the end differ.
"""

import logging
from collections.abc import Collection, Sequence
from math import isfinite, isinf
from itertools import accumulate

from exporter.metric import Metric, counter
from exporter.state import State, values
from exporter.tally import Child, Labels

log = logging.getLogger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

UNRENDERED = counter(
    "stack_exporter_unrendered_families_total", "Families left out because they could not be rendered.", "family"
)
SERIES_DROPPED = counter(
    "stack_exporter_series_dropped_total", "Readings left out because a component has too many in one family.", "family"
)
SERIES_OF_A_FAMILY = 1_000
"""Series that one component may have in one family; what a server answers must not fill Prometheus."""

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
Key = tuple[str, ...]
"""Owner first: a component's name, or ''."""


class Layout:
    """How a component's readings lie in its chunks; kept while the same series come again."""

    __slots__ = ("keys", "parts")

    def __init__(self, owner: str, keys: tuple[tuple[Metric, Labels], ...]) -> None:
        self.keys = keys
        order: dict[Metric, list[int]] = {}
        for index, (metric, _) in enumerate(keys):
            order.setdefault(metric, []).append(index)
        self.parts: list[tuple[Metric, str, list[int]]] = []
        for metric, found in order.items():
            indexes = found[:SERIES_OF_A_FAMILY]
            lines = [sample(metric.name, metric.labels, (owner, *keys[i][1])) + " %s\n" for i in indexes]
            self.parts.append((metric, "".join(lines), indexes))


class Page:
    """The rendered samples of a State."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._chunks: dict[Metric, dict[Key, bytes]] = {}
        self._exemplified: dict[Metric, dict[Key, bytes]] = {}
        self._layouts: dict[str, Layout] = {}
        self._templates: dict[Child, tuple[str, str]] = {}
        self._order: list[Metric] = []

    def write(self, name: str) -> None:
        """Render a component's latest readings."""
        found = values(self._state.records[name])
        keys = tuple(found)
        layout = self._layouts.get(name)
        if layout is None or layout.keys != keys:
            self._erase(name)
            layout = self._layouts[name] = Layout(name, keys)
            for metric, _, indexes in layout.parts:
                if (lost := sum(1 for other, _ in keys if other is metric) - len(indexes)) > 0:
                    self._state.tallies.child(SERIES_DROPPED, metric.name).add(lost)
        numbers: Sequence[float | str] = list(map(float, found.values()))
        if not isfinite(sum(numbers)):  # type: ignore[arg-type] # floats up to here
            numbers = [number(value) for value in numbers]  # type: ignore[arg-type]
        for metric, template, indexes in layout.parts:
            try:
                rendered = (template % tuple(numbers[i] for i in indexes)).encode()
            except Exception:  # one family that can't be rendered blinds no other
                self._leave_out(metric, (name,))
            else:
                self._put(metric, (name,), rendered)

    def drop(self, name: str) -> None:
        """Take a component's series away."""
        self._erase(name)
        self._layouts.pop(name, None)
        self._settle()

    def families(self, components: Collection[str] | None = None, *, openmetrics: bool = False) -> bytes:
        """Every family's header and samples, or those of some components alone. Without the end mark."""
        self._settle()
        parts: list[bytes] = []
        for metric in self._order:
            chunks = self._chunks[metric]
            if openmetrics and metric in self._exemplified:
                chunks = chunks | self._exemplified[metric]
            wanted = chunks.values() if components is None else [c for key, c in chunks.items() if key[0] in components]
            if wanted:
                parts.append(header(metric, openmetrics=openmetrics))
                parts.extend(wanted)
        return b"".join(parts)

    def series(self) -> int:
        """How many samples there are."""
        return sum(chunk.count(b"\n") for chunks in self._chunks.values() for chunk in chunks.values())

    def _settle(self) -> None:
        """Render what was counted since the last time."""
        tallies = self._state.tallies
        for child in tallies.dropped():
            self._templates.pop(child, None)
            key = _key(child)
            self._chunks.get(child.family.metric, {}).pop(key, None)
            self._exemplified.get(child.family.metric, {}).pop(key, None)
        for child in tallies.changes():
            metric, key = child.family.metric, _key(child)
            try:
                template = self._templates.get(child)
                if template is None:
                    template = self._templates[child] = _templates(child)
                self._put(metric, key, _filled(template[0], child))
                if child.exemplars is not None:
                    self._exemplified.setdefault(metric, {})[key] = _filled(template[1], child, exemplars=True)
            except Exception:
                self._leave_out(metric, key)

    def _put(self, metric: Metric, key: Key, rendered: bytes) -> None:
        chunks = self._chunks.get(metric)
        if chunks is None:
            chunks = self._chunks[metric] = {}
            self._order = sorted(self._chunks, key=lambda metric: metric.name)
        chunks[key] = rendered

    def _erase(self, name: str) -> None:
        if layout := self._layouts.get(name):
            for metric, _, _ in layout.parts:
                self._chunks.get(metric, {}).pop((name,), None)

    def _leave_out(self, metric: Metric, key: Key) -> None:
        self._chunks.get(metric, {}).pop(key, None)
        self._exemplified.get(metric, {}).pop(key, None)
        if metric is not UNRENDERED:
            unrendered = self._state.tallies.child(UNRENDERED, metric.name)
            if not unrendered.cells[0]:
                log.exception("a family can't be rendered", extra={"family": metric.name})
            unrendered.add()


def header(metric: Metric, *, openmetrics: bool) -> bytes:
    """HELP, TYPE and, in OpenMetrics, UNIT. There a family is named without _total and _info."""
    name, type_, unit = metric.name, metric.type, ""
    if openmetrics:
        name = (
            name.removesuffix("_total")
            if type_ == "counter"
            else name.removesuffix("_info")
            if type_ == "info"
            else name
        )
        unit = f"# UNIT {name} {metric.unit}\n" if metric.unit else ""
        text = metric.help.translate(_ESCAPES)
    else:
        type_ = "gauge" if type_ == "info" else type_
        text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {type_}\n{unit}".encode()


def sample(name: str, labels: Sequence[str], texts: Sequence[str]) -> str:
    """`name{label="text",…}`, made safe for the formats and for a % template. Raises ValueError on a wrong number of labels."""
    pairs = ",".join(f'{label}="{clean(text)}"' for label, text in zip(labels, texts, strict=True))
    return f"{name}{{{pairs}}}" if pairs else name


def clean(text: str) -> str:
    """Escaped as both formats want it. A lone surrogate, which no encoder takes, becomes a question mark."""
    return text.encode("utf-8", "replace").decode().translate(_ESCAPES).replace("%", "%%")


def number(value: float) -> str:
    """As both formats spell it."""
    if isfinite(value):
        return repr(value)
    return ("+Inf" if value > 0 else "-Inf") if isinf(value) else "NaN"


def _key(child: Child) -> Key:
    return child.labels if child.family.metric.labels[:1] == ("component",) else ("", *child.labels)


def _templates(child: Child) -> tuple[str, str]:
    """The child's lines without and with room for exemplars."""
    metric, labels = child.family.metric, child.labels
    if metric.type != "histogram":
        line = sample(metric.name, metric.labels, labels) + " %s\n"
        return line, line
    names = (*metric.labels, "le")
    buckets = [
        sample(f"{metric.name}_bucket", names, (*labels, number(float(b)))) for b in (*metric.buckets, float("inf"))
    ]
    rest = "".join(sample(f"{metric.name}_{part}", metric.labels, labels) + " %s\n" for part in ("sum", "count"))
    return " %s\n".join(buckets) + " %s\n" + rest, " %s%s\n".join(buckets) + " %s%s\n" + rest


def _filled(template: str, child: Child, *, exemplars: bool = False) -> bytes:
    if child.family.metric.type != "histogram":
        return (template % number(float(child.cells[0]))).encode()
    counts = list(accumulate(child.cells))
    total = number(float(child.sum))
    if not exemplars or child.exemplars is None:
        return (template % (*counts, total, counts[-1])).encode()
    cells = [part for count, seen in zip(counts, child.exemplars, strict=True) for part in (count, _exemplar(seen))]
    return (template % (*cells, total, counts[-1])).encode()


def _exemplar(seen: tuple[str, float, float] | None) -> str:
    return f' # {{trace_id="{seen[0]}"}} {seen[1]!r} {seen[2]:.3f}' if seen else ""
