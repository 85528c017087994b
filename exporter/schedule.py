"""Runs probes: one run with its deadline (run_once), and every component again and again (Scheduler)."""

import asyncio
import logging
import time
from collections.abc import Callable

from exporter.component import Component
from exporter.probe import Down, Kept, Outcome, Readings, Result, Sink

log = logging.getLogger(__name__)

ABANDON_AFTER = 1.0
"""Seconds that a cancelled run has to end; after them it is left to itself."""


async def run_once(
    component: Component,
    sink: Sink,
    kept: Kept,
    *,
    traceparent: str = "",
    abandoned: Callable[[asyncio.Task[BaseException | None]], None] | None = None,
) -> Result:
    """Run one probe within its total deadline. Never raises for what the probe does; cancelled, it cancels the run."""
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
    outcome, reason, detail = _verdict(component, out, error, expired=expired)
    return Result(
        component.name, component.kind, started, duration, outcome, reason, detail, out.values, tuple(out.phases), traceparent
    )


async def _caught(component: Component, out: Readings) -> BaseException | None:
    """Run, and hand back what was raised: a SystemExit that left a task would end the loop."""
    try:
        await component.probe.run(out)
    except BaseException as error:  # noqa: BLE001 - nothing a probe does stops the daemon
        return error
    return None


def _verdict(component: Component, out: Readings, error: BaseException | None, *, expired: bool) -> tuple[Outcome, str, str]:
    if isinstance(error, Down):
        if error.reason in component.probe.reasons:
            return "unhealthy", error.reason, error.detail
        error = AssertionError(f"{component.kind} gave the reason {error.reason!r}, which it does not declare")
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
                return "degraded", "threshold", f"{limit.signal.name} {value:g} is {side} its {limit.severity} threshold {limit.value:g}"
    return "healthy", "", ""
