"""OTLP/JSON that is refused, and what is read although it is odd."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from exporter.ingest import otlp_fields, otlp_json, otlp_json_pieces, otlp_wire
from exporter.ingest.otlp_wire import ITEMS, Malformed, TooMany
from tests.ingest.otlp_made import any_value, as_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(-(2**63), 2**63 - 1)
WRONG = {
    "a list": b"[]",
    "a number": b"7",
    "nothing": b"",
    "not UTF-8": b'{"resourceSpans": "\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"resourceSpans": []}'.encode("utf-16"),
    "a text for a list": b'{"resourceSpans": "x"}',
    "a text for a message": b'{"resourceSpans": ["x"]}',
    "an id that is not hexadecimal": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
    "a number for a text": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":7}]}]}]}',
    "a fraction of a nanosecond": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1.5}]}]}]}',
    "a negative time": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"-1"}]}]}]}',
    "an infinite kind": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":1e999}]}]}]}',
    "5,000 digits": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":' + b"1" * 5_000 + b"}]}]}]}",
    "base64 that is none": b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":{"bytesValue":"*"}}]}}]}',
    "depth": b'{"resourceSpans":' + b"[" * 100_000,
    "depth below": b'{"resourceSpans":[{"resource":' + b'{"attributes":[{"value":{"arrayValue":{"values":' * 999,
}


@pytest.mark.parametrize("case", WRONG)
def test_json_is_malformed_that_is(case: str) -> None:
    with pytest.raises(Malformed):
        list(otlp_json_pieces.cut(WRONG[case], "traces"))
    with pytest.raises(Malformed):
        otlp_json.parse(WRONG[case], ExportTraceServiceRequest)


LENIENT = {
    "unknown fields": b'{"resourceSpans":[{"x":{"y":[1]},"scopeSpans":[{"z":1,"spans":[{"name":"n","w":null}]}]}],"a":1}',
    "nulls": b'{"resourceSpans":[{"resource":null,"scopeSpans":[{"scope":null,"spans":[{"name":"n","kind":null}]}]}]}',
    "an id in capitals": b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"n","spanId":"ABCDEFABCDEFABCD"}]}]}]}',
    "half a surrogate pair": rb'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"n","traceState":"\ud83d"}]}]}]}',
}


@pytest.mark.parametrize("case", LENIENT)
def test_json_is_read_in_spite_of(case: str) -> None:
    (piece,) = otlp_json_pieces.cut(LENIENT[case], "traces")
    (of,) = ExportTraceServiceRequest.FromString(otlp_fields.request(piece)).resource_spans
    assert of.scope_spans[0].spans[0].name == "n"


def test_json_of_too_many_values_is_refused_before_it_is_read() -> None:
    for data in (b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 1_200_000, b"[" * 1_100_000):
        with pytest.raises(TooMany):
            list(otlp_json_pieces.cut(data, "traces"))
    with pytest.raises(TooMany):
        list(
            otlp_json_pieces.cut(
                b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * ITEMS + b"{}]}]}]}", "traces"
            )
        )


@settings(max_examples=30, deadline=None)
@given(st.recursive(st.none() | st.booleans() | INT | TEXT, lambda i: st.lists(i) | st.dictionaries(st.sampled_from(
    ["resourceSpans", "scopeSpans", "spans", "traceId", "kind", "attributes", "key", "value", "stringValue", "name", "events"]
), i), max_leaves=20))  # fmt: skip
def test_any_json_is_malformed_or_converted(value: Any) -> None:
    try:
        pieces = list(otlp_json_pieces.cut(msgspec.json.encode(value), "traces"))
    except Malformed:
        return
    for piece in pieces:
        ExportTraceServiceRequest.FromString(otlp_fields.request(piece))


def test_the_other_signals_are_cut_alike() -> None:
    metrics = ExportMetricsServiceRequest()
    metrics.resource_metrics.add(resource={}).scope_metrics.add().metrics.add(name="m").gauge.data_points.add(as_int=7)
    (piece,) = otlp_json_pieces.cut(as_json(metrics), "metrics")
    assert ExportMetricsServiceRequest.FromString(otlp_fields.request(piece)) == metrics
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add(resource={}).scope_logs.add().log_records.add(body=any_value({"a": [1]}))
    (piece,) = otlp_json_pieces.cut(as_json(logs), "logs")
    assert ExportLogsServiceRequest.FromString(otlp_fields.request(piece)) == logs
