"""A PostgreSQL server that says what a real one can't be made to say on demand."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.fakes.wire import Listener, drain, listener

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
CANCEL = struct.pack("!ii", 16, 80877102)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


def error(code: str, text: str) -> bytes:
    return message(b"E", b"SFATAL\0VFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0")


READY = (
    message(b"R", struct.pack("!i", 0))
    + message(b"S", b"server_version\x0018.6\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"K", struct.pack("!ii", 4711, 815))
    + message(b"Z", b"I")
)
"""A session is granted."""


@contextmanager
def pgwire(startup: Callable[[socket.socket], None] | bytes) -> Iterator[Listener]:
    """Declines TLS, reads the startup message, and then answers by `startup`; bytes are sent before closing."""

    def converse(connection: socket.socket, first: bytes) -> None:
        if first == SSL_REQUEST:
            connection.sendall(b"N")
            first = connection.recv(1 << 16)
        if first.startswith(CANCEL):
            return
        if isinstance(startup, bytes):
            connection.sendall(startup)
            connection.shutdown(socket.SHUT_WR)
            drain(connection)
        else:
            startup(connection)

    with listener(converse) as found:
        yield found


@contextmanager
def answering_tls(answer: bytes) -> Iterator[Listener]:
    """Answers the SSLRequest, and whatever comes after it, with `answer`."""

    def converse(connection: socket.socket, first: bytes) -> None:
        connection.sendall(answer[:1])
        connection.recv(1 << 16)
        connection.sendall(answer[1:])
        drain(connection)

    with listener(converse) as found:
        yield found
