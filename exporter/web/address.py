"""Listen addresses: `:9676`, `127.0.0.1:0`, `[::1]:9676`, `localhost:9676`, and the sockets they stand for."""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Sequence
from typing import Any

BACKLOG = 512
PORT_TRIES = 8
_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:\[\]/\s]*)):(?P<port>\d{1,5})")


def parse(text: str) -> tuple[str, int]:
    """Host ('' for every address) and port. Raises ValueError."""
    match = _FORM.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise ValueError(f"{text!r} is not a listen address, such as :9676, 127.0.0.1:9676 or [::1]:9676")
    return match["six"] or match["host"] or "", int(match["port"])


async def sockets(text: str) -> list[socket.socket]:
    """Bound sockets, not yet listening: of both families for every address (`:9676`, and `[::]:9676` as Go has it).

    Raises OSError, which names the address.
    """
    host, port = parse(text)
    try:
        if host and host != "::":
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            # All four parts of an IPv6 address: the last is the interface that a link-local one belongs to.
            return _bound(list(dict.fromkeys((family, address) for family, _, _, _, address in found)))
        return _everywhere(port)
    except socket.gaierror as error:
        raise OSError(error.errno, f"can't listen on {text}: {error.strerror}") from None
    except OSError as error:
        raise OSError(error.errno, f"can't listen on {text}: {os.strerror(error.errno or 0)}") from None


def _everywhere(port: int) -> list[socket.socket]:
    for last in range(PORT_TRIES - 1, -1, -1):
        (four,) = _bound([(socket.AF_INET, ("0.0.0.0", port))])
        try:
            return [four, *_bound([(socket.AF_INET6, ("::", four.getsockname()[1]))])]
        except OSError as error:
            # A container may have no IPv6 at all. A port that was chosen for IPv4 may be taken on IPv6: choose again.
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT):
                return [four]
            four.close()
            if port or error.errno != errno.EADDRINUSE or not last:
                raise
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _bound(addresses: Sequence[tuple[socket.AddressFamily, tuple[Any, ...]]]) -> list[socket.socket]:
    made: list[socket.socket] = []
    try:
        for family, address in addresses:
            made.append(listener := socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # One socket a family: whether one for both is allowed is the machine's setting, not ours.
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            # Listen at once: with SO_REUSEADDR, bind alone succeeds beside another that is bound but not listening.
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except BaseException:
        for listener in made:
            listener.close()
        raise
    return made
