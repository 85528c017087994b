"""One call of grpc.health.v1.Health/Check over a new HTTP/2 connection, by h2, its messages made by hand."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from exporter.probe import Down, Readings
from exporter.probes import _address, _grpc_call, _net
from exporter.probes._grpc_call import Call, Response
from exporter.probes._tls import TLS, Certificate

REASONS: Mapping[str, str] = {
    "no_alpn": "The server's TLS does not agree to HTTP/2 (ALPN h2).",
    **_grpc_call.REASONS,
}
CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
# What a status of HTTP in place of gRPC's stands for (gRPC's http-grpc-status-mapping.md).
_BY_HTTP = {"400": 13, "401": 16, "403": 7, "404": 12, "429": 14, "502": 14, "503": 14, "504": 14}
ALPN = ("h2",)
_METHOD = "/grpc.health.v1.Health/Check"
_LAXER = 0.05
"""Seconds that the server is given beyond our deadline, so that ours comes first."""


@dataclass(frozen=True, slots=True)
class Check:
    """What to ask whom. `metadata` are names in lower case and their values."""

    service: str = ""
    authority: str = ""
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """gRPC's status and its message; with OK, what the service says of itself, of STATUSES (or another number)."""

    code: int
    message: str
    status: int | None = None

    @property
    def name(self) -> str:
        return CODES[self.code] if self.code < len(CODES) else str(self.code)


async def check(
    out: Readings,
    host: str,
    port: int,
    asked: Check,
    *,
    tls: TLS | None = None,
    show: Callable[[Certificate], None] | None = None,
) -> Answer:
    """The answer, whatever its status. Raises Down, with a reason of _net's, _tls' or the ones above."""
    where = _address.joined(host, port)
    transport, call = await _net.connect(
        out, host, port, lambda: Call(where), tls=tls, alpn=ALPN if tls else (), show=show
    )
    try:
        with out.phase("call"):
            return await ask(transport, call, asked, where, out.deadline, traceparent=out.traceparent)
    finally:
        transport.abort()


async def ask(
    transport: asyncio.Transport, call: Call, asked: Check, where: str, deadline: float, *, traceparent: str = ""
) -> Answer:
    """The same over a connection, which stays open; `deadline` on time.monotonic's clock. Raises Down."""
    tls = transport.get_extra_info("ssl_object")
    if tls is not None and tls.selected_alpn_protocol() != "h2":
        raise Down("no_alpn", f"{where} does not agree to h2 (ALPN)")
    left = max(round((deadline - time.monotonic() + _LAXER) * 1000), 1)
    headers = [
        (":method", "POST"),
        (":scheme", "https" if tls is not None else "http"),
        (":path", _METHOD),
        (":authority", asked.authority or where),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "stack-exporter"),
        ("grpc-timeout", f"{min(left, 99_999_999)}m"),
        *([("traceparent", traceparent)] if traceparent else []),
        *asked.metadata,
    ]
    call.ask(transport, headers, _message(asked.service))
    return _read(await call.answer, where)


def _read(response: Response, where: str) -> Answer:
    """What it says. Raises Down."""
    headers, http = response.headers, response.headers.get(":status", "")
    code, message = headers.get("grpc-status"), headers.get("grpc-message", "")
    if code is None and http in _BY_HTTP:
        return Answer(_BY_HTTP[http], f"HTTP status {http}")
    if code is None and (http != "200" or not headers.get("content-type", "").startswith("application/grpc")):
        raise Down("not_grpc", f"{where} answers with HTTP status {http[:3]}, and not as gRPC does")
    if code is None or not (code.isascii() and code.isdecimal() and len(code) < 4):
        raise Down("protocol", f"{where}: an answer without a grpc-status that is a number")
    told = unquote_to_bytes(message).decode(errors="replace")
    try:
        return Answer(int(code), told, status(response.body) if not int(code) else None)
    except ValueError as error:
        raise Down("protocol", f"{where}: {error}") from None


def _message(service: str) -> bytes:
    """HealthCheckRequest { string service = 1; }, uncompressed, with its length before it."""
    name = service.encode()
    body = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(body).to_bytes(4, "big") + body


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])


def status(message: bytes) -> int:
    """HealthCheckResponse { ServingStatus status = 1; }, from its length on; 0 is not sent. Raises ValueError."""
    if message[:1] != b"\0" or int.from_bytes(message[1:5], "big") != len(message) - 5:
        raise ValueError("a message that is compressed, cut, or not alone")
    at, found = 5, 0
    while at < len(message):
        key, at = _number(message, at)
        if key & 7 == 0:
            value, at = _number(message, at)
            found = value if key >> 3 == 1 else found
        elif key & 7 == 2:
            size, at = _number(message, at)
            at += size
        else:
            at += {1: 8, 5: 4}.get(key & 7, len(message))
    if at > len(message):
        raise ValueError("a message that is cut, or none")
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        octet = message[at]
        at += 1
        value |= (octet & 127) << shift
        if octet < 128:
            return value, at
    raise ValueError("a message whose number has no end")
