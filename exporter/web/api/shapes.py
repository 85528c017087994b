"""What is answered: a store's rows as JSON has them, times in ISO 8601."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from exporter.ingest.values import Severity
from exporter.store import rows
from exporter.web.api.moment import stamp, stamped
from exporter.web.api.stack import stack
from exporter.web.traced import Link

Stamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
TraceUrl = Annotated[
    str, Meta(description="Page of the trace, by forward.trace_url; empty where none is configured or it was not kept.")
]


class ErrorGroup(Struct, frozen=True):
    """Errors that are alike."""

    id: Id
    service: str
    title: str
    culprit: Annotated[str, Meta(description="Where: function in module, or the transaction.")]
    type: str
    code: Annotated[str, Meta(description="The application's own code of the error.")]
    severity: Severity
    security: bool
    team: str
    status: rows.State
    new: Annotated[bool, Meta(description="Unresolved, and first seen within the last 24 hours.")]
    regressed: Annotated[bool, Meta(description="It came back after it was resolved.")]
    spiking: Annotated[bool, Meta(description="It comes far more often than in the last day.")]
    first_seen: Stamp
    last_seen: Stamp
    count: int
    users: Annotated[int, Meta(description="How many different ones, of the last 1,000.")]
    releases: tuple[str, ...]
    environments: tuple[str, ...]
    assignee: str
    ignored_until: Stamp | None
    trace_id: Annotated[str, Meta(description="Of the occurrence that came last of those that have one.")]
    trace_url: TraceUrl


class Occurrence(Struct, frozen=True):
    """One error."""

    id: str
    group: Id
    at: Stamp
    level: str
    release: str
    environment: str
    transaction: str
    user: Annotated[str, Meta(description="A keyed hash that tells one from another.")]
    trace_id: str
    trace_url: TraceUrl
    message: str


class OccurrenceDetail(Occurrence, frozen=True):
    """One error with all that is kept of it."""

    stack: Annotated[tuple[str, ...], Meta(description="For people: the exception, and a line for each frame.")]
    detail: Annotated[dict[str, Any], Meta(description="In the form of a Sentry event.")]


class Hour(Struct, frozen=True):
    """How often it came in the hour that began then."""

    at: Stamp
    count: int


class Act(Struct, frozen=True):
    """A line of the audit trail."""

    at: Stamp
    actor: str
    action: str
    note: str


class ErrorDetail(ErrorGroup, frozen=True):
    """A group with its latest occurrence, its last seven days by the hour and its audit trail."""

    latest: OccurrenceDetail | None
    hours: tuple[Hour, ...]
    audit: tuple[Act, ...]


class Event(Struct, frozen=True):
    """Something that happened and is no error."""

    id: str
    at: Stamp
    kind: str
    type: str
    severity: Severity
    service: str
    environment: str
    release: str
    user: str
    detail: dict[str, Any]


class Alert(Struct, frozen=True):
    """An alert from when it began to fire until it was resolved."""

    id: Id
    fingerprint: str
    name: str
    severity: str
    team: str
    labels: dict[str, str]
    annotations: dict[str, str]
    firing: bool
    starts_at: Stamp
    received_at: Stamp
    resolved_at: Stamp | None
    resolved_by: str
    duration: Annotated[float | None, Meta(description="Seconds until it was resolved.")]
    false_alarm: bool
    note: str
    notifications: int
    receiver: str
    generator_url: str


def group(row: rows.Group, link: Link) -> ErrorGroup:
    return ErrorGroup(**_group(row, link))


def group_detail(
    row: rows.Group, latest: rows.Kept | None, hours: list[tuple[float, int]], acts: list[rows.Act], link: Link
) -> ErrorDetail:
    return ErrorDetail(
        **_group(row, link),
        latest=occurrence_detail(latest, link) if latest is not None else None,
        hours=tuple(Hour(stamp(at), count) for at, count in hours),
        audit=tuple(Act(stamp(act.at), act.actor, act.action, act.note) for act in acts),
    )


def _group(row: rows.Group, link: Link) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ErrorGroup.__struct_fields__ if name != "trace_url"}
    times = {"first_seen": stamp(row.first_seen), "last_seen": stamp(row.last_seen)}
    return same | times | {"ignored_until": stamped(row.ignored_until), "trace_url": link(row.trace_id)}


def occurrence(row: rows.Kept, link: Link) -> Occurrence:
    return Occurrence(**_occurrence(row, link))


def occurrence_detail(row: rows.Kept, link: Link) -> OccurrenceDetail:
    return OccurrenceDetail(**_occurrence(row, link), stack=tuple(stack(row.detail)), detail=row.detail)


def _occurrence(row: rows.Kept, link: Link) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in Occurrence.__struct_fields__ if name != "trace_url"}
    return same | {"at": stamp(row.at), "trace_url": link(row.trace_id)}


def event(row: rows.Noted) -> Event:
    return Event(**{name: getattr(row, name) for name in Event.__struct_fields__} | {"at": stamp(row.at)})


def alert(row: rows.Alert) -> Alert:
    over = row.resolved_at
    same = {name: getattr(row, name) for name in Alert.__struct_fields__ if hasattr(row, name)}
    times = {"starts_at": stamp(row.starts_at), "received_at": stamp(row.received_at), "resolved_at": stamped(over)}
    duration = max(0.0, over - row.starts_at) if over is not None else None
    return Alert(**same | times, firing=over is None, duration=duration)
