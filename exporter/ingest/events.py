"""JSON events -> values: each event is read for itself, and what is wrong with one keeps no other out."""

import datetime as dt
import hashlib
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import msgspec

from exporter.ingest import events_forms as forms
from exporter.ingest import values
from exporter.ingest.events_error import occurrence, unfolded
from exporter.ingest.events_wrong import Unknown, problems, type_of
from exporter.ingest.ports import Scrubber
from exporter.ingest.text import Malformed, clean, decode
from exporter.ingest.values import Batch, Occasion, Origin

MOST = 10_000
"""Events of one request."""
_AHEAD = 60.0
"""Seconds that a clock may be ahead of ours."""
_UNTIMED = inf
"""A duration that the meter leaves out, and counts the rest."""


class Problem(Exception):  # noqa: N818 - says the fact
    """An event is not what its form says; the text quotes nothing of it."""


def read(body: bytes) -> list[Any]:
    """The events of a body, as they came: one object, an array, {"events": […]}, or one object a line.

    Lines that are no JSON are Malformed in their places. Raises Malformed when the whole is nothing of these.
    """
    body = body.strip()
    if not body:
        raise Malformed("the body is empty: send an event, an array of events, or one a line")
    try:
        found = decode(body)
    except Malformed:
        return _lines(body)
    if isinstance(found, dict) and "type" not in found and isinstance(found.get("events"), list):
        found = found["events"]
    found = found if isinstance(found, list) else [found]
    if not found:
        raise Malformed("there is no event in it")
    return found


def parse(
    raw: list[Any],
    scrubber: Scrubber,
    default: Origin,
    now: float,
    fresh: Callable[[], str],
    unknown: Unknown | None = None,
) -> tuple[Batch, list[str]]:
    """What they mean, and what is wrong with those that are left out. `fresh` makes an id for an event without one;
    `unknown` is told of fields that no form has.
    """
    batch, wrong = Batch(events=len(raw)), []
    reading = _Reading(batch, scrubber, default, now, fresh, unknown or Unknown())
    for place, event in enumerate(raw):
        try:
            reading.take(event, place)
        except (Problem, Malformed) as problem:
            batch.invalid += 1
            wrong.append(f"events[{place}]: {problem}")
    return batch, wrong


def _lines(body: bytes) -> list[Any]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    found: list[Any] = []
    problem: Malformed | None = None
    for line in lines:
        try:
            found.append(decode(line))
        except Malformed as malformed:
            problem = problem or malformed
            found.append(malformed)
    if problem is not None and all(isinstance(each, Malformed) for each in found):
        raise problem
    return found


class _Reading:
    """Puts one event after another into a batch."""

    def __init__(
        self,
        batch: Batch,
        scrubber: Scrubber,
        default: Origin,
        now: float,
        fresh: Callable[[], str],
        unknown: Unknown,
    ) -> None:
        self._batch = batch
        self._scrubber = scrubber
        self._default = default
        self._now = now
        self._fresh = fresh
        self._unknown = unknown

    def take(self, event: Any, place: int) -> None:
        """Raises Problem or Malformed, and then nothing of it is in the batch."""
        if isinstance(event, Malformed):
            raise event
        if not isinstance(event, dict):
            raise Problem("an event is a JSON object")
        type_ = event.get("type")
        form = forms.FORMS.get(type_) if isinstance(type_, str) else None
        if form is None:
            raise Problem(type_of(type_))
        self._unknown.note(place, event, form)
        # As they came: two ids may be one when they are scrubbed.
        given = {key: event[key] for key in ("type", "id", "at") if key in event}
        event = clean(unfolded(event) if form is forms.Error else event)
        user = self._scrubber.user(event["user"]) if event.get("user") is not None else ""
        event = self._scrubber.tree(event)
        if not isinstance(event, dict):
            raise Problem("it could not be scrubbed in time and is not kept")
        event |= given
        event.pop("user", None)
        self._put(_converted(event, form), event, user)

    def _put(self, found: Any, event: dict[str, Any], user: str) -> None:
        at, origin = _at(found.at, self._now), _origin(found, self._default)
        id_ = _id(found.id, found.__struct_config__.tag) if found.id else ""
        if isinstance(found, forms.Error):
            one = occurrence(found, id_ or self._fresh(), user, at, origin, _extra(event, found))
            self._batch.occurrences.append(one)
        elif isinstance(found, forms.Security | forms.Business | forms.Deploy):
            self._batch.occasions.append(_occasion(found, event, id_ or self._fresh(), user, at, origin))
        else:
            self._batch.measure(id_, _measured(found, at, origin))


def _occasion(
    found: forms.Security | forms.Business | forms.Deploy,
    event: dict[str, Any],
    id_: str,
    user: str,
    at: float,
    origin: Origin,
) -> Occasion:
    kind = found.__struct_config__.tag
    name = found.release if isinstance(found, forms.Deploy) else found.name
    severity = found.severity if isinstance(found, forms.Security) else "low"
    said = {"message": found.message, "trace_id": found.trace_id, "request_id": found.request_id}
    detail = {key: text for key, text in said.items() if text} | _extra(event, found)
    return Occasion(id_, at, origin, kind, name, severity, user, detail)  # type: ignore[arg-type]


def _extra(event: dict[str, Any], found: forms.Event) -> dict[str, Any]:
    """The context, and beside it the fields that the form does not know: what somebody sends is not lost."""
    known = {*found.__struct_fields__, "type", "user"}
    rest = {key: value for key, value in event.items() if key not in known}
    context = {**rest, **getattr(found, "context", {})}
    return {"extra": context} if context else {}


def _measured(found: Any, at: float, origin: Origin) -> list[values.Measured]:
    trace = found.trace_id
    match found:
        case forms.Operation():
            return [values.Operation(origin, "events", found.name, found.duration, found.failed, at=at, trace_id=trace)]
        case forms.Task():
            return [values.Task(origin, "events", found.name, found.state, found.duration, at=at, trace_id=trace)]
        case forms.Request():
            route, templated = found.route or found.path, bool(found.route)
            how = (found.method, route, found.status, found.duration, templated)
            return [values.Request(origin, "events", *how, at=at, trace_id=trace)]
        case forms.Query():
            return [values.Query(origin, found.system, found.operation, found.duration, found.failed)]
        case forms.Cache():
            return _cache(found, origin)
        case forms.AiCall():
            tokens = (found.input_tokens, found.output_tokens, found.cost)
            took = _UNTIMED if found.duration is None else found.duration
            call = (found.provider, found.model, found.operation, took, found.failed, *tokens)
            return [values.AiCall(origin, *call, source="events", at=at, trace_id=trace)]
        case _:
            operation = found.operation if isinstance(found, forms.File) else "upload"
            return [values.FileUse(origin, operation, found.file_type, found.bytes, found.duration, found.failed)]


def _cache(found: forms.Cache, origin: Origin) -> list[values.Measured]:
    hits = found.hits + (found.hit is True)
    misses = found.misses + (found.hit is False)
    if not hits and not misses:
        raise Problem("a look-up in a cache has `hit`, or `hits` and `misses`")
    counts = (("hit", hits), ("miss", misses))
    name = found.cache or found.name
    return [values.CacheUse(origin, name, result, count) for result, count in counts if count]  # type: ignore[arg-type]


def _converted(event: dict[str, Any], form: type[forms.Event]) -> Any:
    try:
        found = msgspec.convert(event, form)
    except msgspec.ValidationError:
        raise Problem(problems(event, form) or "its fields are not of the kinds expected") from None
    if isinstance(found, forms.Error) and not (found.exception.strip() or found.message.strip() or found.stack):
        raise Problem("an error has `exception`, `message` or `stack`")
    return found


def _origin(found: forms.Event, default: Origin) -> Origin:
    return Origin(
        found.service or default.service, found.environment or default.environment, found.release or default.release
    )


def _at(said: float | str | None, now: float) -> float:
    """Unix seconds, never later than a minute from now."""
    if said is None:
        return now
    if isinstance(said, str):
        try:
            moment = dt.datetime.fromisoformat(said[:40])
            at = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        except (ValueError, OverflowError):
            raise Problem("at: expected Unix seconds, or RFC 3339 such as 2026-11-22T21:00:00Z") from None
    else:
        at = float(said)
    if not isfinite(at) or at < 0:
        raise Problem("at: expected Unix seconds, or RFC 3339 such as 2026-11-22T21:00:00Z")
    return at if at <= now + _AHEAD else now


def _id(given: str, type_: str) -> str:
    """One order may be an id of an error and of a business event."""
    return hashlib.blake2b(f"{type_} {given}".encode(errors="replace"), digest_size=16).hexdigest()
