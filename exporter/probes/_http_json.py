"""One GET of JSON from a server's own API, on a connection of its own; what else a status means, its kind says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._http_exchange import Exchange
from exporter.probes._http_request import Target, request
from exporter.probes._tls import TLS, Certificate

LARGEST = 8 * 1024 * 1024
"""Bytes of a body: Prometheus' rules of a large team take some."""

REASONS: Mapping[str, str] = {
    "protocol": "What answers does not speak HTTP/1.1.",
    "body_too_large": "The answer is larger than 8 MiB.",
    "encoding": "The answer is compressed, which was not asked for.",
    "not_json": "The answer is no JSON, or not of the form that this API has.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`took`: seconds from the request to the end of the body."""

    status: int
    body: bytes
    where: str
    took: float

    def json(self, as_: Any = Any) -> Any:
        """The body, as the msgspec type `as_`. Raises Down."""
        try:
            return msgspec.json.decode(self.body, type=as_)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # msgspec's messages name a path and types, never a value.
            raise Down("not_json", f"{self.where}: {error}"[:200]) from None


async def get(
    out: Readings,
    to: Target,
    headers: Mapping[str, str] | None = None,
    *,
    tls: TLS | None = None,
    show: Callable[[Certificate], None] | None = None,
    limit: int = LARGEST,
) -> Answer:
    """The answer to GET `to`, whatever its status. Raises Down, with a reason of _net's, _tls' or the ones above."""
    secure = (tls or TLS()) if to.scheme == "https" else None
    transport, exchange = await _net.connect(
        out, to.host, to.port, lambda: Exchange(to.where, limit, keep=True), tls=secure, show=show
    )
    try:
        began = time.monotonic()
        transport.write(request("GET", to.asked, to.authority, (headers or {}).items()) + b"\r\n")
        with out.phase("processing"):
            await exchange.head()
        with out.phase("transfer"):
            body = await exchange.end()
        return Answer(exchange.status, body, to.where, time.monotonic() - began)
    finally:
        transport.abort()
