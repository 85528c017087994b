import datetime as dt
from email.utils import format_datetime

import pytest

from exporter.forward import reply
from exporter.forward.ports import Reply
from exporter.forward.reply import Ailment, Answer, parse, seconds
from exporter.values import Secret
from exporter.web.otlp_reply import Taken, details, response, status

PROTOBUF = "application/x-protobuf"
NOW = 1_800_000_000.0


def date(at: float) -> str:
    return format_datetime(dt.datetime.fromtimestamp(at, dt.UTC), usegmt=True)


RETRY_AFTER = {
    "7": 7.0,
    " 120 ": 120.0,
    "0": None,
    "300": 300.0,
    "315360000": 300.0,
    "9" * 5000: 300.0,
    "-5": None,
    "1.5": None,
    "1e3": None,
    "inf": None,
    "nan": None,
    "": None,
    "soon": None,
    "\u0667": None,
    date(NOW + 60): 60.0,
    date(NOW + 10 * 365 * 86400): 300.0,
    date(NOW - 60): None,
    "Fri, 31 Dec 99999 23:59:59 GMT": None,
    "Tue, 99 Foo 2040 99:99:99 GMT": None,
    "Mon, 01 Jan 0001 00:00:00 -2359": None,
    "," * 10_000: None,
    "\x00": None,
}


@pytest.mark.parametrize("text", RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date_in_the_future_and_capped(text: str) -> None:
    assert seconds(text, NOW) == RETRY_AFTER[text]


def test_a_status_means_what_the_specification_says() -> None:
    for code in range(100, 1000):
        expected = "taken" if 200 <= code < 300 else "later" if code in (429, 502, 503, 504) else "rejected"
        found = reply.http(Answer(code, retry_after="7"), {}, NOW)
        assert (found.result, found.code) == (expected, str(code))
        assert found.retry_after == (7.0 if expected == "later" else None)


CODES = {
    "CANCELLED": "later",
    "UNKNOWN": "rejected",
    "INVALID_ARGUMENT": "rejected",
    "DEADLINE_EXCEEDED": "later",
    "NOT_FOUND": "rejected",
    "ALREADY_EXISTS": "rejected",
    "PERMISSION_DENIED": "rejected",
    "UNAUTHENTICATED": "rejected",
    "RESOURCE_EXHAUSTED": "rejected",
    "FAILED_PRECONDITION": "rejected",
    "ABORTED": "later",
    "OUT_OF_RANGE": "later",
    "UNIMPLEMENTED": "rejected",
    "INTERNAL": "rejected",
    "UNAVAILABLE": "later",
    "DATA_LOSS": "later",
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_means_what_the_specification_says(code: str) -> None:
    assert reply.grpc(code, "", b"", {}) == Reply(CODES[code], code, detail=f"gRPC status {code}")  # type: ignore[arg-type]


def retry_info(duration: bytes, kind: bytes = b"type.googleapis.com/google.rpc.RetryInfo") -> bytes:
    info = b"\x0a" + bytes([len(duration)]) + duration
    held = b"\x0a" + bytes([len(kind)]) + kind + b"\x12" + bytes([len(info)]) + info
    return b"\x1a" + bytes([len(held)]) + held


DELAYS = {
    b"\x08\x07": 7.0,
    b"\x08\x07\x10\x80\xca\xb5\xee\x01": 7.5,
    b"\x10\x80\xca\xb5\xee\x01": 0.5,
    b"": None,
    b"\x08" + b"\xff" * 9 + b"\x01": None,
    b"\x08" + b"\xff" * 8 + b"\x7f": 300.0,
    b"\x0a\x01a": None,
}


@pytest.mark.parametrize("duration", DELAYS)
def test_resources_that_are_exhausted_come_back_only_with_retry_info(duration: bytes) -> None:
    found = reply.grpc("RESOURCE_EXHAUSTED", "", retry_info(duration), {})
    assert found[:3] == ("later", "RESOURCE_EXHAUSTED", DELAYS[duration])
    other = retry_info(duration, b"type.googleapis.com/google.rpc.BadRequest")
    assert reply.grpc("RESOURCE_EXHAUSTED", "", other, {}).result == "rejected"


def test_a_partial_success_is_told_with_what_was_rejected() -> None:
    for signal in ("traces", "metrics", "logs"):
        body = response(Taken(7, "too old\nor too new"), signal, json=False)  # type: ignore[arg-type]
        assert reply.http(Answer(200, PROTOBUF, body=body), {}, NOW) == Reply(
            "taken", "200", partial=7, detail="too old or too new"
        )
        assert reply.taken(body, {}) == Reply("taken", "OK", partial=7, detail="too old or too new")
    warning = response(Taken(0, "old SDK"), "traces", json=False)
    assert reply.taken(warning, {}) == Reply("taken", "OK", detail="old SDK")


def test_a_body_that_is_none_changes_nothing() -> None:
    body = response(Taken(7, "too old"), "traces", json=False)
    for cut in range(1, len(body)):
        assert reply.taken(body[:cut], {})[:2] == ("taken", "OK")
    for wrong in (
        b"\xff" * 30,
        b"\x0b",
        b"\x07",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08",
        b"\x00\x00",
    ):
        assert reply.taken(wrong, {}) == Reply("taken", "OK")
        assert parse(wrong) == Ailment()
    assert reply.http(Answer(200, "application/json", body=body), {}, NOW) == Reply("taken", "200")
    negative = b"\x0a\x0b\x08" + b"\xff" * 9 + b"\x01"
    assert reply.taken(negative, {}) == Reply("taken", "OK")


SAID = {
    "protobuf": (PROTOBUF, status(400, "no\nspans", json=False), ": no spans"),
    "no type": ("", status(400, "no spans", json=False), ": no spans"),
    "JSON": ("application/json; charset=utf-8", status(400, "no spans", json=True), ": no spans"),
    "text": ("text/plain", b"no spans\x1b[31m\r\n", ": no spans [31m  "),
    "HTML": ("text/html", b"<html>no spans", ""),
    "broken JSON": ("application/json", b'{"message": ' + b"[" * 10_000, ""),
    "JSON of another sort": ("application/json", b'{"message": 7}', ""),
    "no UTF-8": ("application/json", b'{"message": "\xff"}', ""),
    "long": ("text/plain", b"a" * 10_000, ": " + "a" * 160),
    "blank": ("text/plain", b" \n", ""),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_back_end_says_is_one_short_line(name: str) -> None:
    kind, body, said = SAID[name]
    assert reply.http(Answer(400, kind, body=body), {}, NOW) == Reply(
        "rejected", "400", detail=f"HTTP status 400{said}"
    )


def test_what_a_back_end_repeats_of_the_headers_is_taken_out_before_it_is_cut() -> None:
    hidden = (Secret("Bearer abcdefghijklmnopqrstuvwxyz"),)
    for before in range(140, 165):
        said = "x" * before + " abcdefghijklmnopqrstuvwxyz"
        for found in (
            reply.http(Answer(401, "text/plain", body=said.encode()), hidden, NOW),
            reply.grpc("UNAUTHENTICATED", said, b"", hidden),
            reply.grpc("UNAUTHENTICATED", "", details(16, said), hidden),
            reply.taken(response(Taken(1, said), "traces", json=False), hidden),
        ):
            assert "abc" not in found.detail
            assert len(found.detail) <= 200
