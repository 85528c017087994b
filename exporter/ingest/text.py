"""From bytes that a client sends to a JSON tree that nothing behind it can stumble over."""

import json
import re
from math import isfinite
from typing import Any, NoReturn

import msgspec

LONGEST = 8_192
"""Characters of a text; what is longer is cut."""
LONGEST_KEY = 200
DEEPEST = 64
MOST = 20_000
"""Nodes of one event."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line ends: NUL, which PostgreSQL takes in no text; and halves of surrogate pairs,
which have no UTF-8."""
_ESCAPED = re.compile(rb"\\u(?:00[0189]|007[fF]|[dD][89a-fA-F])|\\[bf]")
_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
_FIGURES = bytes.maketrans(b"123456789", b"0" * 9)
_LEAST, _LARGEST = -(2**63), 2**64 - 1


class Malformed(Exception):  # noqa: N818 - says the fact
    """It is not what the protocol says. The text may be shown to who sent it: it quotes nothing of it."""


def decode(raw: bytes | bytearray | memoryview) -> Any:
    """The JSON value in UTF-8 that the bytes are, as it came: `clean` it. Raises Malformed.

    More strict than Python's own: no byte order mark, no other encoding, no NaN, no number that a float can't hold.
    """
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise Malformed("JSON: nested too deep") from None
    except UnicodeDecodeError:
        raise Malformed("JSON: not UTF-8") from None
    except msgspec.ValidationError:  # of 5,000 digits, or 1e999
        raise Malformed("JSON: a number is out of range") from None
    except msgspec.DecodeError as error:
        # JavaScript cuts texts between the halves of a pair, and says so: \ud83d. msgspec refuses that.
        whole = bytes(raw)
        if rb"\ud" not in whole and rb"\uD" not in whole:
            raise Malformed(_said(error)) from None
    return _lenient(whole)


def clean(value: Any) -> Any:
    """The tree of one event, which is changed in place, with nothing in it that UTF-8, JSON or a store can't hold.

    Raises Malformed when it is nested deeper than DEEPEST or has more nodes than MOST.
    """
    return _cleaned(value, DEEPEST, [MOST])


def is_clean(raw: bytes) -> bool:
    """Whether `clean` would leave what msgspec made of these bytes alone, but for long keys; False when in doubt.

    By a few looks at all of it, which take a quarter of the time of a walk.
    """
    # A node has two bytes at least.
    if len(raw) > 2 * MOST or b"\x7f" in raw or (b"\\" in raw and _ESCAPED.search(raw)):
        return False
    if not raw.isascii() and _CONTROL.search(raw):
        return False
    if b"0" * len(str(_LARGEST // 10)) in raw.translate(_FIGURES):
        return False
    # A line for each node, which is indented as deep as it is nested.
    try:
        lines: bytes = msgspec.json.format(raw, indent=1)
    except (msgspec.DecodeError, RecursionError):
        return False
    if b"\n" + b" " * DEEPEST in lines:
        return False
    at, end = 0, len(lines) - LONGEST
    while at < end:
        if (at := lines.rfind(b"\n", at, at + LONGEST) + 1) == 0:
            return False
    return True


def line(text: str, longest: int = 200) -> str:
    """A text as one line that may be shown: what can't be printed is a space."""
    text = text[:longest]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _cleaned(value: Any, depth: int, room: list[int]) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is dict or kind is list:
        room[0] -= len(value)
        if depth <= 0 or room[0] < 0:
            raise Malformed(f"an event is nested at most {DEEPEST} deep and has at most {MOST} values")
        return _mapping(value, depth - 1, room) if kind is dict else _sequence(value, depth - 1, room)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if _LEAST <= value <= _LARGEST else _float(value)
    if kind is float:
        return value if isfinite(value) else None
    if kind is tuple:
        return _cleaned(list(value), depth, room)
    if isinstance(value, bytes | bytearray | memoryview):
        return _text(bytes(value[:LONGEST]).decode(errors="replace"))
    return _text(str(value))


def _mapping(value: dict[Any, Any], depth: int, room: list[int]) -> dict[str, Any]:
    rename = False
    for key, each in value.items():
        if type(key) is not str or len(key) > LONGEST_KEY or not key.isprintable():
            rename = True
        if type(each) is str:
            if len(each) > LONGEST or not each.isprintable():
                value[key] = _text(each)
        elif each is not None and type(each) is not bool:
            value[key] = _cleaned(each, depth, room)
    return {_text(str(key))[:LONGEST_KEY]: each for key, each in value.items()} if rename else value


def _sequence(value: list[Any], depth: int, room: list[int]) -> list[Any]:
    for index, each in enumerate(value):
        if type(each) is str:
            if len(each) > LONGEST or not each.isprintable():
                value[index] = _text(each)
        elif each is not None and type(each) is not bool:
            value[index] = _cleaned(each, depth, room)
    return value


def _text(text: str) -> str:
    text = text[:LONGEST]
    return text if text.isprintable() else _UNFIT.sub("\ufffd", text)


def _float(number: int) -> float | None:
    try:
        return float(number)
    except OverflowError:
        return None


def _lenient(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), parse_constant=_constant, parse_int=_int)
    except RecursionError:
        raise Malformed("JSON: nested too deep") from None
    except UnicodeDecodeError:
        raise Malformed("JSON: not UTF-8") from None
    except ValueError:
        raise Malformed("JSON: malformed") from None


def _int(digits: str) -> int:
    if len(digits) > len(str(-_LARGEST)) * 10:  # more than 4,300 digits is an error of Python's
        raise Malformed("JSON: a number is out of range")
    return int(digits)


def _constant(_: str) -> NoReturn:
    raise Malformed("JSON: a number is out of range")


def _said(error: msgspec.DecodeError) -> str:
    """What msgspec says without what it quotes."""
    place = re.search(r"\(byte [0-9]{1,12}\)", str(error))
    return f"JSON: malformed {place[0]}" if place else "JSON: malformed or cut short"
