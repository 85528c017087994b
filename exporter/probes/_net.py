"""Connects, once, in the clear or by TLS, and says in which of a few words that failed."""

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from exporter.probe import Down, Readings
from exporter.probes import _tls
from exporter.probes._lookup import resolve
from exporter.probes._tls import TLS, Certificate

REASONS: Mapping[str, str] = {
    "resolve": "The name does not exist, or has no address.",
    "nameserver": "The name servers failed, so whether the name exists is unknown.",
    "refused": "Nothing listens at the address.",
    "unreachable": "There is no way to the address: no route, a firewall, or no permission.",
    "reset": "The connection was reset.",
    "closed": "The other side closed the connection before it had answered.",
}
P = TypeVar("P", bound=asyncio.BaseProtocol)

_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ENOENT: "refused",  # a Unix socket's file
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
}


async def connect(
    out: Readings,
    host: str,
    port: int,
    factory: Callable[[], P],
    *,
    tls: TLS | None = None,
    alpn: tuple[str, ...] = (),
    show: Callable[[Certificate], None] | None = None,
    addresses: tuple[str, ...] = (),
) -> tuple[asyncio.Transport, P]:
    """A new connection, in the phases "resolve", "connect" and, with `tls`, "tls". Raises Down.

    The first address of each family is tried, never the same twice. `addresses` skips resolving, for a caller that
    has checked them. `show` is told the server's certificate, also when it does not pass verification. The protocol
    hears `connection_made` with the plain transport; with TLS the returned one takes its place.
    """
    out.where = where = f"{host}:{port}"
    addresses = addresses or await resolve(out, host, port)
    if tls is None:
        with out.phase("connect"):
            return (await _connect(addresses, port, factory, where))[:2]
    with out.phase("connect"):
        transport, early, address = await _connect(addresses, port, _Early, where)
    if early.spoke:
        transport.abort()
        raise Down("tls_plaintext", f"{where} speaks before it is spoken to, which is not TLS")

    async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        return await asyncio.get_running_loop().create_connection(asyncio.Protocol, address, port)

    protocol = factory()
    protocol.connection_made(transport)
    return await secure(out, transport, protocol, tls, host, where, alpn=alpn, show=show, again=again), protocol


async def connect_unix(out: Readings, path: str, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """The same to a Unix socket."""
    out.where = path
    with out.phase("connect"):
        try:
            return await asyncio.get_running_loop().create_unix_connection(factory, path)
        except OSError as error:
            raise failure(error, path) from None


async def secure(
    out: Readings,
    transport: asyncio.Transport,
    protocol: asyncio.BaseProtocol,
    tls: TLS,
    host: str,
    where: str,
    *,
    alpn: tuple[str, ...] = (),
    show: Callable[[Certificate], None] | None = None,
    again: Callable[[], Awaitable[tuple[asyncio.Transport, asyncio.BaseProtocol]]] | None = None,
) -> asyncio.Transport:
    """Make a connection a TLS one, in the phase "tls"; on failure it is closed. Raises Down.

    `again` connects anew: OpenSSL gives no certificate of a handshake that it refused, so a second one, which verifies
    nothing and carries nothing, is made to show its dates.
    """
    name = tls.server_name or host
    with out.phase("tls"):
        try:
            upgraded = await _tls.handshake(transport, protocol, tls.context(alpn), name)
        except OSError as error:
            transport.abort()
            down = failure(error, where)
            if show is not None and again is not None and isinstance(error, ssl.SSLCertVerificationError):
                await _show_refused(tls, name, show, again)
            raise down from None
        except BaseException:
            transport.abort()
            raise
    if show is not None and (found := _tls.certificate(upgraded.get_extra_info("ssl_object"))):
        show(found)
    return upgraded


def failure(error: BaseException | None, where: str) -> Down:
    """The answer that a lost connection amounts to: an OSError, or what a protocol's connection_lost was told."""
    if error is None:
        return Down("closed", f"{where} closed the connection")
    if down := _tls.failure(error, where):
        return down
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, ConnectionError) and code is None:  # asyncio's way to say that the handshake met an end
        return Down("closed", f"{where} closed the connection in the TLS handshake")
    return Down(_WORDS.get(code or 0, "unreachable"), f"{where}: {os.strerror(code) if code else type(error).__name__}")


async def _connect(
    addresses: tuple[str, ...], port: int, factory: Callable[[], P], where: str
) -> tuple[asyncio.Transport, P, str]:
    loop, address = asyncio.get_running_loop(), addresses[0]
    try:
        return *await loop.create_connection(factory, address, port), address
    except OSError as error:
        # One of each family: a server that listens on 127.0.0.1 alone is up, though localhost is ::1 first.
        other = next((a for a in addresses[1:] if (":" in a) != (":" in address)), None)
        if other is None:
            raise failure(error, where) from None
    try:
        return *await loop.create_connection(factory, other, port), other
    except OSError as error:
        raise failure(error, where) from None


async def _show_refused(
    tls: TLS,
    name: str,
    show: Callable[[Certificate], None],
    again: Callable[[], Awaitable[tuple[asyncio.Transport, asyncio.BaseProtocol]]],
) -> None:
    transport = None
    try:
        transport, protocol = await again()
        transport = await _tls.handshake(transport, protocol, tls.context(verify=False), name)
        if found := _tls.certificate(transport.get_extra_info("ssl_object")):
            show(found)
    except (OSError, Down, asyncio.CancelledError):
        return  # the caller raises at once what is wrong with the certificate, which is the better answer
    finally:
        if transport is not None:
            transport.abort()


class _Early(asyncio.Protocol):
    """Hears what comes between the connection and the handshake, where a TLS server is silent."""

    spoke = False

    def data_received(self, _: bytes) -> None:
        self.spoke = True
