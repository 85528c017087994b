"""One question to a name server, over UDP, TCP or TLS, and the answer to it that no other can pass for."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._dns_message import Malformed, Message, Query, parse, plain
from exporter.probes._lookup import resolve
from exporter.probes._tls import TLS, Certificate

REASONS = {
    "protocol": "What answers is no DNS message.",
    "mismatch": "What came answers another question, or has another id: late, forged, or a broken server.",
}
Transport = Literal["udp", "tcp", "tls"]
_ALPN = ("dot",)  # RFC 7858's, in IANA's registry


@dataclass(frozen=True, slots=True)
class Server:
    """A name server, and how to speak to it."""

    host: str
    port: int
    transport: Transport = "udp"
    tls: TLS | None = None

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


async def exchange(
    out: Readings, server: Server, query: Query, *, show: Callable[[Certificate], None] | None = None
) -> tuple[Message, bool]:
    """The answer, and whether it was truncated over UDP, and so asked for again over TCP. Raises Down.

    One datagram and no second: a lost one is an answer that never came. `show` is told the certificate of a server
    over TLS.
    """
    addresses = await resolve(out, server.host, server.port)
    if server.transport != "udp":
        return await _stream(out, server, query, addresses, show), False
    with out.phase("query"):
        message = await _datagrams(server, query, addresses)
    if not message.truncated:
        return message, False
    return await _stream(out, server, query, addresses, show), True


async def _datagrams(server: Server, query: Query, addresses: tuple[str, ...]) -> Message:
    address, where = addresses[0], server.where
    try:
        return await by_datagram(address, server.port, query, where)
    except Down as down:
        # One of each family, as _net does: a server that listens on 127.0.0.1 alone is up, though localhost is ::1.
        other = next((a for a in addresses[1:] if (":" in a) != (":" in address)), None)
        if other is None or down.reason not in ("refused", "unreachable"):
            raise
    return await by_datagram(other, server.port, query, where)


async def _stream(
    out: Readings,
    server: Server,
    query: Query,
    addresses: tuple[str, ...],
    show: Callable[[Certificate], None] | None,
) -> Message:
    tls = (server.tls or TLS()) if server.transport == "tls" else None
    transport, stream = await _net.connect(
        out,
        server.host,
        server.port,
        lambda: Stream(server.where),
        tls=tls,
        alpn=_ALPN if tls else (),
        show=show,
        addresses=addresses,
    )
    try:
        with out.phase("query"):
            return await by_stream(transport, stream, query, server.where)
    finally:
        transport.abort()


async def by_datagram(address: str, port: int, query: Query, where: str, *, source: str = "") -> Message:
    """The answer to one datagram. Raises Down; till it is cancelled it waits for the right one among wrong ones."""
    loop, id_ = asyncio.get_running_loop(), secrets.randbelow(1 << 16)
    # Connected, and so it hears the server alone; the system picks a port that can't be foretold.
    connected = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        connected.setblocking(False)
        if source:
            connected.bind((source, 0))
        connected.connect((address, port))
        transport, heard = await loop.create_datagram_endpoint(lambda: _Datagrams(where), sock=connected)
    except BaseException as error:
        connected.close()
        if isinstance(error, OSError):
            raise _net.failure(error, where) from None
        raise
    mismatch: Down | None = None
    try:
        transport.sendto(query.wire(id_))
        while True:
            try:
                return _read(await heard.next(), query, id_, where)
            except Down as down:
                if down.reason != "mismatch":
                    raise
                mismatch = down  # the right one may still come
    except asyncio.CancelledError:
        if mismatch is not None:  # the deadline passed, but it was not silence that it passed in
            raise mismatch from None
        raise
    finally:
        transport.abort()


async def by_stream(transport: asyncio.Transport, stream: "Stream", query: Query, where: str) -> Message:
    """The answer over a connection, which stays open. Raises Down."""
    id_ = secrets.randbelow(1 << 16)
    wire = query.wire(id_)
    transport.write(len(wire).to_bytes(2, "big") + wire)
    return _read(await stream.message, query, id_, where)


def _read(wire: bytes, query: Query, id_: int, where: str) -> Message:
    """The message, if it answers the query. Raises Down."""
    try:
        message = parse(wire)
        asked = parse(query.wire(id_)).questions
    except Malformed as error:
        raise Down("protocol", f"{where}: no DNS message: {error}"[:200]) from None
    if message.id != id_ or not message.response:
        raise Down("mismatch", f"{where}: the answer has another id than the question")
    if [(plain(name), *rest) for name, *rest in message.questions or asked] != [(plain(n), *r) for n, *r in asked]:
        raise Down("mismatch", f"{where}: the answer repeats another question than was asked")
    message.questions = asked  # a server that would not read it may have left it out
    return message


class _Datagrams(asyncio.DatagramProtocol):
    """Those of a connected socket; more than a few that wait are no answer to one question."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._heard: asyncio.Queue[bytes | Down] = asyncio.Queue(16)

    async def next(self) -> bytes:
        heard = await self._heard.get()
        if isinstance(heard, Down):
            raise heard
        return heard

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self._heard.full():
            self._heard.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if not self._heard.full():
            self._heard.put_nowait(_net.failure(exc, self._where))


class Stream(asyncio.Protocol):
    """One message, after two bytes that say its length (RFC 1035, 4.2.2)."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._received = bytearray()
        self.message: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if self.message.done():
            return
        self._received += data
        end = 2 + int.from_bytes(self._received[:2], "big")
        if len(self._received) >= max(end, 2):
            self.message.set_result(bytes(self._received[2:end]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.message.done():
            self.message.set_exception(_net.failure(exc, self._where))
            self.message.exception()  # nobody may be waiting for it yet, or any more
