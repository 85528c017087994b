"""Connects for asyncpg: once, in phases, with the TLS that sslmode asks for, and reads no more than it must.

asyncpg does its own connecting, in which `sslmode=prefer` (everybody's default) makes a second attempt after a refusal,
builds a TLS context every time (1.1 ms, more than the rest of a session) and buffers whatever length a message claims.
It takes a loop as an argument, though: it gets one whose `create_connection` is ours, and is told of no TLS.
"""

import asyncio
import re
import struct
from collections.abc import Callable
from typing import Any, cast

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._postgres_dsn import Target
from exporter.probes._postgres_scram import Refused, Scram
from exporter.probes._tls import Certificate

MOST = 4 << 20
"""Bytes that a run reads: a session with our queries takes about 3 kB."""
ROUNDS = 200_000
"""SCRAM's iterations that we compute, which stop the loop for 70 ms; PostgreSQL's default is 4096."""
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_FATAL = re.compile(rb"\0VFATAL\0C([0-9A-Z]{5})\0M([^\0]{0,400})\0")
_ROUNDS = re.compile(rb"r=[^,\0]+,s=[^,\0]+,i=(\d{1,12})")


class Unreached(OSError):  # noqa: N818 - an answer, as Down is
    """asyncpg goes on to the next host for an OSError, so an answer of ours travels as one."""

    def __init__(self, down: Down) -> None:
        super().__init__(down.detail)
        self.down = down


class Loop:
    """The running loop, except for how it connects."""

    def __init__(
        self, out: Readings, target: Target, password: str | None, show: Callable[[Certificate], None] | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        # Without one here asyncpg looks elsewhere (PGPASSWORD, .pgpass); and what SASLprep might change is left to it.
        self.password = password.encode() if password and password.isascii() and password.isprintable() else b""
        self.out = out
        self.target = target
        # What nobody verifies may well be expired, and reading its dates takes a library of 40 ms.
        self._show = show if target.tls and not target.tls.insecure_skip_verify else None
        self._peer: Any = None
        self._transport: asyncio.Transport | None = None
        self.began = 0.0
        """When the phase "session" began: the server has been reached."""
        self.where = ""
        self.made = False
        """Whether there is a session; what connects from then on is asyncpg's CancelRequest."""
        self.down: Down | None = None
        """Why the connection is gone, when that is known here."""
        self.fatal: tuple[str, str] | None = None
        """SQLSTATE and message of the error that ended the session: asyncpg drops those that come within a query."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], Any], host: str, port: int
    ) -> tuple[asyncio.Transport, Any]:
        if self.made:
            # In the clear also after TLS, as libpq did until 17: the key is worth nothing once the session is closed.
            return await self._loop.create_connection(factory, *self._peer[:2])
        self.where = f"{host}:{port}"
        target = self.target
        metered = Metered(self, factory)
        alpn = ("postgresql",)
        try:
            if target.tls is None:
                transport, _ = await _net.connect(self.out, host, port, lambda: metered)
            elif target.direct:
                transport, _ = await _net.connect(
                    self.out, host, port, asyncio.Protocol, tls=target.tls, alpn=alpn, show=self._show
                )
            else:
                transport, asked = await _net.connect(self.out, host, port, Asked)
                with self.out.phase("negotiation"):
                    willing = await self._ask(transport, asked)
                if willing:
                    again = self._again(transport.get_extra_info("peername"))
                    transport = await _net.secure(
                        self.out,
                        transport,
                        asked,
                        target.tls,
                        host,
                        self.where,
                        alpn=alpn,
                        show=self._show,
                        again=again,
                    )
        except Down as down:
            raise Unreached(down) from None
        self._transport, self._peer = transport, transport.get_extra_info("peername")
        self.began = self.out.begin("session")
        if target.tls is not None:
            metered.connection_made(transport)
            transport.set_protocol(metered)
        return transport, metered.inner

    async def create_unix_connection(self, factory: Callable[[], Any], path: str) -> tuple[asyncio.Transport, Any]:
        if self.made:
            return await self._loop.create_unix_connection(factory, path)
        self.where = path
        metered = Metered(self, factory)
        try:
            transport, _ = await _net.connect_unix(self.out, path, lambda: metered)
        except Down as down:
            raise Unreached(down) from None
        self._transport = transport
        self.began = self.out.begin("session")
        return transport, metered.inner

    def abort(self) -> None:
        """Close what is left: asyncpg's polite close of a refused TLS session can take half a minute."""
        if self._transport is not None:
            self._transport.abort()

    async def _ask(self, transport: asyncio.Transport, asked: "Asked") -> bool:
        """Whether the server takes TLS, and if not, whether that will do. Raises Down."""
        transport.write(_SSL_REQUEST)
        try:
            answer = await asked.answer
        except OSError as error:
            raise _net.failure(error, self.where) from None
        except asyncio.CancelledError:
            transport.abort()
            raise
        if answer == b"S":
            return True
        if answer == b"N" and not self.target.required:
            return False
        if not answer:
            raise _net.failure(None, self.where)
        transport.abort()
        if answer == b"N":
            raise Down("tls_refused", f"{self.where} declines TLS, which sslmode requires")
        # An error this early is not authenticated, and so not shown (CVE-2024-10977); more than the one byte would be
        # taken for what comes after the handshake (CVE-2021-23222).
        raise Down("protocol", f"{self.where} answered the request for TLS with neither S nor N")

    def _again(self, peer: Any) -> Callable[[], Any]:
        async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
            transport, asked = await self._loop.create_connection(Asked, *peer[:2])
            await self._ask(transport, asked)
            return transport, asked

        return again


class Asked(asyncio.Protocol):
    """Waits for the one byte that answers an SSLRequest (protocol, section SSL Session Encryption)."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data[:2])

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(b"")
        else:
            self.answer.set_exception(error)


class Metered(asyncio.Protocol):
    """Passes asyncpg's protocol what a PostgreSQL server may say, and ends the connection over anything else."""

    def __init__(self, loop: Loop, factory: Callable[[], Any]) -> None:
        self._loop = loop
        self._factory = factory
        self._bytes = 0
        self._scram = Scram(loop.password) if loop.password else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.inner = self._factory()
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if problem := self._problem(data):
            self._end(problem)
            return
        self._bytes += len(data)
        if self._scram is not None:
            try:
                data, answer = self._scram.receive(data)
            except Refused as error:
                self._end(str(error))
                return
            if answer:
                self._transport.write(answer)
            if self._scram.over:
                self._scram = None
        if self._loop.made and (found := _FATAL.search(data)):
            self._loop.fatal = found[1].decode(), found[2].decode(errors="replace")
        if data:
            self.inner.data_received(data)

    def _end(self, problem: str) -> None:
        self._loop.down = Down("protocol", f"{self._loop.where} {problem}")
        self._transport.abort()

    def _problem(self, data: bytes) -> str:
        # First comes Authentication, ErrorResponse, NoticeResponse or NegotiateProtocolVersion.
        if not self._bytes and data[0] not in b"RENv":
            return f"does not speak PostgreSQL's protocol: it begins with {data[:24]!r}"
        if self._bytes + len(data) > MOST:
            return f"sent more than {MOST} bytes"
        if not self._loop.made and (found := _ROUNDS.search(data)) and int(found[1]) > ROUNDS:
            return f"asks for {int(found[1])} rounds of SCRAM, more than {ROUNDS}"
        return ""

    def connection_lost(self, error: Exception | None) -> None:
        self._loop.down = self._loop.down or _net.failure(error, self._loop.where)
        self.inner.connection_lost(error)

    def eof_received(self) -> bool | None:
        return bool(self.inner.eof_received())

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
