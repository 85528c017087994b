"""What a transaction measures: the request, task or operation that it is, and the calls that its spans are."""

from typing import Any

from msgspec import Struct

from exporter.ingest.sentry_detail import pairs
from exporter.ingest.sentry_event import Sent
from exporter.ingest.sentry_fields import clamped, first, identity, lasted, mapping, mappings, name, number, path, words
from exporter.ingest.sentry_fields import status as http
from exporter.ingest.sentry_spans import calls
from exporter.ingest.values import Measured, Operation, Origin, Request, Task

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
OTHER = "_OTHER"
STATUSES = {
    "ok": 200,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "out_of_range": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "already_exists": 409,
    "aborted": 409,
    "resource_exhausted": 429,
    "cancelled": 499,
    "internal_error": 500,
    "internal": 500,
    "unknown": 500,
    "unknown_error": 500,
    "data_loss": 500,
    "unimplemented": 501,
    "unavailable": 503,
    "deadline_exceeded": 504,
    "error": 500,
}
"""HTTP statuses of span statuses, where a transaction has no better: Sentry's own table."""
FINE = frozenset({"", "ok", "unset"})
MOST_WEIGHT = 1e6
MOST_SPANS = 2_000
"""Of a transaction that are looked at: SDKs stop at 1,000."""


class Root(Struct, frozen=True):
    """A transaction, or the first span of a service's part of a trace: what both forms say."""

    op: str
    name: str
    source: str
    status: str
    data: dict[str, Any]
    duration: float
    at: float
    origin: Origin
    trace_id: str = ""
    method: str = ""
    url: str = ""
    response: int = 0


def transaction(event: dict[str, Any], sent: Sent) -> list[Measured]:
    """Of a `transaction` item."""
    contexts = mapping(event.get("contexts"))
    trace, tags, request = mapping(contexts.get("trace")), pairs(event.get("tags")), mapping(event.get("request"))
    response = http(mapping(contexts.get("response")).get("status_code")) or http(tags.get("http.status_code"))
    root = Root(
        op=words(trace.get("op")),
        name=words(event.get("transaction")),
        source=words(mapping(event.get("transaction_info")).get("source")),
        status=words(trace.get("status")),
        data=mapping(trace.get("data")),
        duration=lasted(event.get("start_timestamp"), event.get("timestamp")),
        at=clamped(event.get("timestamp"), sent.now, sent.shift),
        origin=sent.origin(event.get("environment"), event.get("release")),
        trace_id=identity(trace.get("trace_id")),
        method=words(request.get("method")),
        url=words(request.get("url")),
        response=response,
    )
    weight, sampled = weighed(sent.header, root.data)
    found: list[Measured] = [measured(root, sent, weight, sampled=sampled)]
    # The transaction may itself be a call: a worker that does no more than ask a model.
    found += calls(root.op, root.name, root.status, root.data, root.duration, root.origin, weight, sent)
    for span in mappings(event.get("spans"))[:MOST_SPANS]:
        data = {**pairs(span.get("tags")), **mapping(span.get("data"))}
        lasting = lasted(span.get("start_timestamp"), span.get("timestamp"))
        status = words(span.get("status"))
        op, says = words(span.get("op")), words(span.get("description"))
        found += calls(op, says, status, data, lasting, root.origin, weight, sent)
    return found


def span(item: dict[str, Any], sent: Sent) -> tuple[str, list[Measured]]:
    """Of a span of its own, of version 1 or 2; with the id under which it counts once."""
    data = {**mapping(item.get("data")), **_plain(mapping(item.get("attributes")))}
    op, says = words(item.get("op") or data.get("sentry.op")), words(item.get("name") or item.get("description"))
    status, end = words(item.get("status")), first(item, "end_timestamp", "timestamp")
    weight, sampled = weighed(sent.header, data)
    origin = sent.origin(data.get("sentry.environment"), data.get("sentry.release"))
    lasting = lasted(item.get("start_timestamp"), end)
    found: list[Measured] = list(calls(op, says, status, data, lasting, origin, weight, sent))
    if item.get("is_segment") is not True:
        return "", found
    trace_id, span_id = identity(item.get("trace_id")), identity(item.get("span_id"), 16)
    root = Root(
        op=op,
        name=words(data.get("sentry.segment.name")) or says,
        source=words(first(data, "sentry.source", "sentry.span.source")),
        status=status,
        data=data,
        duration=lasting,
        at=clamped(end, sent.now, sent.shift),
        origin=origin,
        trace_id=trace_id,
    )
    id_ = f"{trace_id[:16]}{span_id}" if trace_id and span_id else ""
    return id_, [measured(root, sent, weight, sampled=sampled), *found]


def weighed(header: dict[str, Any], data: dict[str, Any]) -> tuple[float, bool]:
    """How many it stands for, and whether that is not known: by the rate at which its trace was sampled."""
    rate = number(mapping(header.get("trace")).get("sample_rate"))
    if rate is None:
        rate = number(first(data, "sentry.sample_rate", "sentry.client_sample_rate"))
    if rate is None or not 0.0 < rate <= 1.0:
        return 1.0, True
    return min(1.0 / rate, MOST_WEIGHT), False


def measured(root: Root, sent: Sent, weight: float, *, sampled: bool) -> Measured:
    """A request, a task or an operation."""
    op = root.op
    if op == "http.server" or op.startswith("http.server."):
        return _request(root, sent, weight, sampled=sampled)
    scrub, failed = sent.scrubber.text, root.status not in FINE
    called = scrub(name(root.name)) or name(op) or "unknown"
    if op.startswith(("queue.task", "queue.process")):
        # Celery's integration says `aborted` of Retry, Ignore and Reject, of which retries are by far the most.
        state = "retry" if root.status == "aborted" else "failure" if failed else "success"
        return Task(root.origin, "sdk", called, state, root.duration, weight, root.at, root.trace_id)
    return Operation(root.origin, "sdk", called, root.duration, failed, weight, root.at, root.trace_id)


def _request(root: Root, sent: Sent, weight: float, *, sampled: bool) -> Request:
    said, route = _split(root.name)
    given = words(first(root.data, "http.request.method", "http.method")) or root.method or said
    method = given[:20].upper()
    where = path(root.url or words(first(root.data, "url.full", "http.url", "url")))
    where = where or words(first(root.data, "url.path", "http.target"))
    templated = True
    if template := words(root.data.get("http.route")):
        route = template
    elif root.source == "url" or "://" in route:
        route, templated = path(route), False
    elif _unnamed(route):
        route, templated = where, False
    elif root.source != "route" and not route.startswith("/") and where:
        # The name of a view or a component: a path is what other sources of the same figures have.
        route, templated = where, False
    answered = root.response or http(first(root.data, "http.response.status_code", "http.status_code"))
    return Request(
        root.origin,
        "sdk",
        method if method in METHODS else OTHER,
        sent.scrubber.text(name(route)),
        answered or STATUSES.get(root.status, 0),
        root.duration,
        templated,
        weight,
        sampled,
        root.at,
        root.trace_id,
    )


def _split(called: str) -> tuple[str, str]:
    """Method and route of `GET /orders/:id`, as JavaScript's SDKs name a transaction."""
    method, space, route = called.partition(" ")
    return (method, route) if space and method in METHODS else ("", called)


def _unnamed(route: str) -> bool:
    """Whether it stands for any request, as SDKs call those that no route was found for: generic WSGI request."""
    return (route.startswith("generic ") and route.endswith(" request")) or route.startswith(
        ("<unlabeled ", "<unknown")
    )


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Version 2's attributes without their types."""
    return {key: one.get("value") if isinstance(one, dict) else one for key, one in attributes.items()}
