"""One run of a probe, with its total deadline: what it said, or what became of it, as a Result."""

import asyncio
import time
from collections.abc import Callable, Mapping

from exporter.component import Component, Limit
from exporter.metric import Metric
from exporter.probe import Down, Outcome, Readings, Result
from exporter.quantity import crossing
from exporter.readings import Kept, Sink
from exporter.redact import redact, redacted

ABANDON_AFTER = 1.0
"""Seconds that a cancelled run has to end; after them it is left to itself."""
_LONGEST_DETAIL = 400

Abandoned = asyncio.Task[BaseException | None]


async def run_once(
    component: Component,
    sink: Sink,
    kept: Kept,
    *,
    traceparent: str = "",
    watched: Mapping[tuple[Metric, tuple[str, ...]], float] | None = None,
    abandoned: Callable[[Abandoned], None] | None = None,
) -> Result:
    """Run one probe within its total deadline. Never raises for what the probe does; cancelled, it cancels the run.

    `watched` are readings of the kind's watch, which belong to the result; `abandoned` is told of a run that ignores
    its end.
    """
    started, began = time.time(), time.monotonic()
    out = Readings(component.name, sink, kept, deadline=began + component.timeout, traceparent=traceparent)
    # A task of its own, because only so can a run that swallows its cancellation be left behind.
    task = asyncio.get_running_loop().create_task(_caught(component, out), name=f"run {component.name}")
    expired = False
    try:
        await _end(task, component.timeout)
        if expired := not task.done():
            task.cancel()
            await _end(task, ABANDON_AFTER)
    except asyncio.CancelledError:
        task.cancel()
        await _end(task, ABANDON_AFTER)
        raise
    finally:
        if not task.done() and abandoned is not None:
            abandoned(task)
    duration = time.monotonic() - began
    error = _error(task)
    # A copy where somebody may still write: the watch, or a run that was left behind.
    values = {**(watched or {}), **out.values} if watched or not task.done() else out.values
    outcome, reason, detail = _verdict(component, out, values, error, expired=expired)
    if error is not None and reason == "internal":
        redact(error, component.probe)
    return Result(
        component.name,
        component.kind,
        started,
        duration,
        outcome,
        reason,
        _printable(redacted(detail, component.probe)) if detail else "",
        values,
        tuple(out.phases),
        traceparent,
        error if reason == "internal" else None,
    )


async def _end(task: Abandoned, within: float) -> None:
    """Wait until it has ended, `within` seconds at most: asyncio.wait for one task, at a third of its cost."""
    if task.done():
        return
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not turn.done():
            turn.set_result(None)

    timer = loop.call_later(within, wake)
    task.add_done_callback(wake)
    try:
        await turn
    finally:
        timer.cancel()
        task.remove_done_callback(wake)


async def _caught(component: Component, out: Readings) -> BaseException | None:
    """Run, and hand back what was raised: a SystemExit that left a task would end the loop."""
    try:
        await component.probe.run(out)
    except BaseException as error:  # noqa: BLE001 - nothing a probe does stops the daemon
        return error
    return None


def _error(task: Abandoned) -> BaseException | None:
    if not task.done():
        return None
    return asyncio.CancelledError() if task.cancelled() else task.result()


def _verdict(
    component: Component,
    out: Readings,
    values: Mapping[tuple[Metric, tuple[str, ...]], float],
    error: BaseException | None,
    *,
    expired: bool,
) -> tuple[Outcome, str, str]:
    declared = component.probe.reasons
    if isinstance(error, Down):
        if error.reason in declared:
            return "unhealthy", error.reason, error.detail
        error.add_note(f"{component.kind} does not declare the reason {error.reason!r}")
        return "unhealthy", "internal", f"the probe gave an undeclared reason: {error.reason}"
    if expired:
        phase = out.open_phase
        reason = f"{phase}_timeout" if phase in ("resolve", "connect") else "timeout"
        return "unhealthy", reason, _cut_off(out, component.timeout)
    if error is not None:
        return "unhealthy", "internal", f"{type(error).__name__} in the probe"
    if out.degradations:
        reason, detail = out.degradations[0]
        if reason in declared:
            return "degraded", reason, detail
        return "degraded", "internal", f"the probe gave an undeclared reason: {reason}"
    crossed = [(limit, value) for limit in component.limits if (value := _worst(limit, values)) is not None]
    if crossed:
        # A critical one first, as the worse of two is what to say.
        limit, value = min(crossed, key=lambda pair: pair[0].severity != "critical")
        return "degraded", "threshold", crossing(limit, value)
    return "healthy", "", ""


def _cut_off(out: Readings, timeout: float) -> str:
    """Where and in what the deadline struck."""
    words = f"{out.where}: " if out.where else ""
    words += f"no end within {timeout:g} s"
    words += f", in phase {out.open_phase}" if out.open_phase else ""
    # A server of another protocol waits for a line that never ends.
    return words + ("; it may not speak TLS there" if out.open_phase == "tls" else "")


def _worst(limit: Limit, values: Mapping[tuple[Metric, tuple[str, ...]], float]) -> float | None:
    """Of the values that cross the limit the one that is furthest beyond; None when none does."""
    if limit.signal.statistic != "last":
        return None
    crossing = [v for (metric, _), v in values.items() if metric is limit.signal.metric and limit.crossed(v)]
    return (max if limit.signal.direction == "above" else min)(crossing, default=None)


def _printable(detail: str) -> str:
    """One line that a terminal, a log and a page can show as it stands."""
    if len(detail) > _LONGEST_DETAIL:
        detail = detail[: _LONGEST_DETAIL - 1] + "…"
    return detail if detail.isprintable() else "".join(c if c.isprintable() else " " for c in detail)
