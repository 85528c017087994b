"""An S3 that says what SeaweedFS can't be made to say: other regions, slow down, full, garbage, a page too large."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests import hostile

LISTING = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%b</ListBucketResult>'
)
EMPTY = LISTING % b"<IsTruncated>false</IsTruncated>"
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def error(status: int, code: str, more: str = "", **headers: str) -> bytes:
    return response(status, f"<Error><Code>{code}</Code><Message>So it is.</Message>{more}</Error>".encode(), **headers)


def page(*sizes: int, token: str = "") -> bytes:
    objects = "".join(f"<Contents><Key>{n}</Key><Size>{size}</Size></Contents>" for n, size in enumerate(sizes))
    more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>"
    more += f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return response(200, LISTING % (objects + more).encode())


def answers(*parts: bytes) -> hostile.Answer:
    """One connection, on which the n-th request gets the n-th of these; then the connection ends."""

    def answer(connection: socket.socket, request: bytes) -> None:
        for part in parts[:-1]:
            connection.sendall(part)
            if not connection.recv(1 << 16):
                return
        connection.sendall(parts[-1])
        connection.shutdown(socket.SHUT_WR)

    return answer


def fake(*parts: bytes, **fields: Any) -> Callable[[], AbstractContextManager[dict[str, Any]]]:
    """Gives the fields of a component that asks it."""

    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        with hostile.serving(answers(*parts)) as found:
            yield {"url": "s3://uploads", "endpoint": found.url, **KEYS, **fields}

    return provoke
