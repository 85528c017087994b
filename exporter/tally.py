"""Counters, histograms and gauges of our own: plain numbers that add up, capped, remembering which of them changed."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from exporter.metric import Metric, counter, label_value

OVERFLOW = "__overflow__"
"""The label value that takes what a family has no room for (OpenTelemetry calls its own otel.metric.overflow)."""

SERIES_OF_A_COMPONENT = 1_000
"""Series that one component may have in one family; what a server answers must not fill Prometheus."""

SERIES_OVERFLOW = counter(
    "stack_exporter_series_overflow_total", "Updates that went to the overflow series of a full family.", "family"
)

Labels = tuple[str, ...]
Exemplar = tuple[str, float, float]
"""Trace id, the value observed, and when, in Unix seconds."""


@dataclass(slots=True, eq=False)
class Child:
    """One series, or a histogram's group of them, held by whoever updates it."""

    family: "Family"
    labels: Labels
    value: float = 0.0
    """Of a counter or gauge; of a histogram the sum of what was observed."""
    cells: list[int] | None = None
    """A histogram's count in each bucket, +Inf last, not added up."""
    exemplars: list[Exemplar | None] | None = None
    dirty: bool = False
    rendered: bytes = b""
    """Its lines, as exposition wrote them last; with exemplars in the second, where there are any."""
    exemplified: bytes = b""

    def add(self, amount: float = 1.0) -> None:
        self.value += amount
        if not self.dirty:
            self._touch()

    def set(self, value: float) -> None:
        self.value = value
        if not self.dirty:
            self._touch()

    def observe(self, value: float) -> None:
        """Of a histogram alone; `value` is a number, not NaN."""
        self.cells[bisect_left(self.family.metric.buckets, value)] += 1  # type: ignore[index]
        self.value += value
        if not self.dirty:
            self._touch()

    def exemplify(self, trace_id: str, value: float, at: float) -> None:
        """Remember a trace for the bucket that `value` falls into."""
        buckets = self.family.metric.buckets
        if self.exemplars is None:
            self.exemplars = [None] * (len(buckets) + 1)
        self.exemplars[bisect_left(buckets, value)] = (trace_id, value, at)
        if not self.dirty:
            self._touch()

    def _touch(self) -> None:
        self.dirty = True
        self.family.changed.append(self)


class Family:
    """The children of one metric."""

    __slots__ = ("changed", "children", "metric", "owned")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.children: dict[Labels, Child] = {}
        self.changed: list[Child] = []
        self.owned = metric.labels[:1] == ("component",)
        """Whether each child belongs to a component, the first of its labels."""


class Tallies:
    """Every family of our own counting.

    Beyond `cap` children of a family, or `share` of one component in it, new ones share an overflow child: how many
    components there are is the configuration's choice, how many series one of them makes is not.
    """

    def __init__(self, cap: int = 10_000, share: int = SERIES_OF_A_COMPONENT) -> None:
        self.cap = cap
        self.share = share
        self.families: dict[Metric, Family] = {}
        self._of_components: dict[str, list[Child]] = {}

    def child(self, metric: Metric, *labels: str) -> Child:
        """The child with these labels, made at 0 when it is new; hold it where it is updated often."""
        family = self.families.get(metric)
        if family is None:
            family = self.families[metric] = Family(metric)
        return family.children.get(labels) or self._new(family, labels)

    def of(self, component: str) -> Sequence[Child]:
        """The children that belong to a component."""
        return self._of_components.get(component, ())

    def drop(self, component: str) -> None:
        """Forget every child that belongs to a component. Whoever still holds one updates what nobody reads."""
        for child in self._of_components.pop(component, ()):
            del child.family.children[child.labels]

    def forget(self, metric: Metric, *labels: str) -> None:
        """Forget a child that belongs to no component."""
        if (family := self.families.get(metric)) is not None:
            family.children.pop(tuple(map(label_value, labels)), None)

    def changes(self) -> Iterator[Child]:
        """The children updated since the last call, new ones among them."""
        for family in tuple(self.families.values()):
            changed, family.changed = family.changed, []
            for child in changed:
                if family.children.get(child.labels) is child:
                    child.dirty = False
                    yield child

    def _new(self, family: Family, raw: Labels) -> Child:
        metric = family.metric
        if len(raw) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {raw}")
        labels = tuple(map(label_value, raw))
        if (found := family.children.get(labels)) is not None:
            return found
        if self._full(family, labels):
            if metric is not SERIES_OVERFLOW:
                self.child(SERIES_OVERFLOW, metric.name).add()
            kept = labels[: family.owned]  # a component's name is from the configuration
            labels = (*kept, *[OVERFLOW] * (len(labels) - len(kept)))
            if (found := family.children.get(labels)) is not None:
                return found
        made = family.children[labels] = Child(family, labels)
        if metric.type == "histogram":
            made.cells = [0] * (len(metric.buckets) + 1)
        if family.owned:
            self._of_components.setdefault(labels[0], []).append(made)
        made._touch()  # noqa: SLF001 - a series is exposed from its birth, at 0
        return made

    def _full(self, family: Family, labels: Labels) -> bool:
        if not family.owned:
            return len(family.children) >= self.cap
        if len(family.children) < self.share:
            return False
        return sum(child.family is family for child in self.of(labels[0])) >= self.share


class Counting:
    """A component's Sink: adds its name to the labels. Raises ValueError for what would spoil a series for good."""

    __slots__ = ("_component", "_open", "_tallies")

    def __init__(self, tallies: Tallies, component: str) -> None:
        self._tallies = tallies
        self._component = component
        self._open = True

    def count(self, metric: Metric, amount: float, labels: Labels) -> None:
        if metric.type != "counter" or not (isfinite(amount) and amount >= 0):
            raise ValueError(f"{metric.name}, a {metric.type}, does not count {amount}")
        if self._open:
            self._tallies.child(metric, self._component, *labels).add(amount)

    def observe(self, metric: Metric, value: float, labels: Labels) -> None:
        if metric.type != "histogram" or not isfinite(value):
            raise ValueError(f"{metric.name}, a {metric.type}, does not observe {value}")
        if self._open:
            self._tallies.child(metric, self._component, *labels).observe(value)

    def close(self) -> None:
        """Its component is removed: what a run that goes on counts from now on is nobody's."""
        self._open = False
