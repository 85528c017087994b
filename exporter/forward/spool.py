"""The durable queue of one back end: what is taken in is on disk, and outlives the process and the power."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from exporter.config.onward import Waiting
from exporter.forward.ports import Lost, Record
from exporter.forward.spool_folder import InUse
from exporter.forward.spool_log import PAUSE
from exporter.forward.spool_segment import Place
from exporter.forward.spool_thread import Put, Read, Report, State, Work
from exporter.ingest.ports import Refusing

__all__ = ["InUse", "Spool"]

WAITING, RECENT = 32 * 2**20, 4 * 2**20
"""Bytes that may wait for the disk, and of the latest records that are kept to be sent without reading them."""
PATIENCE, LOOK = 0.7, 0.2
"""Seconds after which a put is given up, and in which that is looked at: together less than one."""
READ_AGAIN = 1.0


class Spool:
    """A Queue over a thread that writes. `open` comes first; all else belongs to one loop."""

    durable = True

    def __init__(
        self,
        folder: Path,
        limits: Waiting,
        lost: Callable[[Lost, int], None],
        corrupt: Callable[[int], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lost` and `corrupt` are called in the loop's thread, but in that of `open` while it lasts."""
        self._limits, self._lost, self._corrupt, self._clock = limits, lost, corrupt, clock
        self._work = Work(folder, limits, clock)
        self._front = self._whole = start = Place(0, 0, 0)
        self._state = State(start, start, 0, 0.0, "")
        self._recent: deque[tuple[Place, Record]] = deque()
        """All that came after `_whole`, but for what is done."""
        self._held = self._waiting = 0
        self._pending: deque[Put] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._stuck = self._started = self._closed = False
        self._given: list[tuple[Place, Record]] = []
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()

    def open(self) -> None:
        """Blocks. Raises InUse, or OSError when there can't be a spool in this folder."""
        report = self._work.open()
        self._tell(report)
        self._state = report.state
        self._front, self._whole = report.state.front, report.state.tail

    @property
    def items(self) -> int:
        return max(0, self._state.tail.items - self._front.items)

    @property
    def size(self) -> int:
        return self._state.size

    @property
    def oldest(self) -> float:
        return self._state.oldest if self._front < self._state.tail else 0.0

    @property
    def refusing(self) -> str:
        return "unavailable" if self._stuck or self._closed else self._state.refusing

    async def put(self, body: bytes, items: int) -> None:
        """Durable when it returns. Raises Refusing."""
        if self._closed or self._stuck:
            raise Refusing("unavailable", PAUSE)
        if self._waiting and self._waiting + len(body) > WAITING:
            raise Refusing("slow", 1.0)
        loop = self._start()
        put = Put(body, items, loop.create_future(), loop.time())
        self._waiting += len(body)
        self._pending.append(put)
        if self._timer is None:
            self._timer = loop.call_later(LOOK, self._look)
        self._work.jobs.put(put)
        await put.future

    async def some(self, most: int) -> Sequence[Record]:
        loop = self._start()
        while True:
            if self._front >= self._state.tail:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            before = self._front
            found = self._kept(most)
            if not found:
                read = Read(most, loop.create_future())
                self._work.jobs.put(read)
                found = [one for one in await read.future if one[0] > self._front]
            if found:
                self._given = found
                return [record for _, record in found]
            if self._front == before:
                await asyncio.sleep(READ_AGAIN)

    async def done(self, count: int) -> int:
        """It does not wait for the disk."""
        done, self._given = self._given[:count], self._given[count:]
        items = sum(record.items for place, record in done if place > self._front)
        if done:
            self._pass(done[-1][0])
            self._work.done = self._front
            self._work.jobs.put(True)
        return items

    async def close(self, seconds: float) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._started:
            self._work.close()
            return
        self._work.jobs.put(False)
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            for put in self._pending:
                self._withdraw(put)
            if self._timer is not None:
                self._timer.cancel()
            self._given = []
            while self._recent:  # megabytes that would wait for the garbage collector
                self._forget()

    def abandon(self) -> None:
        """Let go of what was opened and nobody waits for. Blocks, but for a moment."""
        self._closed = True
        self._work.close()

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if not self._started:
            self._started = True
            self._work.start(loop, self._take)
        return loop

    def _take(self, report: Report) -> None:
        """What the thread has done."""
        self._stuck = False
        self._tell(report)
        self._state = report.state
        for put in report.puts:
            self._waiting -= len(put.body)
            if isinstance(put.result, Place):
                self._recent.append((put.result, Record(put.body, put.items, put.at)))
                self._held += len(put.body)
                if not put.future.done():
                    put.future.set_result(None)
            elif put.result is not None and not put.future.done():
                put.future.set_exception(Refusing(put.result.reason, put.result.retry_after))
        while self._pending and self._pending[0].future.done():
            self._pending.popleft()
        while self._held > RECENT:
            self._whole = self._forget()
        self._pass(report.state.front)
        for read, found in report.reads:
            if not read.future.done():
                read.future.set_result(found)
        if self._front < report.state.tail:
            self._arrived.set()
        if report.ended:
            self._ended.set()

    def _tell(self, report: Report) -> None:
        """Before what it drops is passed: some of that may have been sent meanwhile, and is not lost."""
        for reason, lost in report.lost:
            if items := lost if isinstance(lost, int) else lost.items(self._front):
                self._lost(reason, items)
        if report.corrupt:
            self._corrupt(report.corrupt)

    def _pass(self, front: Place) -> None:
        self._front = max(self._front, front)
        while self._recent and self._recent[0][0] <= self._front:
            self._forget()

    def _forget(self) -> Place:
        place, record = self._recent.popleft()
        self._held -= len(record.body)
        return place

    def _kept(self, most: int) -> list[tuple[Place, Record]]:
        """What is to be sent next, if it is in memory, and not too old."""
        found: list[tuple[Place, Record]] = []
        if self._front < self._whole or not self._recent or self._recent[0][1].at < self._clock() - self._limits.age:
            return found
        for one in self._recent:
            most -= len(one[1].body)
            if found and most < 0:
                break
            found.append(one)
        return found

    def _look(self) -> None:
        """Refuse what has waited for too long."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for put in self._pending:
            if loop.time() - put.since < PATIENCE:
                break
            self._withdraw(put)
            self._stuck = True
        while self._pending and self._pending[0].future.done():
            self._pending.popleft()
        if self._pending:
            self._timer = loop.call_later(LOOK, self._look)

    @staticmethod
    def _withdraw(put: Put) -> None:
        put.withdrawn = True
        if not put.future.done():
            put.future.set_exception(Refusing("unavailable", PAUSE))
