"""The daemon's own traces: decides for each run whether its span is exported, and hands it to every back end."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from exporter import __version__
from exporter.config.onward import Forward
from exporter.config.sections import Tracing
from exporter.forward import target
from exporter.forward.backend import EVERY, Backend
from exporter.forward.ended import ended, span_id
from exporter.forward.otlp import Exporter
from exporter.probe import Result
from exporter.tally import Tallies

BEAT = 1.0


class Settings(Protocol):
    """What of the configuration matters here."""

    @property
    def service(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def forward(self) -> Forward: ...
    @property
    def tracing(self) -> Tracing: ...


def tracer(config: Settings, environ: Mapping[str, str], tallies: Tallies, *, every: float = EVERY) -> "Tracer | None":
    """A tracer for the configured back ends, or for that of OTEL_EXPORTER_OTLP_ENDPOINT; None when there is neither.

    `every`: seconds that a span waits at most.
    """
    found = target.targets(config.forward.traces, environ)
    if not found:
        return None
    attributes = resource(config, environ)
    backends = [
        Backend(str(number), each.address, Exporter(each, attributes), tallies, every=every)
        for number, each in enumerate(found)
    ]
    return Tracer(backends, target.ratio(config.tracing, environ))


def resource(config: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Who sends the spans. As in OpenTelemetry, OTEL_SERVICE_NAME goes before OTEL_RESOURCE_ATTRIBUTES."""
    found = {"service.name": "stack-exporter", "service.version": __version__}
    if config.service:
        # The daemon is a service of its own beside the application, which the namespace joins with it.
        found["service.namespace"] = config.service
    if config.environment:
        found["deployment.environment.name"] = config.environment
    found |= target.attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environ.get("OTEL_SERVICE_NAME", "").strip():
        found["service.name"] = name
    return found


class Tracer:
    """Of the loop's thread. Failed runs are exported always, the others by ratio."""

    def __init__(self, backends: Sequence[Backend], ratio: float) -> None:
        self.backends = backends
        # As OpenTelemetry's TraceIdRatioBased decides, so that services behind a probe that use it decide alike.
        self._bound = round(ratio * 2**64)

    def traceparent(self) -> str:
        """A new W3C trace context: random ids; flag 01 when the run is exported whatever becomes of it."""
        trace_id = random.getrandbits(128) or 1
        flags = "01" if trace_id & 0xFFFFFFFFFFFFFFFF < self._bound else "00"
        return f"00-{trace_id:032x}-{span_id():016x}-{flags}"

    def ended(self, result: Result) -> None:
        """Queue a run's spans if they are to be exported."""
        if result.traced:
            run = ended(result)
            for backend in self.backends:
                backend.put(run)

    async def work(self, beat: Callable[[], None]) -> None:
        """Export for ever, each back end by itself; calls `beat` every second."""
        working = [asyncio.create_task(backend.work()) for backend in self.backends]
        try:
            pending = set(working)
            while pending:
                beat()
                done, pending = await asyncio.wait(pending, timeout=BEAT)
                for task in done:
                    task.result()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def flush(self, timeout: float) -> None:  # noqa: ASYNC109 - a bound, not an error
        """Send what waits, within `timeout` seconds. `work` may run on."""
        flushing = [asyncio.create_task(backend.flush()) for backend in self.backends]
        await asyncio.wait(flushing, timeout=timeout)
        for task in flushing:
            task.cancel()
        await asyncio.gather(*flushing, return_exceptions=True)

    def close(self) -> None:
        """Let go of the back ends; what was not sent is counted as dropped."""
        for backend in self.backends:
            backend.close()

    def retire(self, to: "Tracer | None") -> None:
        """Close, and take away the series of those back ends that `to`, which stays, does not have."""
        self.close()
        staying = {backend.name for backend in to.backends} if to is not None else set()
        for backend in self.backends:
            if backend.name not in staying:
                backend.forget()
