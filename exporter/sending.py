"""What the daemon sends onward: forwarding and its own spans, built, put in force anew by a reload, and ended."""

from collections.abc import Collection, Mapping
from pathlib import Path

from exporter.config import Config
from exporter.forward import resource, target
from exporter.forward.forwarding import Forwarding
from exporter.forward.spans import Tracer
from exporter.probe import Result
from exporter.supervise import Tasks
from exporter.tally import Tallies

MADE_OF = ("forward", "tracing", "service", "environment")
"""What of a configuration it is made of."""
SPANS = "spans"


class Sending:
    """What outlives a reload, and the spans of the configuration in force."""

    def __init__(self, tallies: Tallies, tasks: Tasks, environ: Mapping[str, str], own: Collection[int]) -> None:
        """`own`: ports of the daemon itself, to which nothing is sent."""
        self.forwarding = Forwarding(tallies, tasks)
        self._tasks = tasks
        self._own = own
        self._environ = environ
        self._tracer: Tracer | None = None
        self._ratio = 1.0

    async def use(self, config: Config, storage: Path | None) -> None:
        """Send to the back ends of this configuration, and trace by it. Raises spool.InUse, the first time alone."""
        self._ratio = float(config.forward.sample_ratio)
        found = target.targets(config.forward, self._environ, self._own)
        before, self._tracer = self._tracer, None
        traced = any(one.signal == "traces" for one in found)
        if before is not None:
            await self._tasks.end(SPANS)
            await before.flush()
            if not traced:
                before.lose()
        await self.forwarding.use(found, storage, resource.added(config, self._environ))
        if traced and self.forwarding.takes("traces"):
            tracer = self._tracer = self._tracing(config)
            if before is not None:
                tracer.inherit(before.hand_over())
            self._tasks.start(SPANS, lambda: tracer.work(lambda: self._tasks.beat(SPANS)), heartbeat=15.0)

    async def end(self, seconds: float) -> None:
        """Hand on the spans that there are, and deliver for so long."""
        if self._tracer is not None:
            await self._tasks.end(SPANS)
            await self._tracer.flush()
            self._tracer.lose()
        await self.forwarding.end(seconds)

    @property
    def told(self) -> str:
        """What goes to which back ends, for people; empty when nothing does."""
        return target.told([backend.target for backend in self.forwarding.backends], self._ratio)

    def traceparent(self) -> str:
        """For a probe's run; empty when it is not traced."""
        return self._tracer.traceparent() if self._tracer is not None else ""

    def ended(self, result: Result) -> None:
        """A run has."""
        if self._tracer is not None:
            self._tracer.ended(result)

    def _tracing(self, config: Config) -> Tracer:
        put, refused = self.forwarding.put, self.forwarding.refused
        return Tracer(
            config,
            self._environ,
            lambda body, spans: put("traces", body, spans),
            lambda spans: refused("traces", spans),
        )
