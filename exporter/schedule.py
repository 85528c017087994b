"""Runs every component again and again: at its own place in its interval, one run at a time, some 50 in all."""

import asyncio
import logging
import math
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from exporter.component import Component
from exporter.counting import Counting, Requested
from exporter.entry import Entry, asked, wait
from exporter.metric import counter, gauge
from exporter.probe import Probe, Readings, Result
from exporter.readings import Kept
from exporter.run import ABANDON_AFTER, Abandoned, run_once
from exporter.slots import Crowd, Slots
from exporter.supervise import Tasks
from exporter.tally import Tallies
from exporter.turn import next_turn

log = logging.getLogger(__name__)

PROBE_SKIPPED = counter(
    "stack_probe_skipped_total", "Runs left out because the one before had not ended in time.", "component", "kind"
)
PROBES_RUNNING = gauge("stack_exporter_probes_running", "Runs under way.")
PROBES_ABANDONED = counter(
    "stack_exporter_probes_abandoned_total", "Runs that ignored their cancellation.", "component", "kind"
)

QUARANTINE_AFTER = 3
"""Runs in a row left behind, after which a component is run no more: each of them may hold a socket or a thread."""
APART = 0.02
"""Seconds between two components' first runs, on average."""
LATE = 0.1
"""Part of its interval by which a turn may be late before it is skipped."""


class Scheduler:
    """Runs what is added until it is removed; each component's runs are made by one task of its own."""

    def __init__(
        self,
        tasks: Tasks,
        tallies: Tallies,
        on_result: Callable[[Result], None],
        *,
        concurrency: int = 50,
        traceparent: Callable[[], str] = lambda: "",
        requests: Requested | None = None,
    ) -> None:
        """`requests` is told of those in access logs."""
        self._tasks = tasks
        self._tallies = tallies
        self._on_result = on_result
        self._slots = Slots(concurrency)
        self._traceparent = traceparent
        self._requests = requests
        self._entries: dict[str, Entry] = {}
        self._running = tallies.child(PROBES_RUNNING)
        self._crowd = Crowd()
        self._last_end = time.monotonic()
        """When any run last ended, on time.monotonic's clock."""

    def add(self, component: Component, kept: Kept) -> None:
        """Begin to run a component, and its watch if it has one."""
        sink = Counting(self._tallies, component.name, self._requests)
        entry = self._entries[component.name] = Entry(component, sink, kept, Readings(component.name, sink, kept))
        self._tallies.child(PROBE_SKIPPED, component.name, component.kind)
        self._tallies.child(PROBES_ABANDONED, component.name, component.kind)
        # Whether its beats come in time is for `silent` to say, as they come when runs end.
        self._tasks.start(f"probe {component.name}", lambda: self._follow(entry), heartbeat=math.inf)
        if type(component.probe).watch is not Probe.watch:
            self._tasks.start(f"watch {component.name}", lambda: component.probe.watch(entry.watched), attended=True)

    async def remove(self, name: str) -> None:
        """End a component's runs and its watch."""
        entry = self._entries.pop(name)
        entry.sink.close()
        self._last_end = time.monotonic()  # a run that is cut short has ended too
        for task in entry.left:
            task.cancel()
        await self._tasks.end(f"probe {name}", f"watch {name}")

    async def run_now(self, name: str) -> Result:
        """A result as of now: of the run under way, else of one made for this call. Raises KeyError."""
        entry = self._entries[name]
        if entry.quarantined is not None:
            return entry.quarantined
        return await asyncio.shield(asked(entry))

    def tell(self, name: str, told: Mapping[str, str]) -> None:
        """Hand a component what somebody reports of it, and run it soon. Raises KeyError; ValueError for the report."""
        entry = self._entries[name]
        entry.component.probe.hear(entry.watched, told)
        if entry.quarantined is None:
            asked(entry)

    def limit(self, concurrency: int) -> None:
        """How many runs there may be at once from now on; those under way keep their places."""
        self._slots.limit(concurrency)

    def silent(self) -> bool:
        """Whether scheduling itself has stopped, whatever the components do. Two facts together show it.

        A component is overdue: for three of its own intervals and the longest that a run may take, no run of its own
        has ended since the last one, or since it was added. Alone, this may be a wait for a place behind slow runs.
        And no run at all has ended for three of the shortest intervals and the longest that any run may take. Alone,
        this may be the time between runs of long intervals. Both cannot be while scheduling goes on: whoever waits for
        a place sees them come back within the longest run.
        """
        running = [e for e in self._entries.values() if e.quarantined is None and e.component.probe.scheduled]
        now = time.monotonic()
        if not any(now - entry.ended > _patience(entry.component.interval, entry) for entry in running):
            return False
        shortest = min(entry.component.interval for entry in running)
        return now - self._last_end > max(_patience(shortest, entry) for entry in running)

    async def _follow(self, entry: Entry) -> None:
        component = entry.component
        place = zlib.crc32(component.name.encode()) / 2**32
        due = time.monotonic() + place * min(component.interval, APART * len(self._entries))
        if not component.probe.scheduled:
            due = math.inf
        try:
            while entry.quarantined is None:
                its_turn = await wait(entry, due)
                began = time.monotonic()
                result = await self._run(entry)
                waiting, entry.asked = entry.asked, None
                if waiting is not None:
                    waiting.set_result(result)
                step = min(component.failing_interval, component.interval) if entry.owed else component.interval
                if its_turn:
                    # Ended just after the next turn, as with a timeout like the interval, it is followed at once.
                    now = time.monotonic()
                    late = max(0, int((now - due) / step - LATE))
                    self._skip(entry, late, step)
                    due = next_turn(due + late * step, step, place, earliest=now)
                elif component.probe.scheduled:
                    due = min(due, began + step)
        finally:
            if entry.asked is not None:
                entry.asked.set_exception(KeyError(component.name))
                entry.asked = None

    async def _run(self, entry: Entry) -> Result:
        component = entry.component
        left_behind: list[Abandoned] = []

        def leave(task: Abandoned) -> None:
            left_behind.append(task)
            entry.left.add(task)
            task.add_done_callback(entry.left.discard)

        rank = (not component.critical, component.interval)
        async with self._slots.one(failing=entry.failing, rank=rank) as entry.waited:
            self._running.add(1)
            try:
                result = await run_once(
                    component,
                    entry.sink,
                    entry.kept,
                    traceparent=self._traceparent(),
                    watched=entry.watched.values,
                    abandoned=leave,
                )
            finally:
                self._running.add(-1)
        self._last_end = entry.ended = time.monotonic()
        self._tasks.beat(f"probe {component.name}")
        entry.failing = not result.up
        entry.owed = max(0, entry.owed - 1) if result.up else component.rise
        entry.abandoned = entry.abandoned + 1 if left_behind else 0
        if left_behind:
            self._tallies.child(PROBES_ABANDONED, component.name, component.kind).add()
        if entry.abandoned >= QUARANTINE_AFTER:
            detail = f"{QUARANTINE_AFTER} runs in a row ignored their cancellation; reload to try again"
            result = entry.quarantined = replace(result, reason="quarantined", detail=detail)
        if self._entries.get(component.name) is entry:
            try:
                self._on_result(result)
            except Exception:
                # Ours to mend; restarting the task would probe out of turn, as often as its back-off allows.
                log.exception("a result was not taken in", extra={"component": component.name})
        return result

    def _skip(self, entry: Entry, late: int, step: float) -> None:
        """Count the turns that it has missed, and say so when places were wanting."""
        if late:
            self._tallies.child(PROBE_SKIPPED, entry.component.name, entry.component.kind).add(late)
        if late and entry.waited > LATE * step:
            self._crowd.left_out(self._slots.total, self._needed)
        else:
            self._crowd.on_time(lambda: max(entry.component.interval for entry in self._entries.values()))

    def _needed(self) -> float:
        failing = [entry.component for entry in self._entries.values() if entry.failing]
        steps = [(component.timeout, min(component.interval, component.failing_interval)) for component in failing]
        return sum(min(1.0, timeout / step) for timeout, step in steps)


def _patience(interval: float, entry: Entry) -> float:
    return 3 * interval + entry.component.timeout + ABANDON_AFTER
