"""Memcached 1.6, from Debian's package (mark such tests `debian`): 20 ms to start."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Server


class Memcached(Server):
    """`address` is 127.0.0.1:port, or the path given with -s."""

    path = ""
    stop_signal = signal.SIGKILL  # it keeps nothing, and takes a second to end by SIGTERM

    @property
    def address(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def ready(self) -> bool:
        self.connect().close()
        return True

    def connect(self) -> socket.socket:
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout=5)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(self.path)
        except OSError:
            sock.close()
            raise
        return sock

    def call(self, request: bytes, end: bytes = b"\r\n") -> bytes:
        """Send it on a connection of its own and return what comes, up to `end`."""
        with self.connect() as sock:
            sock.settimeout(5)
            sock.sendall(request)
            answer = b""
            while not answer.endswith(end):
                if not (data := sock.recv(1 << 16)):
                    break
                answer += data
            return answer


@contextmanager
def memcached(*args: str) -> Iterator[Memcached]:
    """A memcached of its own with these flags, with two threads and without UDP."""
    program = shutil.which("memcached")
    assert program, "memcached is not installed: make packages"
    with tempfile.TemporaryDirectory(prefix="memcached-") as made:
        port = free_port()
        # Without -u it refuses to run as root.
        command = [program, "-U", "0", "-t", "2", *(["-u", "root"] if os.geteuid() == 0 else []), *args]
        if "-s" not in args:
            command += ["-l", "127.0.0.1", "-p", str(port)]
        server = Memcached("memcached", command, port, Path(made), url=f"127.0.0.1:{port}")
        if "-s" in args:
            server.path = args[args.index("-s") + 1]
        with server:
            yield server
