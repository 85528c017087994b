"""Runs every component again and again: at its own place in its interval, one run at a time, some 50 in all."""

import asyncio
import logging
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from exporter.component import Component
from exporter.metric import counter, gauge
from exporter.probe import Kept, Probe, Readings, Result
from exporter.run import ABANDON_AFTER, Abandoned, run_once
from exporter.slots import Slots
from exporter.supervise import Tasks
from exporter.tally import Counting, Tallies

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


@dataclass(slots=True, eq=False)
class Entry:
    """A component that is scheduled."""

    component: Component
    sink: Counting
    kept: Kept
    watched: Readings
    failing: bool = True
    """Until a run has shown that it is well."""
    abandoned: int = 0
    """Runs in a row that ignored their end."""
    left: set[Abandoned] = field(default_factory=set)
    """Those of them that still go on."""
    quarantined: Result | None = None
    turn: asyncio.Future[bool] | None = None
    """Set while it waits for its turn: True is the turn, False a call before it."""
    asked: asyncio.Future[Result] | None = None
    """Whoever called waits here for the run under way, or the next."""


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
    ) -> None:
        self._tasks = tasks
        self._tallies = tallies
        self._on_result = on_result
        self._slots = Slots(concurrency)
        self._traceparent = traceparent
        self._entries: dict[str, Entry] = {}
        self._running = tallies.child(PROBES_RUNNING)
        self.last_end = time.monotonic()
        """When a run last ended, on time.monotonic's clock."""

    def add(self, component: Component, kept: Kept) -> None:
        """Begin to run a component, and its watch if it has one."""
        if not self._entries:
            self.last_end = time.monotonic()
        sink = Counting(self._tallies, component.name)
        entry = self._entries[component.name] = Entry(component, sink, kept, Readings(component.name, sink, kept))
        self._tallies.child(PROBE_SKIPPED, component.name, component.kind)
        self._tallies.child(PROBES_ABANDONED, component.name, component.kind)
        self._tasks.start(f"probe {component.name}", lambda: self._follow(entry))
        if type(component.probe).watch is not Probe.watch:
            self._tasks.start(f"watch {component.name}", lambda: component.probe.watch(entry.watched))

    async def remove(self, name: str) -> None:
        """End a component's runs and its watch."""
        entry = self._entries.pop(name)
        for task in entry.left:
            task.cancel()
        await self._tasks.end(f"probe {name}", f"watch {name}")

    async def run_now(self, name: str) -> Result:
        """A result as of now: of the run under way, else of one made for this call. Raises KeyError."""
        entry = self._entries[name]
        if entry.quarantined is not None:
            return entry.quarantined
        if entry.asked is None:
            entry.asked = asyncio.get_running_loop().create_future()
        _tell(entry.turn, its_turn=False)
        return await asyncio.shield(entry.asked)

    def limit(self, concurrency: int) -> None:
        """How many runs there may be at once from now on; those under way keep their places."""
        self._slots.limit(concurrency)

    def silent(self) -> bool:
        """Whether no run has ended for three intervals: then scheduling itself has stopped."""
        running = [entry.component for entry in self._entries.values() if entry.quarantined is None]
        if not running:
            return False
        shortest = min(component.interval for component in running)
        longest = max(component.timeout for component in running)
        return time.monotonic() - self.last_end > 3 * shortest + longest + ABANDON_AFTER

    async def _follow(self, entry: Entry) -> None:
        component = entry.component
        place = zlib.crc32(component.name.encode()) / 2**32
        due = time.monotonic() + place * min(component.interval, APART * len(self._entries))
        try:
            while entry.quarantined is None:
                its_turn = await _wait(entry, due)
                began = time.monotonic()
                result = await self._run(entry)
                asked, entry.asked = entry.asked, None
                if asked is not None:
                    asked.set_result(result)
                step = component.interval if result.up else min(component.failing_interval, component.interval)
                if its_turn:
                    # Ended just after the next turn, as with a timeout like the interval, it is followed at once.
                    now = time.monotonic()
                    late = max(0, int((now - due) / step - LATE))
                    if late:
                        self._tallies.child(PROBE_SKIPPED, component.name, component.kind).add(late)
                    due = next_turn(due + late * step, step, place, earliest=now)
                else:
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

        async with self._slots.one(failing=entry.failing):
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
        self.last_end = time.monotonic()
        entry.failing = not result.up
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


async def _wait(entry: Entry, due: float) -> bool:
    """Wait until it is due: True, or until it is called: False."""
    delay = due - time.monotonic()
    if delay <= 0:
        return True
    if entry.asked is not None:
        return False
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[bool] = loop.create_future()
    entry.turn = turn
    timer = loop.call_later(delay, lambda: _tell(turn, its_turn=True))
    try:
        return await turn
    finally:
        timer.cancel()
        entry.turn = None


def _tell(turn: asyncio.Future[bool] | None, *, its_turn: bool) -> None:
    if turn is not None and not turn.done():
        turn.set_result(its_turn)


def next_turn(due: float, step: float, place: float, *, earliest: float) -> float:
    """When the turn after `due` is: a step later, less up to a tenth of it until turns lie at their place in the step.

    So the first runs come soon, no two are further apart than a step, and in the end components are spread over it.
    Nothing is taken from a turn that would then lie before `earliest`: a run as long as its step has none to give.
    """
    following = due + step
    beyond = (following / step - place) % 1.0
    if beyond > 1 - 1e-6:  # at its place, but for rounding
        return following
    return max(following - min(beyond, 0.1) * step, min(following, earliest))
