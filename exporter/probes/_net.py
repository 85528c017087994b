"""Resolves a name and connects to it, once, and says in which of a few words that failed."""

import asyncio
import errno
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from exporter.probe import Down, Readings
from exporter.probes import _tls
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


async def resolve(out: Readings, host: str, port: int = 0) -> tuple[str, ...]:
    """Its addresses in the system's order of preference, in the phase "resolve". Raises Down."""
    if is_address(host):
        return (host,)
    with out.phase("resolve"):
        try:
            # Shielded: others may be waiting for the same lookup, and a thread in getaddrinfo can't be stopped anyway.
            return await asyncio.shield(asyncio.wrap_future(_lookups.ask(host)))
        except socket.gaierror as error:
            unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            where = f"{host}:{port}" if port else host
            raise Down("resolve" if unknown else "nameserver", f"{where}: {error.strerror}"[:200]) from None
        except (UnicodeError, OSError) as error:  # a label of more than 63 letters, an empty one
            raise Down("resolve", f"{host[:100]!r} can't be resolved: {error}"[:200]) from None


def is_address(host: str) -> bool:
    """Whether it is an address as it stands. Odd forms such as 2130706433 are not, and go through the resolver."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return "%" in host and is_address(host.partition("%")[0])


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
    addresses = addresses or await resolve(out, host, port)
    where = f"{host}:{port}"
    with out.phase("connect"):
        transport, protocol, address = await _connect_first(addresses, port, factory, where)
    if tls is None:
        return transport, protocol

    async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        return await _connect(address, port, asyncio.Protocol)

    return await secure(out, transport, protocol, tls, host, where, alpn=alpn, show=show, again=again), protocol


async def connect_unix(out: Readings, path: str, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """The same to a Unix socket."""
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


async def _connect(address: str, port: int, factory: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    return await asyncio.get_running_loop().create_connection(factory, address, port)


async def _connect_first(
    addresses: tuple[str, ...], port: int, factory: Callable[[], P], where: str
) -> tuple[asyncio.Transport, P, str]:
    # One of each family: a server that listens on 127.0.0.1 alone is up, though localhost is ::1 first.
    other = next((a for a in addresses[1:] if (":" in a) != (":" in addresses[0])), None)
    try:
        return *await _connect(addresses[0], port, factory), addresses[0]
    except OSError as error:
        if other is None:
            raise failure(error, where) from None
    try:
        return *await _connect(other, port, factory), other
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


class _Lookups:
    """Threads of our own for getaddrinfo, which can hang for half a minute and can't be stopped.

    Each name has at most one under way, so that a component whose name server is mute holds one thread and no more;
    the loop's default pool stays free. They are daemons: an exit does not wait for them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads = 0
        self._idle = 0
        self._lock = threading.Lock()
        self._pending: dict[str, Future[tuple[str, ...]]] = {}
        self._asked: SimpleQueue[tuple[str, Future[tuple[str, ...]]]] = SimpleQueue()

    def ask(self, host: str) -> "Future[tuple[str, ...]]":
        with self._lock:
            if found := self._pending.get(host):
                return found
            answer = self._pending[host] = Future()
            self._asked.put((host, answer))
            if self._idle < self._asked.qsize() and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name="resolve", daemon=True).start()
        return answer

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            host, answer = self._asked.get()
            with self._lock:
                self._idle -= 1
            addresses: tuple[str, ...] = ()
            error: Exception | None = None
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
            except Exception as raised:  # noqa: BLE001 - whatever it is, who asked is told
                error = raised
            with self._lock:
                del self._pending[host]
            if error is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(error)


_lookups = _Lookups(32)
