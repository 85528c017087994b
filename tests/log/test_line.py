import json
import logging
import sys
from typing import Any

import pytest

from exporter.log.line import LONGEST, as_console, as_json, fields
from exporter.values import Secret

FORGED = 'x\r\n{"level":"info"}\x1b[2J\u202e\u2028\x85\x7f\x00\ud800\U000e0041é€😀'
"""A line of its own, a cleared screen, text turned around, and what only looks dangerous."""


def record(
    message: str = "said", *args: object, name: str = "exporter.it", error: BaseException | None = None, **extra: Any
) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord(name, logging.WARNING, "it.py", 1, message, args, exc_info)
    made.created = 1_700_000_000.1239
    vars(made).update(extra)
    return made


def test_what_is_forged_stays_in_its_line_of_json() -> None:
    found = fields(
        record("got %s", FORGED, component=FORGED, error=ValueError(FORGED), more={FORGED: [FORGED]}),
        {"request_id": FORGED},
    )
    line = as_json(found)
    assert all(char.isprintable() for char in line)
    assert "é€😀" in line
    read = json.loads(line)
    assert read["message"] == f"got {FORGED}"
    assert read["component"] == read["request_id"] == FORGED
    assert read["more"] == {FORGED: [FORGED]}
    assert read["traceback"] == f"ValueError: {FORGED}\n"


def test_a_stream_of_ascii_gets_ascii() -> None:
    line = as_json(fields(record(FORGED), {}), ascii_only=True)
    assert line.isascii()
    assert json.loads(line)["message"] == FORGED


def test_what_is_forged_stays_in_its_line_of_a_console() -> None:
    shown = as_console(fields(record("got %s", FORGED, component=FORGED, error=ValueError(FORGED)), {}))
    first, *rest = shown.split("\n")
    assert all(char.isprintable() for char in first + "".join(rest))
    assert first.startswith(
        r'22:13:20.123 WARNING  got x\r\n{"level":"info"}\x1b[2J\u202e\u2028\x85\x7f\x00\ud800\U000e0041é€😀'
    )
    assert all(line.startswith("    | ") for line in rest)


def test_a_console_line_is_aligned_and_quotes_what_has_spaces() -> None:
    shown = as_console(fields(record(detail="a b", reason="refused", number=2, component="db"), {}))
    assert (
        shown
        == '22:13:20.123 WARNING  said                                      component=db  reason=refused  detail="a b"  number=2'
    )
    assert as_console(fields(record(name="asyncio"), {})).endswith("logger=asyncio")
    coloured = as_console(fields(record(), {}), colour=True)
    assert "\x1b[33mWARNING " in coloured
    assert coloured.endswith("\x1b[0m said")


def test_time_is_utc_with_milliseconds() -> None:
    assert fields(record(), {})["time"] == "2023-11-14T22:13:20.123Z"


def test_a_value_is_bounded_and_keeps_both_ends() -> None:
    found = fields(record("a" * 10**6 + "z", detail="b" * 10**6, many=list(range(10**5)), deep=[[[[[[1]]]]]]), {})
    assert len(found["message"]) < LONGEST + 50
    assert found["message"].startswith("aaa")
    assert found["message"].endswith("aaz")
    assert len(as_json(found)) < 3 * LONGEST


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (10**30, str(10**30)),
        (10**5000, "<int>"),
        (b"x", "b'x'"),
        (Secret("s"), "[REDACTED]"),
        (Hostile(), "<Hostile>"),
        ({"a": {1: True}}, {"a": {"1": True}}),
        ({3}, [3]),
        (1.5, 1.5),
    ],
    ids=lambda each: type(each).__name__,
)
def test_any_value_becomes_json(value: object, shown: object) -> None:
    assert json.loads(as_json(fields(record(value=value), {})))["value"] == shown


def test_arguments_that_do_not_fit_lose_no_line() -> None:
    assert fields(record("%d of %d", "x"), {})["message"] == "%d of %d (its arguments can't be shown)"
    assert fields(record("%s", Hostile()), {})["message"] == "%s (its arguments can't be shown)"


def test_an_extra_named_like_a_field_of_ours_stands_beside_it() -> None:
    found = fields(record(level="mine", time="now", none=None, empty=""), {})
    assert (found["level"], found["level_"], found["time_"]) == ("warning", "mine", "now")
    assert "none" not in found
    assert "empty" not in found


def test_a_password_in_a_url_of_others_is_taken_out() -> None:
    found = fields(
        record("connecting to redis://:hunter2@cache:6379/0 and postgres://me:hunter2@db", url="amqp://a:hunter2@b"), {}
    )
    assert found["message"] == "connecting to redis://:[REDACTED]@cache:6379/0 and postgres://me:[REDACTED]@db"
    assert found["url"] == "amqp://a:[REDACTED]@b"
    assert fields(record("http://a:80/x and b@c"), {})["message"] == "http://a:80/x and b@c"


def test_a_very_deep_traceback_is_bounded() -> None:
    def dive(depth: int) -> None:
        if depth:
            dive(depth - 1)
        raise ValueError("at the bottom")

    limit = sys.getrecursionlimit()
    try:
        dive(limit // 2)
    except ValueError as error:
        found = fields(record(error=error), {})
    assert len(found["traceback"]) < 2 * LONGEST + 50
    assert found["traceback"].endswith("ValueError: at the bottom\n")
