"""What each sort of span measures, by old and new semantic conventions."""

from typing import Any

import pytest

from exporter.ingest.otlp_weight import weight
from exporter.ingest.values import AiCall, CacheUse, Operation, Query, Request, Task
from tests.ingest.otlp_made import NOW, ORIGIN, SPAN, TRACE, Desk, failed, span, traces

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
HEX = TRACE.hex()

OLD = {"http.method": "GET", "http.status_code": 200, "http.route": "/orders/{id}", "http.target": "/orders/7?a=1"}
NEW = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/orders/{id}",
    "url.path": "/orders/7",
}
SERVED: dict[str, tuple[dict[str, Any], tuple[str, str, int, bool]]] = {
    "old": (OLD, ("GET", "/orders/{id}", 200, True)),
    "new": (NEW, ("GET", "/orders/{id}", 200, True)),
    "both": (OLD | NEW, ("GET", "/orders/{id}", 200, True)),
    "django": ({"http.method": "GET", "http.route": "orders/<int:id>/"}, ("GET", "/orders/<int:id>/", 0, True)),
    "no route": ({"http.method": "GET", "http.target": "/orders/7?token=x"}, ("GET", "/orders/7", 0, False)),
    "old url": ({"http.method": "GET", "http.url": "http://u:p@h:1/a/b?c=d#e"}, ("GET", "/a/b", 0, False)),
    "new url": ({"http.request.method": "PUT", "url.full": "https://h/x"}, ("PUT", "/x", 0, False)),
    "no path at all": ({"http.request.method": "GET"}, ("GET", "", 0, False)),
    "broken url": ({"http.method": "GET", "http.url": "http://[::1/x"}, ("GET", "", 0, False)),
    "lower case": ({"http.method": "post", "http.route": "/a"}, ("POST", "/a", 0, True)),
    "made-up method": ({"http.method": "X" * 999, "http.route": "/a"}, ("_OTHER", "/a", 0, True)),
    "status as text": (NEW | {"http.response.status_code": "404"}, ("GET", "/orders/{id}", 404, True)),
    "status as float": (NEW | {"http.response.status_code": 404.0}, ("GET", "/orders/{id}", 404, True)),
    "status of no use": (NEW | {"http.response.status_code": 10**18}, ("GET", "/orders/{id}", 0, True)),
    "route of no use": (NEW | {"http.route": 5}, ("GET", "/orders/7", 200, False)),
    "an email in the path": (
        {"http.method": "GET", "url.path": "/u/jane@example.com"},
        ("GET", "/u/[email]", 0, False),
    ),
}


@pytest.mark.parametrize("case", SERVED)
def test_a_server_span_is_one_request(case: str) -> None:
    attributes, (method, route, status, templated) = SERVED[case]
    parsed = Desk().traces(traces(span(SERVER, attributes)))
    assert parsed.requests == [Request(ORIGIN, "otlp", method, route, status, 0.25, templated, 1.0, False, NOW, HEX)]
    assert parsed.batch.measured == []
    assert (parsed.batch.events, parsed.batch.invalid) == (1, 0)


def test_a_request_that_an_exception_ended_before_it_had_a_status_is_a_500() -> None:
    parsed = Desk().traces(traces(span(SERVER, {"http.method": "GET", "http.route": "/a"}, status=failed("x"))))
    assert [request.status for request in parsed.requests] == [500]


def test_fastapis_internal_spans_are_no_requests() -> None:
    inner = span(INTERNAL, OLD | {"asgi.event.type": "http.response.start"}, parent_span_id=SPAN, span_id=b"22222222")
    assert Desk().traces(traces(inner, inner, span(SERVER, OLD))).requests == [
        Request(ORIGIN, "otlp", "GET", "/orders/{id}", 200, 0.25, True, 1.0, False, NOW, HEX)
    ]


CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5"}
COUNTED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 20}
OTHERS: dict[str, tuple[Any, list[Any]]] = {
    "celery": (
        span(CONSUMER, {"celery.task_name": "shop.pay", "celery.state": "SUCCESS", "celery.action": "run"}, name="run/x"),
        [Task(ORIGIN, "otlp", "shop.pay", "success", 0.25, 1.0, NOW, HEX)],
    ),
    "celery that failed without a state": (
        span(CONSUMER, {"celery.task_name": "shop.pay"}, status=failed()),
        [Task(ORIGIN, "otlp", "shop.pay", "failure", 0.25, 1.0, NOW, HEX)],
    ),
    "a message": (
        span(CONSUMER, {"messaging.system": "kafka", "messaging.destination.name": "orders", "messaging.operation": "process"}),
        [Task(ORIGIN, "otlp", "orders", "success", 0.25, 1.0, NOW, HEX)],
    ),
    "a message that is fetched": (
        span(CONSUMER, {"messaging.system": "kafka", "messaging.destination.name": "orders", "messaging.operation.type": "receive"}),
        [],
    ),
    "a message that is sent": (span(PRODUCER, {"messaging.system": "kafka", "messaging.destination": "orders"}), []),
    "new query": (
        span(CLIENT, {"db.system.name": "postgresql", "db.operation.name": "SELECT", "db.query.text": "SELECT 1"}),
        [Query(ORIGIN, "postgresql", "SELECT", 0.25, False, 1.0)],
    ),
    "old query": (
        span(CLIENT, {"db.system": "postgresql", "db.statement": "insert into users values ('jane@example.com')"}, status=failed()),
        [Query(ORIGIN, "postgresql", "INSERT", 0.25, True, 1.0)],
    ),
    "a query of unknown words": (
        span(CLIENT, {"db.system": "mysql", "db.statement": "hunter2 secret"}, name="shop"),
        [Query(ORIGIN, "mysql", "", 0.25, False, 1.0)],
    ),
    "a hit": (
        span(CLIENT, {"db.system": "redis", "db.operation": "GET", "cache.hit": True}),
        [Query(ORIGIN, "redis", "GET", 0.25, False, 1.0), CacheUse(ORIGIN, "redis", "hit", 1.0)],
    ),
    "a miss by rows": (
        span(CLIENT, {"db.system.name": "redis", "db.operation.name": "get", "db.response.returned_rows": 0}),
        [Query(ORIGIN, "redis", "GET", 0.25, False, 1.0), CacheUse(ORIGIN, "redis", "miss", 1.0)],
    ),
    "a call of a model": (
        span(CLIENT, CALL | COUNTED | {"gen_ai.provider.name": "openai"}),
        [AiCall(ORIGIN, "openai", "gpt-5", "chat", 0.25, False, 10.0, 20.0, None, 1.0, "otlp", NOW, HEX)],
    ),
    "an old call of a model": (
        span(CLIENT, {
            "gen_ai.system": "openai", "gen_ai.response.model": "gpt-4", "gen_ai.usage.prompt_tokens": 1,
            "gen_ai.usage.completion_tokens": 2, "gen_ai.usage.cost": 0.5,
        }, status=failed()),
        [AiCall(ORIGIN, "openai", "gpt-4", "chat", 0.25, True, 1.0, 2.0, 0.5, 1.0, "otlp", NOW, HEX)],
    ),
    "a call of a model with tokens of no use": (
        span(INTERNAL, CALL | {"gen_ai.usage.input_tokens": -1, "gen_ai.usage.output_tokens": "many"}),
        [AiCall(ORIGIN, "", "gpt-5", "chat", 0.25, False, 0.0, 0.0, None, 1.0, "otlp", NOW, HEX)],
    ),
    "an agent around calls": (span(INTERNAL, COUNTED | {"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "x"}, parent_span_id=SPAN), []),
    "a root of work": (span(INTERNAL, name="report"), [Operation(ORIGIN, "otlp", "report", 0.25, False, 1.0, NOW, HEX)]),
    "inner work": (span(INTERNAL, name="render", parent_span_id=b"22222222"), []),
    "inner work that is configured": (
        span(INTERNAL, name="checkout", parent_span_id=b"22222222", status=failed()),
        [Operation(ORIGIN, "otlp", "checkout", 0.25, True, 1.0, NOW, HEX)],
    ),
    "inner work that names itself": (
        span(CLIENT, {"stack.operation": "export"}, name="x", parent_span_id=b"22222222"),
        [Operation(ORIGIN, "otlp", "export", 0.25, False, 1.0, NOW, HEX)],
    ),
    "a served call that is not HTTP": (
        span(SERVER, {"rpc.system": "grpc"}, name="shop.Orders/Pay"),
        [Operation(ORIGIN, "otlp", "shop.Orders/Pay", 0.25, False, 1.0, NOW, HEX)],
    ),
    "a kind that there is not": (span(99, name="x"), []),
    "an HTTP client": (span(CLIENT, NEW), []),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_a_span_measures(case: str) -> None:
    sent, expected = OTHERS[case]
    parsed = Desk("checkout").traces(traces(sent))
    assert [measured for _, measured in parsed.batch.measured] == expected
    assert parsed.requests == []


WRONG = {
    "no trace id": {"trace_id": b""},
    "a short trace id": {"trace_id": b"abc"},
    "a trace id of zeros": {"trace_id": bytes(16)},
    "no span id": {"span_id": b""},
    "a long span id": {"span_id": b"123456789"},
    "a span id of zeros": {"span_id": bytes(8)},
    "an end before its start": {"start_time_unix_nano": 2, "end_time_unix_nano": 1},
    "no start": {"start_time_unix_nano": 0},
    "no end": {"end_time_unix_nano": 0},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_span_is_rejected_with(case: str) -> None:
    parsed = Desk().traces(traces(span(SERVER, OLD), span(SERVER, OLD, **WRONG[case])))
    assert (parsed.batch.events, parsed.batch.invalid, len(parsed.requests)) == (2, 1, 1)


WEIGHTS = {
    "": 1.0,
    "ot=th:0": 1.0,
    "ot=th:8": 2.0,
    "ot=th:c": 4.0,
    "ot=rv:1;th:e": 8.0,
    "dd=s:1, ot=th:fd70a4": pytest.approx(100, rel=1e-4),
    "ot=th:fffffffffffffff": 1.0,
    "ot=th:ffffffffffffff": 2.0**56,
    "ot=th:": 1.0,
    "ot=th:xyz": 1.0,
    "ot=p:8": 1.0,
    "ot": 1.0,
    "=,=;:": 1.0,
}


@pytest.mark.parametrize("state", WEIGHTS)
def test_a_span_stands_for_as_many_as_its_sampling_threshold_says(state: str) -> None:
    assert weight(state) == WEIGHTS[state]
    parsed = Desk().traces(traces(span(SERVER, OLD, trace_state=state)))
    assert [request.weight for request in parsed.requests] == [WEIGHTS[state]]


def test_a_time_in_the_future_is_no_later_than_a_minute_from_now() -> None:
    late = int((NOW + 1e6) * 1e9)
    parsed = Desk().traces(traces(span(SERVER, OLD, start_time_unix_nano=late, end_time_unix_nano=late)))
    assert [request.at for request in parsed.requests] == [NOW + 60]


NAMED = {
    "nothing": ({}, ("unknown_service", "", "")),
    "old names": ({"service.name": "a", "deployment.environment": "x"}, ("a", "x", "")),
    "the SDK's default": ({"service.name": "unknown_service:node"}, ("unknown_service", "", "")),
    "numbers": ({"service.name": 5}, ("unknown_service", "", "")),
    "a secret": ({"service.name": "jane@example.com\n"}, ("[email]", "", "")),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_resource_names_its_service(case: str) -> None:
    attributes, (service, environment, release) = NAMED[case]
    (request,) = Desk().traces(traces(span(SERVER, OLD), resource=attributes)).requests
    assert (request.origin.service, request.origin.environment, request.origin.release) == (
        service,
        environment,
        release,
    )


def test_a_resource_without_names_has_those_of_the_configuration() -> None:
    (request,) = Desk(service="mine", environment="test").traces(traces(span(SERVER, OLD), resource={})).requests
    assert (request.origin.service, request.origin.environment) == ("mine", "test")


def test_attributes_that_come_again_mean_the_same() -> None:
    desk = Desk()
    many = [span(SERVER, OLD | {"net.peer.port": port, "http.target": f"/{port}"}) for port in range(9_000)]
    parsed = desk.traces(traces(*many))
    assert len({(r.route, r.status) for r in parsed.requests}) == 1
    assert len(parsed.requests) == len(many)
