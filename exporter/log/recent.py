"""The newest lines of the daemon's own log, bounded in number and in size, as they were written."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

LINES = 1_000
SIZE = 1024 * 1024
"""Characters of all lines together, as they were written."""


class Recent:
    """A ring of lines, which whichever thread logs writes into."""

    def __init__(self, lines: int = LINES, size: int = SIZE) -> None:
        self._most, self._largest = lines, size
        self._lines: deque[tuple[int, float, Mapping[str, Any], int]] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, level: int, at: float, fields: Mapping[str, Any], size: int) -> None:
        """`fields` is what the line consists of, `size` how long it is."""
        with self._lock:
            self._lines.append((level, at, fields, size))
            self._size += size
            while len(self._lines) > self._most or (self._size > self._largest and len(self._lines) > 1):
                self._size -= self._lines.popleft()[3]

    def newest(self, level: int = 0, since: float = 0.0) -> Iterator[Mapping[str, Any]]:
        """Those of this level or a graver one, not older than `since`, newest first."""
        with self._lock:
            lines = list(self._lines)
        return (fields for graveness, at, fields, _ in reversed(lines) if graveness >= level and at >= since)
