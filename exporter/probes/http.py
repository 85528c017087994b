"""Does a web server answer as expected, within its time, and how long is its certificate good for?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from exporter.metric import counter, gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _http_expect, _net, _tls
from exporter.probes._body import encodings
from exporter.probes._http_exchange import Exchange
from exporter.probes._http_expect import Expect
from exporter.probes._http_proxy import authorization, tunnel
from exporter.probes._http_redirect import STATUSES, check, follow, literal, method_after
from exporter.probes._http_request import TOKEN, Target, basic, problem, request, target
from exporter.probes._lookup import resolve
from exporter.probes._threads import Lane
from exporter.probes._tls import TLS
from exporter.values import Secret, Size

STATUS = gauge("stack_http_status_code", "Status of the last response.", "component")
BYTES = gauge("stack_http_response_bytes", "Size of the body, decompressed.", "component")
REDIRECTS = gauge("stack_http_redirects", "Redirects followed by the last run.", "component")
FAILURES = counter(
    "stack_http_expectation_failures_total", "Responses that failed an expectation.", "component", "expectation"
)
NOT_BEFORE = gauge(
    "stack_http_certificate_not_before_timestamp_seconds", "From when on the certificate is valid.", "component"
)
NOT_AFTER = gauge("stack_http_certificate_not_after_timestamp_seconds", "When the certificate expires.", "component")
REMAINING = gauge(
    "stack_http_certificate_remaining_seconds", "Time until the certificate expires; negative after.", "component"
)
VERIFIED = gauge("stack_http_certificate_verified", "Whether the certificate was verified: 1 or 0.", "component")

ALPN = ("http/1.1",)
LIMIT = 1024 * 1024


class BasicAuth(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(description="The user.")]
    password: Annotated[Secret, Meta(description="The user's password.")]


@dataclass(frozen=True, slots=True)
class Hop:
    """One request: where it goes, how, and its bytes up to the blank line."""

    target: Target
    method: str
    tls: TLS | None
    head: bytes
    body: bytes
    ours: bool
    """Whether it is still at the configured origin; once it was not, credentials never come back."""
    addresses: tuple[str, ...] = ()
    """Where to connect, checked; empty for the configured target, which is not."""


class HTTP(Probe, kw_only=True, frozen=True):
    """Asks over HTTP/1.1, on a new connection each time."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        **_http_expect.REASONS,
        "protocol": "The answer is not HTTP/1.1.",
        "encoding": "The body's compression is unknown, corrupt or cut short.",
        "body_too_large": "The body, decompressed, is larger than body_limit.",
        "redirect": "More than 10 redirects, or one to what is not http(s), or that takes a body elsewhere.",
        "forbidden_address": "A redirect leads to a link-local address or a cloud's metadata.",
        "proxy": "The proxy did not open the way.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (_tls.expiry(REMAINING),)
    example: ClassVar[str] = """\
url: https://shop.example/health
headers: {x-key: "${SHOP_KEY}"}
expect: {status: [200], body: '"ok"', json: {workers: "workers > `0`"}}
"""

    url: Annotated[
        str,
        Meta(
            description="What to ask for: http or https; user:password@ becomes basic_auth.",
            examples=["https://shop.example/"],
        ),
    ]
    method: Annotated[str, Meta(description="Method of the request.")] = "GET"
    headers: Annotated[dict[str, Secret], Meta(description="Headers to send; never to another origin.")] = {}  # noqa: RUF012 - msgspec copies it
    body: Annotated[Secret | None, Meta(description="Body to send.")] = None
    basic_auth: Annotated[BasicAuth | None, Meta(description="Credentials for basic authentication.")] = None
    bearer_token: Annotated[Secret | None, Meta(description="Token for bearer authentication.")] = None
    tls: Annotated[TLS | None, Meta(description="How to do TLS with an https URL.")] = None
    proxy: Annotated[Secret | None, Meta(description="Proxy to go through: http://[user:password@]host:port.")] = None
    follow_redirects: Annotated[bool, Meta(description="Follow redirects, at most 10.")] = True
    body_limit: Annotated[Size, Meta(description="Most bytes of body to take, decompressed; at most 64MiB.")] = LIMIT
    expect: Annotated[Expect, Meta(description="What the last response must be.")] = Expect()

    def __post_init__(self) -> None:
        try:
            found = target(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        if found.credentials is not None:
            if self.basic_auth is not None:
                raise ValueError("url holds credentials, and so does basic_auth")
            user, password = found.credentials
            msgspec.structs.force_setattr(self, "url", found.url)
            msgspec.structs.force_setattr(self, "basic_auth", BasicAuth(username=user, password=Secret(password)))
        if self.basic_auth is not None and self.bearer_token is not None:
            raise ValueError("one of basic_auth and bearer_token")
        if not TOKEN.fullmatch(self.method) or self.method == "CONNECT":
            raise ValueError("method: expected a method such as GET, HEAD or POST")
        for name, value in self._headers.items():
            if wrong := problem(name, value):
                raise ValueError(f"headers: {wrong}")
        if self.tls is not None and found.scheme != "https":
            raise ValueError("tls needs a url that begins with https")
        if not 0 < self.body_limit <= 64 * LIMIT:
            raise ValueError("body_limit: expected 1B to 64MiB")
        if self.proxy is not None:
            try:
                way = target(self.proxy.reveal())
            except ValueError as error:
                raise ValueError(f"proxy: {error}") from None
            if way.scheme != "http":
                raise ValueError("proxy: only one that is spoken to over http")

    async def run(self, out: Readings) -> None:
        for name in self.expect.names:
            out.count(FAILURES, 0.0, name)  # a counter that is born at 1 has no increase
        hop, redirects = self._first, 0
        while True:
            exchange, body = await self._ask(out, hop)
            out.set(STATUS, exchange.status)
            out.set(REDIRECTS, redirects)
            location = exchange.header("location") if exchange.status in STATUSES else None
            if location is None or not self.follow_redirects:
                break
            redirects += 1
            hop = await self._next(out, hop, exchange.status, location, redirects)
        out.set(BYTES, exchange.body.size if exchange.body is not None else 0)
        failures = await self._failures(out, exchange, body)
        for name, _, _ in failures:
            out.count(FAILURES, 1.0, name)
        if failures:
            path = hop.target.asked.partition("?")[0]  # a query may hold a token
            told = "; ".join(detail for *_, detail in failures)
            raise Down(failures[0][1], f"{hop.target.authority}{path if path != '/' else ''}: {told}"[:200])

    async def _failures(self, out: Readings, exchange: Exchange, body: bytes) -> list[tuple[str, str, str]]:
        judge, found = self.expect.failures, (exchange.status, exchange.headers, body)
        if not self.expect.is_costly(exchange.headers, body):
            return judge(*found)
        try:
            return await self._lane.call(out.deadline, "judging a body", judge, *found)
        except Down as hung:
            raise Down("evaluation", f"{hung.detail}: this one has {len(body)} bytes") from None

    async def _ask(self, out: Readings, hop: Hop) -> tuple[Exchange, bytes]:
        to, limit = hop.target, self.body_limit

        def exchange() -> Exchange:
            return Exchange(to.where, limit, keep=self.expect.reads_body, headers_only=hop.method == "HEAD")

        show = _tls.dates(out, NOT_AFTER, REMAINING, NOT_BEFORE, VERIFIED)

        if self._proxy is None:
            transport, answer = await _net.connect(
                out, to.host, to.port, exchange, tls=hop.tls, alpn=ALPN, show=show, addresses=hop.addresses
            )
        elif hop.tls is None:
            transport, answer = await _net.connect(out, self._proxy.host, self._proxy.port, exchange)
        else:
            transport, answer = await tunnel(out, self._proxy, to, exchange, hop.tls, ALPN, show)
        try:
            trace = b"traceparent: %b\r\n" % out.traceparent.encode() if out.traceparent else b""
            transport.write(b"%b%b\r\n%b" % (hop.head, trace, hop.body))
            with out.phase("processing"):
                await answer.head()
            with out.phase("transfer"):
                return answer, await answer.end()
        finally:
            transport.abort()

    async def _next(self, out: Readings, hop: Hop, status: int, location: str, redirects: int) -> Hop:
        to = follow(location, hop.target, redirects)
        method = method_after(hop.method, status)
        body = hop.body if method == hop.method else b""
        if to.origin == hop.target.origin:
            return self._hop(to, method, body, ours=hop.ours, addresses=hop.addresses)
        if body:
            raise Down("redirect", f"{hop.target.where} sends the body on to {to.where}, which is another origin")
        # Through a proxy it is the proxy that resolves; forms of an address are refused all the same.
        addresses = literal(to.host) if self._proxy is not None else await resolve(out, to.host, to.port)
        check(addresses, to.where)
        return self._hop(to, method, b"", ours=False, addresses=addresses)

    def _hop(self, to: Target, method: str, body: bytes, *, ours: bool, addresses: tuple[str, ...] = ()) -> Hop:
        headers = {"Accept-Encoding": encodings()}
        if ours:
            headers |= self._headers
        asked = to.asked
        if self._proxy is not None and to.scheme == "http":
            asked, headers = to.url, headers | authorization(self._proxy)
        tls = None
        if to.scheme == "https":
            tls = self.tls or TLS()
            if not ours:  # another's name, and the client's certificate is a credential too
                tls = msgspec.structs.replace(tls, server_name="", cert_file="", key_file="")
        return Hop(to, method, tls, request(method, asked, to.authority, headers.items(), body), body, ours, addresses)

    @cached_property
    def _first(self) -> Hop:
        body = self.body.reveal().encode() if self.body is not None else b""
        return self._hop(target(self.url), self.method, body, ours=True)

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    @cached_property
    def _proxy(self) -> Target | None:
        return target(self.proxy.reveal()) if self.proxy is not None else None

    @cached_property
    def _headers(self) -> dict[str, str]:
        """Those of the configuration, credentials among them."""
        found = {}
        if self.basic_auth is not None:
            found["Authorization"] = basic(self.basic_auth.username, self.basic_auth.password.reveal())
        if self.bearer_token is not None:
            found["Authorization"] = f"Bearer {self.bearer_token.reveal()}"
        return found | {name: value.reveal() for name, value in self.headers.items()}
