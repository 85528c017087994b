"""A kind whose run and watch are whatever a test says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from exporter.component import Component
from exporter.metric import counter, gauge, histogram, info
from exporter.probe import Probe, Readings, Result

LEVEL = gauge("stack_scripted_level_ratio", "How full it is.", "component", "tank")
SIZE = gauge("stack_scripted_size_bytes", "How large it is.", "component")
SERVED = counter("stack_scripted_served_total", "What the server counted.", "component")
SEEN = counter("stack_scripted_seen_total", "What we counted.", "component", "what")
WAIT = histogram("stack_scripted_wait_seconds", "How long it took.", "component", buckets=(0.1, 1.0))
ABOUT = info("stack_scripted_about_info", "What it is.", "component", "version")

Work = Callable[[Readings], Awaitable[None]]


class Scripted(Probe, kw_only=True):
    """Its run is `work`."""

    reasons = {"refused": "It was refused.", "slow": "It is slow."}
    work: Any

    async def run(self, out: Readings) -> None:
        await self.work(out)


class Watching(Scripted, kw_only=True):
    """Its watch is `following`."""

    following: Any

    async def watch(self, out: Readings) -> None:
        await self.following(out)


async def fine(out: Readings) -> None:
    """Nothing is wrong."""


async def mute(out: Readings) -> None:
    """No answer ever comes."""
    await asyncio.Event().wait()


def component(work: Work = fine, name: str = "it", **fields: Any) -> Component:
    return Component(name, "scripted", Scripted(work=work), **fields)


def result(outcome: str = "healthy", name: str = "it", **fields: Any) -> Result:
    """A result as run_once makes it."""
    reason = {"healthy": "", "degraded": "slow", "unhealthy": "refused"}[outcome]
    given = {"started": 1000.0, "duration": 0.25, "reason": reason, "detail": "", "values": {}} | fields
    return Result(component=name, kind="scripted", outcome=outcome, **given)  # type: ignore[arg-type]
