"""What an answer means: taken, later or rejected, by the OTLP specification's tables ("Failures", "Throttling")."""

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec

from exporter.forward.patience import CAP
from exporter.forward.ports import Reply
from exporter.redact import quoted

LARGEST = 64 * 1024
"""Bytes that are read of an answer."""
_LATER = (429, 502, 503, 504)
_LATER_CODES = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
_RETRY_INFO = b"google.rpc.RetryInfo"
_LONGEST = 160
_CONSIDERED = 4096
"""Characters of what a back end says that are looked through for secrets, many more than are shown."""


class Answer(NamedTuple):
    """Of HTTP, as far as it was read."""

    status: int
    content_type: str = ""
    retry_after: str = ""
    body: bytes = b""
    larger: bool = False
    """There was more of it than we read."""


class Ailment(NamedTuple):
    """A google.rpc.Status."""

    message: str = ""
    retry: bool = False
    """It holds RetryInfo: sending the same again may help."""
    retry_after: float | None = None


def http(answer: Answer, hidden: object, now: float) -> Reply:
    """Of an HTTP answer; `hidden` are secrets that may not be shown, `now` is in Unix seconds."""
    code = str(answer.status)
    if 200 <= answer.status < 300:
        if answer.larger:
            # "OTLP/HTTP Response": beyond the limit it is an error that does not allow to send the same again.
            return Reply("rejected", code, detail=f"HTTP status {code} with a reply of more than {LARGEST} bytes")
        binary = _kind(answer.content_type) in ("", "application/x-protobuf", "application/protobuf")
        return _taken(code, answer.body if binary else b"", hidden)
    said = quoted(_said(answer)[:_CONSIDERED], hidden, _LONGEST)
    detail = f"HTTP status {code}: {said}" if said.strip() else f"HTTP status {code}"
    if answer.status in _LATER:
        return Reply("later", code, seconds(answer.retry_after, now), detail=detail)
    return Reply("rejected", code, detail=detail)


def grpc(code: str, message: str, status: bytes, hidden: object) -> Reply:
    """Of a gRPC code that is not OK, with grpc-message and grpc-status-details-bin."""
    ailment = parse(status)
    said = quoted((message or ailment.message)[:_CONSIDERED], hidden, _LONGEST)
    detail = f"gRPC status {code}: {said}" if said.strip() else f"gRPC status {code}"
    if code in _LATER_CODES or (code == "RESOURCE_EXHAUSTED" and ailment.retry):
        return Reply("later", code, ailment.retry_after, detail=detail)
    return Reply("rejected", code, detail=detail)


def taken(body: bytes, hidden: object) -> Reply:
    """Of gRPC's OK: an Export…ServiceResponse."""
    return _taken("OK", body, hidden)


def seconds(retry_after: str, now: float) -> float | None:
    """Retry-After of HTTP (RFC 9110, 10.2.3): seconds or a date; None for what is neither, or not in the future."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return _wish(float(text[:20]))
    try:
        date = parsedate_to_datetime(text[:64])
        return _wish((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse(status: bytes) -> Ailment:
    """A google.rpc.Status in protobuf; what is none says nothing."""
    message, retry, after = "", False, None
    try:
        for number, value in _fields(status):
            if number == 2 and isinstance(value, bytes):
                message = value.decode(errors="replace")
            elif number == 3 and isinstance(value, bytes):
                detail = dict(_fields(value))
                kind, held = detail.get(1), detail.get(2, b"")
                if isinstance(kind, bytes) and kind.rpartition(b"/")[2] == _RETRY_INFO and isinstance(held, bytes):
                    retry, after = True, _delay(held)
    except ValueError:
        return Ailment()
    return Ailment(message, retry, after)


def _delay(retry_info: bytes) -> float | None:
    duration = dict(_fields(retry_info)).get(1, b"")
    parts = dict(_fields(duration)) if isinstance(duration, bytes) else {}
    whole, nanos = parts.get(1, 0), parts.get(2, 0)
    if isinstance(whole, bytes) or isinstance(nanos, bytes):
        return None
    return _wish(_signed(whole) + _signed(nanos) / 1e9)


def _wish(wait: float) -> float | None:
    return min(wait, CAP) if wait > 0 else None


def _taken(code: str, body: bytes, hidden: object) -> Reply:
    """With partial_success: field 1 of the responses of all signals, which holds 1 rejected_…, 2 error_message."""
    rejected, said = 0, ""
    try:
        for number, value in _fields(body):
            if number == 1 and isinstance(value, bytes):
                partial = dict(_fields(value))
                count, message = partial.get(1, 0), partial.get(2, b"")
                rejected = max(0, _signed(count)) if isinstance(count, int) else 0
                said = message.decode(errors="replace") if isinstance(message, bytes) else ""
    except ValueError:
        return Reply("taken", code)  # whatever it is, the status says that it was taken
    return Reply("taken", code, partial=rejected, detail=quoted(said[:_CONSIDERED], hidden, _LONGEST))


def _said(answer: Answer) -> str:
    kind = _kind(answer.content_type)
    if kind in ("", "application/x-protobuf", "application/protobuf"):
        return parse(answer.body).message
    if kind == "application/json":
        try:
            return msgspec.json.decode(answer.body, type=_Told).message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
    return answer.body[:_CONSIDERED].decode(errors="replace") if kind == "text/plain" else ""


class _Told(msgspec.Struct):
    message: str = ""


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Protobuf's fields by number. Raises ValueError for what is no message."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            size, at = _varint(data, at)
        elif not size:
            raise ValueError("a group, or no wire type")
        if not number or at + size > end:
            raise ValueError("a field that goes beyond its message")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number without its end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise ValueError("a number of more than 64 bits")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
