"""The queue of one back end in memory, for when no directory is writable: what waits in it ends with the process."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from exporter.config.onward import Waiting
from exporter.forward.ports import Lost, Record
from exporter.ingest.ports import Refusing

MOST = 32 * 2**20
"""Bytes that one back end may take up in memory, unless its limit is lower."""
OVERHEAD = 256
"""Bytes that a record takes up besides its body, about."""
PAUSE = 2.0


class Memory:
    """A Queue that lasts no longer than the daemon."""

    durable = False

    def __init__(
        self,
        limits: Waiting,
        lost: Callable[[Lost, int], None],
        clock: Callable[[], float] = time.time,
        most: int = MOST,
    ) -> None:
        self._limits, self._lost, self._clock = limits, lost, clock
        self._most = min(limits.size, most)
        self._records: deque[Record] = deque()
        self._first = 0
        """How many were there before the first that waits."""
        self._given = 0
        self._items = self._size = 0
        self._arrived = asyncio.Event()
        self._full = self._closed = False

    @property
    def items(self) -> int:
        return self._items

    @property
    def size(self) -> int:
        return self._size

    @property
    def oldest(self) -> float:
        return self._records[0].at if self._records else 0.0

    @property
    def refusing(self) -> str:
        if self._closed:
            return "unavailable"
        return "full" if self._full else ""

    async def put(self, body: bytes, items: int) -> None:
        """Keep it. Raises Refusing."""
        if self._closed:
            raise Refusing("unavailable", PAUSE)
        need = OVERHEAD + len(body)
        if need > self._most:
            raise Refusing("full", PAUSE)
        self._expire()
        while self._size + need > self._most:
            if self._limits.full == "refuse":
                self._full = True
                raise Refusing("full", PAUSE)
            self._lost("full", self._forget().items)
        self._full = False
        self._add(Record(body, items, self._clock()))

    async def some(self, most: int) -> Sequence[Record]:
        while True:
            self._expire()
            if self._records:
                break
            self._arrived.clear()
            await self._arrived.wait()
        found: list[Record] = []
        for record in self._records:
            most -= len(record.body)
            if found and most < 0:
                break
            found.append(record)
        self._given = self._first
        return found

    async def done(self, count: int) -> int:
        items = 0
        while self._records and self._first < self._given + count:
            items += self._forget().items
            self._full = False
        return items

    def hand_over(self) -> Sequence[Record]:
        """All that waits, which is another's from now on."""
        found = list(self._records)
        while self._records:
            self._forget()
        return found

    def inherit(self, records: Sequence[Record]) -> None:
        """What waited in another, the newest as far as there is room."""
        for record in records:
            self._add(record)
        while self._size > self._most:
            self._lost("full", self._forget().items)

    async def close(self, seconds: float) -> None:  # noqa: ARG002 - there is nothing to write
        if self._closed:
            return
        self._closed = True
        if self._items:
            self._lost("stopped", self._items)
        self._records.clear()
        self._items = self._size = 0

    def _add(self, record: Record) -> None:
        self._records.append(record)
        self._items += record.items
        self._size += OVERHEAD + len(record.body)
        self._arrived.set()

    def _expire(self) -> None:
        since = self._clock() - self._limits.age
        while self._records and self._records[0].at < since:
            self._lost("expired", self._forget().items)

    def _forget(self) -> Record:
        record = self._records.popleft()
        self._first += 1
        self._items -= record.items
        self._size -= OVERHEAD + len(record.body)
        return record
