"""How long requests, tasks, operations and AI calls took in the last hour: by service and name, in bounded memory."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from math import inf, log
from operator import attrgetter
from struct import Struct as Layout
from typing import Literal

from msgspec import Struct

from exporter.bounds import OVERFLOW

Kind = Literal["request", "task", "operation", "ai_call"]
Sort = Literal["total", "count", "mean", "max", "errors", "error_rate"]
SORTS: tuple[Sort, ...] = ("total", "count", "mean", "max", "errors", "error_rate")

SLOT = 300.0
"""Seconds of a slot. Twelve of them, and the one under way, make the hour."""
SLOTS = 12
MOST = 10_000
"""Names, over all services; what is more shares one."""

# Buckets whose bounds are 2 % apart, so that the middle of one is at most 1 % off (as DDSketch has it).
_GAMMA = 1.02
_SCALE = 1 / log(_GAMMA)
_LEAST = 1e-6
_OFFSET = 1 - log(_LEAST) * _SCALE
_MIDDLE = 2 * _GAMMA / (_GAMMA + 1)

_HEAD = Layout("=6d")
"""Of a packed slot: its number, count, total, errors, least and most; then the buckets' places, then their counts."""

Key = tuple[str, Kind, str]


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


class Rows(Struct, frozen=True):
    """A part of what was asked for; `next` asks for the following one and is empty at the end."""

    items: list[Row]
    next: str
    total: int


class Sum:
    """What one stretch of time had."""

    __slots__ = ("cells", "count", "errors", "max", "min", "total")

    def __init__(self) -> None:
        self.count = self.total = self.errors = self.max = 0.0
        self.min = inf
        self.cells: dict[int, float] = {}

    def packed(self, number: float) -> bytes:
        """It as a slot that is over, six bytes a bucket: of 10,000 names there are twelve each."""
        head = _HEAD.pack(number, self.count, self.total, self.errors, self.min, self.max)
        return head + array("H", self.cells).tobytes() + array("f", self.cells.values()).tobytes()

    def merge(self, count: float, total: float, errors: float, least: float, most: float) -> None:
        """Add another's figures."""
        self.count += count
        self.total += total
        self.errors += errors
        self.min = min(self.min, least)
        self.max = max(self.max, most)

    def merge_cells(self, cells: Iterable[tuple[int, float]]) -> None:
        for place, count in cells:
            self.cells[place] = self.cells.get(place, 0.0) + count

    def quantiles(self, *wanted: float) -> list[float]:
        """Within 1 % of the observation that has so large a part of all at or below it."""
        found, reached = [], 0.0
        cells = sorted(self.cells.items())
        places = iter(cells)
        index = 0
        for part in wanted:
            due = part * self.count * (1 - 1e-9)
            while reached < due:
                index, count = next(places, (index, inf))
                reached += count
            value = _GAMMA ** (index - _OFFSET) * _MIDDLE if index else 0.0
            found.append(min(max(value, self.min), self.max))
        return found


def _cells(slot: bytes) -> Iterable[tuple[int, float]]:
    """The buckets of a packed slot."""
    middle = _HEAD.size + (len(slot) - _HEAD.size) // 3
    return zip(array("H", slot[_HEAD.size : middle]), array("f", slot[middle:]), strict=True)


class Work:
    """One name. Held by whoever adds to it."""

    __slots__ = ("_done", "_number", "_owner", "_sum", "key")

    def __init__(self, owner: "Performance", key: Key) -> None:
        self.key = key
        self._owner = owner
        self._done: list[bytes] = []
        self._number = -inf
        self._sum = Sum()

    def add(self, seconds: float, weight: float, failed: bool, now: float) -> None:
        """`seconds` is a number, not negative; `weight` is positive."""
        if now // SLOT != self._number:
            self._turn(now // SLOT)
        current = self._sum
        current.count += weight
        current.total += seconds * weight
        if failed:
            current.errors += weight
        if seconds > current.max:  # noqa: PLR1730 - max() takes twice as long, and this is done for each span
            current.max = seconds
        if seconds < current.min:  # noqa: PLR1730
            current.min = seconds
        place = int(log(seconds) * _SCALE + _OFFSET) if seconds > _LEAST else 0
        cells = current.cells
        cells[place] = cells.get(place, 0.0) + weight

    def add_all(self, times: Sequence[float], failed: bool, now: float) -> None:
        """The same of several that stand for one each; there is one at least."""
        if now // SLOT != self._number:
            self._turn(now // SLOT)
        current, many = self._sum, len(times)
        current.merge(many, sum(times), many if failed else 0.0, min(times), max(times))
        cells = current.cells
        for seconds in times:
            place = int(log(seconds) * _SCALE + _OFFSET) if seconds > _LEAST else 0
            cells[place] = cells.get(place, 0.0) + 1.0

    def over(self, now: float) -> bool:
        """Whether it had nothing within the hour."""
        return self._number < now // SLOT - SLOTS

    def sum(self, now: float, *, cells: bool) -> Sum:
        """Of the last hour."""
        found, oldest, unpack = Sum(), now // SLOT - SLOTS, _HEAD.unpack_from
        count = total = errors = most = 0.0
        least = inf
        for slot in self._done:  # in place: of 10,000 names there are 120,000
            number, count_, total_, errors_, least_, most_ = unpack(slot)
            if number >= oldest:
                count += count_
                total += total_
                errors += errors_
                least = least_ if least_ < least else least  # noqa: FURB136
                most = most_ if most_ > most else most  # noqa: FURB136
                if cells:
                    found.merge_cells(_cells(slot))
        found.merge(count, total, errors, least, most)
        current = self._sum
        if current.count and self._number >= oldest:
            found.merge(current.count, current.total, current.errors, current.min, current.max)
            if cells:
                found.merge_cells(current.cells.items())
        return found

    def _turn(self, number: float) -> None:
        if self._sum.count:
            self._done = [*self._done[1 - SLOTS :], self._sum.packed(self._number)]
        self._number, self._sum = number, Sum()
        self._owner.works.setdefault(self.key, self)


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
            found = self.works[key] = self.works.get(key) or Work(self, key)
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
        part = name.casefold()
        found = [
            (_figure(total, sort), work)
            for work in self.works.values()
            if not work.over(now)
            and (not service or work.key[0] == service)
            and (not kind or work.key[1] == kind)
            and (not part or part in work.key[2].casefold())
            and (total := work.sum(now, cells=False)).count
        ]
        found.sort(key=lambda pair: (-pair[0], pair[1].key))
        end = start + max(limit, 1)
        items = [self._row(work, now) for _, work in found[start:end]]
        return Rows(items, str(end) if end < len(found) else "", len(found))

    def _row(self, work: Work, now: float) -> Row:
        total = work.sum(now, cells=True)
        p50, p95, p99 = total.quantiles(0.5, 0.95, 0.99)
        mean, rate = total.total / total.count, total.errors / total.count
        times = (total.count, total.total, mean, total.min, total.max, p50, p95, p99)
        return Row(*work.key, *times, total.errors, rate, self.slow(work.key[2]))

    def _make_room(self) -> bool:
        """Forget names that had nothing within the hour; looked for once in a slot at most."""
        now = self._clock()
        if now < self._checked + SLOT:
            return False
        self._checked = now
        self.works = {key: work for key, work in self.works.items() if not work.over(now)}
        return len(self.works) < MOST


def _never(_: str) -> float | None:
    return None


_sum_of: dict[str, Callable[[Sum], float]] = {sort: attrgetter(sort) for sort in ("total", "count", "max", "errors")}


def _figure(total: Sum, sort: str) -> float:
    if sort == "mean":
        return total.total / total.count
    if sort == "error_rate":
        return total.errors / total.count
    return _sum_of[sort](total)
