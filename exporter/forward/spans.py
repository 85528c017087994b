"""The daemon's own traces: decides for each run whether its span is forwarded, and gathers them into requests."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from exporter.config.sections import Tracing
from exporter.forward import resource, target
from exporter.forward.ended import Ended, encoded, ended, span_id
from exporter.ingest.ports import Refusing
from exporter.probe import Result

EVERY = 1.0
"""Seconds that a span waits at most before it is in the spool."""
TOGETHER, MOST = 512, 8_192
"""Spans in one request, and those that wait for room in the spool: beyond it the oldest go."""

Put = Callable[[bytes, int], Awaitable[None]]
"""Keeps an ExportTraceServiceRequest with so many spans. Raises Refusing."""


class Settings(resource.Settings, Protocol):
    """What of the configuration matters here."""

    @property
    def tracing(self) -> Tracing: ...


class Tracer:
    """Of the loop's thread. Failed runs are forwarded always, the others by ratio."""

    def __init__(
        self, config: Settings, environ: Mapping[str, str], put: Put, lost: Callable[[int], None], every: float = EVERY
    ) -> None:
        """`lost` counts spans for which there was no room for long."""
        self._resource = resource.own(config, environ)
        self._put = put
        self._lost = lost
        self._every = every
        # As OpenTelemetry's TraceIdRatioBased decides, so that services behind a probe that use it decide alike.
        self._bound = round(target.ratio(config.tracing, environ) * 2**64)
        self._runs: deque[Ended] = deque()
        self._waiting = 0
        self._enough = asyncio.Event()
        self._turn = asyncio.Lock()

    def traceparent(self) -> str:
        """A new W3C trace context: random ids; flag 01 when the run is forwarded whatever becomes of it."""
        trace_id = random.getrandbits(128) or 1
        flags = "01" if trace_id & 0xFFFFFFFFFFFFFFFF < self._bound else "00"
        return f"00-{trace_id:032x}-{span_id():016x}-{flags}"

    def ended(self, result: Result) -> None:
        """Queue a run's spans if they are to be forwarded."""
        if not result.traced:
            return
        self._runs.append(run := ended(result))
        self._waiting += run.spans
        if self._waiting >= TOGETHER:
            self._enough.set()
        while self._waiting > MOST:
            self._waiting -= (oldest := self._runs.popleft()).spans
            self._lost(oldest.spans)

    async def work(self, beat: Callable[[], None]) -> None:
        """Hand them on for ever, every second and sooner when there are many."""
        while True:
            beat()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._enough.wait()
            if not await self.flush():
                await asyncio.sleep(self._every)

    async def flush(self) -> bool:
        """Hand on all there are; False when they are not taken now."""
        async with self._turn:
            self._enough.clear()
            while self._runs:
                taken, count = self._take()
                body = await asyncio.to_thread(encoded, taken, self._resource)
                try:
                    await self._put(body, count)
                except BaseException as error:
                    self._runs.extendleft(reversed(taken))
                    self._waiting += count
                    if isinstance(error, Refusing):
                        return False
                    raise
        return True

    def hand_over(self) -> Sequence[Ended]:
        """All that waits, which is another's from now on."""
        found, self._runs, self._waiting = self._runs, deque(), 0
        return found

    def inherit(self, runs: Sequence[Ended]) -> None:
        """What waited in another."""
        self._runs.extend(runs)
        self._waiting += sum(run.spans for run in runs)

    def lose(self) -> None:
        """Nobody hands on what is left."""
        if self._waiting:
            self._lost(self._waiting)
        self.hand_over()

    def _take(self) -> tuple[Sequence[Ended], int]:
        taken: list[Ended] = []
        count = 0
        while self._runs and (not taken or count + self._runs[0].spans <= TOGETHER):
            taken.append(run := self._runs.popleft())
            count += run.spans
        self._waiting -= count
        return taken, count
