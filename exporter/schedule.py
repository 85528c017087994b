"""Runs probes: one run with its deadline (run_once), and every component again and again (Scheduler)."""

import asyncio
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from exporter.component import Component
from exporter.metric import Metric, counter, gauge
from exporter.probe import Down, Kept, Outcome, Probe, Readings, Result, Sink
from exporter.slots import Slots
from exporter.supervise import Tasks
from exporter.tally import Counting, Tallies

PROBE_SKIPPED = counter(
    "stack_probe_skipped_total", "Runs left out because the one before had not ended in time.", "component", "kind"
)
PROBES_RUNNING = gauge("stack_exporter_probes_running", "Runs under way.")
PROBES_ABANDONED = counter(
    "stack_exporter_probes_abandoned_total", "Runs that ignored their cancellation.", "component", "kind"
)

ABANDON_AFTER = 1.0
"""Seconds that a cancelled run has to end; after them it is left to itself."""
QUARANTINE_AFTER = 3
"""Runs in a row left behind, after which a component is not run any more: each of them may hold a socket or a thread."""


async def run_once(
    component: Component,
    sink: Sink,
    kept: Kept,
    *,
    traceparent: str = "",
    watched: Mapping[tuple[Metric, tuple[str, ...]], float] | None = None,
    abandoned: Callable[[asyncio.Task[BaseException | None]], None] | None = None,
) -> Result:
    """Run one probe within its total deadline. Never raises for what the probe does; cancelled, it cancels the run.

    `watched` are readings of the kind's watch, which belong to the result; `abandoned` is told of a run that ignores its end.
    """
    loop = asyncio.get_running_loop()
    started, began = time.time(), time.monotonic()
    out = Readings(component.name, sink, kept, deadline=began + component.timeout, traceparent=traceparent)
    ended: asyncio.Future[None] = loop.create_future()
    expired = False

    def give_up() -> None:
        if not ended.done():
            ended.set_result(None)

    def expire() -> None:
        nonlocal expired, timer
        expired = True
        task.cancel()
        timer = loop.call_later(ABANDON_AFTER, give_up)

    # A task of its own, because only so can a run that swallows its cancellation be left behind.
    task = loop.create_task(_caught(component, out), name=f"probe {component.name}")
    task.add_done_callback(lambda _: give_up())
    timer = loop.call_later(component.timeout, expire)
    try:
        await ended
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        timer.cancel()
    duration = time.monotonic() - began
    if not task.done() and abandoned is not None:
        abandoned(task)
    error = task.result() if task.done() else None
    if watched:
        out.values = {**watched, **out.values}
    outcome, reason, detail = _verdict(component, out, error, expired=expired)
    defect = error if reason == "internal" else None
    phases = tuple(out.phases)
    return Result(
        component.name,
        component.kind,
        started,
        duration,
        outcome,
        reason,
        detail,
        out.values,
        phases,
        traceparent,
        defect,
    )


async def _caught(component: Component, out: Readings) -> BaseException | None:
    """Run, and hand back what was raised: a SystemExit that left a task would end the loop."""
    try:
        await component.probe.run(out)
    except BaseException as error:  # noqa: BLE001 - nothing a probe does stops the daemon
        return error
    return None


def _verdict(
    component: Component, out: Readings, error: BaseException | None, *, expired: bool
) -> tuple[Outcome, str, str]:
    if isinstance(error, Down):
        if error.reason in component.probe.reasons:
            return "unhealthy", error.reason, error.detail
        error.add_note(f"{component.kind} does not declare the reason {error.reason!r}")
        return "unhealthy", "internal", f"the probe gave an undeclared reason: {error.reason}"
    if expired:
        phase = out.open_phase
        reason = f"{phase}_timeout" if phase in ("resolve", "connect") else "timeout"
        return "unhealthy", reason, f"no end within {component.timeout:g} s" + (f", in phase {phase}" if phase else "")
    if error is not None:
        return "unhealthy", "internal", f"{type(error).__name__} in the probe"
    if out.degradations:
        return "degraded", *out.degradations[0]
    for limit in component.limits:
        if limit.signal.statistic != "last":
            continue
        for (metric, _), value in out.values.items():
            if metric is limit.signal.metric and limit.crossed(value):
                side = "at or " + limit.signal.direction
                return (
                    "degraded",
                    "threshold",
                    f"{limit.signal.name} {value:g} is {side} its {limit.severity} threshold {limit.value:g}",
                )
    return "healthy", "", ""


@dataclass(slots=True, eq=False)
class Entry:
    """A component that is scheduled. `abandoned`: runs in a row that ignored their end."""

    component: Component
    sink: Counting
    kept: Kept
    watched: Readings
    running: asyncio.Future[Result] | None = None
    failing: bool = False
    abandoned: int = 0


class Scheduler:
    """Runs every component at its interval, each at its own place within it, one run at a time, some 50 in all."""

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

    def add(self, component: Component, kept: Kept) -> Readings:
        """Begin to run a component; gives the readings of its watch."""
        sink = Counting(self._tallies, component.name)
        entry = self._entries[component.name] = Entry(component, sink, kept, Readings(component.name, sink, kept))
        self._tallies.child(PROBE_SKIPPED, component.name, component.kind)
        self._tasks.start(f"probe {component.name}", lambda: self._follow(entry))
        if type(component.probe).watch is not Probe.watch:
            self._tasks.start(f"watch {component.name}", lambda: component.probe.watch(entry.watched))
        return entry.watched

    async def remove(self, name: str) -> None:
        """End a component's runs and its watch."""
        self._entries.pop(name)
        await self._tasks.end(f"probe {name}", f"watch {name}")

    async def run_now(self, name: str) -> Result:
        """A result as of now: of the run under way, else of one made for this call. Raises KeyError."""
        return await self._run(self._entries[name])

    def limit(self, concurrency: int) -> None:
        """How many runs there may be at once from now on; those under way keep their places."""
        self._slots = Slots(concurrency)

    def silent(self) -> bool:
        """Whether no run has ended for three intervals: then scheduling itself has stopped."""
        if not self._entries:
            return False
        shortest = min(entry.component.interval for entry in self._entries.values())
        longest = max(entry.component.timeout for entry in self._entries.values())
        return time.monotonic() - self.last_end > 3 * shortest + longest + ABANDON_AFTER

    async def _follow(self, entry: Entry) -> None:
        component = entry.component
        interval = component.interval
        place = zlib.crc32(component.name.encode()) / 2**32
        # The first runs come soon, but spread as well: 20 ms for each component, up to the interval.
        await asyncio.sleep(place * min(interval, 0.02 * len(self._entries)))
        began = time.monotonic()
        turn = int(began / interval - place) + 2  # the first turn that is a whole interval away
        while True:
            result = await self._run(entry)
            if entry.abandoned >= QUARANTINE_AFTER:
                self._on_result(_quarantined(result))
                return
            if not result.up and component.failing_interval < interval:
                await asyncio.sleep(max(0.0, began + component.failing_interval - time.monotonic()))
                began = time.monotonic()
                turn = int(began / interval - place) + 2
                continue
            late = int(time.monotonic() / interval - place) + 1 - turn
            if late > 0:
                self._tallies.child(PROBE_SKIPPED, component.name, component.kind).add(late)
                turn += late
            await asyncio.sleep(max(0.0, (turn + place) * interval - time.monotonic()))
            began = time.monotonic()
            turn += 1

    async def _run(self, entry: Entry) -> Result:
        if entry.running is not None:
            return await asyncio.shield(entry.running)
        running = entry.running = asyncio.get_running_loop().create_future()
        left_behind: list[asyncio.Task[BaseException | None]] = []
        try:
            async with self._slots.one(failing=entry.failing):
                self._running.add(1)
                try:
                    result = await run_once(
                        entry.component,
                        entry.sink,
                        entry.kept,
                        traceparent=self._traceparent(),
                        watched=entry.watched.values,
                        abandoned=left_behind.append,
                    )
                finally:
                    self._running.add(-1)
            entry.failing = not result.up
            entry.abandoned = entry.abandoned + 1 if left_behind else 0
            if left_behind:
                self._tallies.child(PROBES_ABANDONED, entry.component.name, entry.component.kind).add()
            self.last_end = time.monotonic()
            if self._entries.get(entry.component.name) is entry:
                self._on_result(result)
            running.set_result(result)
            return result
        finally:
            entry.running = None
            if not running.done():
                running.cancel()


def _quarantined(result: Result) -> Result:
    return replace(
        result, reason="quarantined", detail="three runs in a row ignored their cancellation; reload to try again"
    )
