"""Spans that are known by their tails, and requests that are cut at once, are what they are when they are parsed."""

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from exporter.config.application import Scrub
from exporter.ingest import otlp_wire
from exporter.ingest.otlp import Parser, Parsing
from exporter.ingest.otlp_errors import Echoes
from exporter.ingest.otlp_fields import tagged
from exporter.ingest.otlp_whole import whole
from exporter.ingest.ports import Seen
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import Request


START, END = 10**18, 10**18 + 250_000_000
TRACE, SPAN = bytes(range(16)), bytes(range(8))
TIMES = 1e9 + 5.0


class Place:
    def __init__(self, request: Request) -> None:
        self.request = request

    def many(self, seen: Any) -> None:
        raise AssertionError


def served(route: str = "/a", *, more: bytes = b"", **fields: Any) -> bytes:
    sent = ExportTraceServiceRequest()
    given = {"trace_id": TRACE, "span_id": SPAN, "kind": 2, "name": "GET", "start_time_unix_nano": START}
    span = sent.resource_spans.add().scope_spans.add().spans.add(**given | {"end_time_unix_nano": END} | fields)
    for key, text in {"http.request.method": "GET", "http.route": route}.items():
        span.attributes.add(key=key).value.string_value = text
    return bytes(span.SerializeToString()) + more


def request(*spans: bytes) -> bytes:
    scope = b"".join(tagged(2, span) for span in spans)
    return tagged(1, tagged(1, b"") + tagged(2, scope))


class Reading:
    """What one parser gives for one request after another."""

    def __init__(self) -> None:
        self._parser = Parser(Scrubbing(Scrub()), Place)

    def of(self, *spans: bytes) -> tuple[list[tuple[str, Seen]], int, int]:
        parsing = Parsing(self._parser, TIMES, Echoes())
        for piece in whole(request(*spans)):
            parsing.spans(piece)
        parsing.settle()
        told = [(held.request.route, one) for held, seen in parsing.observed.items() for one in seen]  # type: ignore[attr-defined]
        return told, parsing.batch.invalid, len(parsing.batch.measured)

    @property
    def known(self) -> int:
        return sum(map(len, self._parser.tails._of.values()))  # noqa: SLF001


def test_what_comes_again_is_known_by_its_tail_and_measured_alike() -> None:
    reading = Reading()
    ids = [bytes([number]) * 16 for number in range(1, 6)]
    told = [reading.of(served(trace_id=id_, end_time_unix_nano=END + number)) for number, id_ in enumerate(ids)]
    assert told == [
        ([("/a", ((END - START + number) / 1e9, 1.0, id_, (END + number) / 1e9))], 0, 0)
        for number, id_ in enumerate(ids)
    ]
    assert reading.known == 1


def test_a_parent_and_a_long_name_do_not_matter() -> None:
    reading = Reading()
    for fields in ({}, {}, {"parent_span_id": SPAN}, {"name": "x" * 300}, {"name": ""}, {"parent_span_id": b"short"}):
        assert reading.of(served(**fields)) == ([("/a", (0.25, 1.0, TRACE, END / 1e9))], 0, 0), fields


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": bytes(16)},
        {"trace_id": b"short"},
        {"span_id": bytes(8)},
        {"span_id": b""},
        {"start_time_unix_nano": 0},
        {"end_time_unix_nano": START - 1},
    ],
    ids=str,
)
def test_an_invalid_span_with_a_known_tail_is_left_out(fields: dict[str, Any]) -> None:
    reading = Reading()
    for _ in range(3):
        reading.of(served())
    assert reading.of(served(**fields)) == ([], 1, 0)


@pytest.mark.parametrize(
    "more",
    [
        tagged(1, bytes([9]) * 16),
        tagged(2, bytes([9]) * 8),
        tagged(3, b"ot=th:8"),
        b"\x30\x02",
        b"\x39" + START.to_bytes(8, "little"),
        b"\x41" + END.to_bytes(8, "little"),
        tagged(11, tagged(2, b"exception")),
        tagged(15, b"\x18\x02"),
        b"\xf8\x01\x05",
    ],
    ids=bytes.hex,
)
def test_a_tail_that_says_more_than_attributes_is_parsed_each_time(more: bytes) -> None:
    reading = Reading()
    first = Reading().of(served(more=more))
    assert [reading.of(served(more=more)) for _ in range(4)] == [first] * 4
    assert reading.known == 0


def test_another_kind_of_span_with_a_known_tail_is_no_request() -> None:
    reading = Reading()
    for _ in range(3):
        reading.of(served())
    assert reading.of(served(kind=3)) == ([], 0, 0)
    assert reading.of(served(kind=1)) == ([], 0, 1)  # an operation


@pytest.mark.parametrize(("number", "before"), [(5, 0), (4, 8)], ids=["name", "parent"])
def test_times_and_a_known_tail_within_a_text_are_none(number: int, before: int) -> None:
    route = "/" + "a" * (60 if number == 5 else 20)
    known = served(route)
    at = known.index(b"\x30\x02\x39")
    assert len(known[at + 20 :]) == (109 if number == 5 else 69)  # whose length has 0x80 where a shorter one ends
    text = b"x" * 127 + known[at:] if number == 5 else b"x" * before + b"\x2a\x00" + known[at:]
    reading = Reading()
    for _ in range(3):
        assert len(reading.of(served(route))[0]) == 1
    assert reading.of(tagged(1, TRACE) + tagged(2, SPAN) + tagged(number, text)) == ([], 1, 0)


def test_no_more_tails_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.ingest.otlp_tails.REMEMBERED", 10)
    reading = Reading()
    for number in range(25):
        for _ in range(2):
            assert len(reading.of(served(f"/{number}"))[0]) == 1
    assert reading.known <= 10


def test_where_no_two_spans_are_alike_tails_are_looked_at_now_and_then() -> None:
    reading = Reading()
    for number in range(4):
        reading.of(served(f"/{number}"))
    for _ in range(39):
        assert reading.of(served()) == ([("/a", (0.25, 1.0, TRACE, END / 1e9))], 0, 0)
    assert reading.known == 0
    for _ in range(2):
        reading.of(served())
    assert reading.known == 1


def test_a_request_that_is_cut_at_once_has_the_same_spans() -> None:
    body = request(*[served(f"/{number}") for number in range(120)])
    raws = messages_of(otlp_wire.cut(body))
    pieces = whole(body)
    assert [raw for piece in pieces for raw in piece.raws] == raws
    assert [piece.items for piece in pieces] == [50, 50, 20]


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x05wrong",
        request(served()) + b"\x1b\x1c",
        tagged(1, tagged(2, tagged(2, served()) + b"\x2b\x2c")),
        tagged(1, b"\x2b\x2c" + tagged(2, tagged(2, served()))),
        tagged(1, tagged(2, b"\x12\x80\x00")),
        tagged(1, b"") * 51,
        tagged(1, tagged(2, tagged(2, served())) * 51),
        request(*[b""] * 2_001),
        request(*[served(name="x" * 2_000)] * 40),
        request(*[served()] * 6_000),
    ],
    ids=["malformed", "top", "scope", "resource", "varint", "resources", "scopes", "spans", "large", "larger"],
)
def test_what_is_written_oddly_or_large_is_cut_by_hand(body: bytes) -> None:
    assert whole(body) == []


def messages_of(pieces: list[otlp_wire.Piece]) -> list[bytes]:
    found = otlp_wire.messages()["ScopeRaws"]
    return [raw for piece in pieces for raw in found.FromString(piece.scope).spans]
