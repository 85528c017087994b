"""What comes in as JSON, however wrong, becomes a tree that can be kept, or Malformed."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.ingest.text import DEEPEST, LONGEST, LONGEST_KEY, MOST, Malformed, clean, decode, line

SECRET = "hunter2"
MALFORMED = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep with half a pair": b"[" * 100_000 + rb'"\ud800"' + b"]" * 100_000,
    "digits": b"1" * 5_000,
    "digits with half a pair": rb'["\ud800", ' + b"1" * 5_000 + b"]",
    "exponent": b"1e999",
    "nan": b"NaN",
    "nan with half a pair": rb'["\ud800", NaN]',
    "infinity": b'{"a": -Infinity}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "utf-16 without mark": '{"a": 1}'.encode("utf-16-le"),
    "not utf-8": b'{"a": "\xff"}',
    "half a pair in utf-8": b'"\xed\xa0\x80"',
    "not utf-8 with half a pair": rb'["\ud800", "' + b'\xff"]',
    "nul": b'"a\x00b"',
    "line end": b'"a\nb"',
    "quoted": b"{'a': 'hunter2'}",
    "cut": b'{"a": "hunter2',
    "cut after half a pair": rb'{"a": "hunter2\ud83d',
    "rest": b'{"a": 1} hunter2',
    "empty": b"",
    "blank": b"  ",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_it_is_malformed_and_nothing_of_it_is_quoted(raw: bytes) -> None:
    for form in (raw, bytearray(raw), memoryview(raw)):
        with pytest.raises(Malformed) as caught:
            decode(form)
        assert len(str(caught.value)) < 80
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\u0000"', "\ufffd"),
        (rb'{"a\ud83d": ["\ud83dx", "\ud83d\ude00"]}', {"a\ufffd": ["\ufffdx", "\U0001f600"]}),
        (rb'["\uD800", 1e999, 123456789012345678901234567890, 1e3]', ["\ufffd", None, 1.2345678901234568e29, 1e3]),
        (b'{"timestamp": 3093527980800.5}', {"timestamp": 3093527980800.5}),
        (b"[1e-999, -0.0, 18446744073709551615]", [0.0, -0.0, 2**64 - 1]),
    ],
)
def test_it_is_read_and_what_no_text_holds_is_replaced(raw: bytes, value: Any) -> None:
    assert clean(decode(raw)) == value


def test_a_tree_of_anything_becomes_one_of_json() -> None:
    tree = {
        "text": "a\x00b\x1b[31m\x85\tc\r\n\u202e\ud800" + "x" * 9_000,
        "key\x00" + "k" * 300: 1,
        5: b"\xff\x00" + b"x" * 9_000,
        "numbers": [math.nan, -math.inf, 2**64, -(2**63) - 1, 10**400, True, None, 0.5],
        "tuple": ({"a": "\x07"}, memoryview(b"m")),
    }
    cleaned = clean(tree)
    assert cleaned == {
        "text": ("a\ufffdb\ufffd[31m\ufffd\tc\r\n\u202e\ufffd" + "x" * 9_000)[:LONGEST],
        ("key\ufffd" + "k" * 300)[:LONGEST_KEY]: 1,
        "5": ("\ufffd\ufffd" + "x" * 9_000)[:LONGEST],
        "numbers": [None, None, 2.0**64, -(2.0**63), None, True, None, 0.5],
        "tuple": [{"a": "\ufffd"}, "m"],
    }
    assert decode(msgspec.json.encode(cleaned)) == cleaned


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_depth_and_nodes_are_bounded() -> None:
    assert clean(nested(DEEPEST)) == nested(DEEPEST)
    assert clean([0] * MOST) == [0] * MOST
    for too_much in (
        nested(DEEPEST + 1),
        nested(500),
        [0] * (MOST + 1),
        [[0] * 150] * 150,
        {"a": dict.fromkeys(range(MOST))},
    ):
        with pytest.raises(Malformed, match=r"^an event is nested at most 64 deep and has at most 20000 values$"):
            clean(too_much)


def test_a_million_keys_are_read_and_refused() -> None:
    raw = b'{"' + b'":1,"'.join(b"%d" % index for index in range(1_000_000)) + b'":1}'
    with pytest.raises(Malformed):
        clean(decode(raw))


def test_a_line_can_be_printed() -> None:
    assert line("a\nb\u202e\x00c" + "d" * 300) == "a b  c" + "d" * 194
    assert line("plain", 3) == "pla"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda of: st.lists(of) | st.dictionaries(st.text(st.characters()), of),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_whatever_python_writes_as_json_is_read_or_malformed(value: Any) -> None:
    try:
        cleaned = clean(decode(json.dumps(value).encode()))
    except Malformed:
        return
    assert decode(msgspec.json.encode(cleaned)) == cleaned


@settings(max_examples=50, deadline=None)
@given(st.binary() | st.text(alphabet=r'[]{}",:\u0dD8e9-1.tfn ').map(str.encode))
def test_any_bytes_are_read_or_malformed(raw: bytes) -> None:
    try:
        clean(decode(raw))
    except Malformed as malformed:
        assert str(malformed).isascii()
