"""How long one piece of work took in the last hour: exact sums, and buckets for its quantiles, in two kilobytes."""

from array import array
from collections.abc import Iterable, Sequence
from math import inf, log
from struct import Struct as Layout
from typing import Literal

Kind = Literal["request", "task", "operation", "ai_call"]
Key = tuple[str, Kind, str]
"""Service, kind and name."""

SLOT = 300.0
"""Seconds of a slot. Twelve of them, and the one under way, make the hour."""
SLOTS = 12

# Buckets whose bounds are 2 % apart, so that the middle of one is at most 1 % off (as DDSketch has it).
_GAMMA = 1.02
_SCALE = 1 / log(_GAMMA)
_LEAST = 1e-6
_OFFSET = 1 - log(_LEAST) * _SCALE
_MIDDLE = 2 * _GAMMA / (_GAMMA + 1)

_HEAD = Layout("=d")
"""Of a packed slot: its number; then the buckets' places, then their counts."""

_NOTHING = (0.0, 0.0, 0.0, inf, 0.0)
_FIGURES = len(_NOTHING)


class Sum:
    """What one stretch of time had."""

    __slots__ = ("cells", "count", "errors", "max", "min", "total")

    def __init__(self) -> None:
        self.count = self.total = self.errors = self.max = 0.0
        self.min = inf
        self.cells: dict[int, float] = {}

    def packed(self, number: float) -> bytes:
        """Its buckets as a slot that is over, six bytes each: of 10,000 names there are twelve slots."""
        head = _HEAD.pack(number)
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

    def from_on(self, seconds: float) -> float:
        """How many took so long or longer; of those within 1 % of it some are on the wrong side."""
        if self.min >= seconds or self.max < seconds:
            return self.count if self.min >= seconds else 0.0
        least = log(seconds) * _SCALE + _OFFSET - 0.5 if seconds > _LEAST else 0.0
        return sum(count for place, count in self.cells.items() if place >= least)


def _cells(slot: bytes) -> Iterable[tuple[int, float]]:
    """The buckets of a packed slot."""
    middle = _HEAD.size + (len(slot) - _HEAD.size) // 3
    return zip(array("H", slot[_HEAD.size : middle]), array("f", slot[middle:]), strict=True)


class Work:
    """One name. Held by whoever adds to it."""

    __slots__ = ("_done", "_works", "current", "first", "key", "number", "since")

    def __init__(self, works: "dict[Key, Work]", key: Key) -> None:
        """It is put among these again when it had been forgotten, and goes on."""
        self.key = key
        self._works = works
        self._done: list[bytes] = []
        self.since = array("d", _NOTHING)
        """Count, total, errors, least and most of each of these slots and all that follow, and of nothing at the end:
        when the oldest is more than an hour old, what is left of 10,000 names need not be added up."""
        self.first = inf
        """The number of the oldest of them."""
        self.number = -inf
        """Of the latest slot in which there was something."""
        self.current = Sum()

    def add(self, seconds: float, weight: float, failed: bool, now: float) -> None:
        """`seconds` is a number, not negative; `weight` is positive."""
        if now // SLOT != self.number:
            self._turn(now // SLOT)
        current = self.current
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
        if now // SLOT != self.number:
            self._turn(now // SLOT)
        current = self.current
        current.count += len(times)
        current.total += sum(times)
        if failed:
            current.errors += len(times)
        if (most := max(times)) > current.max:
            current.max = most
        if (least := min(times)) < current.min:
            current.min = least
        cells = current.cells
        for seconds in times:
            place = int(log(seconds) * _SCALE + _OFFSET) if seconds > _LEAST else 0
            cells[place] = cells.get(place, 0.0) + 1.0

    def sum(self, oldest: float) -> Sum:
        """Since that slot, with the buckets."""
        found, current = Sum(), self.current
        if self.first < oldest:
            self.shorten(oldest)
        found.merge(*self.since[:_FIGURES])
        found.merge(current.count, current.total, current.errors, current.min, current.max)
        for slot in self._done:
            found.merge_cells(_cells(slot))
        found.merge_cells(current.cells.items())
        return found

    def _turn(self, number: float) -> None:
        if self.current.count:
            self._end()
        self.shorten(number - SLOTS)
        self.number, self.current = number, Sum()
        self._works.setdefault(self.key, self)

    def _end(self) -> None:
        """The slot under way is over."""
        self._done.append(self.current.packed(self.number))
        since, ended = self.since, self.current
        since.extend(_NOTHING)
        for at in range(0, len(since) - _FIGURES, _FIGURES):
            since[at] += ended.count
            since[at + 1] += ended.total
            since[at + 2] += ended.errors
            since[at + 3] = min(since[at + 3], ended.min)
            since[at + 4] = max(since[at + 4], ended.max)

    def shorten(self, oldest: float) -> None:
        """Drop what is older than the slot of that number."""
        done = self._done
        while done and _HEAD.unpack_from(done[0])[0] < oldest:
            del done[0], self.since[:_FIGURES]
        self.first = _HEAD.unpack_from(done[0])[0] if done else inf
