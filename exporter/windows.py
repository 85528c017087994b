"""Maintenance windows at work: they open and close on time and not with a component's next run."""

import asyncio
import time
from collections.abc import Callable, Sequence

from exporter import log as logs
from exporter.config.maintenance import Window
from exporter.exposition import Page
from exporter.state import State
from exporter.supervise import Tasks

EVERY = 1.0


class Windows:
    """Those of the configuration. While there are none there is no task either."""

    def __init__(self, state: State, page: Page, tasks: Tasks, changed: Callable[[], None]) -> None:
        self._state = state
        self._page = page
        self._tasks = tasks
        self._changed = changed
        self._windows: Sequence[Window] = ()

    async def use(self, windows: Sequence[Window]) -> None:
        """From now on these, at once for every component."""
        had, self._windows = self._windows, windows
        self.settle()
        if windows and not had:
            self._tasks.start("maintenance", self._work, heartbeat=EVERY)
        elif had and not windows:
            await self._tasks.end("maintenance")

    def cover(self, component: str) -> bool:
        """Whether it is in maintenance now."""
        now = time.time()
        return any(window.covers(component, now) for window in self._windows)

    def settle(self) -> None:
        """Show and log which components have come into maintenance or out of it."""
        now = time.time()
        # Whether a weekly window is open takes 10 µs of calendar: asked once, not for each component.
        opened = [window for window in self._windows if window.open(now)]
        changed = False
        for name, record in self._state.records.items():
            inside = any(window.concerns(name) for window in opened)
            if inside != record.maintenance:
                before, record.maintenance, changed = record.status, inside, True
                self._page.write(name)
                logs.change(before, record)
        if changed:
            self._changed()

    async def _work(self) -> None:
        while True:
            self._tasks.beat("maintenance")
            self.settle()
            await asyncio.sleep(EVERY)
