"""What the scrubber would change, the filter finds in the bytes of a message, whatever stands around it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from exporter.config.application import Scrub
from exporter.onward.filter import WINDOW, Suspicious
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.scrub_keys import sensitive
from tests.end_to_end.pii_ways import flat
from tests.ingest.otlp_made import pairs

VECTORS = [json.loads(line) for line in Path("tests/fixtures/pii_vectors.jsonl").read_text().splitlines()]
ALL = Scrub(rules=("ip", "mac", "imei", "uuid", "userpath"), keys=("passport", "Schlüssel/teil", 'a"b'))
OWN = Scrub(patterns={"part": r"P-\d{4}", "name": "Größe .{3,}x"})
SECRET = (
    "bob@example.com", "bob%40example.com", "a@b.de10.0.0.1", "4111 1111 1111 1111", "4111111111111111", "078-05-1120",
    "378282246310005", "DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1",
    "2001:db8:85a3:0:0:8a2e:370:7334", "/home/bob/x.py", "C:\\Users\\bob\\x", "\\\\Users\\\\bob", "eyJhbGciOiJI.eyJz",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n", "AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijABCDEFGHIJ0123",
    "sk-abcdefghijklmnopqrstuvwx", "https://bob:pw@host/x", "redis://:pw@cache", "Bearer abcd1234", "negotiate\tabcd1234", "basic QWxhZGRpbjo=",
    "password=hunter2", "token: abc123", "api key = xyz9", "Set-Cookie: sessionid=abc", "?sid=123abc", "otp=123456",
    "X-Amz-Credential=abc", "00:1b:44:11:3a:b7", "00-1b-44-11-3a-b7", "490154203237518", "49-015420-323751-8",
    "123e4567-e89b-12d3-a456-426614174000", "Passport=P1", "schlüssel/teil: geheim7", "SCHLÜSSEL/TEIL=geheim7",
)  # fmt: skip
AROUND = (
    "",
    " ",
    "x",
    "9",
    "_",
    '"',
    "é",
    "/",
    ".",
    "-",
    "\n",
    "user ",
    " of it",
    "(",
    ")",
    "%",
    "\t",
    "[auth]",
    "[jwt]",
)
KEYS = (
    *sensitive(), "password", "PASSWD", "apiKey", "API.KEY", "private-key", "http.request.header.authorization",
    "HTTP_X_REAL_IP", "b'authorization'", "to\u212aen", "cookies", "max_tokens", "user_agent", "release", "message",
    "passport", "my.schlüssel/teil", "SCHLÜSSEL/TEIL", 'a"b', "tok[auth]en", "key", "http.url", "ap_i_key",
)  # fmt: skip


def value(chance: random.Random, depth: int = 0) -> Any:
    match chance.randrange(9 if depth < 2 else 6):
        case 0:
            return chance.choice((1, 4111111111111111, 490154203237518, 378282246310005, True, None, 2.5))
        case 6:
            return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
        case 7:
            return [chance.choice(KEYS), value(chance, depth + 1)]
        case 8:
            return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(1, 3))}
        case number:
            told = chance.choice(AROUND) + chance.choice((*SECRET, "harmless", "x")) + chance.choice(AROUND)
            if number == 1:
                return json.dumps({chance.choice(KEYS): told, "b": value(chance, 2)})
            return json.dumps([told], ensure_ascii=False) if number == 2 else told


@pytest.mark.parametrize("config", [Scrub(), ALL, OWN, Scrub(keep=("password",), rules=())], ids=str)
def test_whatever_the_scrubber_changes_under_a_key_is_found_in_the_bytes_of_the_attribute(config: Scrub) -> None:
    chance, scrubber, suspicious = random.Random(7), Scrubbing(config), Suspicious(config)
    changed, missed = 0, []
    for _ in range(4_000):
        tree = {chance.choice((*KEYS, *SECRET)): value(chance)}
        if scrubber.tree(tree) == tree:
            continue
        changed += 1
        around = bytes(chance.choice(b"\x00\x07\x12a9_Z-\x80\xff") for _ in range(2))
        if around[:1] + pairs(tree)[0].SerializeToString() + around[1:] not in suspicious:
            missed.append(tree)
    assert missed == []
    assert changed > 1_000


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_what_goes_of_a_vector_is_found(vector: dict[str, Any]) -> None:
    given = vector["config"]
    config = Scrub(
        keys=tuple(given.get("sensitive_fields", ())),
        keep=tuple(given.get("safe_fields", ())),
        rules=("ip", "userpath", *given.get("extra_rules", ())),
    )
    scrubber, suspicious = Scrubbing(config), Suspicious(config)
    event = vector["event"]
    for tree in (event, flat(event), {"whole": json.dumps(event)}):
        for key, each in tree.items():
            if scrubber.tree({key: each}) != {key: each}:
                assert b"7" + pairs({key: each})[0].SerializeToString() + b"a" in suspicious


def test_telemetry_with_nothing_in_it_is_not_suspicious() -> None:
    harmless = {"http.method": "GET", "http.route": "/items/{id}", "http.status_code": 200, "net.peer.port": 50_000}
    harmless |= {"http.url": "http://shop.example/items/7?page=2", "db.statement": "SELECT * FROM items WHERE id = %s"}
    assert [pair.key for pair in pairs(harmless) if pair.SerializeToString() in Suspicious(Scrub())] == []


def test_what_lies_across_two_windows_is_found() -> None:
    suspicious = Suspicious(OWN)
    for told in (b"bob@example.com", b"P-1234", "Größe ".encode() + b"y" * 20_000 + b"x"):
        data = b" " * (WINDOW - len(told) // 2) + told + b" " * WINDOW
        places = [place for step in suspicious.steps(data) for place in step]
        assert any(start < WINDOW < end for start, end in places), told[:20]


def test_one_of_ones_own_that_asks_for_the_begin_of_a_text_makes_all_suspicious() -> None:
    assert b"harmless" in Suspicious(Scrub(patterns={"first": "^[A-Z]{3}"}))


def test_places_that_are_too_many_stand_for_more_bytes_each() -> None:
    data = b" 10.0.0.1" * 20_000
    places = sorted(place for step in Suspicious(Scrub()).steps(data) for place in step)
    assert len(places) < 3_000
    at = 0
    for start, end in places:
        assert start - at < 10
        at = max(at, end)
    assert len(data) - at < 10


def test_what_json_in_a_text_writes_otherwise_is_found() -> None:
    for told in ({"a": "negotiate\tabcd1234"}, {"to\u212aen": "x"}, {"a": "b\u0130 x"}):
        assert json.dumps(told).encode() in Suspicious(Scrub())
    assert rb'{"p\u0061ssword": 1}' in Suspicious(Scrub())
    assert rb'{"a": "bob\u0040example.com"}' in Suspicious(Scrub())
