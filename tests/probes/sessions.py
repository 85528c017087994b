"""A session with a real PostgreSQL that a test holds open: bare protocol, trust authentication, simple queries."""

import socket
import struct
from contextlib import closing
from urllib.parse import urlsplit


class Session:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=10)
        names = f"user\0{parts.username}\0database\0{parts.path[1:]}\0\0".encode()
        self._socket.sendall(struct.pack("!ii", 8 + len(names), 3 << 16) + names)
        self._until_ready()

    def query(self, sql: str) -> None:
        self.send(sql)
        self._until_ready()

    def send(self, sql: str) -> None:
        """Do not wait for the answer."""
        body = sql.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", 4 + len(body)) + body)

    def close(self) -> None:
        self._socket.close()

    def _until_ready(self) -> None:
        with closing(self._socket.makefile("rb")) as stream:
            while True:
                kind, size = struct.unpack("!ci", stream.read(5))
                body = stream.read(size - 4)
                assert kind != b"E", body
                if kind == b"Z":
                    return
