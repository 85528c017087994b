"""How long requests, tasks, operations and AI calls took in the last hour: by service and name, in bounded memory."""

from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Literal

from msgspec import Struct

from exporter.bounds import OVERFLOW
from exporter.ingest.performance_work import SLOT, SLOTS, Key, Kind, Sum, Work

__all__ = ["MOST", "SLOT", "SORTS", "Kind", "Performance", "Row", "Rows", "Sort", "Work"]

Sort = Literal["total", "count", "mean", "max", "errors", "error_rate"]
SORTS: tuple[Sort, ...] = ("total", "count", "mean", "max", "errors", "error_rate")

MOST = 10_000
"""Names, over all services; what is more shares one."""


class Row(Struct, frozen=True):
    """One name over the last hour. Counts are weighed by the client's sampling rate; times are seconds."""

    service: str
    kind: Kind
    name: str
    count: float
    total: float
    mean: float
    min: float
    max: float
    p50: float
    p95: float
    p99: float
    errors: float
    error_rate: float
    slow: float | None = None
    """From when on it is slow, where that is configured."""
    slow_count: float | None = None
    """How many were that slow."""


class Rows(Struct, frozen=True):
    """A part of what was asked for; `next` asks for the following one and is empty at the end."""

    items: list[Row]
    next: str
    total: int


class Performance:
    """All names; they outlive a reload. `slow` says from when on one is slow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.works: dict[Key, Work] = {}
        self.slow: Callable[[str], float | None] = _never
        self._clock = clock
        self._checked = clock()

    def work(self, service: str, kind: Kind, name: str) -> Work:
        """Where one name is added up."""
        key = (service, kind, name)
        found = self.works.get(key)
        if found is None:
            if len(self.works) >= MOST and not self._make_room():
                key = (OVERFLOW, kind, OVERFLOW)
            found = self.works[key] = self.works.get(key) or Work(self.works, key)
        return found

    def rows(
        self,
        *,
        service: str = "",
        kind: str = "",
        name: str = "",
        sort: str = "total",
        limit: int = 50,
        cursor: str = "",
    ) -> Rows:
        """The last hour of what matches, the largest first. Raises ValueError for a sort or cursor that is none."""
        if sort not in SORTS:
            raise ValueError(f"sort: expected one of {', '.join(SORTS)}")
        start = int(cursor) if cursor and len(cursor) <= len(str(MOST)) and cursor.isascii() and cursor.isdigit() else 0
        if cursor and str(start) != cursor:
            raise ValueError("cursor: it is none of ours")
        now = self._clock()
        part, oldest, figure = name.casefold(), now // SLOT - SLOTS, _FIGURES[sort]
        for work in self.works.values():
            if work.first < oldest:
                work.shorten(oldest)
        found = [
            (-figure(work.current, work.since), work.key, work)
            for work in self.works.values()
            if work.number >= oldest
            and (not service or work.key[0] == service)
            and (not kind or work.key[1] == kind)
            and (not part or part in work.key[2].casefold())
        ]
        end = start + max(limit, 1)
        first = sorted(found) if end > _FEW else nsmallest(end, found)
        items = [self._row(work, oldest) for *_, work in first[start:end]]
        return Rows(items, str(end) if end < len(found) else "", len(found))

    def _row(self, work: Work, oldest: float) -> Row:
        total = work.sum(oldest)
        p50, p95, p99 = total.quantiles(0.5, 0.95, 0.99)
        mean, rate = total.total / total.count, total.errors / total.count
        times = (total.count, total.total, mean, total.min, total.max, p50, p95, p99)
        slow = self.slow(work.key[2])
        return Row(*work.key, *times, total.errors, rate, slow, None if slow is None else total.from_on(slow))

    def _make_room(self) -> bool:
        """Forget names that had nothing within the hour; looked for once in a slot at most."""
        now = self._clock()
        if now < self._checked + SLOT:
            return False
        self._checked = now
        oldest = now // SLOT - SLOTS
        for key in [key for key, work in self.works.items() if work.number < oldest]:
            del self.works[key]
        return len(self.works) < MOST


def _never(_: str) -> float | None:
    return None


_FIGURES: dict[str, Callable[[Sum, Sequence[float]], float]] = {
    "total": lambda current, since: current.total + since[1],
    "count": lambda current, since: current.count + since[0],
    "mean": lambda current, since: (current.total + since[1]) / (current.count + since[0]),
    "max": lambda current, since: current.max if current.max > since[4] else since[4],  # noqa: FURB136 - 10,000 times
    "errors": lambda current, since: current.errors + since[2],
    "error_rate": lambda current, since: (current.errors + since[2]) / (current.count + since[0]),
}
"""Of a work's slot under way and its `since`."""
_FEW = 500
"""Rows that are found without sorting all."""
