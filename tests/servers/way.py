"""A way to servers over TCP, as a Service of Kubernetes is: a name that leads to one of them, and that can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65_536


class Way:
    """Leads each connection to the first of `ports` that takes it: to the same one for as long as that is there."""

    def __init__(self, listener: socket.socket, ports: tuple[int, ...]) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener, self._ports = listener, ports
        self._open: set[socket.socket] = set()
        self._whole = True

    def cut(self) -> None:
        """Nothing gets through from now on; what was under way is reset."""
        self._whole = False
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def lead(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = self._far() if self._whole else None
            if far is None:
                near.close()
                continue
            self._open |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _far(self) -> socket.socket | None:
        for port in self._ports:
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), 1.0)
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        source.settimeout(None)
        with suppress(OSError):
            while data := source.recv(PIECE):
                target.sendall(data)
        # The other direction's thread ends by this, and closes its own side.
        for connection in (source, target):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()


@contextmanager
def way(*ports: int) -> Iterator[Way]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        found = Way(listener, ports)
        thread = threading.Thread(target=found.lead)
        thread.start()
        try:
            yield found
        finally:
            found.cut()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
