"""Counters, histograms and gauges of our own: plain lists that add up, capped, remembering which of them changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from bisect import bisect_left

from exporter.metric import Metric, counter

OVERFLOW = "__overflow__"
"""The label value that takes what a family has no room for (OpenTelemetry calls its own otel.metric.overflow)."""

SERIES_OVERFLOW = counter(
    "stack_exporter_series_overflow_total", "Updates that went to the overflow series of a full family.", "family"
)

Labels = tuple[str, ...]
Exemplar = tuple[str, float, float]
"""Trace id, the value observed, and when, in Unix seconds."""


@dataclass(slots=True, eq=False)
class Child:
    """One series, or a histogram's group of them. `cells`: [value], or the count of each bucket, +Inf last, not added up."""

    family: "Family"
    labels: Labels
    cells: list[float]
    sum: float = 0.0
    exemplars: list[Exemplar | None] | None = None
    dirty: bool = False

    def add(self, amount: float = 1.0) -> None:
        self.cells[0] += amount
        self._touch()

    def set(self, value: float) -> None:
        self.cells[0] = value
        self._touch()

    def observe(self, value: float) -> None:
        self.cells[bisect_left(self.family.metric.buckets, value)] += 1
        self.sum += value
        self._touch()

    def exemplify(self, trace_id: str, value: float, at: float) -> None:
        """Remember a trace for the bucket that `value` falls into."""
        if self.exemplars is None:
            self.exemplars = [None] * len(self.cells)
        self.exemplars[bisect_left(self.family.metric.buckets, value)] = (trace_id, value, at)
        self._touch()

    def _touch(self) -> None:
        if not self.dirty:
            self.dirty = True
            self.family.changed.append(self)


class Family:
    """The children of one metric, each held by whoever updates it."""

    __slots__ = ("changed", "children", "metric")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.children: dict[Labels, Child] = {}
        self.changed: list[Child] = []


class Tallies:
    """Every family of our own counting. `cap`: children a family may have before new ones share the overflow child."""

    def __init__(self, cap: int = 10_000) -> None:
        self.cap = cap
        self.families: dict[Metric, Family] = {}
        self._dropped: list[Child] = []

    def child(self, metric: Metric, *labels: str) -> Child:
        """The child with these labels, made at 0 when it is new; hold it where it is updated often."""
        family = self.families.get(metric)
        if family is None:
            family = self.families[metric] = Family(metric)
        found = family.children.get(labels)
        if found is not None:
            return found
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {len(labels)} of them")
        if len(family.children) >= self.cap:
            if metric is not SERIES_OVERFLOW:
                self.child(SERIES_OVERFLOW, metric.name).add()
            labels = tuple(OVERFLOW if i or name != "component" else labels[0] for i, name in enumerate(metric.labels))
            if (found := family.children.get(labels)) is not None:
                return found
        made = family.children[labels] = Child(family, labels, [0] * (len(metric.buckets) + 1))
        made._touch()  # noqa: SLF001 - a series is exposed from its birth, at 0
        return made

    def drop(self, component: str) -> None:
        """Forget every child that belongs to a component."""
        for family in self.families.values():
            if family.metric.labels[:1] == ("component",):
                for labels in [labels for labels in family.children if labels[0] == component]:
                    child = family.children.pop(labels)
                    child.dirty = True  # its holder may still update it: that must not bring it back
                    self._dropped.append(child)

    def changes(self) -> Iterator[Child]:
        """The children updated since the last call."""
        for family in self.families.values():
            if family.changed:
                changed, family.changed = family.changed, []
                for child in changed:
                    if family.children.get(child.labels) is child:
                        child.dirty = False
                        yield child

    def dropped(self) -> list[Child]:
        """The children dropped since the last call."""
        gone, self._dropped = self._dropped, []
        return gone


class Counting:
    """A component's Sink: adds its name to the labels."""

    __slots__ = ("_component", "_tallies")

    def __init__(self, tallies: Tallies, component: str) -> None:
        self._tallies = tallies
        self._component = component

    def count(self, metric: Metric, amount: float, labels: Labels) -> None:
        self._tallies.child(metric, self._component, *labels).add(amount)

    def observe(self, metric: Metric, value: float, labels: Labels) -> None:
        self._tallies.child(metric, self._component, *labels).observe(value)
