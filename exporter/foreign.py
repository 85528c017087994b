"""Families that applications send and /metrics shows beside ours: capped, forgotten when nobody updates them.

Rendered when they are read after a change, joined when nothing changed. A family's name, and what its samples are
called, belong to whoever came first, so that no family stands on the page twice, nor a sample in two.
"""

from collections.abc import Iterable
from math import inf
from typing import Protocol

from exporter.foreign_lines import Kind, Value, claimed, headers, lines
from exporter.metric import gauge
from exporter.tally import Tallies

OURS = "stack_"
PROMETHEUS = ("up", "ALERTS", "ALERTS_FOR_STATE")
"""What Prometheus itself writes beside what it scrapes; and all that begins with `scrape_`."""
TARGET: tuple[str, Kind] = ("target_info", "info")
"""What is known of the senders; no application has a family of this name, or of kind info."""
BYTES_OF_A_SERIES = 4_096
"""Held for each series that one family may have, over all families: 40 MB at 10,000."""

SERIES = gauge("stack_exporter_otlp_series", "Series in /metrics that applications sent over OTLP.")


class Clash(Exception):  # noqa: N818 - says the fact
    """The name is not for this family. `reserved`: it is ours or Prometheus's."""

    def __init__(self, reason: str, *, reserved: bool = False) -> None:
        super().__init__(reason)
        self.reserved = reserved


class Source(Protocol):
    """Where a series has its value from."""

    def value(self, now: float) -> Value: ...


class Series:
    """One set of labels in a family."""

    __slots__ = ("cost", "dirty", "exemplars", "exemplified", "family", "pairs", "seen", "source", "text")

    def __init__(self, family: "Family", pairs: str, source: Source, cost: int) -> None:
        self.family = family
        self.pairs = pairs
        self.source = source
        self.cost = cost
        self.seen = -inf
        self.dirty = True
        self.text = self.exemplified = b""
        self.exemplars: dict[int, str] = {}
        """By the index of the line that they stand behind."""


class Family:
    """The series of one name; help and unit are the first sender's."""

    __slots__ = ("headers", "kind", "name", "series")

    def __init__(self, name: str, kind: Kind, text: str, unit: str) -> None:
        self.name = name
        self.kind = kind
        self.headers = headers(name, kind, text, unit)
        self.series: dict[str, Series] = {}


class Foreign:
    """All of them."""

    def __init__(
        self, tallies: Tallies, cap: int = 10_000, ttl: float = 300.0, taken: Iterable[tuple[str, Kind]] = ()
    ) -> None:
        """`taken`: families that others serve on the same page."""
        self.limit(cap, ttl)
        self._taken = {name for family, kind in (*taken, TARGET) for name in claimed(family, kind)}
        self._families: dict[str, Family] = {}
        self._claims: dict[str, Family] = {}
        self._ages: dict[Series, None] = {}
        """In the order of their last updates."""
        self._cost = 0
        self._shown = tallies.child(SERIES)

    def limit(self, cap: int, ttl: float) -> None:
        """Take other limits; what is there stays until it ages."""
        self.cap = cap
        self.ttl = ttl

    def __len__(self) -> int:
        return len(self._ages)

    def family(self, name: str, kind: Kind, text: str, unit: str = "") -> Family:
        """The family of this name. Raises Clash when it is of another kind, or the name is not to be had."""
        found = self._families.get(name)
        if found is not None and found.kind == kind:
            return found
        names = claimed(name, kind)
        if kind == "info":
            return Family(name, kind, text, unit)
        if not self._taken.isdisjoint(names) or name in PROMETHEUS or name.startswith((OURS, "scrape_")):
            raise Clash("the name belongs to the exporter or to Prometheus", reserved=True)
        if found is not None or any(one in self._claims for one in names):
            raise Clash("the name is in use for a metric of another type")
        return Family(name, kind, text, unit)

    def find(self, family: Family, pairs: str) -> Series | None:
        return family.series.get(pairs)

    def add(self, family: Family, pairs: str, source: Source, cost: int, *, extra: bool = False) -> Series | None:
        """A new series of `cost` bytes; None when there is no room. `extra`: beyond it, in a family that has others."""
        full = len(family.series) >= self.cap or not self.room(cost)
        if full and not (extra and family.series):
            return None
        if not family.series:
            self._families[family.name] = family
            self._claims |= dict.fromkeys(claimed(family.name, family.kind), family)
        series = family.series[pairs] = Series(family, pairs, source, cost)
        self._cost += cost
        self._ages[series] = None
        return series

    def room(self, cost: int) -> bool:
        """Whether so many bytes more may be held."""
        return self._cost + cost <= BYTES_OF_A_SERIES * self.cap

    def resize(self, series: Series, cost: int) -> None:
        """A series holds so many bytes now."""
        self._cost += cost - series.cost
        series.cost = cost

    def updated(self, series: Series, now: float) -> None:
        series.seen = now
        series.dirty = True
        del self._ages[series]
        self._ages[series] = None

    def drop(self, series: Series) -> None:
        """Forget a series, and its family with its last one."""
        family = series.family
        if family.series.pop(series.pairs, None) is None:
            return
        self._cost -= series.cost
        del self._ages[series]
        if not family.series:
            del self._families[family.name]
            for name in claimed(family.name, family.kind):
                del self._claims[name]

    def expire(self, now: float) -> None:
        """Forget what nobody has updated for too long."""
        old = []
        for series in self._ages:
            if now - series.seen < self.ttl:
                break
            old.append(series)
        for series in old:
            self.drop(series)
        if self._shown.value != len(self._ages):
            self._shown.set(len(self._ages))

    def page(self, now: float, *, openmetrics: bool) -> bytes:
        """Every family's header and samples, without the end mark."""
        self.expire(now)
        parts: list[bytes] = []
        for _, family in sorted(self._families.items()):
            parts.append(family.headers[openmetrics])
            for series in family.series.values():
                if series.dirty:
                    value = series.source.value(now)
                    series.text, series.exemplified = lines(family.name, series.pairs, value, series.exemplars)
                    series.dirty = False
                parts.append(series.exemplified if openmetrics else series.text)
        return b"".join(parts)
