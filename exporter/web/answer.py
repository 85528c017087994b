"""From an Answer to the response on the wire: the one JSON form, the security headers, the encoding."""

import datetime as dt
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp.web import Response
from isal import igzip_lib

from exporter.web.call import Answer, Refused

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "stack-exporter",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SMALLEST = 1_024
"""Bytes from which compressing pays: less fits into one packet anyhow."""


def stamp(at: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, with milliseconds."""
    if at is None:
        return None
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def respond(answer: Answer, *, request_id: str, gzip: bool = False, extra: dict[str, str] | None = None) -> Response:
    """The response. `extra` headers come before those that the answer needs itself."""
    body = answer.body if answer.body is not None else form(answer, request_id)
    headers = {**HEADERS, **(extra or {}), "X-Request-ID": request_id, "Content-Type": answer.content_type}
    headers |= answer.headers
    if answer.compressible:
        headers["Vary"] = "Accept, Accept-Encoding"
        if gzip and len(body) >= SMALLEST:
            # Level 1 of isal: 11 MB in 4 ms, where zlib's level 6 takes 59 ms.
            body = igzip_lib.compress(body, 1, flag=igzip_lib.COMP_GZIP)
            headers["Content-Encoding"] = "gzip"
    response = Response(status=answer.status, body=body, headers=headers)
    if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
        # What follows on the connection may be the rest of what was refused.
        response.force_close()
    return response


def form(answer: Answer, request_id: str) -> bytes:
    """Our own API's one JSON form."""
    value: dict[str, Any] = {
        "success": answer.status < HTTPStatus.BAD_REQUEST,
        "message": answer.message or HTTPStatus(answer.status).phrase,
        "data": answer.data,
        "errors": list(answer.errors),
        "metadata": {"request_id": request_id, **answer.metadata},
        "timestamp": stamp(dt.datetime.now(dt.UTC).timestamp()),
        "status_code": answer.status,
    }
    try:
        return msgspec.json.encode(value) + b"\n"
    except UnicodeEncodeError:
        # Half of a surrogate pair, from whatever server a probe quotes, or in a line of the log.
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value))) + b"\n"


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def refusal(refused: Refused) -> Answer:
    """The answer to what is refused: its errors name it at least once."""
    return Answer(refused.status, refused.message, errors=refused.errors or (refused.message,), headers=refused.headers)


def text(message: str, status: int = 200) -> Answer:
    """A line for a load balancer, as Prometheus' own /-/healthy gives it."""
    return Answer(status, body=message.encode() + b"\n", content_type="text/plain; charset=utf-8")
