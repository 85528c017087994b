"""Transactions and spans of Sentry's SDKs as requests, tasks, operations and calls; weighed by their sampling rate."""

from typing import Any

import pytest

from exporter.ingest.values import AiCall, CacheUse, Measured, Operation, Query, Request, Task
from tests.ingest.sentry_made import HEADER, ID, NOW, SHOP, SPAN, TRACE, batch, measured, transaction

URL = "https://shop.example/orders/42?token=x"


def request(method: str, route: str, status: int, **more: Any) -> Request:
    more = {"templated": True, "at": NOW, "trace_id": TRACE, **more}
    return Request(SHOP, "sdk", method, route, status, 0.5, **more)


def made(called: str, source: str, **more: Any) -> dict[str, Any]:
    return {"called": called, "transaction_info": {"source": source}, "request": {"method": "POST", "url": URL}, **more}


# As Django, Flask by its endpoint, FastAPI, Express, Laravel and Spring name them.
REQUESTS: dict[str, tuple[dict[str, Any], Request]] = {
    "a route": (made("/orders/{id}/", "route"), request("POST", "/orders/{id}/", 200)),
    "a route with its method": (
        {"called": "GET /orders/:id", "transaction_info": {"source": "route"}},
        request("GET", "/orders/:id", 200),
    ),
    "a URL": (made("/orders/42", "url"), request("POST", "/orders/42", 200, templated=False)),
    "a whole URL": (made(URL, "url"), request("POST", "/orders/42", 200, templated=False)),
    "the name of a view": (made("order", "component"), request("POST", "/orders/42", 200, templated=False)),
    "the name of a view without a URL": (
        {"called": "shop.views.order", "transaction_info": {"source": "view"}},
        request("_OTHER", "shop.views.order", 200),
    ),
    "a view beside its route": (
        made("order", "component", data={"http.route": "/orders/<id>"}),
        request("POST", "/orders/<id>", 200),
    ),
    "no name of its own": (made("generic WSGI request", "route"), request("POST", "/orders/42", 200, templated=False)),
    "no label": (made("<unlabeled transaction>", "custom"), request("POST", "/orders/42", 200, templated=False)),
    "neither a name nor a URL": (
        {"called": "generic ASGI request", "transaction_info": {"source": "route"}, "status": "not_found"},
        request("_OTHER", "", 404, templated=False),
    ),
    "the response's status": (
        made("/a", "route", contexts={"response": {"status_code": 404}}, status="ok"),
        request("POST", "/a", 404),
    ),
    "the tag's status": (made("/a", "route", tags={"http.status_code": "503"}), request("POST", "/a", 503)),
    "the tag's status in a pair": (made("/a", "route", tags=[["http.status_code", "503"]]), request("POST", "/a", 503)),
    "the span's status code": (
        made("/a", "route", data={"http.response.status_code": 418, "http.request.method": "put"}),
        request("PUT", "/a", 418),
    ),
    "the span's status alone": (made("/a", "route", status="internal_error"), request("POST", "/a", 500)),
    "not found": (made("/a", "route", status="not_found"), request("POST", "/a", 404)),
    "no status": (made("/a", "route", status=None), request("POST", "/a", 0)),
    "a method that is none": (made("/a", "route", request={"method": "BREW"}), request("_OTHER", "/a", 200)),
    "an address in the route": (made("/users/jane@example.com", "url"), request("POST", "/users/[email]", 200, templated=False)),
}  # fmt: skip
OTHERS: dict[str, tuple[tuple[str, str, str], Measured]] = {
    "Celery's success": (
        ("queue.task.celery", "shop.charge", "ok"),
        Task(SHOP, "sdk", "shop.charge", "success", 0.5, at=NOW, trace_id=TRACE),
    ),
    "Celery's failure": (
        ("queue.task.celery", "shop.charge", "internal_error"),
        Task(SHOP, "sdk", "shop.charge", "failure", 0.5, at=NOW, trace_id=TRACE),
    ),
    "Celery's retry": (
        ("queue.task.celery", "shop.charge", "aborted"),
        Task(SHOP, "sdk", "shop.charge", "retry", 0.5, at=NOW, trace_id=TRACE),
    ),
    "a job of Laravel": (
        ("queue.process", "App\\Jobs\\Charge", "ok"),
        Task(SHOP, "sdk", "App\\Jobs\\Charge", "success", 0.5, at=NOW, trace_id=TRACE),
    ),
    "a page": (
        ("pageload", "/orders/:id", "ok"),
        Operation(SHOP, "sdk", "/orders/:id", 0.5, at=NOW, trace_id=TRACE),
    ),
    "a screen of Flutter": (
        ("ui.load", "OrderScreen", "cancelled"),
        Operation(SHOP, "sdk", "OrderScreen", 0.5, failed=True, at=NOW, trace_id=TRACE),
    ),
    "without a name": (
        ("cli.command", "", "ok"),
        Operation(SHOP, "sdk", "cli.command", 0.5, at=NOW, trace_id=TRACE),
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(name: str) -> None:
    given, expected = REQUESTS[name]
    assert transaction("http.server", **given) == [expected]


@pytest.mark.parametrize("name", OTHERS)
def test_tasks_and_operations(name: str) -> None:
    (op, called, status), expected = OTHERS[name]
    assert transaction(op, called, status=status) == [expected]


RATES: dict[str, tuple[Any, tuple[float, bool]]] = {
    "all": ("1.0", (1.0, False)),
    "one in ten": ("0.1", (10.0, False)),
    "a number": (0.25, (4.0, False)),
    "none said": (None, (1.0, True)),
    "nothing": ("0", (1.0, True)),
    "more than all": ("2", (1.0, True)),
    "no number": ("often", (1.0, True)),
    "one in a thousand millions": ("1e-9", (1e6, False)),
}


@pytest.mark.parametrize("name", RATES)
def test_a_request_stands_for_as_many_as_its_trace_was_sampled_from(name: str) -> None:
    rate, expected = RATES[name]
    (found,) = transaction("http.server", "/", {"trace": {"sample_rate": rate}})
    assert isinstance(found, Request)
    assert (found.weight, found.sampled) == expected


def child(op: str, description: str = "", status: str | None = "ok", **data: Any) -> dict[str, Any]:
    span = {"op": op, "description": description, "status": status, "data": data}
    return {**span, "start_timestamp": NOW - 0.25, "timestamp": NOW}


def query(system: str, operation: str, **more: Any) -> Query:
    return Query(SHOP, system, operation, 0.25, weight=4.0, **more)


AI = {"gen_ai.request.model": "gpt-4o", "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 12}
SPANS: dict[str, tuple[dict[str, Any], list[Measured]]] = {
    "SQL": (
        child("db", "SELECT * FROM users WHERE email = 'jane@example.com'", **{"db.system": "postgresql"}),
        [query("postgresql", "SELECT")],
    ),
    "SQL that begins with what is no verb": (
        child("db.sql.query", "jane@example.com", **{"db.system.name": "mysql"}),
        [query("mysql", "other")],
    ),
    "SQL of nobody": (child("db.sql.query", "(select 1)"), [query("sql", "SELECT")]),
    "SQL that failed": (
        child("db", "INSERT INTO a", "internal_error", **{"db.system": "sqlite"}),
        [query("sqlite", "INSERT", failed=True)],
    ),
    "Redis": (child("db.redis", "GET 'cart:7'"), [query("redis", "GET")]),
    "a hit": (
        child("cache.get", "cart:7", **{"cache.hit": True, "sentry.origin": "auto.cache.django"}),
        [CacheUse(SHOP, "django", "hit", 4.0)],
    ),
    "a miss": (child("cache.get_item", "k", **{"cache.hit": False}), [CacheUse(SHOP, "cache", "miss", 4.0)]),
    "a cache that says neither": (child("cache.get", "k"), []),
    "a cache's write": (child("cache.put", "k", **{"cache.hit": True}), []),
    "a model": (
        child("gen_ai.chat", "chat gpt-4o", **AI, **{"gen_ai.usage.output_tokens": "30"}),
        [AiCall(SHOP, "openai", "gpt-4o", "chat", 0.25, False, 12.0, 30.0, None, 4.0, "sdk")],
    ),
    "a model by the older names": (
        child("ai.chat_completions.create.openai", **{"ai.model_id": "gpt-4o", "ai.prompt_tokens.used": 5}),
        [AiCall(SHOP, "", "gpt-4o", "chat_completions", 0.25, False, 5.0, 0.0, None, 4.0, "sdk")],
    ),
    "an agent around a model": (child("gen_ai.invoke_agent", **AI, **{"gen_ai.operation.name": "invoke_agent"}), []),
    "a call over HTTP": (child("http.client", "GET https://other.example"), []),
}


@pytest.mark.parametrize("name", SPANS)
def test_calls_among_a_transactions_spans(name: str) -> None:
    span, expected = SPANS[name]
    header = {"trace": {**HEADER["trace"], "sample_rate": "0.25"}}
    root, *found = transaction("http.server", "/", header, spans=[span, None, {}])
    assert (type(root), found) == (Request, expected)


def test_all_of_a_transaction_counts_under_its_id() -> None:
    event = {"event_id": ID, "transaction": "/", "contexts": {"trace": {"op": "http.server"}}, "spans": [child("db")]}
    assert [id_ for id_, _ in batch("transaction", event).measured] == [ID, ID]


def streamed(name: str, *, segment: bool, status: str = "ok", **attributes: Any) -> dict[str, Any]:
    typed = {key: {"value": value, "type": "string"} for key, value in attributes.items()}
    ids = {"trace_id": TRACE, "span_id": SPAN, "is_segment": segment, "status": status}
    return {"name": name, **ids, "start_timestamp": NOW - 0.5, "end_timestamp": NOW, "attributes": typed}


def test_spans_of_version_2_are_what_transactions_were() -> None:
    server = {"sentry.op": "http.server", "sentry.source": "route", "http.request.method": "GET"}
    origin = {"sentry.environment": "production", "sentry.release": "1.0", "sentry.sample_rate": 0.5}
    spans = [
        streamed("GET /orders/:id", segment=True, **server, **origin, **{"http.response.status_code": 500}),
        streamed("SELECT 1", segment=False, **origin, **{"sentry.op": "db.query", "db.system.name": "postgresql"}),
        streamed("Pageload", segment=True, status="error", **origin, **{"sentry.op": "pageload"}),
        streamed("middleware", segment=False, **origin),
        "none",
    ]
    spans.insert(1, spans[0])
    spans[3]["span_id"] = "b" * 16
    found = batch("span", {"version": 2, "items": spans}, {})
    id_, other = f"{TRACE[:16]}{SPAN}", f"{TRACE[:16]}{'b' * 16}"
    assert found.measured == [
        (id_, request("GET", "/orders/:id", 500, weight=2.0)),
        ("", Query(SHOP, "postgresql", "SELECT", 0.5, weight=2.0)),
        (other, Operation(SHOP, "sdk", "Pageload", 0.5, failed=True, weight=2.0, at=NOW, trace_id=TRACE)),
    ]
    assert (found.events, found.invalid, found.repeated) == (6, 1, 1)


def test_a_span_of_version_1_is_alone_in_its_item() -> None:
    span = {"op": "db.redis", "description": "GET k", "start_timestamp": NOW - 1, "timestamp": NOW, "span_id": SPAN}
    assert measured("span", span) == [Query(SHOP, "redis", "GET", 1.0)]


def test_a_clock_that_goes_back_takes_no_time() -> None:
    (found,) = transaction("http.server", "/", start_timestamp=NOW + 10)
    assert isinstance(found, Request)
    assert found.duration == 0.0
