"""Errors and events that are kept, as the log records of one OTLP request, whichever way they came in.

The record of an error is as the semantic conventions on exceptions in logs have it (exception.type, exception.message,
exception.stacktrace); what is ours is under `stack.`. Every record has an event name, a severity, and the event's id as
log.record.uid, by which a back end tells what was sent twice. "Events SHOULD NOT use body" (semantic conventions,
events), yet the body is what log viewers list: it is one text for people, and all that it says is in attributes too.

    entry                     event_name       severity                                body
    error, or message         stack.error      the level                               type and message
    security event            stack.security   low INFO medium WARN high ERROR         its message, else its type
                                               critical ERROR2, as syslog's is
    business event, deploy,   stack.business   INFO                                    its message, else its type
    feedback                  stack.deploy …
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from exporter import __version__
from exporter.ingest.ports import Entry, Grouped, Outcome
from exporter.ingest.values import Level, Occasion, Occurrence, Origin, Severity
from exporter.onward.told_stack import name, stacktrace
from exporter.onward.told_values import fill, identity, nanoseconds, put, sound

Kind = Literal["errors", "security", "business"]
SCOPE = "stack-exporter"
MOST = 128
"""Attributes of a record: OpenTelemetry's own default limit."""
# Logs data model, "Mapping of SeverityNumber": the first of a range, and syslog's Critical is ERROR2.
LEVELS: dict[Level, int] = {"debug": 5, "info": 9, "warning": 13, "error": 17, "fatal": 21}
SEVERITY: dict[Severity, int] = {"low": 9, "medium": 13, "high": 17, "critical": 18}
_INFO = 9


def told(
    entries: Sequence[tuple[Entry, Outcome]],
    which: Collection[Kind],
    now: float = 0.0,
    resource: Mapping[str, str] | None = None,
) -> tuple[bytes, int]:
    """An ExportLogsServiceRequest, and how many records it has; (b"", 0) when there is nothing to tell.

    Duplicates are left out, and entries that are no more than an id. An error that is one of security is told with
    `errors` and with `security`, once; deploys and feedback are told with `business`. `now`: when the records were
    observed, in Unix seconds; by default when they happened. `resource`: attributes that are added to each resource
    that does not have them.
    """
    found = [(entry, outcome) for entry, outcome in entries if outcome != "duplicate" and _is_told(entry, which)]
    if not found:
        return b"", 0
    # 5 MB that a daemon without OTLP does not need.
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: PLC0415

    request = ExportLogsServiceRequest()
    of: dict[Origin, Any] = {}
    for entry, outcome in found:
        origin = (entry.occurrence or entry.occasion).origin  # type: ignore[union-attr]
        if (scope := of.get(origin)) is None:
            scope = of[origin] = _scope(request, origin, resource or {})
        _tell(scope.log_records.add(), entry, outcome, now)
    serialized: bytes = request.SerializeToString()
    return serialized, len(found)


def _is_told(entry: Entry, which: Collection[Kind]) -> bool:
    if entry.occurrence is not None and entry.grouped is not None:
        return "errors" in which or (entry.grouped.security and "security" in which)
    if entry.occasion is not None:
        return ("security" if entry.occasion.kind == "security" else "business") in which
    return False


def _scope(request: Any, origin: Origin, more: Mapping[str, str]) -> Any:
    of = request.resource_logs.add()
    said = {
        "service.name": origin.service,
        "service.version": origin.release,
        "deployment.environment.name": origin.environment,
    }
    attributes = {**more, **{key: value for key, value in said.items() if value}}
    fill(of.resource.attributes, attributes.items(), MOST)
    scope = of.scope_logs.add()
    scope.scope.name, scope.scope.version = SCOPE, __version__
    return scope


def _tell(record: Any, entry: Entry, outcome: Outcome, now: float) -> None:
    record.time_unix_nano = nanoseconds(entry.at)
    record.observed_time_unix_nano = nanoseconds(now or entry.at)
    if entry.occurrence is not None and entry.grouped is not None:
        one, grouped = entry.occurrence, entry.grouped
        trace, span = one.trace_id, one.span_id
        record.event_name, text = "stack.error", grouped.title
        record.severity_number, record.severity_text = LEVELS[one.level], one.level
        attributes = _error(one, grouped, outcome)
    elif (occasion := entry.occasion) is not None:
        trace, span = _text(occasion.detail, "trace_id") or _traced(occasion.detail), ""
        severe = occasion.kind == "security"
        record.event_name = f"stack.{occasion.kind}"
        text = _text(occasion.detail, "message") or occasion.type
        record.severity_number = SEVERITY[occasion.severity] if severe else _INFO
        record.severity_text = occasion.severity if severe else "info"
        attributes = _event(occasion)
    record.trace_id = identity(trace, 16)
    if record.trace_id:
        record.span_id = identity(span, 8)
    put(record.body, sound(text))
    fill(record.attributes, attributes, MOST)


def _error(one: Occurrence, grouped: Grouped, outcome: Outcome) -> Iterator[tuple[str, Any]]:
    """Those of an error; an empty text, 0 and None stand for what is not known, and are left out."""
    yield "log.record.uid", one.id
    if one.raised:
        last = one.raised[-1]
        yield "exception.type", name(last)
        yield "exception.message", last.value
        yield "exception.stacktrace", stacktrace(one.raised, one.platform)
        yield "stack.error.handled", last.handled
    elif one.message:
        yield "exception.message", one.message
    yield "stack.error.group", grouped.fingerprint
    yield "stack.error.type", grouped.type
    yield "stack.error.severity", grouped.severity
    yield "stack.error.security", True if grouped.security else None
    yield "stack.error.outcome", outcome
    yield "stack.error.code", grouped.code
    yield "stack.error.culprit", grouped.culprit
    yield "stack.error.transaction", one.transaction
    yield "stack.team", grouped.team
    yield "stack.source", one.source
    yield "url.path", one.path
    yield "http.request.method", _text(one.detail.get("request"), "method")
    yield "http.response.status_code", one.status or None
    yield "user.id", one.user
    yield "logger.name", one.logger
    yield from _named("stack.tag", one.detail.get("tags"))


def _event(one: Occasion) -> Iterator[tuple[str, Any]]:
    yield "log.record.uid", one.id
    yield "stack.event.type", one.type
    yield "stack.event.severity", one.severity if one.kind == "security" else None
    yield "stack.event.message", _text(one.detail, "message")
    yield "stack.event.request_id", _text(one.detail, "request_id")
    yield "user.id", one.user
    contexts = one.detail.get("contexts")
    yield from _named("stack.feedback", contexts.get("feedback") if isinstance(contexts, dict) else None)
    yield from _named("stack.context", one.detail.get("extra"))


def _named(prefix: str, values: Any) -> Iterator[tuple[str, Any]]:
    """Sentry has tags as an object, or as a list of pairs."""
    if isinstance(values, list):
        pairs = (each for each in values if isinstance(each, list) and len(each) == 2)
        values = {key: value for key, value in pairs if isinstance(key, str)}
    for key, value in values.items() if isinstance(values, dict) else ():
        yield f"{prefix}.{key}", value


def _traced(detail: Mapping[str, Any]) -> str:
    contexts = detail.get("contexts")
    return _text(contexts.get("trace"), "trace_id") if isinstance(contexts, dict) else ""


def _text(of: Any, key: str) -> str:
    found = of.get(key) if isinstance(of, Mapping) else None
    return found if isinstance(found, str) else ""
