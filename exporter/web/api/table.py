"""The table of the API's endpoints, of which its routes and its OpenAPI document are made."""

from typing import Any

from exporter.web import health, onward
from exporter.web.admin import Admin
from exporter.web.api import alerts, asked, daily, errors, figures, forwarding, lines, occasions, shapes
from exporter.web.api.endpoint import Endpoint, asking
from exporter.web.api.status import Status, status
from exporter.web.call import Answer, Call
from exporter.web.openapi import document
from exporter.web.site import Access, Route

CHANGING = (
    "At least one of status, ignored_until, assignee and note is given. The body is JSON whatever its Content-Type, so "
    "`curl -d` does. It goes into the audit trail with who did it."
)
CHANGED = {
    "status": {"type": "string"},
    "ignored_until": {"type": ["string", "number"]},
    "assignee": {"type": "string"},
    "note": {"minLength": 1},
}
CHANGES = {
    "resolve": {"status": "resolved", "note": "fixed in 1.2"},
    "ignore for a week": {"status": "ignored", "ignored_until": "7d"},
    "assign": {"assignee": "ada"},
}
RESOLUTIONS = {"false alarm": {"false_alarm": True, "note": "maintenance"}}
SECURITY = (
    "Errors of a class with `security: true` count in stack_security_events_total, too, but are listed as errors: "
    "GET /api/v1/errors?security=true."
)
ERRORS = (
    Endpoint(
        "GET", "/api/v1/errors", "errors", "Groups of errors, the last seen first",
        "A page of groups; `metadata.next` asks for the following one.",
        asking(asked.Errors, errors.listed), list[shapes.ErrorGroup], asked.Errors, paged=True,
    ),
    Endpoint(
        "GET", "/api/v1/errors/{id}", "error", "One group: its latest occurrence, hours and audit trail",
        "The group, with the latest occurrence, its last seven days by the hour, and who did what to it.",
        asking(asked.Nothing, errors.one), shapes.ErrorDetail,
    ),
    Endpoint(
        "PATCH", "/api/v1/errors/{id}", "error_change", "Resolve, ignore, assign or note",
        "The group as it is now.",
        asking(asked.Change, errors.change, in_body=True), shapes.ErrorDetail, asked.Change, refuses=(409,),
        description=CHANGING, any_of=CHANGED, examples=CHANGES,
    ),
    Endpoint(
        "GET", "/api/v1/errors/{id}/occurrences", "error_occurrences", "Its occurrences, the newest first",
        "A page of occurrences without their stacks; GET /api/v1/occurrences/{id} has one with it.",
        asking(asked.Occurrences, errors.occurrences), list[shapes.Occurrence], asked.Occurrences, paged=True,
    ),
    Endpoint(
        "GET", "/api/v1/occurrences/{id}", "occurrence", "One occurrence: stack, context, trace id",
        "The occurrence with its stack as lines, and all that is kept of it.",
        asking(asked.Nothing, errors.occurrence), shapes.OccurrenceDetail,
    ),
    Endpoint(
        "GET", "/api/v1/report", "report", "New, back, recurring, by day, team and users (of 24 hours)",
        "The figures of the time asked for; groups are listed most often first.",
        asking(asked.Span, daily.report), daily.Report, asked.Span,
    ),
)  # fmt: skip
ALERTS = (
    Endpoint(
        "GET", "/api/v1/alerts", "alerts", "Alerts that fire",
        "A page of alerts that Alertmanager told of and that are not over.", asking(asked.Alerts, alerts.firing),
        list[shapes.Alert], asked.Alerts, paged=True, subject="alerts",
    ),
    Endpoint(
        "GET", "/api/v1/alerts/history", "alerts_history", "Alerts that fire or fired, the newest first",
        "A page of alerts, also of those that are over.",
        asking(asked.History, alerts.history), list[shapes.Alert], asked.History, paged=True, subject="alerts",
    ),
    Endpoint(
        "POST", "/api/v1/alerts/{id}/resolve", "alert_resolve", "Say that it is over, or that it was a false alarm",
        "The alert as it is now.",
        asking(asked.Resolution, alerts.resolve, in_body=True), shapes.Alert, asked.Resolution, subject="alerts",
        examples=RESOLUTIONS,
    ),
)  # fmt: skip
EVENTS = (
    Endpoint(
        "GET", "/api/v1/events", "events", "Security and business events, deploys, feedback",
        "A page of events, the newest first.",
        asking(asked.Events, occasions.events), list[shapes.Event], asked.Events, paged=True, subject="events",
    ),
    Endpoint(
        "GET", "/api/v1/security-events", "security_events", "Security events alone",
        "A page of security events, the newest first; `metadata.error_groups` counts the errors that are some.",
        asking(asked.SecurityEvents, occasions.security), list[shapes.Event], asked.SecurityEvents,
        paged=True, subject="events",
        description=SECURITY,
    ),
    Endpoint(
        "GET", "/api/v1/performance", "performance", "Count, mean, quantiles and error rate by operation",
        "A page of operations; times are in seconds, counts are of the last hour.",
        asking(figures.Asked, figures.listed), list[figures.Figures], figures.Asked, paged=True, subject="performance",
    ),
)  # fmt: skip

HEALTH = (
    Endpoint(
        "GET", "/livez", "livez", "Whether the daemon lives",
        "It lives.", health.livez, access="open", refuses=(503,),
        subject="health",
    ),
    Endpoint(
        "GET", "/readyz", "readyz", "Whether requests may come",
        "It is ready.", health.readyz, access="open", refuses=(503,),
        subject="health",
    ),
    Endpoint(
        "GET", "/health", "health", "Health as a whole: 503 when a critical component is unhealthy",
        "No critical component is unhealthy; with a token, what each says.", health.health, dict[str, Any],
        access="look", refuses=(503,), subject="health",
    ),
    Endpoint(
        "GET", "/health/detailed", "health_detailed", "Health of all: 503 when any component is unhealthy",
        "No component is unhealthy; with a token, what each says.", health.detailed,
        dict[str, Any], access="look", refuses=(503,), subject="health",
    ),
    Endpoint(
        "GET", "/health/{component}", "health_component", "Health of one: 503 when this component is unhealthy",
        "It is not unhealthy; with a token, what it says.", health.component,
        dict[str, Any], access="look", refuses=(503,), subject="health",
    ),
)  # fmt: skip
"""Served as they are; here so that the document has them."""


def endpoints() -> tuple[Endpoint, ...]:
    """All of them."""
    admin = Admin()
    return (
        *ERRORS,
        *ALERTS,
        *EVENTS,
        Endpoint(
            "GET", "/api/v1/status", "status", "Everything at a glance",
            "Components, errors by service and status, alerts, the store, and what came in by source and outcome.",
            status, Status, subject="daemon",
        ),
        Endpoint(
            "GET", "/api/v1/forwarding", "forwarding", "What is sent onward, and what waits for each back end",
            "Every back end: whether it takes what is sent to it, what waits, and what was lost.",
            asking(asked.Nothing, forwarding.listed), list[onward.Destination], subject="daemon",
        ),
        Endpoint(
            "GET", "/api/v1/logs", "logs", "The daemon's own recent log lines",
            "The newest lines first, as they were logged.", asking(asked.Lines, lines.listed),
            list[dict[str, Any]], asked.Lines, paged=True, subject="daemon",
        ),
        Endpoint(
            "POST", "/api/v1/cycle", "cycle", "Run components now (?component=NAME, again and again; or all)",
            "How each run went.", admin.cycle, dict[str, Any], query=asked.Components, refuses=(404,), subject="daemon",
        ),
        Endpoint(
            "POST", "/-/reload", "reload", "Read the configuration anew",
            "It is in force.", admin.reload, refuses=(422,),
            subject="daemon",
        ),
    )  # fmt: skip


def routes() -> tuple[Route, ...]:
    """What the scrape listener serves of it."""
    found = endpoints()
    return (*(row.route for row in found), _described(document((*HEALTH, *found)), "look"))


def ingest_description() -> Route:
    """The document of the ingest listener."""
    return _described(document(HEALTH[:2], events=True), "open")


def _described(described: bytes, access: Access) -> Route:
    async def openapi(_: Call) -> Answer:
        """GET /api/v1/openapi.json: what there is to ask, and nothing of what there is."""
        return Answer(body=described, compressible=True)

    return Route("GET", "/api/v1/openapi.json", "openapi", openapi, access)
