"""JSON that breaks parsers, through both Sentry endpoints: 400 or an event that is whole, never 500, and nothing hangs."""

import json
import time
from typing import Any

import pytest

from tests.web.sentry_site import detail, endpoint, enveloped

DEEP = 100_000
REFUSED: dict[str, bytes] = {
    "lists 100,000 deep": b'{"extra":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects 100,000 deep": b'{"extra":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "lists 65 deep": b'{"extra":' + b"[" * 65 + b"]" * 65 + b"}",
    "a number of 5,000 digits": b'{"extra":' + b"9" * 5_000 + b"}",
    "1e999": b'{"extra":1e999}',
    "NaN": b'{"extra":NaN}',
    "Infinity": b'{"extra":-Infinity}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"message":"x"}'.encode("utf-16-le"),
    "text that is not UTF-8": b'{"message":"\xff"}',
    "30,000 keys": json.dumps({"extra": dict.fromkeys(map(str, range(30_000)))}).encode(),
    "two values": b"{}{}",
    "half a value": b'{"message":',
    "a list": b"[{}]",
    "a text": b'"event"',
    "null": b"null",
}
# What each leaves of the event.
TAKEN: dict[str, tuple[bytes, Any]] = {
    "a key twice": (b'{"message":"a","message":"b"}', "b"),
    "half of a surrogate pair": (b'{"message":"a\\ud83d"}', "a\ufffd"),
    "NUL": (b'{"message":"a\\u0000b"}', "a\ufffdb"),
    "a message that is a number": (b'{"message":7}', "7"),
    "a message that is true": (b'{"message":true}', ""),
    "a message that is a list": (b'{"message":["a"]}', ""),
    "params that would fill the memory": (
        b'{"logentry":{"message":"%999999999d %(a)s %s","params":[1,2]}}',
        "%999999999d 1 2",
    ),
}
KINDS = [None, True, 0, -1, 1e308, 2**70, "", "x", "{{auto}}", [], {}, [[]], [{}], [None, 1, "x"], {"values": 1}]
KINDS += [{"values": [None, 1, "x", [], {}]}, {"values": [{"stacktrace": {"frames": [{"vars": [1]}, None]}}]}]
FIELDS = (
    *("exception", "threads", "logentry", "message", "level", "tags", "user", "contexts", "breadcrumbs", "request"),
    *("fingerprint", "timestamp", "start_timestamp", "transaction", "transaction_info", "release", "environment"),
    *("event_id", "platform", "logger", "extra", "sdk", "spans", "stacktrace", "culprit", "modules", "type", "attrs"),
    *("aggregates", "discarded_events", "items", "status", "monitor_slug", "check_in_id", "duration", "errors", "sid"),
    *("comments", "attributes", "is_segment", "end_timestamp", "op", "data", "name", "started"),
)
TYPES = ("event", "transaction", "span", "log", "session", "sessions", "check_in", "client_report", "feedback")


@pytest.mark.parametrize("name", REFUSED)
async def test_json_that_is_refused(name: str) -> None:
    async with endpoint() as sentry:
        for path, body in (("envelope", enveloped(("event", REFUSED[name]))), ("store", REFUSED[name])):
            began = time.monotonic()
            status, why = detail(await sentry.post(body, f"/api/7/{path}/"))
            assert (status, len(why) < 100, time.monotonic() - began < 1) == (400, True, True), (path, why)
        assert (sentry.taken.kept, sentry.counted) == ({}, {"invalid": 2})


@pytest.mark.parametrize("name", TAKEN)
async def test_json_that_is_taken(name: str) -> None:
    body, message = TAKEN[name]
    async with endpoint() as sentry:
        assert (await sentry.post(enveloped(("event", body)))).status == 200
        assert (await sentry.post(body, "/api/7/store/")).status == 200
        assert [found.message for found in sentry.taken.occurrences] == [message]


async def test_a_message_of_100_000_characters_is_cut() -> None:
    async with endpoint() as sentry:
        assert (await sentry.post(enveloped(("event", {"message": "x" * 100_000})))).status == 200
        (found,) = sentry.taken.occurrences
        assert 7_000 < len(found.message) <= 8_192
        assert found.message.strip("x…") == ""


async def test_a_field_of_any_type_in_any_item_is_200_and_counts_as_one() -> None:
    async with endpoint() as sentry:
        sent = 0
        for number, kind in enumerate(KINDS):
            for type_ in (*TYPES, "user_report"):
                items = [(type_, {field: kind, "n": number}) for field in FIELDS if (type_, field) != ("log", "items")]
                assert (await sentry.post(enveloped(*items))).status == 200, (type_, kind)
                sent += sum(1 if type_ != "log" else 0 for _ in items)
                lists = len(kind) - 1 if isinstance(kind, list) else -1
                sent += lists if type_ == "span" else 0
        assert sum(sentry.counted.values()) == sent


async def test_headers_of_any_type_are_200() -> None:
    event = ("event", {"message": "x"})
    async with endpoint() as sentry:
        for kind in KINDS:
            for field in ("event_id", "sent_at", "dsn", "trace", "sdk"):
                headers = [{field: kind}, {"trace": {"sample_rate": kind, "release": kind, "environment": kind}}]
                for header in headers:
                    assert (await sentry.post(enveloped(event, header=header))).status == 200, (field, kind)


async def test_times_far_off_are_drawn_near() -> None:
    times = [
        99_999 * 31_556_952.0,
        -1e300,
        "99999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        1e308,
        "now",
        "9" * 30,
    ]
    async with endpoint() as sentry:
        began = time.time()
        for at in times:
            await sentry.post(enveloped(("event", {"message": str(at), "timestamp": at})))
            await sentry.post(enveloped(("transaction", {"start_timestamp": -1e308, "timestamp": at})))
        assert len(sentry.taken.occurrences) == len(times)
        for found in sentry.taken.occurrences:
            assert began - 30 * 86_400 - 60 <= found.at <= time.time() + 60


async def test_a_megabyte_of_small_things_holds_nobody_up() -> None:
    many = {
        "span": (b'{"items":[' + b"{}," * 1_000_000 + b"{}]}", 413),
        "log": (b'{"items":[' + b"1," * 1_000_000 + b"1]}", 413),
        "transaction": (b'{"spans":[' + b'{"op":"db"},' * 80_000 + b"{}]}", 200),
        "sessions": (b'{"aggregates":[' + b'{"exited":1},' * 70_000 + b"{}]}", 200),
        "client_report": (b'{"discarded_events":[' + b'{"quantity":1},' * 60_000 + b"{}]}", 200),
        "event": (b'{"tags":[' + b'["a","b"],' * 90_000 + b"[]]}", 400),
    }
    async with endpoint() as sentry:
        for type_, (body, expected) in many.items():
            began = time.process_time()
            assert (await sentry.post(enveloped((type_, body)))).status == expected, type_
            assert time.process_time() - began < 0.5, type_
