"""Counters, histograms and gauges of our own: plain numbers that add up, capped, remembering which of them changed."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Protocol

from exporter.bounds import OVERFLOW, Bounds
from exporter.family import Child, Exemplar, Family, Labels
from exporter.metric import Metric, counter, label_value

__all__ = [
    "OVERFLOW",
    "SERIES_OF_A_COMPONENT",
    "SERIES_OVERFLOW",
    "Child",
    "Exemplar",
    "Family",
    "Labels",
    "Tallies",
]

SERIES_OF_A_COMPONENT = 1_000
"""Series that one component may have in one family; what a server answers must not fill Prometheus."""

SERIES_OVERFLOW = counter(
    "stack_exporter_series_overflow_total", "Updates that went to the overflow series of a full family.", "family"
)


class Following(Protocol):
    """Who is told of series whose first label is a service."""

    def came(self, service: str) -> None: ...
    def swept(self) -> None: ...


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
        self._kept: list[Child] = []
        self._following: Following | None = None
        self._swept = 0.0

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
            child.gone = True
            del child.family.children[child.labels]

    def forget(self, metric: Metric, *labels: str) -> None:
        """Forget a child that belongs to no component."""
        family = self.families.get(metric)
        if family is not None and (child := family.children.get(tuple(map(label_value, labels)))) is not None:
            _end(child)

    def bound(self, metrics: Iterable[Metric], cap: int, ttl: float) -> None:
        """Hold families to `cap` children, each label to its values, and end what nobody updates for `ttl` seconds."""
        for metric in metrics:
            family = self.families.setdefault(metric, Family(metric))
            if family.bounds is None:
                family.bounds = Bounds(cap, ttl)
                for labels in family.children:
                    family.bounds.note(labels, 1)
            family.bounds.cap, family.bounds.ttl = cap, ttl

    def keep(self, children: Iterable[Child]) -> None:
        """These do not end though nobody updates them, and those of the last call may again."""
        for child in self._kept:
            child.touched = self._swept
        self._kept = list(children)
        for child in self._kept:
            child.touched = inf

    def sweep(self, now: float) -> int:
        """End the series that were not updated for their time to live; how many. Called once in a while.

        Updating costs nothing for it: what has changed is known by what waits to be rendered.
        """
        ended = 0
        self._swept = now
        for family in self.families.values():
            if (bounds := family.bounds) is None:
                continue
            changed, family.changed = family.changed, []
            for child in changed:
                child.dirty = False
                if not child.gone:
                    child.touched = max(child.touched, now)
                    family.unshown[child] = None
            for child in family.children.values():
                child.touched = child.touched or now  # made before the first sweep
            for child in [each for each in family.children.values() if each.touched + bounds.ttl <= now]:
                _end(child)
                ended += 1
        if self._following is not None:
            self._following.swept()
        return ended

    def follow(self, following: Following) -> None:
        """Tell it from now on, and at once that it may look at what there is."""
        self._following = following
        following.swept()

    def services(self, *, but: Metric) -> set[str]:
        """Those that there are series of in any family `but` that."""
        families = (family for metric, family in self.families.items() if family.of_service and metric is not but)
        found: set[str] = set()
        for family in families:
            # Bounded families may have 10,000 children each, and know their services.
            found |= {*family.bounds.services()} if family.bounds else {labels[0] for labels in family.children}
        return found

    def changes(self) -> Iterator[Child]:
        """The children updated since the last call, new ones among them."""
        for family in tuple(self.families.values()):
            changed, family.changed = family.changed, []
            if family.bounds is not None:
                changed = self._told(family, changed)
            for child in changed:
                if family.children.get(child.labels) is child:
                    child.dirty = False
                    yield child

    def _told(self, family: Family, changed: list[Child]) -> list[Child]:
        """What has changed since it was told, each once."""
        for child in changed:
            child.touched = max(child.touched, self._swept)
        if family.unshown:
            changed = list(family.unshown | dict.fromkeys(changed))
            family.unshown = {}
        return changed

    def _new(self, family: Family, raw: Labels) -> Child:
        metric = family.metric
        if len(raw) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {raw}")
        labels = tuple(map(label_value, raw))
        if (found := family.children.get(labels)) is not None:
            return found
        if (bounds := family.bounds) is not None:
            fitted = bounds.fit(labels)
            if fitted != labels:
                if OVERFLOW in fitted:
                    self.child(SERIES_OVERFLOW, metric.name).add()
                labels = fitted
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
        if bounds is not None:
            made.touched = self._swept
            bounds.note(labels, 1)
        if family.owned:
            self._of_components.setdefault(labels[0], []).append(made)
        made._touch()  # noqa: SLF001 - a series is exposed from its birth, at 0
        if family.of_service and self._following is not None:
            self._following.came(labels[0])
        return made

    def _full(self, family: Family, labels: Labels) -> bool:
        if not family.owned:
            return len(family.children) >= (family.bounds.cap if family.bounds else self.cap)
        if len(family.children) < self.share:
            return False
        return sum(child.family is family for child in self.of(labels[0])) >= self.share


def _end(child: Child) -> None:
    """It is a series no more."""
    child.gone = True
    family = child.family
    del family.children[child.labels]
    if family.bounds is not None:
        family.bounds.note(child.labels, -1)
        family.unshown.pop(child, None)
