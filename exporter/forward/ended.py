"""A run that has ended, kept small until it is encoded as OpenTelemetry's spans."""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from exporter.probe import Outcome, Phase, Result

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan


class Ended(NamedTuple):
    """What a span needs of a Result: without its readings and its traceback, which a queue of them would keep alive."""

    component: str
    kind: str
    started: float
    duration: float
    outcome: Outcome
    reason: str
    detail: str
    phases: tuple[Phase, ...]
    traceparent: str

    @property
    def spans(self) -> int:
        return 1 + len(self.phases)


def encoded(runs: Sequence[Ended], attributes: Mapping[str, str]) -> bytes:
    """An ExportTraceServiceRequest of their spans. `attributes`: of the resource."""
    # 9 MB and a tenth of a second that only tracing needs.
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.version import __version__  # noqa: PLC0415

    sdk = {"name": "opentelemetry", "language": "python", "version": __version__}
    known = {f"telemetry.sdk.{key}": value for key, value in sdk.items()}
    # Not Resource.create: it reads the process's environment, and our caller has its own.
    resource = Resource({**known, **attributes})
    request: bytes = encode_spans([span for run in runs for span in spans(run, resource)]).SerializeToString()
    return request


def ended(result: Result) -> Ended:
    return Ended(
        result.component,
        result.kind,
        result.started,
        result.duration,
        result.outcome,
        result.reason,
        result.detail,
        result.phases,
        result.traceparent,
    )


def spans(run: Ended, resource: "Resource") -> "list[ReadableSpan]":
    """The run's span, which has the ids of its traceparent, and one for each phase inside it."""
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - 9 MB that only tracing needs
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags  # noqa: PLC0415

    scope = InstrumentationScope("stack-exporter")
    trace_id = int(run.traceparent[3:35], 16)
    # What is exported was sampled, whatever flag a failed run went out with.
    sampled = TraceFlags(TraceFlags.SAMPLED)
    context = SpanContext(trace_id, int(run.traceparent[36:52], 16), is_remote=False, trace_flags=sampled)
    started = round(run.started * 1e9)
    attributes = {"component": run.component, "kind": run.kind, "result": run.outcome}
    if run.reason:
        attributes["reason"] = run.reason
    status = Status(StatusCode.UNSET)
    if run.outcome == "unhealthy":
        status = Status(StatusCode.ERROR, ": ".join(filter(None, (run.reason, run.detail))))
    elif run.detail:
        attributes["detail"] = run.detail
    found = [
        ReadableSpan(
            f"probe {run.kind}",
            context,
            resource=resource,
            attributes=attributes,
            status=status,
            start_time=started,
            end_time=started + round(run.duration * 1e9),
            instrumentation_scope=scope,
        )
    ]
    for phase in run.phases:
        begun = started + round(phase.offset * 1e9)
        found.append(
            ReadableSpan(
                phase.name,
                SpanContext(trace_id, span_id(), is_remote=False, trace_flags=sampled),
                parent=context,
                resource=resource,
                attributes={"component": run.component, "kind": run.kind},
                start_time=begun,
                end_time=begun + round(phase.duration * 1e9),
                instrumentation_scope=scope,
            )
        )
    return found


def span_id() -> int:
    """Random and not 0, which W3C Trace Context forbids."""
    return random.getrandbits(64) or 1
