"""Servers that send back what they were sent, in every place and form: none of it is seen."""

import base64
import json
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests import hostile
from tests.probing import probe

LONG = "Zq7" + "mX4vK9" * 40
SECRETS = ["hunter2hunter2", LONG, "abc1", 'it\'s"quoted"', r"back\slash\n", "pässwörd", "per%cent/@:?#", "two words"]
FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda said: said,
    "repr": repr,
    "bytes": lambda said: repr(said.encode()),
    "json": json.dumps,
    "percent": lambda said: quote(said, safe=" \r\n"),
    "upper": str.upper,
    "at the cut": lambda said: "x" * 70 + " " + said,
    "at the other cut": lambda said: "x" * 150 + " " + said,
}


def seen(secret: str, detail: str) -> list[str]:
    """The parts of a secret that a detail shows: half of one is one, and it may be escaped."""
    forms = {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        secret.encode().decode("latin-1"),
    }
    forms |= {base64.b64encode(secret.encode()).decode().rstrip("=")}
    parts = {form[at : at + 6] for form in forms for at in range(max(len(form) - 5, 1))}
    return [part for part in parts if part.lower() in detail.lower()]


def flat(said: str) -> str:
    return said.replace("\r", " ").replace("\n", " ")


def echoes(form: Callable[[str], str], before: bytes = b"", after: bytes = b"\r\n") -> hostile.Answer:
    """What is read, in some form between the two."""

    def answer(connection: socket.socket, _: bytes) -> None:
        said = flat(form(connection.recv(1 << 16).decode()))
        connection.sendall(before + said.encode() + after)
        connection.shutdown(socket.SHUT_WR)

    return answer


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_tcp(secret: str, form: str) -> None:
    with hostile.serving(echoes(FORMS[form], b"you said: "), ask=False) as server:
        dialogue = ({"send": f"PASS {secret}"}, {"expect": "^OK"})
        result = probe("tcp", address=server.address, dialogue=dialogue)
    assert result.reason == "unexpected"
    assert "the last was " in result.detail
    assert seen(secret, result.detail) == []


def test_tcp_with_what_a_group_put_into_it() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"nonce 1234567\r\n")
        connection.sendall(b"no: " + connection.recv(100))
        connection.shutdown(socket.SHUT_WR)

    dialogue = ({"expect": r"nonce (\d+)", "send": r"hun\1ter"}, {"expect": "^OK"})
    with hostile.serving(answer, ask=False) as server:
        result = probe("tcp", address=server.address, dialogue=dialogue)
    assert result.detail.endswith("the last was 'no: [REDACTED]'")


REPLIES = {
    "error": (b"-ERR unknown command, with args beginning with: ", b"\r\n"),
    "simple": (b"+", b"\r\n"),
    "number": (b":", b"\r\n"),
    "size": (b"$", b"\r\n"),
    "as it came": (b"", b"\r\n"),
    "endless": (b"+", b"x" * 5000),
    "bulk": (b"$1048000\r\n", b""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["password", "url"])
def test_redis(secret: str, reply: str, form: str, place: str) -> None:
    with hostile.serving(echoes(FORMS[form], *REPLIES[reply]), ask=False) as server:
        if place == "url":
            fields = {"url": f"redis://ann:{quote(secret, safe='')}@{server.address}/0"}
        else:
            fields = {"url": f"redis://{server.address}/0", "password": secret}
        result = probe("redis", **fields, info=False)
    assert result.outcome == "unhealthy"
    assert seen(secret, result.detail) == []


def test_redis_cuts_what_it_quotes() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        said = connection.recv(1 << 16).decode()
        connection.sendall(b"-ERR args beginning with: '%b'\r\n" % flat(said)[:128].encode())

    with hostile.serving(answer, ask=False) as server:
        result = probe("redis", url=f"redis://{server.address}/0", password=LONG)
    assert result.reason == "auth"
    assert seen(LONG, result.detail) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [s for s in SECRETS if s.isascii()])
@pytest.mark.parametrize("place", ["password", "dsn"])
def test_postgres(secret: str, form: str, place: str) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"R\0\0\0\x08\0\0\0\x03")  # AuthenticationCleartextPassword
        told = connection.recv(1 << 16)[5:].rstrip(b"\0").decode()
        said = b"SFATAL\0C28P01\0Mwrong: " + FORMS[form](told).encode() + b"\0\0"
        connection.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)

    with hostile.serving(answer, ask=False) as server:
        if place == "dsn":
            fields = {"dsn": f"postgresql://ann:{quote(secret, safe='')}@{server.address}/x?sslmode=disable"}
        else:
            fields = {"dsn": f"postgresql://ann@{server.address}/x?sslmode=disable", "password": secret}
        result = probe("postgres", **fields)
    assert (result.reason, "28P01 wrong:" in result.detail) == ("auth", True), result.detail
    assert seen(secret, result.detail) == []


def credentials(request: bytes) -> bytes:
    found = re.search(rb"(?i)\r\n(?:authorization: \w+ |x-key: |cookie: )([^\r]+)", request)
    assert found is not None
    return found[1]


PLACES: dict[str, bytes] = {
    "status line": b"HTTP/1.1 500 %b\r\nContent-Length: 0\r\n\r\n",
    "header": b"HTTP/1.1 200 OK\r\nX-Echo: %b\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"%b\r\n\r\n",
    "encoding": b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: 2\r\n\r\nok",
    "host": b"HTTP/1.1 302 Found\r\nLocation: http://%b.invalid/\r\nContent-Length: 0\r\n\r\n",
    "path": b"HTTP/1.1 302 Found\r\nLocation: file:///%b\r\nContent-Length: 0\r\n\r\n",
    "body": b'HTTP/1.1 200 OK\r\n\r\n{"you": "%b"}',
    "no JSON": b"HTTP/1.1 200 OK\r\n\r\n%b",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "fields",
    [
        {"basic_auth": {"username": "ann", "password": "hunter2hunter2"}},
        {"bearer_token": "hunter2hunter2"},
        {"headers": {"X-Key": "hunter2hunter2"}},
        {"headers": {"Cookie": "Hunter2hunter2"}},
    ],
)
def test_http(place: str, fields: dict[str, Any]) -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(PLACES[place].replace(b"%b", credentials(request)))

    expect = {"headers": {"X-Echo": "^never$"}, "json": {"mine": "you.me", "typed": "abs(you)"}, "body": "never"}
    with hostile.serving(answer) as server, hostile.resolver(hostile.resolves()):
        result = probe("http", url=server.url, expect=expect, **fields)
    assert (result.outcome, result.detail != "") == ("unhealthy", True)
    for secret in ("hunter2hunter2", "ann:hunter2hunter2"):
        assert seen(secret, result.detail) == []
