"""A Scheduler to play with: what came of it, and that nothing is left when it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

from exporter.component import Component
from exporter.metric import Metric
from exporter.probe import Readings, Result
from exporter.schedule import PROBES_RUNNING, Scheduler
from exporter.supervise import TASK_RESTARTS, Tasks
from exporter.tally import Tallies
from tests.probing import Memory


class Bench:
    """A Scheduler and what came of it."""

    def __init__(self, **options) -> None:
        self.tallies = Tallies()
        self.tasks = Tasks(self.tallies, pause=0.02)
        self.results: list[Result] = []
        self.scheduler = Scheduler(self.tasks, self.tallies, self.results.append, **options)

    def add(self, *components: Component) -> None:
        for it in components:
            self.scheduler.add(it, Memory())

    def of(self, name: str = "it") -> list[Result]:
        return [result for result in self.results if result.component == name]

    def count(self, metric: Metric, name: str = "it") -> float:
        return self.tallies.child(metric, name, "scripted").value


def play(story: Callable[[Bench], Awaitable[None]], **options) -> Bench:
    """Run it, end everything, and see that nothing is left."""

    async def whole() -> Bench:
        before = asyncio.all_tasks()
        bench = Bench(**options)
        await story(bench)
        await bench.tasks.end()
        assert asyncio.all_tasks() == before
        assert bench.tallies.child(PROBES_RUNNING).value == 0
        assert bench.tallies.child(TASK_RESTARTS, "probe").value == 0
        return bench

    return asyncio.run(whole())


class Log:
    """When runs began; never two at a time."""

    def __init__(self, takes: float = 0.0) -> None:
        self.starts: list[float] = []
        self.under_way = 0
        self.takes = takes

    async def work(self, out: Readings) -> None:
        assert self.under_way == 0, "two runs at a time"
        self.under_way += 1
        self.starts.append(time.monotonic())
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.under_way -= 1

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.starts)]


async def until(condition: Callable[[], object], *, within: float = 5.0) -> None:
    """Wait no longer than it takes, and fail when it takes too long."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.002)
