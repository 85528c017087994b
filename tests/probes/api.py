"""What goes wrong between us and any server whose JSON API is asked, by the reason that it provokes."""

import contextlib
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests import certificates, hostile

Fields = contextlib.AbstractContextManager[dict[str, Any]]
Pages = Mapping[str, tuple[int, Any]]


def pages(answers: Pages) -> hostile.Answer:
    """A fake API: status and body (JSON, or bytes as they are) by path; 404 for every other path."""

    def answer(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        status, body = answers.get(path, (404, b"no such page"))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.sendall(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(raw), raw))

    return answer


@contextlib.contextmanager
def at(url: str, **fields: Any) -> Iterator[dict[str, Any]]:
    yield {"url": url, **fields}


@contextlib.contextmanager
def answers(answer: hostile.Answer, **fields: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer) as server:
        yield {"url": server.url, **fields}


@contextlib.contextmanager
def named(answer: Callable[..., object]) -> Iterator[dict[str, Any]]:
    with hostile.resolver(answer):
        yield {"url": "http://app.example:9090"}


@contextlib.contextmanager
def shows(pair: certificates.Pair, answer: hostile.Answer = hostile.mute, **context: Any) -> Iterator[dict[str, Any]]:
    with hostile.serving(answer, tls=pair.context(**context)) as server:
        yield {"url": f"https://localhost:{server.port}", "tls": {"ca_file": str(certificates.authority())}}


@contextlib.contextmanager
def plaintext() -> Iterator[dict[str, Any]]:
    with hostile.serving(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ask=False) as server:
        yield {"url": f"https://localhost:{server.port}"}


def says(head: bytes, body: bytes = b"") -> Fields:
    return answers(hostile.says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body))


TRANSPORT: dict[str, Callable[[], Fields]] = {
    "resolve": lambda: named(hostile.resolves()),
    "nameserver": lambda: named(hostile.no_name_server),
    "refused": lambda: at(f"http://127.0.0.1:{hostile.unused()}"),
    "unreachable": lambda: at("http://255.255.255.255"),
    "reset": lambda: answers(hostile.resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")),
    "closed": lambda: answers(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")),
    "tls_expired": lambda: shows(certificates.expired()),
    "tls_not_yet_valid": lambda: shows(certificates.not_yet_valid()),
    "tls_untrusted": lambda: shows(certificates.self_signed()),
    "tls_hostname": lambda: shows(certificates.wrong_host()),
    "tls_version": lambda: shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1),
    "tls_plaintext": plaintext,
    "tls": lambda: shows(certificates.pair(), client_ca=certificates.authority(), newest=ssl.TLSVersion.TLSv1_2),
    "protocol": lambda: answers(hostile.says(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "encoding": lambda: says(b"Content-Encoding: compress\r\nContent-Length: 2", b"ok"),
    "body_too_large": lambda: answers(hostile.floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)),
    "auth": lambda: answers(hostile.says(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")),
    "unexpected": lambda: answers(hostile.says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")),
}
"""Those of _net, _tls and _http_json, but for not_json, which needs the paths of an API."""

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no URL": ({"url": "localhost:9090"}, "url: "),
    "another scheme": ({"url": "ftp://localhost"}, "url: the URL's scheme is neither http nor https"),
    "credentials in the URL": ({"url": "http://u:hunter2hunter2@localhost"}, "url: a user and a password belong into"),
    "a query": ({"url": "http://localhost/?a=hunter2hunter2"}, "url: has no query"),
    "tls without https": ({"url": "http://localhost", "tls": {}}, "tls needs a url that begins with https"),
    "two ways to show who asks": (
        {"url": "http://localhost", "username": "u", "bearer_token": "hunter2hunter2"},
        "one of username with password and bearer_token",
    ),
}
"""Fields of such a kind that its configuration refuses, and a part of the message."""
