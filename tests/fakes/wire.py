"""A listener on a free loopback port that does to each connection what a test says."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Listener:
    port: int
    connections: list[bytes] = field(default_factory=list)
    """The first read of each connection so far."""


@contextmanager
def listener(converse: Callable[[socket.socket, bytes], None], *, greets: bool = False) -> Iterator[Listener]:
    """`converse` gets a connection and what was read of it first (nothing, when it `greets`); then it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Listener(server.getsockname()[1])
        ended = threading.Event()
        threads = []

        def serve(connection: socket.socket) -> None:
            with connection:
                connection.settimeout(10)
                try:
                    first = b"" if greets else connection.recv(1 << 16)
                    found.connections.append(first)
                    converse(connection, first)
                except OSError:
                    return  # the other side has gone, which is often the point

        def accept() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield found
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", found.port)).close()
            accepting.join(5)


def drain(connection: socket.socket) -> bytes:
    """Answer nothing, and return what comes until the other side closes."""
    came = b""
    while data := connection.recv(1 << 16):
        came += data
    return came


def reset(connection: socket.socket) -> None:
    """Close by RST: what SO_LINGER with no time to linger does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
