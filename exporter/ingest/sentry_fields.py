"""Fields of what an SDK sent, whatever is in them: the wrong type is as good as none."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from exporter.ingest import text

LONGEST_NAME = 200
A_MONTH = 30 * 86_400.0
AHEAD = 60.0
"""Seconds that an event may be later than now."""
DRIFT = 60.0
"""Seconds between the client's clock, when it sent, and ours, up to which it is right: a request takes its time."""
_HEXADECIMAL = frozenset("0123456789abcdef")


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """Of `{"values": […]}`, of a list, or of one alone: SDKs have sent all three."""
    if isinstance(value, dict):
        value = value["values"] if isinstance(value.get("values"), list) else [value] if "values" not in value else []
    return [one for one in sequence(value) if isinstance(one, dict)]


def words(value: Any) -> str:
    """A text as it is; a number as text; anything else is none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def name(value: Any) -> str:
    """One printable line."""
    return text.line(words(value), LONGEST_NAME).strip()


def first(values: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first key that has one."""
    for key in keys:
        if (value := values.get(key)) is not None and value != "":
            return value
    return None


def number(value: Any) -> float | None:
    """A finite number, also one that is written as text."""
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def integer(value: Any) -> int:
    found = number(value)
    return int(found) if found is not None and abs(found) < text.LONGEST**4 else 0


def status(value: Any) -> int:
    """An HTTP status; 0 when it is none."""
    found = integer(value)
    return found if 100 <= found <= 599 else 0


def identity(value: Any, digits: int = 32) -> str:
    """An id of so many hexadecimal digits, in lower case and without dashes; empty when it is none."""
    if not isinstance(value, str):
        return ""
    value = value.replace("-", "").lower() if len(value) <= 2 * digits else ""
    return value if len(value) == digits and _HEXADECIMAL.issuperset(value) else ""


def instant(value: Any) -> float | None:
    """Unix seconds of a number, or of a time in RFC 3339; UTC where it names no zone."""
    if isinstance(value, str) and not value[:40].replace(".", "", 1).isdecimal():
        try:
            at = datetime.fromisoformat(value[:40])
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return number(value)


def shift(sent_at: Any, now: float) -> float:
    """What is added to the client's times: its clock is wrong by so much, by when it says that it sent."""
    sent = instant(sent_at)
    return now - sent if sent is not None and abs(now - sent) > DRIFT else 0.0


def clamped(value: Any, now: float, added: float) -> float:
    """When it was: now where that is not said; at most a month ago and a minute ahead."""
    at = instant(value)
    return now if at is None else min(max(at + added, now - A_MONTH), now + AHEAD)


def lasted(begin: Any, end: Any) -> float:
    """Seconds between two times; a month at most; 0 when the clock went back or one is missing."""
    began, ended = instant(begin), instant(end)
    if began is None or ended is None:
        return 0.0
    return min(max(0.0, ended - began), A_MONTH)


def path(url: str) -> str:
    """The path of a URL, or of what is one already, without its query. By hand: scrubbed, it may be no URL any more."""
    url = url.partition("?")[0].partition("#")[0]
    scheme, mark, rest = url.partition("://")
    if not mark or "/" in scheme:
        return url if url.startswith("/") else ""
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/"
