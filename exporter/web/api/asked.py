"""What may be asked of each endpoint. A field is a parameter of the query or a member of the body."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from exporter.ingest.values import Severity
from exporter.store.rows import State, Wanted
from exporter.web.api.moment import Moment

MOST = 200
_PLAIN, _LINES = "^[^\x00-\x1f\x7f]*$", "^[^\x00-\x08\x0b-\x1f\x7f]*$"

Text = Annotated[str, Meta(max_length=200, pattern=_PLAIN)]
Note = Annotated[str, Meta(max_length=2000, pattern=_LINES, description="Kept in the audit trail.")]
Actor = Annotated[str, Meta(max_length=100, pattern=_PLAIN, description="Who does it; the header X-Actor says it too.")]
Limit = Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, Meta(max_length=400, pattern=_PLAIN, description="`metadata.next` of the page before.")]
Since = Annotated[Moment, Meta(description="From then on: ISO 8601, Unix seconds, or how long ago, such as 24h.")]
Until = Annotated[Moment, Meta(description="Before then; in the same forms.")]
Service = Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="Name of the service.")]
Words = Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="Occurs in it, whatever its case.")]


class Nothing(Struct, frozen=True):
    """No parameters."""


class Errors(Struct, frozen=True):
    """Which groups of errors."""

    service: Service = ""
    environment: Text = ""
    release: Text = ""
    status: Literal["unresolved", "resolved", "ignored", "new", "regressed", "spiking"] | None = None
    severity: Severity | None = None
    team: Text = ""
    type: Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="The exception's class.")] = ""
    assignee: Text = ""
    security: Annotated[bool | None, Meta(description="Those of a class with `security: true`, or the others.")] = None
    q: Words = ""
    since: Since | None = None
    until: Until | None = None
    sort: Literal["last_seen", "first_seen", "count", "users"] = "last_seen"
    limit: Limit = 50
    cursor: Cursor = ""

    def wanted(self) -> Wanted:
        return Wanted(
            service=self.service,
            environment=self.environment,
            release=self.release,
            status=self.status or "",
            severity=self.severity or "",
            team=self.team,
            type=self.type,
            assignee=self.assignee,
            security=self.security,
            text=self.q,
            since=self.since,
            until=self.until,
            sort=self.sort,
            limit=self.limit,
            cursor=self.cursor,
        )


class Occurrences(Struct, frozen=True):
    """Which occurrences of a group."""

    environment: Text = ""
    release: Text = ""
    since: Since | None = None
    until: Until | None = None
    limit: Limit = 50
    cursor: Cursor = ""

    def wanted(self) -> Wanted:
        return Wanted(
            environment=self.environment,
            release=self.release,
            since=self.since,
            until=self.until,
            limit=self.limit,
            cursor=self.cursor,
        )


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of a group of errors; what is left out stays."""

    status: State | None = None
    ignored_until: Annotated[
        Moment | None, Meta(description="With status ignored: ISO 8601, Unix seconds, or for how long, such as 7d.")
    ] = None
    assignee: Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="Empty: nobody.")] | None = None
    note: Note = ""
    actor: Actor = ""


class SecurityEvents(Struct, frozen=True):
    """Which security events."""

    type: Annotated[str, Meta(max_length=200, pattern=_PLAIN, description="Such as brute_force.")] = ""
    severity: Severity | None = None
    service: Service = ""
    environment: Text = ""
    release: Text = ""
    q: Words = ""
    since: Since | None = None
    until: Until | None = None
    limit: Limit = 50
    cursor: Cursor = ""

    def wanted(self, kind: str) -> Wanted:
        return Wanted(
            kind=kind,
            type=self.type,
            severity=self.severity or "",
            service=self.service,
            environment=self.environment,
            release=self.release,
            text=self.q,
            since=self.since,
            until=self.until,
            limit=self.limit,
            cursor=self.cursor,
        )


class Events(SecurityEvents, frozen=True):
    """Which events."""

    kind: Literal["security", "business", "deploy", "feedback"] | None = None


class Alerts(Struct, frozen=True):
    """Which alerts that fire."""

    name: Text = ""
    severity: Text = ""
    team: Text = ""
    q: Words = ""
    limit: Limit = 50
    cursor: Cursor = ""


class History(Alerts, frozen=True):
    """Which alerts, also such as are over."""

    status: Literal["firing", "resolved"] | None = None
    since: Since | None = None
    until: Until | None = None


class Resolution(Struct, frozen=True, forbid_unknown_fields=True):
    """How an alert came to its end."""

    false_alarm: Annotated[bool | None, Meta(description="Whether there was nothing to alert of.")] = None
    note: Note = ""
    actor: Actor = ""


class Lines(Struct, frozen=True):
    """Which of the daemon's own log lines."""

    level: Annotated[Literal["debug", "info", "warning", "error", "critical"], Meta(description="This and graver.")] = (
        "debug"
    )
    q: Words = ""
    since: Since | None = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most, newest first.")] = 200


class Span(Struct, frozen=True):
    """Of what time and service the report is."""

    since: Since | None = None
    service: Service = ""


class Components(Struct, frozen=True):
    """Which components run now."""

    component: Annotated[str, Meta(description="A name, or several separated by commas; none: all.")] = ""
