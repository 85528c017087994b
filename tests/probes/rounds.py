"""Several runs of one component of the kind celery, with its watch beside them, as the daemon has them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from exporter.probe import Result
from exporter.run import run_once
from tests import probing
from tests.probing import Found, Memory, readings


class Rounds:
    def __init__(self, memory: Memory | None = None, *, timeout: float = 10.0, **fields: Any) -> None:
        self.memory = memory or Memory()
        self.watched = probing.out(self.memory)
        self.component = probing.component("celery", timeout=timeout, **fields)
        self.result: Result | None = None

    async def run(self) -> Result:
        self.result = await run_once(self.component, self.memory, self.memory, watched=self.watched.values)
        return self.result

    async def readings(self) -> Found:
        return readings(await self.run())

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Rounds"]:
        """Once events are followed."""
        await self.run()
        task = asyncio.create_task(self.component.probe.watch(self.watched))
        try:
            await self.until(lambda: self.watched_values().get("stack_celery_events_followed"))
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])

    def watched_values(self) -> dict[str, float]:
        return {metric.name: value for (metric, _), value in self.watched.values.items()}

    def counted(self, task: str) -> dict[str, float]:
        """Events of a task by state, those that came."""
        counts = self.memory.counts
        return {
            labels[1]: count
            for (name, labels), count in counts.items()
            if name == "stack_celery_tasks_total" and labels[0] == task and count
        }

    async def until(self, claim: Callable[[], Any], timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        while not claim():
            assert time.monotonic() < end, f"not within {timeout} s; counted: {self.memory.counts}"
            await asyncio.sleep(0.02)


class Turns:
    """How long others waited for their turn on the loop, at the longest: in seconds of its thread's CPU, not the wall's."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> "Turns":
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _tick(self) -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.005)
            self.longest = max(self.longest, time.thread_time() - began)
