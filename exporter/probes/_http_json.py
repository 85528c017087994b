"""One GET of JSON from a server's own API, on a connection of its own; what else a status means, its kind says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._http_exchange import Exchange
from exporter.probes._http_request import Target, basic, request, target
from exporter.probes._tls import TLS, Certificate
from exporter.values import Secret

LARGEST = 8 * 1024 * 1024
"""Bytes of a body: Prometheus' rules of a large team take some."""
LABEL = 128
"""Characters of what a server says of itself that become a label's value."""

REASONS: Mapping[str, str] = {
    "protocol": "What answers does not speak HTTP/1.1.",
    "body_too_large": "The answer is larger than 8 MiB.",
    "encoding": "The answer is compressed, which was not asked for.",
    "not_json": "The answer is no JSON, or not of the form that this API has.",
    "auth": "It wants credentials, or refuses those it was given.",
    "unexpected": "It answered with a status that this API does not have.",
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


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask, and as whom; the path of `at` begins those of the API."""

    at: Target
    headers: Mapping[str, str]
    tls: TLS | None

    async def get(
        self, out: Readings, path: str, *also: int, show: Callable[[Certificate], None] | None = None
    ) -> Answer:
        """The answer to GET `path`, with the status 200 or one of `also`. Raises Down."""
        at = self.at
        to = Target(at.scheme, at.host, at.port, at.asked.rstrip("/") + path)
        answer = await get(out, to, self.headers, tls=self.tls, show=show)
        if answer.status in (401, 403):
            raise Down("auth", f"{answer.where} answered {answer.status} to {path}")
        if answer.status != 200 and answer.status not in also:
            raise Down("unexpected", f"{answer.where} answered {answer.status} to {path}")
        return answer


def server(url: str, tls: TLS | None, username: str, password: Secret, bearer_token: Secret | None) -> Server:
    """What a kind's fields of these names mean. Raises ValueError, which names the field."""
    try:
        found = target(url)
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    if found.credentials is not None:
        raise ValueError("url: a user and a password belong into username and password")
    if "?" in found.asked:
        raise ValueError("url: has no query: it is where the server's own paths begin")
    if (username or password) and bearer_token is not None:
        raise ValueError("one of username with password and bearer_token")
    if tls is not None and found.scheme != "https":
        raise ValueError("tls needs a url that begins with https")
    headers = {"Authorization": basic(username, password.reveal())} if username or password else {}
    if bearer_token is not None:
        headers = {"Authorization": f"Bearer {bearer_token.reveal()}"}
    return Server(found, headers, tls)
