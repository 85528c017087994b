"""How many runs may be under way at once, and who goes first, so that failing components don't hold up healthy ones."""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from itertools import count
from types import TracebackType

log = logging.getLogger(__name__)

Rank = tuple[bool, float]
"""Whether it is not critical, and its interval: the lower goes first."""
Turn = asyncio.Future[None]

FIRST_COME = 4
"""One place in so many goes to whoever has waited longest, so that nobody waits for ever."""
CALM = 60.0
"""Seconds without a run left out after which places suffice again."""


class Slots:
    """`total` places. Components not known to be well may take four fifths: a run of theirs can last its deadline."""

    def __init__(self, total: int) -> None:
        self._total = 0
        self._free = 0
        self._free_for_failing = 0
        self._waiting = Line()
        self._failing = Line()
        self._handed = count(1)
        self.limit(total)

    @property
    def total(self) -> int:
        return self._total

    def limit(self, total: int) -> None:
        """Have `total` places from now on; whoever holds one keeps it."""
        self._free += total - self._total
        self._free_for_failing += _for_failing(total) - _for_failing(self._total)
        self._total = total
        self._hand_on()

    def one(self, *, failing: bool, rank: Rank = (True, 0.0)) -> "Slot":
        """`async with slots.one(failing=…) as waited`: hold a place, having waited for it so many seconds.

        Of those that wait, those that are well go first, then by rank, then whoever came first.
        """
        return Slot(self, failing=failing, rank=rank)

    async def acquire(self, *, failing: bool, rank: Rank) -> float:
        if self._has_place(failing=failing):
            self._take(failing=failing)
            return 0.0
        began = time.monotonic()
        turn: Turn = asyncio.get_running_loop().create_future()
        line = self._failing if failing else self._waiting
        line.join(turn, rank)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(failing=failing)
            else:
                line.leave(turn)
            raise
        return time.monotonic() - began

    def release(self, *, failing: bool) -> None:
        self._free += 1
        self._free_for_failing += failing
        self._hand_on()

    def _has_place(self, *, failing: bool) -> bool:
        return self._free > 0 and (not failing or self._free_for_failing > 0)

    def _take(self, *, failing: bool) -> None:
        self._free -= 1
        self._free_for_failing -= failing

    def _hand_on(self) -> None:
        lines = ((self._waiting, False), (self._failing, True))
        while True:
            # As within a line so between the two: what fails must be run as well, or it could never be well again.
            order = lines if next(self._handed) % FIRST_COME else lines[::-1]
            found = next(
                ((line, failing) for line, failing in order if line and self._has_place(failing=failing)), None
            )
            if found is None:
                return
            line, failing = found
            turn = line.call()
            if not turn.done():
                self._take(failing=failing)
                turn.set_result(None)


class Slot:
    """One place, while it is held."""

    __slots__ = ("_failing", "_rank", "_slots")

    def __init__(self, slots: Slots, *, failing: bool, rank: Rank) -> None:
        self._slots = slots
        self._failing = failing
        self._rank = rank

    async def __aenter__(self) -> float:
        return await self._slots.acquire(failing=self._failing, rank=self._rank)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release(failing=self._failing)


class Line:
    """Who waits for a place: called by rank, but now and then the one that has waited longest."""

    def __init__(self) -> None:
        self._here: dict[Turn, None] = {}
        """In the order in which they came."""
        self._ranked: list[tuple[Rank, int, Turn]] = []
        """A heap, in which those that are not here any more may remain."""
        self._numbers = count()
        self._calls = count(1)

    def __len__(self) -> int:
        return len(self._here)

    def join(self, turn: Turn, rank: Rank) -> None:
        if len(self._ranked) > 2 * len(self._here) + 16:
            self._ranked = [each for each in self._ranked if each[2] in self._here]
            heapq.heapify(self._ranked)
        self._here[turn] = None
        heapq.heappush(self._ranked, (rank, next(self._numbers), turn))

    def leave(self, turn: Turn) -> None:
        self._here.pop(turn, None)

    def call(self) -> Turn:
        """The next one, of those that are here; it leaves."""
        if next(self._calls) % FIRST_COME == 0:
            turn = next(iter(self._here))
        else:
            while (turn := heapq.heappop(self._ranked)[2]) not in self._here:
                pass
        del self._here[turn]
        return turn


class Crowd:
    """Says once that runs are left out because the places are taken, and once that this is over: not for each run."""

    def __init__(self) -> None:
        self._last: float | None = None

    def left_out(self, places: int, needed: Callable[[], float]) -> None:
        """`needed`: how many places they would fill all the time if each run lasted its deadline."""
        if self._last is None:
            extra = {"concurrency": places, "needed": round(needed(), 1)}
            log.warning("runs are left out because all places are taken: raise concurrency or intervals", extra=extra)
        self._last = time.monotonic()

    def on_time(self, longest: Callable[[], float]) -> None:
        """`longest`: the longest interval there is, within which all of them come round."""
        if self._last is not None and time.monotonic() - self._last > max(CALM, 3 * longest()):
            self._last = None
            log.info("places suffice again and no run is left out")


def _for_failing(total: int) -> int:
    return max(1, total * 4 // 5) if total else 0
