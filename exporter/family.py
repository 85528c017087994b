"""A family of our own series: its children, and which of them changed."""

from bisect import bisect_left
from dataclasses import dataclass

from exporter.bounds import Bounds
from exporter.metric import Metric

_NEARLY = 1e-9
"""Ten tenths are a little less than one."""

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
    carried: list[float] | None = None
    """Of a histogram whose observations have a weight: the parts of one that its cells do not hold yet."""
    dirty: bool = False
    gone: bool = False
    """It is no series any more: whoever holds it looks for its successor."""
    touched: float = 0.0
    """When it was last seen to have changed, where series end; infinite for one that stays."""
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

    def observe_many(self, value: float, weight: float) -> None:
        """Observe it as often as `weight` says, a positive number. Cells stay whole: what is left waits in its cell."""
        cell = bisect_left(self.family.metric.buckets, value)
        if self.carried is None:
            self.carried = [0.0] * (len(self.family.metric.buckets) + 1)
        due = self.carried[cell] + weight
        whole = int(due + _NEARLY)
        self.carried[cell] = due - whole
        self.cells[cell] += whole  # type: ignore[index]
        self.value += value * weight
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

    __slots__ = ("bounds", "changed", "children", "metric", "of_service", "owned", "unshown")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.children: dict[Labels, Child] = {}
        self.changed: list[Child] = []
        self.owned = metric.labels[:1] == ("component",)
        """Whether each child belongs to a component, the first of its labels."""
        self.of_service = metric.labels[:1] == ("service",)
        self.bounds: Bounds | None = None
        """Of a family whose labels are what senders say."""
        self.unshown: dict[Child, None] = {}
        """Those that a sweep has seen to be changed, until `changes` tells of them."""
