"""A second reader of Sentry's envelopes, of its specification alone: what an envelope must be answered and counted as."""

import json
from typing import Any

COUNTED = {"event", "transaction", "session", "sessions", "check_in", "client_report", "feedback", "user_report"}
MOST = {
    "event": 1 << 20,
    "session": 1 << 16,
    "check_in": 100 << 10,
    "user_report": 1 << 16,
    "span": 4 << 20,
    "log": 4 << 20,
}


def events(data: bytes) -> int | None:
    """How many events the envelope holds; None when it is malformed or too large."""
    lines = data.split(b"\n", 1)
    if not isinstance(_json(lines[0]), dict):
        return None
    rest = lines[1] if len(lines) > 1 else b""
    found = kept = skipped = 0
    while rest:
        header_line, newline, rest = rest.partition(b"\n")
        if not header_line:
            continue
        header = _json(header_line)
        if not isinstance(header, dict) or not isinstance(header.get("type"), str) or not header["type"]:
            return None
        length = header.get("length")
        if length is None:
            payload, _, rest = rest.partition(b"\n")
        elif type(length) is not int or length < 0 or (length and not newline) or length > len(rest):
            return None
        else:
            payload, rest = rest[:length], rest[length:]
            if rest and rest[:1] != b"\n":
                return None
            rest = rest[1:]
        count = _events(header["type"], payload)
        kept += count is not ...
        skipped += count is ...
        if count is None or kept > 100 or skipped > 1_000:
            return None
        found += 0 if count is ... else count
    return found


def _events(type_: str, payload: bytes) -> Any:
    """Of an item; None for one that is malformed, ... for one that is skipped."""
    if type_ not in COUNTED | {"span", "log"}:
        return ...
    value = _json(payload)
    if not isinstance(value, dict) or len(payload) > MOST.get(type_, 1 << 20):
        return None
    if type_ in COUNTED:
        return 1
    items = value.get("items", [value] if type_ == "span" else [])
    return len(items) if isinstance(items, list) else 0


def _json(text: bytes) -> Any:
    """The value; ... for what is none in UTF-8."""

    def no(_: str) -> None:
        raise ValueError

    def real(digits: str) -> float:
        if abs(found := float(digits)) == float("inf"):
            raise ValueError
        return found

    try:
        return json.loads(text.decode(), parse_constant=no, parse_float=real)
    except (ValueError, RecursionError):
        return ...
