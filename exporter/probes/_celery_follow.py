"""Follows the events of tasks for as long as a component is configured, over the broker's and the network's faults."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from exporter.metric import gauge
from exporter.probe import Down, Readings
from exporter.probes._amqp import Malformed
from exporter.probes._celery_broker import OTHER, Stream
from exporter.probes._celery_events import Tally

FOLLOWED = gauge(
    "stack_celery_events_followed", "Whether the events of tasks are being followed (1), or not (0).", "component"
)

CONNECT = 10.0
TOUCH = 15.0
"""Seconds after which the broker is made to say something."""
UNANSWERED = 2
"""Times that it may leave that unanswered."""
TURN = 0.005
"""Seconds of events after which others have their turn on the loop."""
NAP, MANY = 0.05, 50
"""Seconds in which few events are left to gather, and how many are not few: to wake up for each would take as much CPU
again as it does to read it."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

Open = Callable[[], Awaitable[Stream]]


class Follower:
    """`problem` is why events are not followed, for people."""

    def __init__(self, tally: Tally, touch: float = TOUCH) -> None:
        self.tally = tally
        self.problem = ""
        self._touch = touch
        self._reached = asyncio.Event()

    def reached(self, yes: bool) -> None:
        """Whether the broker can be reached: while it can't be, the runs alone try, and how often is their affair."""
        if yes:
            self._reached.set()
        else:
            self._reached.clear()

    async def follow(self, open_stream: Open, out: Readings) -> None:
        pause = FIRST_PAUSE
        while True:
            out.set(FOLLOWED, 0)
            # Not for ever: where runs fail for another reason, such as a queue that they may not see, events may come.
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_PAUSE):
                    await self._reached.wait()
            began = time.monotonic()
            try:
                async with asyncio.timeout(CONNECT):
                    stream = await open_stream()
            except (Down, Malformed) as error:
                self.problem = error.detail if isinstance(error, Down) else str(error)
            except TimeoutError:
                self.problem = f"no subscription within {CONNECT:g} s"
            else:
                await self._follow(stream, out)
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            out.set(FOLLOWED, 0)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _follow(self, stream: Stream, out: Readings) -> None:
        self.problem = ""
        self.tally.begin(time.monotonic())
        out.set(FOLLOWED, 1)
        try:
            await self._read(stream, out)
        except Down as down:
            self.problem = down.detail
        finally:
            self.tally.end()
            stream.close()

    async def _read(self, stream: Stream, out: Readings) -> None:
        """Until the connection is lost, which is told by Down."""
        turn = touched = time.monotonic()
        taken = unanswered = 0
        while True:
            event = stream.event()
            if event is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._touch):
                        await stream.more()
                        if taken < MANY:
                            await asyncio.sleep(NAP)
                turn, taken = time.monotonic(), 0
            taken += 1
            now = time.monotonic()
            if event is not None and event is not OTHER:
                self.tally.take(event.content_type, event.body, out, now)
            if now - touched >= self._touch:
                # Counted and not timed: a machine that slept has heard nothing for long, and nobody is to blame.
                unanswered = unanswered + 1 if stream.heard <= touched else 0
                if unanswered > UNANSWERED:
                    raise Down("closed", f"the broker has been mute for {now - stream.heard:.0f} s")
                stream.touch()
                touched = now
            if now - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()
