"""OTLP's answers: Export…ServiceResponse with what was rejected, google.rpc.Status for errors; in both encodings."""

from typing import Literal, NamedTuple

import msgspec

Signal = Literal["traces", "metrics", "logs"]

INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 4, 7, 8
INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 13, 14, 16
_CODES = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    408: DEADLINE_EXCEEDED,
    413: RESOURCE_EXHAUSTED,
    415: INVALID_ARGUMENT,
    429: RESOURCE_EXHAUSTED,
    503: UNAVAILABLE,
}
_REJECTED = {"traces": "rejectedSpans", "metrics": "rejectedDataPoints", "logs": "rejectedLogRecords"}
_RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


class Taken(NamedTuple):
    """What became of a request that was not refused."""

    rejected: int = 0
    """Spans, data points or log records."""
    why: str = ""


def response(taken: Taken, signal: Signal, *, json: bool) -> bytes:
    """The body of a 200. `partial_success` is not there when all was taken (OTLP specification, "Full Success")."""
    if json:
        partial = {_REJECTED[signal]: str(taken.rejected), "errorMessage": taken.why}
        return msgspec.json.encode({"partialSuccess": partial} if taken.rejected or taken.why else {})
    if not (taken.rejected or taken.why):
        return b""
    rejected = b"\x08" + _varint(taken.rejected) if taken.rejected else b""
    return _field(1, rejected + _field(2, taken.why.encode()))


def status(http: int, message: str, *, json: bool) -> bytes:
    """A google.rpc.Status for an HTTP status."""
    if json:
        return msgspec.json.encode({"code": code(http), "message": message})
    return details(code(http), message)


def code(http: int) -> int:
    """The code of gRPC for an HTTP status."""
    return _CODES.get(http, INTERNAL)


def details(grpc: int, message: str, retry_after: int = 0) -> bytes:
    """A google.rpc.Status in protobuf, with RetryInfo where sending again in so many seconds may help."""
    body = b"\x08" + _varint(grpc) + _field(2, message.encode())
    if retry_after:
        info = _field(1, b"\x08" + _varint(retry_after))
        body += _field(3, _field(1, _RETRY_INFO) + _field(2, info))
    return body


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
