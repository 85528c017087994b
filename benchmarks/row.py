"""A row of the table: ours, the peer's, their ratio, and whether the goal is met."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Depth:
    """How long to measure: `rounds` of ours and the peer's in turn, of `seconds` each; `series` on a page."""

    rounds: int
    seconds: float
    series: int


FULL = Depth(rounds=5, seconds=2.0, series=10_000)
QUICK = Depth(rounds=3, seconds=1.0, series=10_000)


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `peers` are medians in `unit`; `ratio` is the median of the rounds' ratios, ours by the peer's.

    A row without figures says in `note` what is missing.
    """

    name: str
    what: str
    peer: str
    most: float
    """The goal: the largest ratio that meets it."""
    ours: float | None = None
    peers: float | None = None
    ratio: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.ratio is None else self.ratio <= self.most


def compare(rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of ours, the peer's and the ratio, measured in turn: what else the machine does then hits both."""
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


Measure = Callable[[Depth], Iterator[Row]]
"""One or more rows that share their servers. Raises Missing for a peer that is not installed."""


class Missing(Exception):  # noqa: N818 - what is so
    """A program or package without which a row can't be measured."""
