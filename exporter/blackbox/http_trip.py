"""From a request of the prober `http` to the response that counts: connections, TLS, a proxy, redirects."""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exporter.blackbox import http2, tls
from exporter.blackbox.access import Forbidden
from exporter.blackbox.address import resolve
from exporter.blackbox.connection import Wire, connected, failed
from exporter.blackbox.exchange import Early, Exchange, Response
from exporter.blackbox.family import gauge
from exporter.blackbox.http_request import Hop, Wanted, leads_to, method_after, same_host
from exporter.blackbox.http_settings import HTTPSettings
from exporter.blackbox.run import Failed, Run
from exporter.probes._body import Body
from exporter.probes._http_request import Target, basic, target

PHASE = gauge("probe_http_duration_seconds", "Duration of http request by phase, summed over all redirects", "phase")
MOST = 10
"""Redirects that are followed."""
STATUSES = frozenset((301, 302, 303, 307, 308))
KEPT = 10 * 1024 * 1024
"""Bytes of a body that is looked at, unless body_size_limit says otherwise; what nobody looks at has no limit."""
UNLIMITED = 1 << 62


@dataclass(slots=True)
class Trip:
    """What the requests of a run share."""

    run: Run
    settings: HTTPSettings
    wanted: Wanted
    first: Target
    """The target as it was given."""
    redirects: int = 0
    transport: asyncio.Transport | Wire | None = None
    """Of the response that counts."""
    over_tls: bool = False
    _cookies: Any = None
    _proxy: Target | None = field(init=False)

    def __post_init__(self) -> None:
        self._proxy = target(self.settings.proxy_url.reveal()) if self.settings.proxy_url else None

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    async def response(self, hop: Hop) -> tuple[Response, bool]:
        """The response whose headers are there, and whether its body is wanted. Raises Failed and TimeoutError."""
        while True:
            answer = await self._ask(hop)
            location = next(iter(answer.values(b"location")), "")
            if answer.status not in STATUSES or not location:
                return answer, True
            self.redirects += 1
            self.run.info("Received redirect", location=location)
            if self.redirects > MOST or not self.settings.follows:
                self.run.info("Not following redirect")
                return answer, False
            self.close()
            hop = await self._next(hop, answer, location)

    async def _ask(self, hop: Hop) -> Response:
        run, settings = self.run, self.settings
        keep = bool(settings.matching or settings.not_matching)
        limit = settings.limit or (KEPT if keep else UNLIMITED)
        compression = settings.compression.lower()
        body = Body(compression, limit, hop.authority, keep=keep)
        answer = Response(body, compressed=compression not in ("", "identity"), method=hop.method)
        run.debug("Making HTTP request", url=hop.to.url, host=hop.authority)
        got = 0.0
        try:
            async with asyncio.timeout_at(run.deadline):
                got = await self._open(hop, answer)
                await answer.head()
        finally:
            if got and answer.began:
                run.add(PHASE, answer.began - got, "processing")
        run.debug("Received HTTP response", status_code=answer.status)
        return answer

    async def _open(self, hop: Hop, answer: Response) -> float:
        """Connect and send the request; when the connection was there."""
        began = time.monotonic()
        sock = await self._connect(hop)
        extra = self._cookie(hop)
        if hop.to.scheme == "https":
            return await self._open_tls(sock, hop, answer, extra, began)
        got = time.monotonic()
        self.run.add(PHASE, got - began, "connect")
        self.transport, self.over_tls = Wire(sock, Exchange(answer)), False
        asked = hop.to.asked
        if self._proxy is not None:
            asked = hop.to.url
            extra = [*extra, *_authorization(self._proxy)]
        self.transport.write(self.wanted.request(hop, asked, extra))
        return got

    async def _open_tls(
        self, sock: socket.socket, hop: Hop, answer: Response, extra: list[tuple[str, str]], began: float
    ) -> float:
        run = self.run
        transport, early = await asyncio.get_running_loop().create_connection(Early, sock=sock)
        self.transport = transport
        if self._proxy is not None:
            early = await self._tunnel(transport, hop)
        connected = time.monotonic()
        config = self.settings.tls_config
        if not hop.ours:  # another's name; and the client's certificate is a credential too
            config = msgspec.structs.replace(config, server_name="", cert_file="", key_file="")
        alpn = ("h2", "http/1.1") if self.settings.enable_http2 and http2.installed() else ("http/1.1",)
        transport = await tls.handshake(run, transport, early, config, hop.name, alpn)
        self.transport, self.over_tls = transport, True
        got = time.monotonic()
        run.add(PHASE, got - connected, "tls")
        run.add(PHASE, connected - began, "connect")
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
            second = http2.Exchange2(answer)
            early.give(transport, second)
            second.send(hop, self.wanted.headers(hop, extra), self.wanted.body if hop.with_body else b"")
        else:
            early.give(transport, Exchange(answer))
            transport.write(self.wanted.request(hop, hop.to.asked, extra))
        return got

    async def _connect(self, hop: Hop) -> socket.socket:
        if self._proxy is not None:
            addresses: tuple[str, ...] = await resolve(self.run, self._proxy.host)
            port = self._proxy.port
        else:
            addresses, port = (hop.address, *hop.others), hop.to.port
        # One of each family: a server that listens on 127.0.0.1 alone is up, though localhost is ::1 first.
        other = next((a for a in addresses[1:] if (":" in a) != (":" in addresses[0])), None)
        try:
            return await connected(addresses[0], port, None, self.run.deadline)
        except OSError as error:
            if other is None or isinstance(error, TimeoutError):
                raise failed(error, "Error for HTTP request") from None
        try:
            return await connected(other, port, None, self.run.deadline)
        except OSError as error:
            raise failed(error, "Error for HTTP request") from None

    async def _tunnel(self, transport: asyncio.Transport, hop: Hop) -> Early:
        """Have the proxy connect to the target (RFC 9110, 9.3.6); the protocol of what follows."""
        assert self._proxy is not None  # noqa: S101 - the caller has asked
        opening = Response(Body("", KEPT, hop.authority, keep=False), compressed=False, method="HEAD")
        transport.set_protocol(Exchange(opening))
        to = f"{f'[{hop.to.host}]' if ':' in hop.to.host else hop.to.host}:{hop.to.port}"
        lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}"]
        given = [(name, text.reveal()) for name, texts in self.settings.proxy_connect_header.items() for text in texts]
        lines += [f"{name}: {value}" for name, value in (*_authorization(self._proxy), *given)]
        transport.write("\r\n".join((*lines, "\r\n")).encode("utf-8", "surrogateescape"))
        await opening.head()
        if opening.status != 200:
            raise Failed("Error for HTTP request", err=f"the proxy answered CONNECT with status {opening.status}")
        early = Early()
        transport.set_protocol(early)
        return early

    async def _next(self, hop: Hop, answer: Response, location: str) -> Hop:
        to, absolute = leads_to(location, hop.to)
        self._keep_cookies(hop, answer)
        method, with_body = method_after(hop.method, answer.status)
        if not absolute:
            self.run.add(PHASE, 0.0, "resolve")
            return Hop(
                to, hop.address, hop.authority, hop.name, method, hop.ours, hop.with_body and with_body, hop.others
            )
        ours = same_host(self.first, to)
        if with_body and hop.with_body and self.wanted.body and not ours:
            raise Failed("Error for HTTP request", err="a redirect sends the body on to another host")
        began = time.monotonic()
        try:
            if self._proxy is not None:
                self.run.access.check_name(to.host)
                addresses: tuple[str, ...] = ("",)
            else:
                addresses = await resolve(self.run, to.host)
                for address in addresses:
                    self.run.access.check(to.host, address)
        except Forbidden as forbidden:
            raise Failed("Error for HTTP request", err=f"a redirect leads to what is not asked: {forbidden}") from None
        self.run.add(PHASE, time.monotonic() - began, "resolve")
        return Hop(to, addresses[0], to.authority, to.host, method, ours, hop.with_body and with_body, addresses[1:])

    def _keep_cookies(self, hop: Hop, answer: Response) -> None:
        given = answer.values(b"set-cookie")
        if not given:
            return
        from aiohttp import CookieJar  # noqa: PLC0415 - for the few that set some
        from yarl import URL  # noqa: PLC0415

        if self._cookies is None:
            self._cookies = CookieJar(unsafe=True)
        self._cookies.update_cookies_from_headers(given[:50], URL(hop.to.url))

    def _cookie(self, hop: Hop) -> list[tuple[str, str]]:
        if self._cookies is None:
            return []
        from yarl import URL  # noqa: PLC0415

        found = self._cookies.filter_cookies(URL(hop.to.url))
        return (
            [("Cookie", "; ".join(f"{name}={morsel.coded_value}" for name, morsel in found.items()))] if found else []
        )


def _authorization(proxy: Target) -> list[tuple[str, str]]:
    return [("Proxy-Authorization", basic(*proxy.credentials))] if proxy.credentials is not None else []
