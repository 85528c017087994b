"""A point in time as a client gives it: ISO 8601, Unix seconds, or how long ago."""

import datetime as dt
import re
from typing import Any

LATEST = 253_402_300_799.0
"""The end of the year 9999, which is the last that ISO 8601 writes."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_SPAN = re.compile("([0-9]{1,4})([smhdw])")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NUMBER = re.compile("[-+0-9.eE]{1,40}")
EXPECTED = "a time: ISO 8601 with its zone (2026-05-01T12:00:00Z), Unix seconds, or a span (30m, 24h, 7d)"
SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "number", "minimum": 0, "maximum": LATEST},
        {"type": "string", "pattern": "^[0-9]{1,4}(s|m|h|d|w)$"},
    ],
    "examples": ["24h", "2026-05-01T12:00:00Z", 1777636800],
}


class Moment(float):
    """Unix seconds. Of a span the end that lies in the past, for `ignored_until` the one that lies ahead."""


def moment(given: object, now: float, *, ahead: bool = False) -> Moment:
    """Raises ValueError."""
    if isinstance(given, str):
        return Moment(_clamped(_of_text(given, now, ahead=ahead)))
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given <= LATEST:
        return Moment(given)
    raise ValueError(EXPECTED)


def stamp(at: float) -> str:
    """ISO 8601 in UTC with milliseconds; what lies outside of the years that it writes is put at their edge."""
    text = dt.datetime.fromtimestamp(_clamped(at), dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def stamped(at: float | None) -> str | None:
    return None if at is None else stamp(at)


def _clamped(at: float) -> float:
    return min(max(at, 0.0), LATEST) if at == at else 0.0  # noqa: PLR0124 - NaN differs from itself


def _of_text(text: str, now: float, *, ahead: bool) -> float:
    if len(text) > 40 or not text.isascii():
        raise ValueError(EXPECTED)
    if span := _SPAN.fullmatch(text):
        length = int(span[1]) * _UNITS[span[2]]
        return now + length if ahead else now - length
    if _NUMBER.fullmatch(text):
        try:
            at = float(text)
        except ValueError:
            raise ValueError(EXPECTED) from None
        if not 0 <= at <= LATEST:
            raise ValueError(EXPECTED)
        return at
    if "T" not in text.upper():
        raise ValueError(EXPECTED)
    try:
        # Without a zone this raises TypeError: times with and without one have no difference.
        return (dt.datetime.fromisoformat(text.upper()) - _EPOCH).total_seconds()
    except (ValueError, TypeError, OverflowError):
        raise ValueError(EXPECTED) from None
