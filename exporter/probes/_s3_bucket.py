"""A bucket of S3 over one connection: list, put, get, delete, each a signed request of our own.

Not by obstore (0.12): of an answer that is no success it keeps no header, so neither the server's clock nor the
bucket's region, and gives the rest as a text to search; a TLS failure has no reason, a certificate no dates; and the
threads of its runtime stay when a run has ended.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.probe import Down, Readings
from exporter.probes import _net, _s3_errors, _s3_sign
from exporter.probes._http_exchange import Exchange
from exporter.probes._http_request import request
from exporter.probes._s3_sign import Keys
from exporter.probes._s3_url import Address
from exporter.probes._tls import TLS, Certificate

LARGEST = 8 << 20
"""Bytes of a page: 1,000 keys of 1,024 characters, each as many as three bytes, come to half of it."""
PAGE = 1000
"""Objects of a page; no server gives more."""
_SIZES = re.compile(rb"<Size>([0-9]{1,18})</Size>")


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing: how many objects, their bytes, and the token of the next page, '' after the last."""

    objects: int
    bytes: int
    token: str


@dataclass(frozen=True, slots=True)
class Login:
    """As whom, and for which region."""

    keys: Keys
    region: str
    tls: TLS | None
    clean: Callable[[str], str]
    """What a server said, without our secrets, and short."""


class Bucket:
    """`close` it whatever happens."""

    def __init__(
        self,
        out: Readings,
        address: Address,
        login: Login,
        show: Callable[[Certificate], None] | None = None,
        tell: Callable[[float], None] | None = None,
    ) -> None:
        self._out = out
        self._address = address
        self._login = login
        self._show = show
        self._tell = tell  # is told by how many seconds the server's clock is ahead
        self._transport: asyncio.Transport | None = None
        self._exchange: _Exchange | None = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._transport = self._exchange = None

    async def page(self, prefix: str, token: str = "", most: int = PAGE) -> Page:
        """Raises Down."""
        asked = {"list-type": "2", "max-keys": str(most), "prefix": prefix}
        if token:
            asked["continuation-token"] = token
        body = await self._ask("list", "GET", "", asked)
        if b"<ListBucketResult" not in body[:1024]:
            raise Down("protocol", f"{self._address.to.where}: what answers a listing is not S3")
        sizes = [int(size) for size in _SIZES.findall(body)]
        more = _s3_errors.element(body, "IsTruncated").strip().lower() == "true"
        after = _s3_errors.element(body, "NextContinuationToken")
        if more and (not after or after == token):
            raise Down("protocol", f"{self._address.to.where}: a listing goes on, but does not say where")
        return Page(len(sizes), sum(sizes), after if more else "")

    async def put(self, key: str, body: bytes) -> None:
        await self._ask("put", "PUT", key, {}, body)

    async def get(self, key: str) -> bytes:
        return await self._ask("get", "GET", key)

    async def delete(self, key: str) -> None:
        await self._ask("delete", "DELETE", key)

    async def _ask(
        self, phase: str, method: str, key: str, query: dict[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """The body of a success. Raises Down."""
        address, login = self._address, self._login
        transport, exchange = await self._ready()
        now = time.time()
        path, asked = address.path(key), _s3_sign.query(query or {})
        host = address.to.authority
        signature = _s3_sign.headers(method, host, path, asked, body, login.keys, login.region, now)
        target = f"{path}?{asked}" if asked else path
        head = request(method, target, host, [("Connection", "keep-alive"), *signature.items()], body)
        try:
            with self._out.phase(phase):
                transport.write(head + b"\r\n" + body)
                answer = await self._answer(exchange)
        except BaseException:
            self.close()
            raise
        if self._tell is not None and (ahead := _s3_errors.offset(exchange.headers, now)) is not None:
            self._tell(ahead)
        if not exchange.lasts:
            self.close()
        if 200 <= exchange.status < 300:
            return answer
        down = _s3_errors.failure(
            exchange.status, exchange.headers, answer, now, region=login.region, signed=bool(login.keys.access)
        )
        raise Down(down.reason, login.clean(f"{address.to.where}: {phase}: {down.detail}"))

    async def _ready(self) -> "tuple[asyncio.Transport, _Exchange]":
        """The connection there is, else a new one; with an exchange of its own for each request."""
        to, login = self._address.to, self._login
        if self._transport is not None and not self._transport.is_closing():
            self._exchange = _Exchange(to.where)
            self._transport.set_protocol(self._exchange)
        else:
            tls = (login.tls or TLS()) if to.scheme == "https" else None
            self._transport, self._exchange = await _net.connect(
                self._out, to.host, to.port, lambda: _Exchange(to.where), tls=tls, show=self._show
            )
        return self._transport, self._exchange

    async def _answer(self, exchange: "_Exchange") -> bytes:
        await exchange.head()
        try:
            return await exchange.end()
        except Down as down:
            if exchange.status < 300 or down.reason != "body_too_large":
                raise
            return b""  # the status says enough
        finally:
            # A connection that goes on never tells this one that it is over.
            exchange.connection_lost(None)


class _Exchange(Exchange):
    """Takes a body of one size after a success and of another after a failure."""

    def __init__(self, where: str) -> None:
        super().__init__(where, LARGEST, keep=True)
        self.lasts = False
        """Whether the connection can be asked again."""

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= 300:
            self._limit = _s3_errors.LARGEST
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.lasts = self._complete and bool(self._parser.should_keep_alive())
