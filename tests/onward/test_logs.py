"""Log records go onward as they came, but for what is personal or secret in them."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from exporter.config.application import Scrub
from exporter.onward.logs import LOG
from exporter.ingest.scrub import Scrubbing
from tests.ingest.otlp_made import NOW, SPAN, TRACE, any_value, logs, pairs
from tests.onward.sent import Onward, by, left, sdk_logs, told
from tests.ingest.test_scrub import VECTORS, configured, flat

UNKNOWN = b"\xda\x3e\x07unknown"
"""Field 1,003 with a text."""


def record(body: Any = None, **fields: Any) -> LogRecord:
    attributes = pairs(fields.pop("attributes", {}))
    return LogRecord(body=any_value(body), attributes=attributes, **fields)


def read(body: bytes) -> Any:
    return ExportLogsServiceRequest.FromString(body)


def records(body: bytes) -> Any:
    return [one for of in read(body).resource_logs for scope in of.scope_logs for one in scope.log_records]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_goes_from_a_record_and_what_stands_around_it_stays(vector: dict[str, Any]) -> None:
    event = vector["event"]
    flattened = {key: one for key, one in flat(event).items() if isinstance(one, str | int | float)}
    forms = [
        record(event),
        record("told", attributes=event),
        record("told", attributes=flattened),
        record(json.dumps(event)),
        record(json.dumps(event, ensure_ascii=False)),
    ]
    sent = by(json.dumps(vector["config"]))(logs(*forms), LOG)
    shown = told(read(sent))
    assert [text for text in vector["must_not_contain"] if text.encode() in sent or text in shown] == []
    assert left(read(sent), Scrubbing(configured(vector["config"]))) == []
    for one in records(sent)[:2]:
        assert [text for text in vector["must_contain"] if text not in told(one)] == []


def test_what_an_sdk_sends_goes_on_as_the_same_object() -> None:
    body = sdk_logs()
    assert Onward()(body, LOG) is body


def test_of_a_record_that_changes_all_else_is_kept() -> None:
    given = record(
        "paid by ann@shop.example",
        time_unix_nano=int(NOW * 1e9),
        observed_time_unix_nano=int(NOW * 1e9) + 1,
        severity_number=17,
        severity_text="ERROR bob@shop.example",
        event_name="shop.paid by eve@shop.example",
        dropped_attributes_count=3,
        flags=0x101,
        trace_id=TRACE,
        span_id=SPAN,
        attributes={"n": 7, "password": "hunter2", "mallory@shop.example": 1, "http.route": "/pay"},
    )
    raw = given.SerializeToString() + UNKNOWN
    [sent] = records(Onward()(logs(LogRecord.FromString(raw)), LOG))
    expected = LogRecord.FromString(raw)
    expected.body.string_value = "paid by [email]"
    expected.severity_text, expected.event_name = "ERROR [email]", "shop.paid by [email]"
    del expected.attributes[:]
    expected.attributes.extend(pairs({"n": 7, "password": "[Filtered]", "[email]": 1, "http.route": "/pay"}))
    assert sent == expected
    assert UNKNOWN in sent.SerializeToString()


def test_records_beside_one_that_changes_keep_their_bytes() -> None:
    fine = [record(f"line {number}", attributes={"n": number}) for number in range(3)]
    told = record("it was ann@shop.example")
    body = logs(fine[0], fine[1], told, fine[2])
    sent = Onward()(body, LOG)
    assert [one.SerializeToString() for one in records(sent)] == [
        one.SerializeToString() for one in (fine[0], fine[1], record("it was [email]"), fine[2])
    ]
    assert sent == logs(fine[0], fine[1], record("it was [email]"), fine[2])


BODIES: dict[str, tuple[Any, Any]] = {
    "text": ("to ann@shop.example", "to [email]"),
    "map": ({"password": "x1", "n": 1}, {"password": "[Filtered]", "n": 1}),
    "list": (["a", "ann@shop.example", {"token": "x"}], ["a", "[email]", {"token": "[Filtered]"}]),
    "pair": (["password", "hunter2"], ["password", "[Filtered]"]),
    "named": ([{"key": "password", "value": "x"}], [{"key": "password", "value": "[Filtered]"}]),
    "json": ('{"pass\\u0077ord": "x"}', '{"password":"[Filtered]"}'),
    "number": (4111111111111111, "[card]"),
    "deep": ({"a": [{"b": [["ann@shop.example"]]}]}, {"a": [{"b": [["[email]"]]}]}),
}


@pytest.mark.parametrize("form", BODIES)
def test_a_body_of_any_form_is_scrubbed(form: str) -> None:
    given, expected = BODIES[form]
    fine, onward = {"n": 1}, Onward()
    assert onward(logs(record(given, attributes=fine)), LOG) == logs(record(expected, attributes=fine))
    assert onward(logs(record("told", attributes={"x": given})), LOG) == logs(
        record("told", attributes={"x": expected})
    )


@pytest.mark.parametrize("length", [47, 48, 49, 57, 65, 66, 95, 97, 98, 122])
def test_the_length_before_a_text_hides_nothing_in_it(length: int) -> None:
    """As a byte it may be a letter or digit, which no word can begin behind."""
    onward = Onward()
    for secret in ("4111111111111111", "078-05-1120", "10.0.0.1", "eyJhbGciOiJIUzI1NiJ9.e30.x"):
        body = onward(logs(record(f"{secret} {'x' * (length - len(secret) - 1)}")), LOG)
        assert secret.encode() not in body


def test_ones_own_keys_and_patterns_hold() -> None:
    config = Scrub(keys=("passport",), keep=("tokens_used",), patterns={"customer": "^C-[0-9]+$"})
    given = record("C-12", attributes={"passport_no": "X1", "tokens_used": "12", "to": "C-13", "told": "no C-14"})
    expected = {"passport_no": "[Filtered]", "tokens_used": "12", "to": "[customer]", "told": "no C-14"}
    assert Onward(config)(logs(given), LOG) == logs(record("[customer]", attributes=expected))


def test_attributes_are_added_to_resources_that_have_them_not() -> None:
    body = logs(record("fine"), resource={"service.name": "shop", "k8s.pod.name": "its own"})
    sent = Onward(attributes={"k8s.pod.name": "ours", "k8s.node.name": "n1"})(body, LOG)
    expected = {"service.name": "shop", "k8s.pod.name": "its own", "k8s.node.name": "n1"}
    assert sent == logs(record("fine"), resource=expected)


def test_resource_and_scope_are_scrubbed() -> None:
    request = read(logs(record("fine"), resource={"service.name": "shop", "owner": "ann@shop.example"}))
    scope = request.resource_logs[0].scope_logs[0]
    scope.scope.name, scope.schema_url = "shop.pay", "https://opentelemetry.io/schemas/1.30.0"
    scope.scope.attributes.extend(pairs({"api_key": "k1", "team": "billing"}))
    sent = Onward()(request.SerializeToString(), LOG)
    del scope.scope.attributes[:]
    scope.scope.attributes.extend(pairs({"api_key": "[Filtered]", "team": "billing"}))
    request.resource_logs[0].resource.attributes[1].value.string_value = "[email]"
    assert read(sent) == request
