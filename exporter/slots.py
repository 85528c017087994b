"""How many runs may be under way at once, so that many failing components don't hold up the healthy ones."""

import asyncio
from collections import deque
from types import TracebackType


class Slots:
    """`total` places. Components not known to be well may take four fifths: a run of theirs can last its deadline."""

    def __init__(self, total: int) -> None:
        self._total = 0
        self._free = 0
        self._free_for_failing = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._failing: deque[asyncio.Future[None]] = deque()
        self.limit(total)

    def limit(self, total: int) -> None:
        """Have `total` places from now on; whoever holds one keeps it."""
        self._free += total - self._total
        self._free_for_failing += _for_failing(total) - _for_failing(self._total)
        self._total = total
        self._hand_on()

    def one(self, *, failing: bool) -> "Slot":
        """`async with slots.one(failing=…)`: hold a place, waiting for it if need be."""
        return Slot(self, failing=failing)

    async def acquire(self, *, failing: bool) -> None:
        if self._has_place(failing=failing):
            self._take(failing=failing)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._failing if failing else self._waiting
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(failing=failing)
            elif turn in queue:
                queue.remove(turn)
            raise

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
        for queue, failing in ((self._waiting, False), (self._failing, True)):
            while queue and self._has_place(failing=failing):
                turn = queue.popleft()
                if not turn.done():
                    self._take(failing=failing)
                    turn.set_result(None)


class Slot:
    """One place, while it is held."""

    __slots__ = ("_failing", "_slots")

    def __init__(self, slots: Slots, *, failing: bool) -> None:
        self._slots = slots
        self._failing = failing

    async def __aenter__(self) -> None:
        await self._slots.acquire(failing=self._failing)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release(failing=self._failing)


def _for_failing(total: int) -> int:
    return max(1, total * 4 // 5) if total else 0
