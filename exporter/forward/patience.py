"""How long to leave a back end alone that can't take anything now."""

import random
from collections.abc import Callable

FIRST, LONGEST = 1.0, 20.0
"""Seconds, the longest with its jitter below 30: so soon the first request comes after a back end is there again."""
SPREAD = 0.2
CAP = 300.0
"""Seconds for which a back end may be left alone at its own wish."""


class Patience:
    """Pauses that double from one failure to the next, or are as long as the back end wishes."""

    def __init__(
        self,
        first: float = FIRST,
        longest: float = LONGEST,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._longest = longest
        self._uniform = uniform
        self._pause = 0.0

    def pause(self, retry_after: float | None = None) -> float:
        """Seconds until the next attempt; never sooner than `retry_after`, up to the cap.

        A wish for less than our own first pause is none: `Retry-After: 0` would have us ask without end.
        """
        self._pause = min(self._pause * 2 or self._first, self._longest)
        if retry_after is None or retry_after < self._first:
            return self._uniform(self._pause * (1 - SPREAD), self._pause * (1 + SPREAD))
        if retry_after >= CAP:
            return self._uniform(CAP * (1 - SPREAD), CAP)
        return self._uniform(retry_after, min(retry_after * (1 + SPREAD), CAP))

    def reset(self) -> None:
        """It answers again."""
        self._pause = 0.0
