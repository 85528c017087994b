"""Values of a series out of the points of its streams.

A series may have several streams: worker processes that say the same of themselves, and attributes that scrubbing made
one. What a stream that starts anew, or has ended, counted stays counted, so that a restart is no loss; of gauges what
has not come for the time to live goes.
"""

from collections.abc import Sequence
from typing import Literal

from exporter.foreign_lines import Histogram, Summary, Value

Taken = Literal["accepted", "repeated", "full"]
Vector = Sequence[float]

STREAMS = 1_000
"""Streams of one series that are told apart."""
INTERVALS = 16
"""Ends of intervals of deltas that are remembered of a stream, so that one sent again counts once."""
LATER = 24
"""Times the time to live that what a silent stream counted is kept apart, in case it speaks again."""


class Latest:
    """A gauge, or a summary: what was said last."""

    __slots__ = ("_time", "_value")

    def __init__(self) -> None:
        self._time = -1
        self._value: float | Summary = 0.0

    def take(self, value: float | Summary, time: int) -> Taken:
        if time <= self._time:
            return "repeated"
        self._time, self._value = time, value
        return "accepted"

    def value(self, now: float) -> Value:  # noqa: ARG002 - as others need it
        return self._value


class Total:
    """A sum or a histogram: numbers that add up, as totals since a start or as what came since the point before."""

    __slots__ = ("_base", "_intervals", "_kept", "_streams", "_ttl", "accounted", "bounds", "summed")

    def __init__(self, bounds: tuple[float, ...] | None, ttl: float, *, kept: bool) -> None:
        """`bounds` of a histogram's buckets. `kept`: they only grow, so what a stream counted outlives it."""
        self.bounds = bounds
        self.summed = not bounds or bounds[0] >= 0
        """Whether a histogram has a sum: each point had one, and nothing negative was observed."""
        self.accounted = 0
        """Bytes that whoever keeps the budget knows of."""
        self._ttl = ttl
        self._kept = kept
        self._base: list[float] = [0] * (1 if bounds is None else len(bounds) + 2)
        self._streams: dict[tuple[bytes, int], tuple[int, Vector, float]] = {}
        """By attributes and start: time and numbers of the last point, and when it came."""
        self._intervals: dict[bytes, tuple[int, ...]] = {}
        """By attributes: when the last deltas ended."""

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self._streams) * (250 + 8 * len(self._base)) + len(self._intervals) * 500

    def known(self, stream: bytes, start: int) -> bool:
        """Whether a point of this stream needs no more memory."""
        return (stream, start) in self._streams or stream in self._intervals

    def since_start(self, stream: bytes, start: int, time: int, numbers: Vector, now: float) -> Taken:
        """A cumulative point."""
        before = self._streams.get((stream, start))
        if before is not None:
            if time <= before[0]:
                return "repeated"
            if self._kept and _total(numbers) < _total(before[1]):
                self._add(before[1])  # began anew without saying so
        elif len(self._streams) >= STREAMS:
            self._retire(now)
            if len(self._streams) >= STREAMS:
                return "full"
        if before is None and not self._kept:
            # Of something that goes up and down, what ended before this began is over.
            self._streams = {key: one for key, one in self._streams.items() if one[0] > start}
        self._streams[stream, start] = (time, numbers, now)
        return "accepted"

    def since_last(self, stream: bytes, time: int, numbers: Vector) -> Taken:
        """A delta point."""
        ends = self._intervals.get(stream, ())
        if time in ends:
            return "repeated"
        if not ends and len(self._intervals) >= STREAMS:
            del self._intervals[next(iter(self._intervals))]
        self._intervals[stream] = (*ends[1 - INTERVALS :], time)
        self._add(numbers)
        return "accepted"

    def value(self, now: float) -> Value:
        if len(self._streams) > 1:
            self._retire(now)
        total: Vector = self._base
        for _, numbers, _ in self._streams.values():
            total = [have + more for have, more in zip(total, numbers, strict=True)]
        if self.bounds is None:
            return float(total[0])
        return Histogram(self.bounds, [int(count) for count in total[1:]], float(total[0]) if self.summed else None)

    def _add(self, numbers: Vector) -> None:
        self._base = [have + more for have, more in zip(self._base, numbers, strict=True)]

    def _retire(self, now: float) -> None:
        longest = self._ttl * (LATER if self._kept else 1)
        for key, (_, numbers, seen) in list(self._streams.items()):
            if now - seen >= longest:
                del self._streams[key]
                if self._kept:
                    self._add(numbers)


def _total(numbers: Vector) -> float:
    """What shrinks only when a stream begins anew: of a histogram its count, whose sum may shrink as well."""
    return numbers[0] if len(numbers) == 1 else sum(numbers[1:])
