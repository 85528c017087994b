"""The stack of a kept event as lines for people; whatever is in the event, it gives lines."""

from collections.abc import Iterator
from typing import Any

MOST = 200
"""Lines."""


def stack(detail: dict[str, Any]) -> list[str]:
    """The exception that it is called by comes first, then those that led to it; of each the innermost frame first."""
    lines: list[str] = []
    for raised in reversed(_listed(detail.get("exception"))):
        lines.append(": ".join(filter(None, (_text(raised.get("type")), _text(raised.get("value"))))))
        lines += (f"  {line}" for line in _frames(raised.get("stacktrace")))
        if len(lines) >= MOST:
            return [*lines[:MOST], "…"]
    return lines


def _frames(trace: Any) -> Iterator[str]:
    frames = trace.get("frames") if isinstance(trace, dict) else None
    for frame in reversed(frames if isinstance(frames, list) else []):
        if isinstance(frame, dict):
            where = _text(frame.get("filename")) or _text(frame.get("module")) or "?"
            line = frame.get("lineno")
            place = f"{where}:{line}" if isinstance(line, int) else where
            yield f"{place} in {_text(frame.get('function')) or '?'}"


def _listed(exception: Any) -> list[dict[str, Any]]:
    values = exception.get("values") if isinstance(exception, dict) else exception
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
