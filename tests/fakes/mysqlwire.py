"""A MySQL server that says what a real one can't be made to say on demand, or that is of a version there is none of here."""

import contextlib
import select
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests import hostile

LONG_PASSWORD, WITH_DB, PROTOCOL_41, SSL, TRANSACTIONS = 1, 8, 0x200, 0x800, 0x2000
SECURE, MULTI_RESULTS, PLUGIN_AUTH, LENENC_AUTH = 0x8000, 0x20000, 0x80000, 0x200000
CAPABILITIES = LONG_PASSWORD | WITH_DB | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI_RESULTS | PLUGIN_AUTH | LENENC_AUTH
QUIT = b"\x01"
Table = tuple[Sequence[str], Sequence[Sequence[object]]]


def packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def greeting(version: str = "8.4.2", *, also: int = 0, plugin: bytes = b"caching_sha2_password") -> bytes:
    """HandshakeV10; `also` are further capabilities."""
    low, high = (CAPABILITIES | also) & 0xFFFF, (CAPABILITIES | also) >> 16
    return packet(
        0,
        b"\x0a" + version.encode() + b"\0" + struct.pack("<I", 4711) + b"saltsalt\0"
        + struct.pack("<HBHHB", low, 45, 2, high, 21) + bytes(10) + b"saltsaltsalt\0" + plugin + b"\0",
    )  # fmt: skip


def refusal(number: int, code: int, said: str, state: str = "HY000") -> bytes:
    """ERR_Packet; without a state, as before the handshake."""
    mark = f"#{state}".encode() if state else b""
    return packet(number, b"\xff" + struct.pack("<H", code) + mark + said.encode())


def ok(number: int) -> bytes:
    return packet(number, b"\0\0\0\2\0\0\0")


def rows(columns: Sequence[str], found: Sequence[Sequence[object]]) -> bytes:
    """A text result set: all columns are VARCHARs in utf8mb4."""
    parts = [bytes([len(columns)])]
    for name in columns:
        fixed = struct.pack("<HIBHBxx", 45, 1024, 253, 0, 0)
        parts.append(_text("def") + _text("") * 3 + _text(name) + _text(name) + b"\x0c" + fixed)
    parts.append(b"\xfe\0\0\2\0")
    parts += [b"".join(b"\xfb" if value is None else _text(str(value)) for value in row) for row in found]
    parts.append(b"\xfe\0\0\2\0")
    return b"".join(packet(number & 0xFF, part) for number, part in enumerate(parts, 1))


def _text(value: str) -> bytes:
    raw = value.encode()
    return (bytes([len(raw)]) if len(raw) < 251 else b"\xfc" + struct.pack("<H", len(raw))) + raw


@contextlib.contextmanager
def mysqlwire(
    answers: Mapping[str, Table | bytes] | None = None, *, version: str = "8.4.2", login: bytes = b""
) -> Iterator[hostile.Hostile]:
    """Grants a session, with a password by caching_sha2_password's fast way, or answers the login with `login`.

    A statement gets the answer whose key it contains, and OK when there is none. Its `requests` are the statements, and QUIT.
    """

    def converse(connection: socket.socket, _: bytes) -> None:
        connection.sendall(greeting(version))
        _, _, proof = _read(connection)[32:].partition(b"\0")
        if not proof:
            return  # the client left before it logged in
        connection.sendall(login or (packet(2, b"\x01\x03") + ok(3) if proof[0] else ok(2)))
        while payload := _read(connection):
            running.requests.append(payload[1:] if payload != QUIT else QUIT)
            if payload == QUIT:
                return
            connection.sendall(_answer(payload[1:].decode(), answers or {}))

    with hostile.serving(converse, ask=False) as running:
        yield running


def _answer(statement: str, answers: Mapping[str, Table | bytes]) -> bytes:
    found = next((answer for key, answer in answers.items() if key in statement), ok(1))
    return found if isinstance(found, bytes) else rows(*found)


def _read(connection: socket.socket) -> bytes:
    head = _exactly(connection, 4)
    return _exactly(connection, int.from_bytes(head[:3], "little")) if head else b""


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := connection.recv(size - len(data))):
            return b""
        data += more
    return data


@contextlib.contextmanager
def answering_tls(answer: bytes) -> Iterator[hostile.Hostile]:
    """Offers TLS, and answers the client's hello with this."""

    def converse(connection: socket.socket, _: bytes) -> None:
        connection.sendall(greeting(also=SSL))
        _read(connection)
        connection.recv(1 << 16)
        connection.sendall(answer)
        hostile.mute(connection, b"")

    with hostile.serving(converse, ask=False) as running:
        yield running


@contextlib.contextmanager
def before(port: int, marker: bytes, act: Callable[[], object]) -> Iterator[hostile.Hostile]:
    """In front of the real server on `port`: acts once when a client says this, before the server hears it."""

    def converse(connection: socket.socket, _: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:
            while True:
                ready = _readable(connection, server)
                if not (data := ready.recv(1 << 16)):
                    return
                if ready is connection and marker in data and not acted:
                    acted.append(act())
                (server if ready is connection else connection).sendall(data)

    acted: list[object] = []
    with hostile.serving(converse, ask=False) as running:
        yield running


def _readable(*sockets: socket.socket) -> socket.socket:
    return select.select(sockets, [], [])[0][0]
