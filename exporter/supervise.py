"""Background tasks: each has a heartbeat, and one that dies is started again with back-off."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext

from exporter.metric import counter, gauge, histogram
from exporter.tally import Tallies

log = logging.getLogger(__name__)

TASK_HEARTBEAT = gauge(
    "stack_exporter_task_heartbeat_timestamp_seconds",
    "When a background task last showed that it lives, in Unix time.",
    "task",
)
TASK_INTERVAL = gauge(
    "stack_exporter_task_heartbeat_interval_seconds",
    "Seconds within which a background task promises to show that it lives; absent for what promises nothing.",
    "task",
)
TASK_RESTARTS = counter(
    "stack_exporter_task_restarts_total", "Background tasks that died and were started again.", "task"
)
LOOP_LAG = histogram(
    "stack_exporter_loop_lag_seconds",
    "How late the event loop woke a 50 ms timer.",
    buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)

TICK = 0.05
ATTEND = 1.0
"""Seconds between the beats of a task for which we beat."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Back-off of a task that dies, in seconds."""


class Tasks:
    """Starts, restarts and ends background tasks."""

    def __init__(self, tallies: Tallies, *, pause: float = FIRST_PAUSE) -> None:
        self._tallies = tallies
        self._pause = pause
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._beats: dict[str, tuple[float, float]] = {}

    def start(
        self, name: str, work: Callable[[], Awaitable[None]], *, heartbeat: float = 0.0, attended: bool = False
    ) -> None:
        """Run `work` until it returns.

        `heartbeat`: seconds within which it calls `beat`; inf when it can't say, and then is never stuck; 0 when it
        does not. An attended task, which has nothing to beat at, has beats for as long as it is under way: they stop
        while it is dead, and don't tell a task that waits from one that hangs.
        In series it is called by the first word of `name`: those of components come and go.
        """
        if heartbeat or attended:
            self._beats[name] = (heartbeat or math.inf, time.monotonic())
            self._tallies.child(TASK_HEARTBEAT, _label(name)).set(time.time())
        if 0 < heartbeat < math.inf:
            self._tallies.child(TASK_INTERVAL, _label(name)).set(heartbeat)
        self._tallies.child(TASK_RESTARTS, _label(name))
        self._tasks[name] = asyncio.create_task(self._keep_alive(name, work, attended=attended), name=name)

    def beat(self, name: str) -> None:
        """It lives, says the task itself."""
        if name in self._beats:
            self._beats[name] = (self._beats[name][0], time.monotonic())
            self._tallies.child(TASK_HEARTBEAT, _label(name)).set(time.time())

    def stuck(self) -> list[str]:
        """Tasks whose heartbeat is older than three times what they promised."""
        now = time.monotonic()
        return [name for name, (promised, last) in self._beats.items() if now - last > 3 * promised]

    async def end(self, *names: str) -> None:
        """Cancel the named tasks, or all, and wait until they are gone."""
        ending = [task for name in (names or tuple(self._tasks)) if (task := self._tasks.pop(name, None))]
        for name in names or tuple(self._beats):
            self._stop_beating(name)
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending, timeout=2.0)

    async def _keep_alive(self, name: str, work: Callable[[], Awaitable[None]], *, attended: bool) -> None:
        pause = self._pause
        while True:
            began = time.monotonic()
            try:
                with self._attending(name) if attended else nullcontext():
                    await work()
            except BaseException as error:
                # A CancelledError that nobody sent us is a death too, and a SystemExit, which would end the loop.
                if isinstance(error, asyncio.CancelledError) and _cancelled():
                    raise
                log.exception("a background task died and is started again", extra={"task": name})
            else:
                self._stop_beating(name)
                return
            self._tallies.child(TASK_RESTARTS, _label(name)).add()
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = self._pause
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, LONGEST_PAUSE)

    @contextmanager
    def _attending(self, name: str) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        timer: asyncio.Handle

        def beat() -> None:
            nonlocal timer
            self.beat(name)
            timer = loop.call_later(ATTEND, beat)

        timer = loop.call_soon(beat)
        try:
            yield
        finally:
            timer.cancel()

    def _stop_beating(self, name: str) -> None:
        """It is gone for good: so is its series, unless another of its sort has the same."""
        if self._beats.pop(name, None) and not any(_label(other) == _label(name) for other in self._beats):
            self._tallies.forget(TASK_HEARTBEAT, _label(name))
            self._tallies.forget(TASK_INTERVAL, _label(name))


def _label(name: str) -> str:
    return name.partition(" ")[0]


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def watch_lag(tallies: Tallies, beat: Callable[[], None]) -> None:
    """Measure how late the loop is, for ever."""
    loop = asyncio.get_running_loop()
    lag = tallies.child(LOOP_LAG)
    beat_at = 0.0
    while True:
        due = loop.time() + TICK
        await asyncio.sleep(TICK)
        lag.observe(max(0.0, loop.time() - due))
        if due > beat_at:
            beat()
            beat_at = due + 1.0
