"""Values as OTLP's messages have them: texts that can be encoded, numbers that fit, trees that are not too deep."""

import math
from collections.abc import Iterable
from typing import Any

import msgspec

DEEPEST, MOST = 8, 1_000
"""Levels of a value, below which it is told as a text of JSON: protobuf's readers refuse what is nested in more than a
hundred messages, of which a level takes three. And values of one list or object."""
LONGEST = 64 * 1024
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def sound(text: str) -> str:
    """The text, without halves of surrogate pairs, which have no place in UTF-8."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def nanoseconds(at: float) -> int:
    """Unix seconds as nanoseconds; to the microsecond, as a float holds no more."""
    if not math.isfinite(at) or at <= 0:
        return 0
    return min(round(at * 1e6) * 1_000, _LARGEST)


def identity(text: str, size: int) -> bytes:
    """The bytes of a trace or span id; none where it is none."""
    try:
        found = bytes.fromhex(text) if len(text) == 2 * size else b""
    except ValueError:
        return b""
    return found if len(found) == size and any(found) else b""


def fill(attributes: Any, pairs: Iterable[tuple[str, Any]], most: int) -> None:
    """The first `most` of them, each key once; without those that say nothing: None and an empty text."""
    seen: set[str] = set()
    for key, value in pairs:
        if value is None or value == "" or (key := sound(key)) in seen:
            continue
        if len(seen) >= most:
            break
        seen.add(key)
        made = attributes.add()
        made.key = key
        put(made.value, value)


def put(into: Any, value: Any, deepest: int = DEEPEST) -> None:
    """A value of a JSON tree into an AnyValue."""
    match value:
        case bool():
            into.bool_value = value
        case int() if _SMALLEST <= value <= _LARGEST:
            into.int_value = value
        case int() | float():
            into.double_value = _double(value)
        case str():
            into.string_value = sound(value[:LONGEST])
        case dict() | list() | tuple() if not deepest:
            into.string_value = _json(value)
        case dict():
            into.kvlist_value.SetInParent()
            for key, each in list(value.items())[:MOST]:
                made = into.kvlist_value.values.add()
                made.key = sound(str(key))
                put(made.value, each, deepest - 1)
        case list() | tuple():
            into.array_value.SetInParent()
            for each in value[:MOST]:
                put(into.array_value.values.add(), each, deepest - 1)
        case _:
            # An AnyValue with nothing in it is OTLP's null.
            return


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value)[:LONGEST].decode(errors="replace")
    except (TypeError, ValueError, RecursionError):
        return ""
