"""What log records are worth: lines by their severity, and an error where one tells of an exception or is fatal."""

from collections import Counter
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from msgspec.structs import replace

from exporter.ingest import text
from exporter.ingest.otlp_attributes import every, value
from exporter.ingest.otlp_errors import Context, Errors
from exporter.ingest.otlp_resource import Resource
from exporter.ingest.otlp_wire import Malformed, Piece, messages
from exporter.ingest.values import Level, Logged

_LEVELS: tuple[Level, ...] = ("debug", "debug", "info", "warning", "error", "fatal")
_FATAL = 21
_WORDS: dict[str, Level] = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "information": "info",
    "notice": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "err": "error",
    "critical": "fatal",
    "fatal": "fatal",
    "alert": "fatal",
    "emergency": "fatal",
}
_TRACE, _SPAN = 16, 8
_LONGEST_MESSAGE = 8_192


def records(piece: Piece, resource: Resource, errors: Errors, lines: Counter[tuple[Any, Level]]) -> None:
    """Count a piece's records by level, and record what of them is an error. Raises Malformed."""
    wire = messages()
    try:
        found = wire["ScopeLogs"].FromString(piece.scope).log_records
    except DecodeError:
        raise Malformed("a log record is malformed") from None
    for record in found:
        level = _level(record)
        lines[resource.origin, level] += 1
        exceptional = any(b"exception." in raw[:40] for raw in record.attributes)
        if exceptional or level == "fatal":
            _record(record, level, resource, errors)


def logged(lines: Counter[tuple[Any, Level]]) -> list[tuple[str, Logged]]:
    """The counts as Batch.measured holds them."""
    return [("", Logged(origin, level, float(count))) for (origin, level), count in lines.items()]


def _level(record: Any) -> Level:
    """Severity numbers 1 to 24, four to a level (logs data model); else the text that the application's library has."""
    number: int = record.severity_number
    if 0 < number <= 4 * len(_LEVELS):
        return _LEVELS[(number - 1) // 4]
    return _WORDS.get(record.severity_text[:20].decode(errors="replace").lower(), "info")


def _record(record: Any, level: Level, resource: Resource, errors: Errors) -> None:
    attributes = every(record.attributes)
    event = {key: each for key, each in attributes.items() if key.startswith("exception.")}
    body = value(record.body)
    message = body[:_LONGEST_MESSAGE] if isinstance(body, str) else ""
    # A record whose ids are none belongs to no trace, and is valid (logs.proto, trace_id).
    traced = len(record.trace_id) == _TRACE and len(record.span_id) == _SPAN and any(record.trace_id)
    context = Context(
        resource=resource,
        trace_id=record.trace_id if traced else b"",
        span_id=record.span_id if traced else b"",
        at=(record.time_unix_nano or record.observed_time_unix_nano) / 1e9,
        attributes={key: each for key, each in attributes.items() if key not in event},
        level="error" if level in ("debug", "info") else level,
        handled=False if level == "fatal" else None,
        logger=text.line(str(attributes.get("logger.name") or attributes.get("code.namespace") or "")),
        message=message,
    )
    if event.get("exception.type") or event.get("exception.message"):
        errors.record(event, context)
    elif level == "fatal":
        errors.record(None, replace(context, attributes=attributes))
