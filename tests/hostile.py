"""Servers on loopback that do what a real one does only on its worst day: in threads, so that any loop can be probed."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Answer = Callable[[socket.socket, bytes], None]


@dataclass
class Hostile:
    """One that runs: where, and what it was sent on each connection."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/"


@contextlib.contextmanager
def serving(
    *answers: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", ask: bool = True, port: int = 0
) -> Iterator[Hostile]:
    """A server whose n-th connection gets the n-th answer, and later ones the last.

    An answer is given the connection and what was read from it: up to a blank line, or nothing with ask=False.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    running = Hostile(listener.getsockname()[1])
    threads: list[threading.Thread] = []
    open_now: set[socket.socket] = set()

    def converse(connection: socket.socket, answer: Answer) -> None:
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(open_now.discard, connection)
                stack.enter_context(connection)
                if tls is not None:
                    connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
                    open_now.add(connection)
                    stack.callback(open_now.discard, connection)
                request = b""
                while ask and b"\r\n\r\n" not in request:
                    if not (data := connection.recv(65536)):
                        break
                    request += data
                running.requests.append(request)
                answer(connection, request)
        except OSError:
            pass  # the probe has left, or the test is over

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if running.stopped.is_set():
                connection.close()
                return
            open_now.add(connection)
            answer = answers[min(running.connections, len(answers) - 1)]
            running.connections += 1
            thread = threading.Thread(target=converse, args=(connection, answer), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield running
    finally:
        running.stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname()[:2], 1).close()  # close() alone does not end accept()
        accepting.join(5)
        listener.close()
        for connection in list(open_now):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)


def mute(connection: socket.socket, request: bytes) -> None:
    """Never answers, until the other side leaves."""
    while connection.recv(65536):
        pass


def says(*parts: bytes) -> Answer:
    """Sends these and closes in good order."""

    def answer(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
        if not isinstance(connection, ssl.SSLSocket):
            connection.shutdown(socket.SHUT_WR)

    return answer


def holds(data: bytes) -> Answer:
    """Sends this and then nothing more."""

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(data)
        mute(connection, request)

    return answer


def drips(data: bytes, then: bytes, every: float = 0.05) -> Answer:
    """Sends this at once, and the rest a byte at a time, over and over."""

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(data)
        while True:
            for byte in then:
                connection.sendall(bytes([byte]))
                time.sleep(every)

    return answer


def resets(data: bytes = b"") -> Answer:
    """Sends this and resets the connection."""

    def answer(connection: socket.socket, request: bytes) -> None:
        if data:
            connection.sendall(data)
            time.sleep(0.05)  # a reset overtakes what was not read yet
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return answer


def floods(data: bytes, then: bytes) -> Answer:
    """Sends this, and the rest over and over at full speed."""

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(data)
        while True:
            connection.sendall(then)

    return answer


@contextlib.contextmanager
def full() -> Iterator[int]:
    """A port whose backlog is full, so that a new connection hears nothing."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(200):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


def unused() -> int:
    """A port at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def resolver(answer: Callable[..., object]) -> Iterator[None]:
    """Name resolution as `answer` has it: no name server of ours can be put below the C library without root."""
    real = socket.getaddrinfo
    socket.getaddrinfo = answer  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = real


def resolves(**addresses: str) -> Callable[..., object]:
    """To these addresses by name, where _ stands for a dot; to no other."""
    known = {name.replace("_", "."): address for name, address in addresses.items()}

    def answer(host: str, *args: object, **kwargs: object) -> object:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    return answer


def no_name_server(*args: object, **kwargs: object) -> object:
    """What the C library says after SERVFAIL, or when no name server answers."""
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
