"""The addresses of a name, asked of the system in threads of our own."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from queue import SimpleQueue

from exporter.probe import Down, Readings


async def resolve(out: Readings, host: str, port: int = 0) -> tuple[str, ...]:
    """Its addresses in the system's order of preference, in the phase "resolve". Raises Down."""
    if is_address(host):
        return (host,)
    with out.phase("resolve"):
        try:
            return await addresses(host)
        except socket.gaierror as error:
            unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            where = f"{host}:{port}" if port else host
            raise Down("resolve" if unknown else "nameserver", f"{where}: {error.strerror}"[:200]) from None
        except (UnicodeError, OSError) as error:  # a label of more than 63 letters, an empty one
            raise Down("resolve", f"{host[:100]!r} can't be resolved: {error}"[:200]) from None


async def addresses(host: str) -> tuple[str, ...]:
    """The addresses of a name. Raises socket.gaierror, OSError and UnicodeError."""
    # Shielded: others may be waiting for the same lookup, and a thread in getaddrinfo can't be stopped anyway.
    return await asyncio.shield(asyncio.wrap_future(_lookups.ask(host)))


def is_address(host: str) -> bool:
    """Whether it is an address as it stands. Odd forms such as 2130706433 are not, and go through the resolver."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return "%" in host and is_address(host.partition("%")[0])


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
