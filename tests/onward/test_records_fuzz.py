"""Whatever log records and metrics come: onward goes nothing that the scrubber would take, and nothing raises."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from exporter.config.application import Scrub
from exporter.ingest import otlp_wire
from exporter.onward.logs import LOG
from exporter.onward.metrics import METRIC
from exporter.ingest.otlp_wire import Malformed
from exporter.ingest.scrub import Scrubbing
from tests.ingest.otlp_made import any_value, as_json, logs, pairs
from tests.onward.sent import Onward, left
from tests.onward.test_metrics import every, sent

CONFIG = Scrub(keys=("pässport", "k_v"), patterns={"customer": "C-[0-9]{3}"}, rules=("userpath", "ip", "mac", "uuid"))
TEXTS = [
    "", "fine", "GET /pay", "x" * 47, "é", "0", "true", "null", "{", "[]", "password", "author", "max_tokens",
    "ann@shop.example", "mail%40shop.example", "10.0.0.1", "::1", "4111 1111 1111 1111", "378282246310005", "078-05-1120",
    "password=x1", "Authorization: Bearer abc.def", "https://u:p@shop.example/", "Cookie: sid=1", "/home/ann/x", "C-123",
    "aa:bb:cc:dd:ee:ff", "DE89370400440532013000", "eyJhbGciOiJIUzI1NiJ9.e30.x", "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
    '{"password":"x"}', '{"a b":1,"pass\\u0077ord":"x"}', '["token","x"]', '{"a":"b\\u0040c.example"}', "-----BEGIN PRIVATE KEY-----",
    "123e4567-e89b-12d3-a456-426614174000", "C:\\Users\\ann\\x", "\u212aelvin", "api_\u212aey=1", "AUTH\u0130", "x" * 9_000 + " ann@shop.example",
]  # fmt: skip
KEYS = [
    "n", "http.route", "password", "user.email", "x-api-key", "db.password.hash", "PÄSSPORT no", "k_v", "k-v", "cookies",
    "http.request.header.cookie", "sid", "release", "ann@shop.example", "token_count", "api\u212aey", "user_agent",
]  # fmt: skip


@pytest.fixture(scope="module")
def onward() -> Onward:
    """One for all, as its memory is to change nothing."""
    return Onward(CONFIG)


def anything(chance: random.Random, deepest: int = 3) -> Any:
    match chance.randrange(9 if deepest else 6):
        case 0:
            return chance.choice([True, 0, -1, 7, 4111111111111111, 378282246310005, 2**63 - 1, 1.5, None])
        case 6:
            return [anything(chance, deepest - 1) for _ in range(chance.randrange(4))]
        case 7:
            return {chance.choice(KEYS): anything(chance, deepest - 1) for _ in range(chance.randrange(4))}
        case 8:
            return {"key": chance.choice(KEYS), "value": anything(chance, deepest - 1)}
        case _:
            return chance.choice(TEXTS)


def mapping(chance: random.Random) -> dict[str, Any]:
    return {chance.choice(KEYS): anything(chance) for _ in range(chance.randrange(5))}


def record(chance: random.Random) -> LogRecord:
    text, name = chance.choice(TEXTS), chance.choice(TEXTS)
    body, attributes = any_value(anything(chance)), pairs(mapping(chance))
    return LogRecord(body=body, attributes=attributes, severity_text=text, event_name=name, time_unix_nano=1)


def requests(chance: random.Random) -> Iterator[tuple[bytes, Any, Any]]:
    yield logs(*[record(chance) for _ in range(5)], resource=mapping(chance)), LOG, ExportLogsServiceRequest
    metrics = [metric for _ in range(2) for metric in every(mapping(chance), chance.choice(TEXTS))]
    yield sent(*metrics, resource=mapping(chance)), METRIC, ExportMetricsServiceRequest


@pytest.mark.parametrize("seed", range(30))
def test_nothing_goes_onward_that_the_scrubber_would_take(seed: int, onward: Onward) -> None:
    chance = random.Random(seed)
    for body, table, message in requests(chance):
        scrubbing = Scrubbing(CONFIG)
        gone = onward(body, table)
        assert left(message.FromString(gone), scrubbing) == []
        assert (gone is body) == (left(message.FromString(body), scrubbing) == [])
        assert onward(gone, table) is gone


@pytest.mark.parametrize("seed", range(30))
def test_a_record_with_nothing_to_take_keeps_its_bytes(seed: int, onward: Onward) -> None:
    chance = random.Random(seed)
    given = [record(chance) for _ in range(8)]
    of = ExportLogsServiceRequest.FromString(onward(logs(*given), LOG)).resource_logs[0]
    scrubbing = Scrubbing(CONFIG)
    for one, gone in zip(given, of.scope_logs[0].log_records, strict=True):
        assert (one.SerializeToString() == gone.SerializeToString()) == (left(one, scrubbing) == [])


@pytest.mark.parametrize("seed", range(15))
def test_bytes_that_are_wrong_raise_nothing_and_what_can_be_read_stays_so(seed: int, onward: Onward) -> None:
    chance = random.Random(seed)
    for body, table, message in requests(chance):
        for _ in range(10):
            wrong = bytearray(body)
            for _ in range(chance.choice([1, 1, 3, 30])):
                wrong[chance.randrange(len(wrong))] = chance.randrange(256)
            mutated = bytes(wrong[: chance.choice([len(wrong), chance.randrange(len(wrong))])])
            try:
                otlp_wire.cut(mutated)
            except Malformed:
                continue  # refused before
            gone = onward(mutated, table)
            try:
                message.FromString(mutated)
            except DecodeError:
                continue
            message.FromString(gone)


def test_what_came_as_json_goes_on_as_what_came_as_protobuf(onward: Onward) -> None:
    chance = random.Random(1)
    body = logs(*[record(chance) for _ in range(40)])
    message = ExportLogsServiceRequest.FromString(body)
    assert ExportLogsServiceRequest.FromString(onward(as_json(message), LOG, "logs")) == (
        ExportLogsServiceRequest.FromString(onward(body, LOG))
    )


def test_nesting_without_end_is_no_fault(onward: Onward) -> None:
    inner = b"\x0a\x01x"
    for _ in range(3_000):
        size = len(inner)
        inner = b"\x2a" + _varint(size + 1 + len(_varint(size))) + b"\x0a" + _varint(size) + inner
    value = b"\x2a" + _varint(len(inner)) + inner
    for content in (value, value + b"\x1a\x10ann@shop.example"):
        item = b"\x12" + _varint(len(content)) + content
        scope = b"\x12" + _varint(len(item)) + item
        gone = onward(b"\x0a" + _varint(len(scope)) + scope, LOG)
        assert b"ann@" not in gone


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
