"""Errors and events as OTLP log records, read back through OpenTelemetry's own classes."""

from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from exporter import __version__
from exporter.ingest.otlp_attributes import plain
from exporter.onward.told import SCOPE, Kind, told
from exporter.ingest.otlp_wire import messages
from exporter.ingest.ports import Entry, Grouped, Outcome
from exporter.ingest.values import Frame, Occasion, Occurrence, Origin, Raised
from tests.ingest.otlp_made import NOW, Desk

EVERY: tuple[Kind, ...] = ("errors", "security", "business")
ORIGIN = Origin("shop", "production", "1.2")
TRACE, SPAN = "0102030405060708090a0b0c0d0e0f10", "0102030405060708"
FRAMES = (
    Frame("shop.views", "checkout", "/srv/shop/views.py", 10, in_app=True),
    Frame("shop.pay", "charge", "/srv/shop/pay.py", 42, in_app=True),
)
CHAIN = (
    Raised("TimeoutError", "took 5 s", "", FRAMES[1:]),
    Raised("PaymentError", "declined", "shop.errors", FRAMES, handled=False),
)
ERROR = Occurrence(
    id="e" * 32,
    at=NOW + 0.25,
    origin=ORIGIN,
    source="sdk",
    raised=CHAIN,
    transaction="/checkout",
    path="/checkout/7",
    status=502,
    user="0123456789abcdef",
    trace_id=TRACE,
    span_id=SPAN,
    platform="python",
    logger="shop.pay",
    detail={"request": {"method": "POST"}, "tags": {"request_id": "r-1", "attempt": 2}},
)
GROUPED = Grouped(
    "f" * 32, "PaymentError: declined", "charge in shop.pay", "PaymentError", "high", code="PAY_1", team="billing"
)
BRUTE_FORCE = Occasion(
    id="5" * 32,
    at=NOW,
    origin=ORIGIN,
    kind="security",
    type="brute_force",
    severity="high",
    user="fedcba9876543210",
    detail={"message": "ten attempts", "trace_id": TRACE, "request_id": "r-2", "extra": {"attempts": 10}},
)
ORDER = Occasion(
    "b" * 32, NOW, Origin("shop"), "business", "order_placed", detail={"extra": {"lines": [1, {"sku": 7}]}}
)


def error(one: Occurrence = ERROR, grouped: Grouped = GROUPED) -> Entry:
    return Entry(one.id, one.at, one, grouped)


def event(one: Occasion) -> Entry:
    return Entry(one.id, one.at, occasion=one)


def sent(*entries: tuple[Entry, Outcome], which: tuple[Kind, ...] = EVERY, **more: Any) -> Any:
    body, count = told(entries, which, **more)
    request = ExportLogsServiceRequest.FromString(body)
    assert count == sum(len(scope.log_records) for of in request.resource_logs for scope in of.scope_logs)
    return request


def only(*entries: tuple[Entry, Outcome], **more: Any) -> Any:
    [of] = sent(*entries, **more).resource_logs
    [record] = of.scope_logs[0].log_records
    return record


def values(pairs: Any) -> dict[str, Any]:
    """Attributes by their keys, each of which is there once."""
    key_value = messages()["KeyValue"]
    read = [key_value.FromString(pair.SerializeToString()) for pair in pairs]
    found = {pair.key.decode(): plain(pair.value) for pair in read}
    assert len(found) == len(read)
    return found


def test_an_error_is_a_record_with_all_that_is_known_of_it() -> None:
    record = only((error(), "new"), now=NOW + 1)
    attributes = values(record.attributes)
    assert attributes.pop("exception.stacktrace") == (
        "Traceback (most recent call last):\n"
        '  File "/srv/shop/pay.py", line 42, in charge\n'
        "TimeoutError: took 5 s\n"
        "\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/shop/views.py", line 10, in checkout\n'
        '  File "/srv/shop/pay.py", line 42, in charge\n'
        "shop.errors.PaymentError: declined\n"
    )
    assert attributes == {
        "log.record.uid": "e" * 32,
        "exception.type": "shop.errors.PaymentError",
        "exception.message": "declined",
        "stack.error.handled": False,
        "stack.error.group": "f" * 32,
        "stack.error.type": "PaymentError",
        "stack.error.severity": "high",
        "stack.error.outcome": "new",
        "stack.error.code": "PAY_1",
        "stack.error.culprit": "charge in shop.pay",
        "stack.error.transaction": "/checkout",
        "stack.team": "billing",
        "stack.source": "sdk",
        "url.path": "/checkout/7",
        "http.request.method": "POST",
        "http.response.status_code": 502,
        "user.id": "0123456789abcdef",
        "logger.name": "shop.pay",
        "stack.tag.request_id": "r-1",
        "stack.tag.attempt": 2,
    }
    record.ClearField("attributes")
    assert (record.trace_id.hex(), record.span_id.hex()) == (TRACE, SPAN)
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (
        int(NOW * 1e9) + 250_000_000,
        int(NOW * 1e9 + 1e9),
    )
    assert (record.severity_number, record.severity_text, record.event_name) == (17, "error", "stack.error")
    assert record.body.string_value == "PaymentError: declined"


def test_a_security_event_is_a_record_with_its_type_and_severity() -> None:
    record = only((event(BRUTE_FORCE), "seen"))
    assert values(record.attributes) == {
        "log.record.uid": "5" * 32,
        "stack.event.type": "brute_force",
        "stack.event.severity": "high",
        "stack.event.message": "ten attempts",
        "stack.event.request_id": "r-2",
        "user.id": "fedcba9876543210",
        "stack.context.attempts": 10,
    }
    assert (record.event_name, record.severity_number, record.severity_text) == ("stack.security", 17, "high")
    assert (record.body.string_value, record.trace_id.hex(), record.span_id) == ("ten attempts", TRACE, b"")
    assert record.observed_time_unix_nano == record.time_unix_nano == int(NOW * 1e9)


def test_a_business_event_is_a_record_without_a_severity_of_its_own() -> None:
    record = only((event(ORDER), "seen"))
    assert values(record.attributes) == {
        "log.record.uid": "b" * 32,
        "stack.event.type": "order_placed",
        "stack.context.lines": [1, {"sku": 7}],
    }
    assert (record.event_name, record.severity_number, record.body.string_value) == (
        "stack.business",
        9,
        "order_placed",
    )


def test_feedback_is_told_with_what_was_written_and_of_which_error() -> None:
    form = {"message": "it broke", "associated_event_id": "e" * 32}
    detail = {"contexts": {"feedback": form, "trace": {"trace_id": TRACE}}}
    record = only((event(replace(ORDER, kind="feedback", type="feedback", detail=detail)), "seen"), which=("business",))
    assert values(record.attributes) == {
        "log.record.uid": "b" * 32,
        "stack.event.type": "feedback",
        "stack.feedback.message": "it broke",
        "stack.feedback.associated_event_id": "e" * 32,
    }
    assert (record.event_name, record.trace_id.hex()) == ("stack.feedback", TRACE)


SAFE, GRAVE = error(), error(replace(ERROR, id="a" * 32), replace(GROUPED, security=True))
DEPLOY = event(replace(ORDER, id="d" * 32, kind="deploy", type="1.3"))
TOLD: dict[tuple[Kind, ...], set[str]] = {
    (): set(),
    ("errors",): {"e", "a"},
    ("security",): {"a", "5"},
    ("business",): {"b", "d"},
    EVERY: {"e", "a", "5", "b", "d"},
}


@pytest.mark.parametrize("which", TOLD, ids="+".join)
def test_what_is_told_is_chosen_and_an_error_of_security_is_both(which: tuple[Kind, ...]) -> None:
    entries: list[tuple[Entry, Outcome]] = [
        (one, "seen") for one in (SAFE, GRAVE, event(BRUTE_FORCE), event(ORDER), DEPLOY)
    ]
    request = sent(*entries, which=which)
    records = [record for of in request.resource_logs for record in of.scope_logs[0].log_records]
    assert {values(record.attributes)["log.record.uid"][0] for record in records} == TOLD[which]
    marked = [record for record in records if values(record.attributes).get("stack.error.security") is True]
    assert len(marked) == ("a" in TOLD[which])


def test_duplicates_and_bare_ids_are_not_told() -> None:
    assert told([(error(), "duplicate"), (Entry("1" * 32, NOW), "seen"), (event(ORDER), "duplicate")], EVERY) == (
        b"",
        0,
    )
    assert told([], EVERY) == (b"", 0)


def test_records_stand_under_the_resource_of_their_service() -> None:
    other = replace(ERROR, id="2" * 32, origin=Origin("mail"))
    entries = [(error(), "new"), (error(other), "new"), (event(BRUTE_FORCE), "seen")]
    request = sent(*entries, resource={"k8s.pod.name": "shop-1", "service.name": "not this"})  # type: ignore[arg-type]
    assert [(values(of.resource.attributes), len(of.scope_logs[0].log_records)) for of in request.resource_logs] == [
        (
            {
                "k8s.pod.name": "shop-1",
                "service.name": "shop",
                "service.version": "1.2",
                "deployment.environment.name": "production",
            },
            2,
        ),
        ({"k8s.pod.name": "shop-1", "service.name": "mail"}, 1),
    ]
    scopes = {(scope.scope.name, scope.scope.version) for of in request.resource_logs for scope in of.scope_logs}
    assert scopes == {(SCOPE, __version__)}


def test_a_message_without_an_exception_is_told_as_a_message() -> None:
    grouped = replace(GROUPED, title="cache is cold", type="message")
    record = only((error(replace(ERROR, raised=(), message="cache is cold", level="warning"), grouped), "seen"))
    found = values(record.attributes)
    assert {key: found[key] for key in found if key.startswith("exception.")} == {"exception.message": "cache is cold"}
    assert (record.body.string_value, record.severity_text) == ("cache is cold", "warning")


def test_it_comes_back_as_the_same_error_where_another_daemon_takes_it() -> None:
    body, _ = told([(error(), "new")], EVERY)
    [occurrence] = Desk().logs(body).batch.occurrences
    last = occurrence.raised[-1]
    assert (last.type, last.module, last.value, last.frames[-1].function) == (
        "PaymentError", "shop.errors", "declined", "charge",
    )  # fmt: skip
    assert (occurrence.origin, occurrence.trace_id, occurrence.span_id) == (ORIGIN, TRACE, SPAN)
