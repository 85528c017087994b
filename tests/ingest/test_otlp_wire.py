"""Requests cut into pieces: the same as parsed whole, bounded, and malformed ones found; JSON means what protobuf means."""

import base64
import time
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from exporter.ingest import otlp_fields, otlp_json, otlp_json_pieces, otlp_wire
from exporter.ingest.otlp_wire import ITEMS, Malformed, TooMany
from tests.ingest.otlp_made import as_json, Desk, any_value, pairs, raised, span, traces

TRACE_ID, SPAN_ID = st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(-(2**63), 2**63 - 1)
NANOS = st.integers(0, 2**64 - 1)
VALUE = st.recursive(
    TEXT | INT | st.booleans() | st.floats(allow_nan=False) | st.binary(max_size=9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(TEXT | st.sampled_from(["http.method", "http.route", "gen_ai.system"]), VALUE, max_size=4)


@st.composite
def spans(draw: st.DrawFn) -> Any:
    made = span(
        draw(st.integers(0, 5)), draw(ATTRIBUTES), trace_id=draw(TRACE_ID), span_id=draw(SPAN_ID), name=draw(TEXT)
    )
    made.start_time_unix_nano, made.end_time_unix_nano = draw(NANOS), draw(NANOS)
    if draw(st.booleans()):
        made.status.code = draw(st.integers(0, 2))
        made.events.append(raised(draw(TEXT), draw(TEXT), draw(TEXT)))
        made.links.add(trace_id=draw(TRACE_ID), span_id=draw(SPAN_ID), attributes=pairs(draw(ATTRIBUTES)))
        made.flags = draw(st.integers(0, 2**32 - 1))
    return made


@st.composite
def requests(draw: st.DrawFn) -> Any:
    request = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 3))):
        of = request.resource_spans.add(schema_url=draw(TEXT))
        of.resource.attributes.extend(pairs(draw(ATTRIBUTES)))
        for _ in range(draw(st.integers(0, 2))):
            of.scope_spans.add(scope={"name": draw(TEXT)}).spans.extend(draw(st.lists(spans(), max_size=3)))
    return request


@settings(max_examples=25, deadline=None)
@given(requests())
def test_json_is_the_message_that_protobuf_is(request: Any) -> None:
    assert otlp_json.parse(as_json(request), ExportTraceServiceRequest) == request
    assert otlp_json.parse(as_json(request, names=True), ExportTraceServiceRequest) == request


@settings(max_examples=25, deadline=None)
@given(requests())
def test_the_pieces_hold_what_the_request_holds_in_either_encoding(request: Any) -> None:
    wanted = [
        (of.resource, scope.scope, list(scope.spans))
        for of in request.resource_spans
        for scope in of.scope_spans
        if scope.spans
    ]
    for pieces in (otlp_wire.cut(request.SerializeToString()), otlp_json_pieces.cut(as_json(request), "traces")):
        found = []
        for piece in pieces:
            parsed = ExportTraceServiceRequest.FromString(otlp_fields.request(piece))
            (of,) = parsed.resource_spans
            (scope,) = of.scope_spans
            assert len(scope.spans) == piece.items
            found.append((of.resource, scope.scope, list(scope.spans)))
        assert found == wanted


@settings(max_examples=25, deadline=None)
@given(requests())
def test_what_is_measured_is_the_same_in_either_encoding(request: Any) -> None:
    by_protobuf = Desk().traces(request.SerializeToString())
    by_json = Desk().traces(otlp_json.parse(as_json(request), ExportTraceServiceRequest).SerializeToString())
    assert (by_protobuf.batch, by_protobuf.requests) == (by_json.batch, by_json.requests)


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(lambda head, tail: b"\n" + bytes([head]) + tail, st.integers(0, 127), st.binary(max_size=120))
)
def test_random_bytes_are_malformed_or_parsed(data: bytes) -> None:
    try:
        parsed = Desk().traces(data)
    except Malformed:
        return
    assert 0 <= parsed.batch.invalid <= parsed.batch.events


@settings(max_examples=25, deadline=None)
@given(requests(), st.data())
def test_a_message_with_some_bytes_changed_is_malformed_or_parsed(request: Any, data: st.DataObject) -> None:
    raw = bytearray(request.SerializeToString())
    for place in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=3)) if raw else ():
        raw[place] = data.draw(st.integers(0, 255))
    try:
        Desk().traces(bytes(raw))
    except Malformed:
        return


def test_a_request_of_more_than_a_piece_is_cut() -> None:
    pieces = otlp_wire.cut(traces(*[span(2)] * 120))
    assert [piece.items for piece in pieces] == [50, 50, 20]
    large = otlp_wire.cut(traces(*[span(2, {"x": "y" * 40_000})] * 3))
    assert [piece.items for piece in large] == [2, 1]


EMPTY: dict[str, tuple[bytes, bytes]] = {
    "spans": (b"\x12\x00", b""),
    "spans of a scope": (b"\x12\x00", b"\x0a\x00"),
    "scopes": (b"", b"\x12\x00"),
}


def test_an_item_does_not_reach_beyond_its_scope() -> None:
    scope = otlp_fields.tagged(2, b"\x0a\x00\x12\x04\x2a\x00")
    with pytest.raises(Malformed):
        otlp_wire.cut(otlp_fields.tagged(1, scope + otlp_fields.tagged(2, b"\x12\x00")))


@pytest.mark.parametrize("of", [*EMPTY, "resources"])
def test_millions_of_empty_things_are_too_many_and_soon_found(of: str) -> None:
    if of == "resources":
        data = b"\n\x00" * 2_000_000
    else:
        inside, scopes = EMPTY[of]
        body = otlp_fields.tagged(2, scopes + inside * 2_000_000) if inside else scopes * 2_000_000
        data = otlp_fields.tagged(1, body)
    began = time.process_time()
    with pytest.raises(TooMany):
        otlp_wire.cut(data)
    assert time.process_time() - began < 2


def test_an_attribute_that_is_nested_too_deep_or_malformed_costs_no_more_than_itself() -> None:
    deep = b"x"
    for _ in range(60):
        deep = otlp_fields.tagged(5, otlp_fields.tagged(1, deep))
    route = otlp_fields.tagged(9, otlp_fields.tagged(1, b"http.route") + otlp_fields.tagged(2, deep))
    made = span(2, {"http.method": "GET", "url.path": "/a"}).SerializeToString() + route
    with pytest.raises(DecodeError):
        type(span()).FromString(made)
    data = otlp_fields.tagged(1, otlp_fields.tagged(2, otlp_fields.tagged(2, made)))
    assert [request.route for request in Desk().traces(data).requests] == ["/a"]
    bad = data.replace(b"url.path", b"url.p\xffth")
    assert [request.route for request in Desk().traces(bad).requests] == [""]


def test_protobuf_itself_would_refuse_what_is_cut_wrongly() -> None:
    with pytest.raises(DecodeError):
        ExportTraceServiceRequest.FromString(b"\n\x05ab")
    for wrong in (
        b"\n\x05ab",
        b"\n",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x03\x00",
        b"\x09abc",
        b"\x00\x00",
    ):
        with pytest.raises(Malformed):
            otlp_wire.cut(wrong)
