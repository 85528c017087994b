"""Recorded exceptions as occurrences: of a span's events and of log records, each error of a trace once.

An exception that passes through several spans is recorded on each of them, and often logged too. It is one error, that
of the span in which it was raised: on a parent of a span that recorded the same it is an echo. The id is made of trace,
span, type and message and of which of several equal ones it is; so what is sent again, and the log of what a span has
recorded, is the same occurrence.
"""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from exporter.ingest import text
from exporter.ingest.otlp_attributes import LONGEST
from exporter.ingest.otlp_resource import Resource, tidy
from exporter.ingest.otlp_stack import Section, chain
from exporter.ingest.ports import Scrubber
from exporter.ingest.values import Frame, Level, Occurrence, Raised

LONGEST_TYPE = 200
ECHOES = 10_000
"""Exceptions that may still be recorded on a parent, in a later request."""
_AHEAD = 60.0
_DROPPED = ("exception.type", "exception.message", "exception.stacktrace", "exception.escaped")

Place = tuple[bytes, bytes]
"""Trace and span id."""
Key = tuple[bytes, bytes, bytes]
"""The same, and what tells one exception from others."""


class Context(Struct, frozen=True):
    """In what an exception was recorded."""

    resource: Resource
    trace_id: bytes
    span_id: bytes
    at: float
    attributes: dict[str, Any]
    """Of the span or record, as they came."""
    parent_id: bytes = b""
    transaction: str = ""
    path: str = ""
    method: str = ""
    status: int = 0
    level: Level = "error"
    handled: bool | None = None
    """False: it ended the request or the task; None: not known."""
    logger: str = ""
    message: str = ""
    """Of the log record."""


class Echoes:
    """Where a recorded exception may be recorded again: on the parents of its span. Bounded."""

    def __init__(self) -> None:
        self._places: OrderedDict[Key, None] = OrderedDict()

    def add(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._places[key] = None
        while len(self._places) > ECHOES:
            self._places.popitem(last=False)

    def __contains__(self, key: Key) -> bool:
        return key in self._places


class Errors:
    """Those of one request."""

    def __init__(self, scrubber: Scrubber, now: float, echoes: Echoes) -> None:
        self._scrubber = scrubber
        self._now = now
        self._echoes = echoes
        self._found: list[tuple[Key, Occurrence]] = []
        self._nth: Counter[Key] = Counter()
        self._parents: dict[Place, bytes] = {}

    def __len__(self) -> int:
        return len(self._found)

    def failed(self, trace_id: bytes, span_id: bytes, parent_id: bytes) -> None:
        """A span in error, through which an exception may have passed."""
        self._parents[trace_id, span_id] = parent_id

    def record(self, event: Mapping[str, Any] | None, context: Context) -> None:
        """An exception with its attributes, as they came; None for an error that is only told of."""
        said = [event.get(f"exception.{name}") for name in ("type", "message")] if event is not None else []
        type_, message = map(_string, said or ["", context.message])
        digest = hashlib.sha256(f"{type_}\0{message}".encode(errors="replace")).digest()[:16]
        key = (context.trace_id, context.span_id, digest)
        nth = self._nth[key]
        self._nth[key] += 1
        if context.parent_id:
            self._parents[context.trace_id, context.span_id] = context.parent_id
        self._found.append((key, self._occurrence(event, context, _id(key, nth, context), (type_, message))))

    def settle(self) -> tuple[list[Occurrence], list[Key]]:
        """The occurrences without echoes, and where they may be echoed yet; for Echoes once they are kept."""
        recorded = dict(self._found)
        passed: dict[Key, None] = {}
        kept = []
        for key, one in self._found:
            above = list(self._above(key))
            passed |= dict.fromkeys(above)
            if key[1] and key in self._echoes:
                continue
            # The outermost span knows the request, the innermost where it was raised.
            outer = next((recorded[place] for place in reversed(above) if place in recorded), None)
            kept.append((key, one if outer is None else _within(one, outer)))
        return [one for key, one in kept if not key[1] or key not in passed], list(passed)

    def _above(self, key: Key) -> Iterable[Key]:
        trace_id, span_id, digest = key
        seen = {span_id}
        while (span_id := self._parents.get((trace_id, span_id), b"")) and span_id not in seen and len(seen) < 100:
            seen.add(span_id)
            yield trace_id, span_id, digest

    def _occurrence(
        self, event: Mapping[str, Any] | None, context: Context, id_: str, said: tuple[str, str]
    ) -> Occurrence:
        raised = _raised(*said, event, context) if event is not None else []
        attributes = {**context.attributes, **{k: v for k, v in (event or {}).items() if k not in _DROPPED}}
        detail = tidy(_detail(raised, context, attributes), self._scrubber)
        return Occurrence(
            id=id_,
            at=min(context.at or self._now, self._now + _AHEAD),
            origin=context.resource.origin,
            source="otlp",
            level=context.level,
            raised=tuple(_scrubbed(raised, detail)),
            message=str(detail.get("message", "")),
            transaction=context.transaction,
            path=context.path,
            status=context.status,
            user=self._user(attributes),
            trace_id=context.trace_id.hex(),
            span_id=context.span_id.hex(),
            platform=context.resource.platform,
            logger=self._scrubber.text(context.logger),
            detail=detail,
        )

    def _user(self, attributes: Mapping[str, Any]) -> str:
        named = {"id": ("user.id", "enduser.id"), "username": ("user.name",), "email": ("user.email",)}
        user = {key: attributes[name] for key, names in named.items() for name in names if attributes.get(name)}
        return self._scrubber.user(user) if user else ""


def _string(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else "" if value is None else str(value)[:LONGEST]


def _id(key: Key, nth: int, context: Context) -> str:
    """32 hexadecimal digits; without a trace, of what else tells it from others."""
    parts = [*key, b"%d" % nth]
    if not key[0]:
        origin = context.resource.origin
        parts += [f"{origin.service}\0{context.at!r}\0{context.logger}".encode(errors="replace")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _within(one: Occurrence, outer: Occurrence) -> Occurrence:
    """The same error with what the span around it knows of the request."""
    raised = one.raised
    if raised and outer.raised and outer.raised[-1].handled is False:
        raised = (*raised[:-1], replace(raised[-1], handled=False))
    request = {"request": outer.detail["request"]} if "request" in outer.detail else {}
    return replace(
        one,
        raised=raised,
        transaction=outer.transaction or one.transaction,
        path=outer.path or one.path,
        status=outer.status or one.status,
        user=outer.user or one.user,
        detail=one.detail | request,
    )


def _raised(type_: str, message: str, event: Mapping[str, Any], context: Context) -> list[Raised]:
    """From the first cause to the exception that was recorded; type and message of the last are the event's own."""
    handled = False if event.get("exception.escaped") in (True, "true", "True") else context.handled
    sections = chain(_string(event.get("exception.stacktrace")))
    causes = [_one(*each, handled=None) for each in sections[:-1]]
    last = sections[-1] if sections else Section("", "", ())
    return [*causes, _one(type_ or last.type, message or last.value, last.frames, handled=handled)]


def _one(type_: str, value: str, frames: tuple[Frame, ...], *, handled: bool | None) -> Raised:
    """Python, Java and .NET give a class with its module, which Sentry's SDKs give apart."""
    type_ = text.line(type_, LONGEST_TYPE)
    module, dot, name = type_.rpartition(".")
    if dot and name.isidentifier() and all(part.isidentifier() for part in module.split(".")):
        return Raised(name, value, "" if module == "builtins" else module, frames, handled)
    return Raised(type_, value, "", frames, handled)


def _detail(raised: list[Raised], context: Context, attributes: dict[str, Any]) -> dict[str, Any]:
    """In the form of a Sentry event."""
    values = [
        {
            "type": each.type,
            "value": each.value,
            "module": each.module,
            "mechanism": {"type": "otlp", "handled": each.handled},
            "stacktrace": {
                "frames": [
                    {"module": f.module, "function": f.function, "filename": f.filename, "lineno": f.line}
                    for f in each.frames
                ]
            },
        }
        for each in raised
    ]
    trace = {"trace_id": context.trace_id.hex(), "span_id": context.span_id.hex()}
    resource = dict(context.resource.attributes)
    detail: dict[str, Any] = {"contexts": {"trace": trace, "resource": resource}, "extra": attributes}
    if values:
        detail["exception"] = {"values": values}
    if context.message:
        detail["message"] = context.message
    if context.method:
        detail["request"] = {"method": context.method, "url": context.path}
    return detail


def _scrubbed(raised: list[Raised], detail: dict[str, Any]) -> list[Raised]:
    """The same exceptions with the texts as they are in the scrubbed detail."""
    try:
        values = detail["exception"]["values"] if raised else []
        return [_as_shown(each, shown) for each, shown in zip(raised, values, strict=True)]
    except (KeyError, TypeError, ValueError):
        # The scrubber withheld what it could not do in time; then nothing of it is kept but what is no free text.
        return [Raised(each.type, "", each.module, (), each.handled) for each in raised]


def _as_shown(each: Raised, shown: dict[str, Any]) -> Raised:
    frames = tuple(
        Frame(str(f["module"]), str(f["function"]), str(f["filename"]), frame.line)
        for frame, f in zip(each.frames, shown["stacktrace"]["frames"], strict=True)
    )
    return Raised(str(shown["type"]), str(shown["value"]), str(shown["module"]), frames, each.handled)
