"""Exceptions that spans and log records tell of: each error once, with its chain, and nothing personal in it."""

from typing import Any

import msgspec
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from exporter.ingest import otlp
from exporter.ingest.otlp_errors import ECHOES, Echoes
from exporter.ingest.otlp_wire import TooMany
from exporter.ingest.values import Frame, Logged, Operation, Raised
from tests.ingest.otlp_made import NOW, ORIGIN, SPAN, TRACE, Desk, any_value, failed, logs, pairs, raised, span, traces

INTERNAL, SERVER, CLIENT, CONSUMER = 1, 2, 3, 5
STACK = (
    "Traceback (most recent call last):\n"
    "  File \"/srv/shop/db.py\", line 3, in read\n    return rows[k]\nKeyError: 'k'\n\n"
    "The above exception was the direct cause of the following exception:\n\n"
    'Traceback (most recent call last):\n  File "/srv/shop/views.py", line 9, in pay\n    read()\n'
    "shop.errors.PaymentError: no such row\n"
)
GET = {"http.request.method": "GET", "http.response.status_code": 500, "http.route": "/pay/{id}", "url.path": "/pay/7"}
CHILD = b"childspn"
ERROR = raised("shop.errors.PaymentError", "no such row", STACK)


def served(*events: Any, **fields: Any) -> Any:
    return span(SERVER, GET, status=failed(), events=events, **fields)


def child(*events: Any, **fields: Any) -> Any:
    given = {"span_id": CHILD, "parent_span_id": SPAN, "name": "read", "status": failed()} | fields
    return span(INTERNAL, {}, events=events, **given)


def test_a_recorded_exception_is_an_occurrence_with_all_that_its_span_knows() -> None:
    (one,) = Desk().traces(traces(served(ERROR))).batch.occurrences
    assert one.raised == (
        Raised("KeyError", "'k'", "", (Frame("", "read", "/srv/shop/db.py", 3),), None),
        Raised(
            "PaymentError", "no such row", "shop.errors", (Frame("", "pay", "/srv/shop/views.py", 9),), handled=False
        ),
    )
    known = (
        one.origin,
        one.source,
        one.level,
        one.transaction,
        one.path,
        one.status,
        one.trace_id,
        one.span_id,
        one.at,
    )
    assert known == (ORIGIN, "otlp", "error", "/pay/{id}", "/pay/7", 500, TRACE.hex(), SPAN.hex(), NOW)
    assert one.detail["request"] == {"method": "GET", "url": "/pay/7"}
    assert [each["type"] for each in one.detail["exception"]["values"]] == ["KeyError", "PaymentError"]


def test_an_exception_on_a_child_and_its_parents_is_one_with_the_request_of_the_outermost() -> None:
    parsed = Desk().traces(traces(child(ERROR), served(ERROR)))
    (one,) = parsed.batch.occurrences
    assert (one.span_id, one.transaction, one.status, one.raised[-1].handled) == (CHILD.hex(), "/pay/{id}", 500, False)
    assert (parsed.batch.events, len(parsed.requests)) == (2, 1)


def test_the_same_in_any_order_and_across_a_span_that_did_not_record_it() -> None:
    between = child(span_id=b"between!")
    parsed = Desk().traces(traces(served(ERROR), between, child(ERROR, parent_span_id=b"between!")))
    assert [one.span_id for one in parsed.batch.occurrences] == [CHILD.hex()]


def test_the_same_in_two_requests() -> None:
    desk = Desk()
    assert len(desk.traces(traces(child(ERROR))).batch.occurrences) == 1
    assert desk.traces(traces(served(ERROR))).batch.occurrences == []


def test_what_is_sent_again_has_the_same_ids() -> None:
    desk, data = Desk(), traces(child(ERROR), served(ERROR))
    first, second = (desk.traces(data).batch.occurrences for _ in range(2))
    assert [one.id for one in first] == [one.id for one in second]
    assert len({one.id for one in first}) == 1


DIFFERENT = {
    "of other types": (child(ERROR), served(raised("ValueError", "no such row"))),
    "with other messages": (child(ERROR), served(raised("shop.errors.PaymentError", "other"))),
    "of siblings": (child(ERROR), child(ERROR, span_id=b"sibling!")),
    "of other traces": (child(ERROR), served(ERROR, trace_id=b"x" * 16)),
    "one after the other in a span": (served(ERROR, ERROR),),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_two_errors_are(case: str) -> None:
    parsed = Desk().traces(traces(*DIFFERENT[case]))
    assert len({one.id for one in parsed.batch.occurrences}) == 2
    assert parsed.batch.events == 2


HANDLED = {
    "on a span that is not in error": (span(INTERNAL, {}, events=[ERROR]), True),
    "on a request in error": (served(ERROR), False),
    "on inner work in error": (child(ERROR), None),
    "that escaped": (child(raised("E", "m", **{"exception.escaped": True})), False),
}


@pytest.mark.parametrize("case", HANDLED)
def test_an_exception_is_handled_when_recorded(case: str) -> None:
    sent, expected = HANDLED[case]
    (one,) = Desk().traces(traces(sent)).batch.occurrences
    assert one.raised[-1].handled is expected


def test_other_events_are_no_errors() -> None:
    other = span(
        SERVER, GET, events=[{"name": "exceptional"}, {"name": "log", "attributes": pairs({"exception.type": "x"})}]
    )
    assert Desk().traces(traces(other)).batch.occurrences == []


def test_an_exception_without_a_type_a_message_or_a_stack_is_one_all_the_same() -> None:
    (one,) = Desk().traces(traces(served({"name": "exception"}))).batch.occurrences
    assert one.raised == (Raised("", "", "", (), handled=False),)


def test_nothing_personal_stays() -> None:
    event = raised(
        "E", "card 4111 1111 1111 1111 of jane@example.com", STACK.replace("no such row", "jane@example.com")
    )
    attributes = GET | {"user.email": "jane@example.com", "http.request.header.authorization": ["Bearer abcdefghijkl"]}
    sent = span(SERVER, attributes, name="jane@example.com", events=[event], status=failed("jane@example.com"))
    parsed = Desk().traces(
        traces(sent, span(INTERNAL, name="for jane@example.com"), resource={"service.name": "jane@example.com"})
    )
    shown = msgspec.json.encode([parsed.batch, parsed.requests]).decode()
    for secret in ("jane", "4111", "abcdefghijkl"):
        assert secret not in shown
    assert parsed.batch.occurrences[0].user


def test_too_many_exceptions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MOST_ERRORS", 250)
    tiny = served(*[raised("E", "")] * 100)
    assert len(Desk().traces(traces(tiny, tiny)).batch.occurrences) == 200
    with pytest.raises(TooMany):
        Desk().traces(traces(tiny, tiny, tiny))


def test_echoes_are_bounded_and_the_oldest_goes() -> None:
    echoes = Echoes()
    echoes.add((b"", b"", b"%d" % number) for number in range(ECHOES + 5))
    assert (b"", b"", b"4") not in echoes
    assert (b"", b"", b"5") in echoes


def test_spans_that_are_each_others_parents_end() -> None:
    one, other = child(ERROR, parent_span_id=SPAN), served(ERROR, parent_span_id=CHILD)
    below = child(ERROR, span_id=b"below!!!", parent_span_id=CHILD)
    assert len(Desk().traces(traces(below, one, other)).batch.occurrences) == 1


def record(body: Any = "paid", attributes: dict[str, Any] | None = None, **fields: Any) -> LogRecord:
    given = {"time_unix_nano": int(NOW * 1e9), "severity_number": 17, "attributes": pairs(attributes or {})} | fields
    return LogRecord(body=any_value(body), **given)  # type: ignore[arg-type]


LEVELS = {
    1: "debug",
    5: "debug",
    9: "info",
    12: "info",
    13: "warning",
    17: "error",
    20: "error",
    21: "fatal",
    24: "fatal",
}


def test_records_count_by_severity() -> None:
    sent = [record(severity_number=number) for number in LEVELS]
    sent += [record(severity_number=0, severity_text="WARN"), record(severity_number=0), record(severity_number=99)]
    parsed = Desk().logs(logs(*sent))
    counts = {measured.level: measured.count for _, measured in parsed.batch.measured if isinstance(measured, Logged)}
    assert counts == {"debug": 2, "info": 4, "warning": 2, "error": 2, "fatal": 2}
    assert parsed.batch.events == 12


SAID = {"exception.type": "shop.errors.PaymentError", "exception.message": "no such row", "exception.stacktrace": STACK}


def test_a_record_with_an_exception_is_an_occurrence() -> None:
    said = SAID | {"order": 7, "logger.name": "of.jane@example.com"}
    sent = record("payment of jane@example.com failed", said, trace_id=TRACE, span_id=SPAN)
    (one,) = Desk().logs(logs(sent)).batch.occurrences
    assert [each.type for each in one.raised] == ["KeyError", "PaymentError"]
    assert (one.message, one.level, one.trace_id, one.at) == ("payment of [email] failed", "error", TRACE.hex(), NOW)
    assert "jane" not in msgspec.json.encode(one).decode()
    assert one.detail["extra"]["order"] == 7


def test_a_fatal_record_is_an_occurrence_and_another_error_is_a_line() -> None:
    parsed = Desk().logs(logs(record("down", severity_number=21), record("odd", severity_number=17)))
    assert [(one.message, one.level, one.raised) for one in parsed.batch.occurrences] == [("down", "fatal", ())]


def test_the_log_of_what_a_span_recorded_is_the_same_occurrence() -> None:
    desk = Desk()
    (of_span,) = desk.traces(traces(served(ERROR))).batch.occurrences
    (of_log,) = desk.logs(logs(record("failed", SAID, trace_id=TRACE, span_id=SPAN))).batch.occurrences
    assert of_span.id == of_log.id


def test_the_log_that_a_parent_wrote_of_its_childs_error_is_an_echo() -> None:
    desk = Desk()
    desk.traces(traces(child(ERROR)))
    assert desk.logs(logs(record("failed", SAID, trace_id=TRACE, span_id=SPAN))).batch.occurrences == []


def test_records_without_a_trace_are_told_apart_by_their_time_and_are_the_same_when_sent_again() -> None:
    data = logs(
        record("a", SAID), record("a", SAID, time_unix_nano=int(NOW * 1e9) + 10_000), record("a", SAID, trace_id=b"no")
    )
    first, second = (Desk().logs(data).batch.occurrences for _ in range(2))
    assert [one.id for one in first] == [one.id for one in second]
    assert len({one.id for one in first}) == 3
    assert {one.trace_id for one in first} == {""}


def test_an_occurrence_of_a_root_span_leaves_its_operation_measured() -> None:
    parsed = Desk().traces(traces(span(INTERNAL, name="work", events=[ERROR], status=failed())))
    assert [measured for _, measured in parsed.batch.measured] == [
        Operation(ORIGIN, "otlp", "work", 0.25, True, 1.0, NOW, TRACE.hex())
    ]
