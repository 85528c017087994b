"""The stack of a kept event as lines for people; whatever is in the event, it gives lines."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

MOST = 200
"""Lines."""


class Trace(Struct, frozen=True):
    """One exception; of its frames the innermost first, the application's own apart."""

    title: str
    ours: tuple[str, ...]
    others: tuple[str, ...]


def traces(detail: dict[str, Any]) -> list[Trace]:
    """In the order of `stack`, of all together as many frames at most. Where no frame is the application's, all are."""
    found, room = [], MOST
    for raised in reversed(_listed(detail.get("exception"))):
        frames = list(islice(_frames(raised.get("stacktrace")), room))
        ours = tuple(line for line, own in frames if own)
        others = tuple(line for line, own in frames if not own) if ours else ()
        found.append(Trace(_title(raised), ours or tuple(line for line, _ in frames), others))
        room -= len(frames) + 1
        if room <= 0:
            break
    return found


def stack(detail: dict[str, Any]) -> list[str]:
    """The exception that it is called by comes first, then those that led to it; of each the innermost frame first."""
    lines: list[str] = []
    for raised in reversed(_listed(detail.get("exception"))):
        lines.append(_title(raised))
        lines += (f"  {line}" for line, _ in _frames(raised.get("stacktrace")))
        if len(lines) >= MOST:
            return [*lines[:MOST], "…"]
    return lines


def _title(raised: dict[str, Any]) -> str:
    return ": ".join(filter(None, (_text(raised.get("type")), _text(raised.get("value")))))


def _frames(trace: Any) -> Iterator[tuple[str, bool]]:
    """Each as a line, and whether it is the application's own."""
    frames = trace.get("frames") if isinstance(trace, dict) else None
    for frame in reversed(frames if isinstance(frames, list) else []):
        if isinstance(frame, dict):
            where = _text(frame.get("filename")) or _text(frame.get("module")) or "?"
            line = frame.get("lineno")
            place = f"{where}:{line}" if isinstance(line, int) else where
            yield f"{place} in {_text(frame.get('function')) or '?'}", frame.get("in_app") is True


def _listed(exception: Any) -> list[dict[str, Any]]:
    values = exception.get("values") if isinstance(exception, dict) else exception
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
