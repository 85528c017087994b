"""One question to a name server, over UDP, TCP or TLS, and the answer to it that no other can pass for."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._lookup import resolve
from exporter.probes._tls import TLS, Certificate

if TYPE_CHECKING:
    from dns.message import Message

Transport = Literal["udp", "tcp", "tls"]
ALPN = ("dot",)  # RFC 7858 and IANA's registry
LARGEST = 65535
_HEADER = 12


@dataclass(frozen=True, slots=True)
class Server:
    """A name server, and how to speak to it; `addresses` skips resolving its name."""

    host: str
    port: int
    transport: Transport = "udp"
    tls: TLS | None = None
    show: Callable[[Certificate], None] | None = None
    """Told the certificate of a server over TLS."""
    addresses: tuple[str, ...] = ()
    source: str = ""
    """The address to ask from."""

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """`size`: bytes of the message. `truncated`: whether the answer over UDP was cut short."""

    message: "Message"
    size: int
    truncated: bool


async def exchange(out: Readings, server: Server, query: "Message", *, over_tcp: bool = True) -> Answer:
    """The answer to a query, truncated ones asked for again over TCP unless that is unwanted. Raises Down.

    One datagram, or one connection: a lost datagram is an answer that never came.
    """
    addresses = server.addresses or await resolve(out, server.host, server.port)
    if server.transport != "udp":
        return await _by_stream(out, server, query, addresses)
    answer = await _by_datagram(out, server, query, addresses)
    if not answer.truncated or not over_tcp:
        return answer
    whole = await _by_stream(out, server, query, addresses)
    return Answer(whole.message, whole.size, truncated=True)


async def _by_datagram(out: Readings, server: Server, query: "Message", addresses: tuple[str, ...]) -> Answer:
    wire = query.to_wire()
    other = next((a for a in addresses[1:] if (":" in a) != (":" in addresses[0])), None)
    try:
        return await _datagram(out, server, query, wire, addresses[0])
    except Down as down:
        # One of each family, as _net does: a server that listens on 127.0.0.1 alone is up, though localhost is ::1.
        if other is None or down.reason not in ("refused", "unreachable"):
            raise
    return await _datagram(out, server, query, wire, other)


async def _datagram(out: Readings, server: Server, query: "Message", wire: bytes, address: str) -> Answer:
    loop = asyncio.get_running_loop()
    source = (server.source, 0) if server.source else None
    try:
        transport, heard = await loop.create_datagram_endpoint(
            _Datagrams, source, (address, server.port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )
    except OSError as error:
        raise _net.failure(error, server.where) from None
    wrong = ""
    try:
        transport.sendto(wire)
        with out.phase("query"):
            while True:
                data = await heard.next(server.where)
                try:
                    return _read(data, query, server.where)
                except Down as down:
                    if down.reason != "mismatch":
                        raise
                    wrong = down.detail  # a late one, or a forged one: the right one may still come
    except asyncio.CancelledError:
        if wrong:  # the deadline passed, but it was not silence that it passed in
            raise Down("mismatch", wrong) from None
        raise
    finally:
        transport.abort()


async def _by_stream(out: Readings, server: Server, query: "Message", addresses: tuple[str, ...]) -> Answer:
    tls = (server.tls or TLS()) if server.transport == "tls" else None
    transport, stream = await _net.connect(
        out,
        server.host,
        server.port,
        lambda: _Stream(server.where),
        tls=tls,
        alpn=ALPN if tls else (),
        show=server.show,
        addresses=addresses,
    )
    try:
        wire = query.to_wire(max_size=LARGEST)
        transport.write(len(wire).to_bytes(2, "big") + wire)
        with out.phase("query"):
            return _read(await stream.message, query, server.where)
    finally:
        transport.abort()


def _read(data: bytes, query: "Message", where: str) -> Answer:
    """The message, if it is the answer to the query. Raises Down."""
    from dns.exception import DNSException  # noqa: PLC0415
    from dns.message import from_wire  # noqa: PLC0415

    if len(data) < _HEADER:
        raise Down("protocol", f"{where}: {len(data)} bytes are no DNS message")
    if int.from_bytes(data[:2], "big") != query.id or not data[2] & 0x80:
        raise Down("mismatch", f"{where}: an answer with another id than the question's")
    truncated = bool(data[2] & 0x02)
    try:
        with _quiet():
            message = from_wire(data, ignore_trailing=True, continue_on_error=truncated)
    except (DNSException, ValueError, OverflowError) as error:
        raise Down("protocol", f"{where}: not a DNS message: {error or type(error).__name__}"[:200]) from None
    if message.question != query.question and (message.question or not message.rcode()):
        # What can't parse a question, or is refused before that, may leave it out (RFC 1035, 4.1.1).
        raise Down("mismatch", f"{where}: an answer to another question")
    return Answer(message, len(data), truncated)
