"""A component that is scheduled, and the ways in which it waits for its turn."""

import asyncio
import math
import time
from dataclasses import dataclass, field

from exporter.component import Component
from exporter.counting import Counting
from exporter.probe import Readings, Result
from exporter.readings import Kept
from exporter.run import Abandoned


@dataclass(slots=True, eq=False)
class Entry:
    """A component that is scheduled."""

    component: Component
    sink: Counting
    kept: Kept
    watched: Readings
    failing: bool = True
    """Until a run has shown that it is well."""
    owed: int = 0
    """Good runs in a row that it still owes before its interval is the long one again."""
    ended: float = field(default_factory=time.monotonic)
    """When its last run ended, or it was added, on time.monotonic's clock."""
    waited: float = 0.0
    """Seconds that its last run waited for a place."""
    abandoned: int = 0
    """Runs in a row that ignored their end."""
    left: set[Abandoned] = field(default_factory=set)
    """Those of them that still go on."""
    quarantined: Result | None = None
    turn: asyncio.Future[bool] | None = None
    """Set while it waits for its turn: True is the turn, False a call before it."""
    asked: asyncio.Future[Result] | None = None
    """Whoever called waits here for the run under way, or the next."""


async def wait(entry: Entry, due: float) -> bool:
    """Wait until it is due: True, or until it is called: False."""
    delay = due - time.monotonic()
    if delay <= 0:
        return True
    if entry.asked is not None:
        return False
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[bool] = loop.create_future()
    entry.turn = turn
    timer = loop.call_later(delay, lambda: tell(turn, its_turn=True)) if delay < math.inf else None
    try:
        return await turn
    finally:
        if timer is not None:
            timer.cancel()
        entry.turn = None


def asked(entry: Entry) -> asyncio.Future[Result]:
    """What whoever asked waits at; the run comes as soon as there is a place."""
    if entry.asked is None:
        entry.asked = asyncio.get_running_loop().create_future()
        entry.asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody need wait
    tell(entry.turn, its_turn=False)
    return entry.asked


def tell(turn: asyncio.Future[bool] | None, *, its_turn: bool) -> None:
    if turn is not None and not turn.done():
        turn.set_result(its_turn)
