"""An occurrence of a Sentry event: of the current form, and of the older ones that SDKs still send."""

import hashlib
import re
from functools import lru_cache
from typing import Any

from msgspec import Struct

from exporter.ingest import text
from exporter.ingest.ports import Scrubber
from exporter.ingest.sentry_detail import chosen, shortened
from exporter.ingest.sentry_fields import (
    clamped,
    first,
    identity,
    integer,
    mapping,
    mappings,
    name,
    path,
    sequence,
    status,
    words,
)
from exporter.ingest.values import Frame, Level, Occasion, Occurrence, Origin, Raised

LEVELS: dict[str, Level] = {
    "fatal": "fatal",
    "critical": "fatal",
    "error": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "log": "info",
    "debug": "debug",
    "trace": "debug",
}
CODES = ("error_code", "error.code", "errorCode", "code")
"""Tags in which applications give their own code of an error."""
_PLACE = re.compile(r"%[sdrif]|\{\}|%\([A-Za-z0-9_]{1,40}\)[sdrif]")


class Sent(Struct, frozen=True):
    """What an envelope says of all its items, and who takes them in."""

    service: str
    environment: str
    """Where they name none."""
    scrubber: Scrubber
    now: float
    shift: float = 0.0
    """Seconds that the client's clock is behind ours."""
    header: dict[str, Any] = {}
    origins: dict[tuple[str, str], Origin] = {}
    """Those found so far: spans of an envelope nearly always have one."""

    def origin(self, environment: Any = None, release: Any = None) -> Origin:
        trace = mapping(self.header.get("trace"))
        where = name(environment) or name(trace.get("environment"))
        which = name(release) or name(trace.get("release"))
        found = self.origins.get((where, which))
        if found is None:
            scrub = self.scrubber.text
            found = Origin(self.service, scrub(where) if where else self.environment, scrub(which) if which else "")
            self.origins[where, which] = found
        return found


def event_id(event: dict[str, Any], sent: Sent, payload: bytes) -> str:
    """The event's own, else the envelope's, else one that the same bytes have again."""
    found = identity(event.get("event_id")) or identity(sent.header.get("event_id"))
    return found or hashlib.blake2b(payload, digest_size=16).hexdigest()


def occurrence(event: dict[str, Any], sent: Sent, payload: bytes) -> Occurrence:
    """The event, which must be fresh from JSON. Raises Malformed when it has too many values."""
    id_ = event_id(event, sent, payload)
    event, user = _scrubbed(event, sent, payload)
    request, contexts, tags = (mapping(event.get(key)) for key in ("request", "contexts", "tags"))
    trace = mapping(contexts.get("trace"))
    message, template = _message(event)
    url = words(request.get("url"))
    answered = status(mapping(contexts.get("response")).get("status_code")) or status(tags.get("http.status_code"))
    return Occurrence(
        id=id_,
        at=clamped(event.get("timestamp"), sent.now, sent.shift),
        origin=sent.origin(event.get("environment"), event.get("release")),
        source="sdk",
        level=LEVELS.get(words(event.get("level")).lower(), "error"),
        raised=_chain(event),
        message=message,
        template=template,
        fingerprint=tuple(words(one) for one in sequence(event.get("fingerprint")) if words(one)),
        transaction=name(first(event, "transaction", "culprit")),
        path=path(url)[:2_048],
        status=answered,
        code=name(first(tags, *CODES)),
        user=user,
        trace_id=identity(trace.get("trace_id")),
        span_id=identity(trace.get("span_id"), 16),
        platform=name(event.get("platform")),
        logger=name(event.get("logger")),
        detail=shortened({key: value for key, value in event.items() if key not in ("timestamp", "event_id")}),
    )


def feedback(event: dict[str, Any], sent: Sent, payload: bytes) -> Occasion:
    """What a user wrote, of the current form or of user_report, whose id is that of the error it is about."""
    form = mapping(mapping(event.get("contexts")).get("feedback"))
    id_ = event_id(event, sent, payload)
    form = {key: value for key, value in form.items() if key != "name"}
    if not form:
        form = {"message": event.get("comments"), "associated_event_id": id_, "contact_email": event.get("email")}
        id_ = hashlib.blake2b(f"report {id_}".encode(), digest_size=16).hexdigest()
    event["contexts"] = {"feedback": form, "trace": mapping(event.get("contexts")).get("trace")}
    event, user = _scrubbed({key: value for key, value in event.items() if key != "breadcrumbs"}, sent, payload)
    return Occasion(
        id=id_,
        at=clamped(event.get("timestamp"), sent.now, sent.shift),
        origin=sent.origin(event.get("environment"), event.get("release")),
        kind="feedback",
        type="feedback",
        user=user,
        detail=shortened({key: value for key, value in event.items() if key not in ("timestamp", "event_id")}),
    )


def _scrubbed(event: dict[str, Any], sent: Sent, payload: bytes) -> tuple[dict[str, Any], str]:
    """What is kept of it, and its user."""
    if not text.is_clean(payload):
        event = text.clean(event)
    who = mapping(event.get("user"))
    user = sent.scrubber.user({key: value for key, value in who.items() if value != "{{auto}}"}) if who else ""
    scrubbed = mapping(sent.scrubber.tree(chosen(event)))
    # No person's, and needed as numbers: chosen leaves it out.
    scrubbed["timestamp"] = event.get("timestamp")
    return scrubbed, user


def _chain(event: dict[str, Any]) -> tuple[Raised, ...]:
    return tuple(_raised(one) for one in mappings(event.get("exception")))


def _raised(one: dict[str, Any]) -> Raised:
    handled = mapping(one.get("mechanism")).get("handled")
    frames = mappings(sequence(mapping(one.get("stacktrace")).get("frames")))
    return Raised(
        # JavaScript may throw what has no class.
        type=name(one.get("type")) or "Error",
        value=words(one.get("value")),
        module=name(one.get("module")),
        frames=tuple(_called(frame) for frame in frames),
        handled=handled if isinstance(handled, bool) else None,
    )


def _called(frame: dict[str, Any]) -> Frame:
    get = frame.get
    if (path := get("abs_path")) is None or path == "":
        path = get("filename")
    told = get("module"), get("function"), path, get("lineno"), get("in_app")
    try:
        return _frame(*told)
    except TypeError:  # a list can't be looked up
        return _frame.__wrapped__(*told)


@lru_cache(maxsize=4_096, typed=True)
def _frame(module: Any, function: Any, filename: Any, line: Any, ours: Any) -> Frame:
    """Of one application they are nearly always the same."""
    return Frame(
        module=words(module),
        function=words(function),
        filename=words(filename),
        line=integer(line),
        in_app=ours if isinstance(ours, bool) else None,
    )


def _message(event: dict[str, Any]) -> tuple[str, str]:
    """The message, and the template that it was made from."""
    entry = event.get("logentry") or event.get("message")
    if not isinstance(entry, dict):
        return words(entry), ""
    template, formatted, params = words(entry.get("message")), words(entry.get("formatted")), entry.get("params")
    if formatted:
        return formatted, template if template != formatted or params else ""
    return (_filled(template, params), template) if params else (template, "")


def _filled(template: str, params: Any) -> str:
    """By hand: Python's own formatting would make a text of any length of `%999999999d`."""
    if isinstance(params, dict):
        params = list(params.values())
    values = iter([words(one) for one in sequence(params)])
    return _PLACE.sub(lambda found: next(values, found[0])[:1_000], template)[: text.LONGEST]
