"""What a probe's secrets are is found by their type, wherever they stand in its fields."""

import asyncio
import time
import traceback

import pytest
from msgspec import Struct

from exporter.component import Component
from exporter.probe import Down, Readings
from exporter.redact import quoted, redact, redacted
from exporter.run import run_once
from exporter.values import Secret
from tests.probing import Memory
from tests.scripted import Scripted


class Guarded(Scripted, kw_only=True):
    token: Secret


class Login(Struct, frozen=True):
    user: str
    password: Secret


class Kind(Struct, frozen=True):
    url: Secret = Secret("")
    headers: dict[str, Secret] = {}
    logins: tuple[Login, ...] = ()
    send: Secret | None = None


@pytest.mark.parametrize(
    ("fields", "text", "shown"),
    [
        ({"url": Secret("redis://:pass%20word@host:1/0")}, "said pass word", "said [REDACTED]"),
        ({"url": Secret("redis://:pass%20word@host:1/0")}, "said pass%20word at host", "said [REDACTED] at host"),
        ({"url": Secret("redis://host:6379/0")}, "redis://host:6379/0 is gone", "[REDACTED] is gone"),
        ({"headers": {"x": Secret("Bearer abcdef")}}, "no abcdef", "no [REDACTED]"),
        ({"logins": (Login("ann", Secret("secret")),)}, "ann: secret", "ann: [REDACTED]"),
        (
            {"send": Secret("AUTH abcdef abc")},
            "'AUTH abcdef abc' or abcdef or abc",
            "'[REDACTED]' or [REDACTED] or abc",
        ),
        ({"send": Secret("abcdef abcdefgh")}, "abcdefgh", "[REDACTED]"),
        ({"url": Secret("host=there password=hunter2")}, "no hunter2 there", "no [REDACTED] there"),
        ({"url": Secret("redis://host/0?password=hunter2")}, "no hunter2 at host", "no [REDACTED] at host"),
        ({"send": Secret("x" * 5000)}, "y" + "x" * 5000, "y[REDACTED]"),
        ({"send": Secret("abcd")}, "abcd", "abcd"),
        ({}, "nothing to hide", "nothing to hide"),
    ],
)
def test_the_text_is_without_them(fields, text, shown) -> None:
    assert redacted(text, Kind(**fields)) == shown


@pytest.mark.parametrize(
    ("fields", "said", "shown"),
    [
        ({"send": Secret("abc")}, "no abc, no 'ABC', not abcd", "no [REDACTED], no '[REDACTED]', not abcd"),
        ({"send": Secret("ab")}, r"b'\nab\n'", r"b'\n[REDACTED]\n'"),
        ({"url": Secret("redis://:a%3F@host/0")}, "wrong: a?", "wrong: [REDACTED]"),
        ({"send": Secret("x'y\\z")}, r"'x\'y\\z'", "'[REDACTED]'"),
        ({"send": Secret("pässwort")}, "pÃ¤sswort", "[REDACTED]"),
        ({"send": Secret("abcdefghijklmnop")}, "'abcdefghijklm", "'[REDACTED]"),
        ({"send": Secret("abcdefghijklmnop")}, "abcdefgh", "abcdefgh"),
        ({"logins": (Login("ann", Secret("secret")),)}, "c2VjcmV0", "[REDACTED]"),
        ({"url": Secret("http://ann:secret@host")}, "Basic YW5uOnNlY3JldA==", "Basic [REDACTED]=="),
        ({"send": Secret("ab\x00cdef")}, "a\tline ab\x00cdef\x1b", "a line [REDACTED] "),
        ({"send": Secret("")}, "nothing to hide", "nothing to hide"),
    ],
)
def test_what_a_server_says_is_without_even_short_ones_and_one_line(fields, said, shown) -> None:
    assert quoted(said, Kind(**fields)) == shown


def test_they_go_before_it_is_cut() -> None:
    assert quoted("x" * 155 + " hunter2hunter2", Kind(send=Secret("hunter2hunter2"))) == "x" * 155 + " [RED"


def test_a_large_secret_is_taken_out_soon() -> None:
    large = Kind(send=Secret(" ".join(f"wörd{n}" for n in range(100_000))))
    began = time.perf_counter()
    assert quoted("no wörd17 " + "y" * 8000, large, 15) == "no [REDACTED] y"
    assert time.perf_counter() - began < 0.1


def test_a_traceback_is_without_them_down_to_its_cause() -> None:
    kind = Kind(url=Secret("redis://:hunter2hunter2@host/0"))
    try:
        try:
            int("hunter2hunter2")
        except ValueError as cause:
            raise OSError(5, "no hunter2hunter2 there") from cause
    except OSError as error:
        caught = error
        redact(error, kind)
    shown = "".join(traceback.format_exception(caught))
    assert "hunter2hunter2" not in shown.replace('int("hunter2hunter2")', "").replace('"no hunter2hunter2 there"', "")
    assert "no [REDACTED] there" in shown
    assert "invalid literal for int() with base 10: '[REDACTED]'" in shown


@pytest.mark.parametrize(
    "raised",
    [Down("refused", "told me hunter2hunter2"), ValueError("no hunter2hunter2"), Down("undeclared", "hunter2hunter2")],
)
def test_a_run_that_fails_in_any_way_says_none(raised: Exception) -> None:
    async def fails(out: Readings) -> None:
        raise raised

    memory = Memory()
    component = Component("it", "scripted", Guarded(work=fails, token=Secret("hunter2hunter2")))
    result = asyncio.run(run_once(component, memory, memory))
    assert result.outcome == "unhealthy"
    assert "hunter2hunter2" not in result.detail + str(result.error)
