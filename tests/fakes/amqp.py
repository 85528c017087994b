"""A server of AMQP 0-9-1 that says, where it is told to, what a real one can't be made to say on demand."""

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests import hostile

Said = bytes | hostile.Answer


def short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(channel: int, class_: int, number: int, arguments: bytes = b"") -> bytes:
    return frame(1, channel, struct.pack(">HH", class_, number) + arguments)


def start(properties: bytes = b"", mechanisms: bytes = b"PLAIN AMQPLAIN", version: bytes = b"\0\x09") -> bytes:
    return method(0, 10, 10, version + long(properties) + long(mechanisms) + long(b"en_US"))


def close(code: int, text: str, channel: int = 0) -> bytes:
    name = (20, 40) if channel else (10, 50)
    return method(channel, *name, struct.pack(">H", code) + short(text) + bytes(4))


def got(body: bytes, size: int | None = None, parts: int = 1) -> bytes:
    """Basic.GetOk and the message: `size` is what its header claims."""
    told = struct.pack(">QB", 1, 0) + short("") + short("key") + struct.pack(">I", 0)
    head = struct.pack(">HHQH", 60, 0, len(body) if size is None else size, 0)
    step = max(len(body) // parts, 1)
    bodies = [frame(3, 1, body[at : at + step]) for at in range(0, len(body), step)]
    return method(1, 60, 71, told) + frame(2, 1, head) + b"".join(bodies)


def echo(connection: socket.socket, body: bytes) -> None:
    """Basic.Get's answer: the message that came, in three frames."""
    connection.sendall(got(body, parts=3))


BLOCKED = method(0, 10, 60, short("low on memory"))
UNBLOCKED = method(0, 10, 61)
NACK = method(1, 60, 120, struct.pack(">QB", 1, 0))
EMPTY = method(1, 60, 72, short(""))
HEARTBEAT = frame(8, 0, b"")
PRODUCT = short("product") + b"S" + long(b"FakeMQ") + short("version") + b"S" + long(b"1.0")

# What it answers by the method that it hears; "header" and "body" are no methods.
GOOD: Mapping[object, Said] = {
    "header": start(PRODUCT),
    (10, 11): method(0, 10, 30, struct.pack(">HIH", 0, 0, 0)),
    (10, 40): method(0, 10, 41, short("")),
    (10, 50): method(0, 10, 51),
    (20, 10): method(1, 20, 11, long(b"")),
    (50, 10): method(1, 50, 11, short("q") + struct.pack(">II", 7, 3)),
    (85, 10): method(1, 85, 11),
    "body": method(1, 60, 80, struct.pack(">QB", 1, 0)),
    (60, 70): echo,
}


def fake(changed: Mapping[object, Said], **fields: Any) -> Callable[..., AbstractContextManager[dict[str, Any]]]:
    """Answers well but for what is `changed`; gives the fields of a component that asks it.

    An answer that is a function is given the method as it came, that of Basic.Get the message published before.
    """
    script = {**GOOD, **changed}

    @contextmanager
    def provoke(*_: object) -> Iterator[dict[str, Any]]:
        def converse(connection: socket.socket, _: bytes) -> None:
            heard, body = b"", b""
            while len(heard) < 8:
                heard += _more(connection)
            heard = heard[8:]
            _answer(connection, script["header"], b"")
            while connection.fileno() >= 0:
                while len(heard) < 7 or len(heard) < (size := struct.unpack(">I", heard[3:7])[0]) + 8:
                    heard += _more(connection)
                kind, payload, heard = heard[0], heard[7 : size + 7], heard[size + 8 :]
                name: object = "body" if kind == 3 else struct.unpack(">HH", payload[:4]) if kind == 1 else ""
                body = payload if kind == 3 else body
                if name in script:
                    _answer(connection, script[name], body if name == (60, 70) else payload)

        with hostile.serving(converse, ask=False) as found:
            yield {"url": f"amqp://app:planted-canary@{found.address}", **fields}

    return provoke


def _answer(connection: socket.socket, said: Said, body: bytes) -> None:
    if isinstance(said, bytes):
        connection.sendall(said)
    else:
        said(connection, body)


def _more(connection: socket.socket) -> bytes:
    if not (data := connection.recv(1 << 16)):
        raise ConnectionResetError
    return data
