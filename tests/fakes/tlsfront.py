"""TLS in front of a real server: the builds that come as wheels have none."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from tests import hostile


@contextlib.contextmanager
def before(
    port: int, context: ssl.SSLContext, agree: Callable[[socket.socket], None] = lambda connection: None
) -> Iterator[hostile.Hostile]:
    """Ends TLS and passes what is said to and from `port`; `agree` is what comes before the handshake."""

    def converse(connection: socket.socket, _: bytes) -> None:
        agree(connection)
        with (
            context.wrap_socket(connection, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            back = threading.Thread(target=_pump, args=(server, secure), daemon=True)
            back.start()
            _pump(secure, server)
            back.join(5)

    with hostile.serving(converse, ask=False) as running:
        yield running


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sink, socket.SHUT_WR)
