"""Plants a secret in each field of each kind that takes one, at targets that fail and quote what they were told."""

import base64
import itertools
import socket
import types
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from exporter.values import Secret
from tests import hostile
from tests.fakes import amqp, mysqlwire
from tests.servers import rpc

SECRET_LIKE = ("hushed", *(base64.b64encode(b" " * n + b"hushed").decode()[-7:-1] for n in range(3)))
ELSEWHERE = "file:///hushed-in-location?hushed"


def echoes(connection: socket.socket, request: bytes) -> None:
    """A status line, a header and a body that repeat the request."""
    flat = request.replace(b"\r\n", b" ")
    connection.sendall(b"HTTP/1.1 500 %s\r\nX-Echo: %s\r\nContent-Length: %d\r\n\r\n%s" % (flat, flat, len(flat), flat))


def errs(connection: socket.socket, request: bytes) -> None:
    """As Redis, memcached, RabbitMQ and PostgreSQL say no, repeating what they were told."""
    data = connection.recv(4096)
    if data.startswith(b"*"):
        connection.sendall(b"-ERR no such thing as '" + data.replace(b"\r\n", b" ") + b"'\r\n")
        return
    if data.startswith((b"set ", b"stats")):
        connection.sendall(b"CLIENT_ERROR no such thing as '" + data.replace(b"\r\n", b" ") + b"'\r\n")
        return
    if data.startswith(b"AMQP"):
        connection.sendall(amqp.start())
        connection.sendall(amqp.close(403, f"ACCESS_REFUSED - {_printable(connection.recv(4096))[-200:]}"))
        return
    if data[4:8] == b"\x04\xd2\x16\x2f":  # SSLRequest
        connection.sendall(b"N")
        data = connection.recv(4096)
    connection.sendall(b"R\0\0\0\x08\0\0\0\x03")  # AuthenticationCleartextPassword
    data += connection.recv(4096)
    said = b"SFATAL\0C28P01\0Mwrong: " + data.replace(b"\0", b" ") + b"\0\0"
    connection.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)


def denies(connection: socket.socket, request: bytes) -> None:
    """As MySQL says no."""
    connection.sendall(mysqlwire.greeting())
    connection.sendall(mysqlwire.refusal(2, 1045, f"Access denied: {_printable(connection.recv(4096))}", "28000"))


def bounces(connection: socket.socket, request: bytes) -> None:
    """As a mail server says no."""
    connection.sendall(b"220 mail.example\r\n")
    while data := connection.recv(4096):
        greeted = data.startswith(b"EHLO")
        connection.sendall(b"250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n" if greeted else b"535 wrong: " + data)


def repeats(connection: socket.socket, request: bytes) -> None:
    """A line for each line, the same."""
    connection.sendall(b"hello\r\n")
    while data := connection.recv(4096):
        connection.sendall(b"you said " + data)


def redirects(connection: socket.socket, request: bytes) -> None:
    connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {ELSEWHERE}\r\nContent-Length: 0\r\n\r\n".encode())


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else " " for byte in data)


def targets(stack: ExitStack) -> dict[str, str]:
    """host:port by what happens there."""
    running = {
        "mute": (hostile.mute, False), "echo": (echoes, True), "redirect": (redirects, True), "wire": (errs, False),
        "reset": (hostile.resets(), True), "repeat": (repeats, False), "deny": (denies, False), "bounce": (bounces, False),
    }  # fmt: skip
    at = {name: stack.enter_context(hostile.serving(a, ask=ask)).address for name, (a, ask) in running.items()}
    broker = stack.enter_context(amqp.fake({})())["url"].rpartition("@")[2]
    # grpcio's own server, which says with which token one may not ask.
    guarded = stack.enter_context(rpc.rpc(token="another")).url
    return {**at, "refused": f"127.0.0.1:{hostile.unused()}", "broker": broker, "guarded": guarded}


@dataclass
class Planted:
    components: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def secret(self) -> str:
        return f"hushed-{next(self.numbers)}"

    def add(self, kind: str, **fields: Any) -> None:
        self.components.append({"kind": kind, **fields, "fall": 1, "interval": "1s", "timeout": "300ms"})


def plant(p: Planted, at: dict[str, str], file: str) -> None:
    for where in (at[name] for name in ("refused", "mute", "echo", "redirect", "reset")):
        p.add("http", url=f"http://ann:{p.secret}@{where}/")
        p.add("http", url=f"http://{where}/", bearer_token=p.secret, body=p.secret, method="POST")
        p.add("http", url=f"http://{where}/", headers={"X-Key": p.secret}, expect={"status": [200]})
        p.add("http", url=f"http://{where}/", basic_auth={"username": "ann", "password": p.secret})
        p.add("http", url="http://a.invalid/", proxy=f"http://ann:{p.secret}@{where}")
        p.add("http", url=f"https://{where}/", bearer_token=p.secret)
        p.add("tcp", address=where, dialogue=[{"send": p.secret}, {"expect": "never"}])
        for kind in ("alertmanager", "prometheus"):
            p.add(kind, url=f"http://{where}", bearer_token=p.secret)
            p.add(kind, url=f"http://{where}", username="ann", password=p.secret)
        keys = {"access_key_id": p.secret, "secret_access_key": p.secret, "session_token": p.secret}
        p.add("s3", url="s3://uploads", endpoint=f"http://{where}", canary=True, **keys)
        api = {"url": f"http://ann:{p.secret}@{where}", "password": p.secret}
        p.add("rabbitmq", url=f"amqp://{at['broker']}", management={**api, "url": f"http://{where}", "username": "ann"})
        p.add("rabbitmq", url=f"amqp://{at['broker']}", management={"url": api["url"]})
    for where in (at[name] for name in ("refused", "mute", "wire", "reset", "echo", "repeat", "deny", "bounce")):
        p.add("postgres", dsn=f"postgresql://ann:{p.secret}@{where}/x?sslmode=disable")
        p.add("postgres", dsn=f"postgresql://ann@{where}/x", password=p.secret)
        p.add("redis", url=f"redis://ann:{p.secret}@{where}/0")
        p.add("redis", url=f"redis://{where}/0", password=p.secret, canary=True)
        p.add("redis", url=f"rediss://:{p.secret}@{where}/0")
        p.add("celery", url=f"redis://:{p.secret}@{where}/0")
        p.add("celery", url=f"amqp://ann:{p.secret}@{where}//")
        p.add("rabbitmq", url=f"amqp://ann:{p.secret}@{where}/")
        p.add("rabbitmq", url=f"amqp://{where}/", username="ann", password=p.secret)
        p.add("mysql", url=f"mysql://ann:{p.secret}@{where}/")
        p.add("mysql", url=f"mysql://{where}/", username="ann", password=p.secret)
        p.add("mongodb", url=f"mongodb://ann:{p.secret}@{where}/")
        p.add("mongodb", url=f"mongodb://{where}/", username="ann", password=p.secret)
        p.add("memcached", address=where, username="ann", password=p.secret)
        p.add("smtp", address=where, encryption="none", username="ann", password=p.secret)
    for scheme, where in (("postgresql", at["wire"]), ("mysql", at["deny"]), ("postgresql", at["mute"])):
        for kind, more in (
            ("sql", {"query": "SELECT 1 AS one", "values": ["one"]}),
            ("migrations", {"tool": "alembic", "expected": "9f2c1a"}),
        ):
            p.add(kind, dsn=f"{scheme}://ann:{p.secret}@{where}/x", **more)
            p.add(kind, dsn=f"{scheme}://ann@{where}/x", password=p.secret, **more)
    for name in ("guarded", "refused", "echo"):
        p.add("grpc", address=at[name], metadata={"authorization": f"Bearer {p.secret}"})
    key = base64.b64encode(p.secret.encode()).decode()
    p.add("s3", url="az://x", endpoint=f"http://{at['echo']}", options={"account_name": "shop", "account_key": key})
    p.add("s3", url="gs://x", endpoint=f"http://{at['echo']}", options={"bearer_token": p.secret})
    p.add("heartbeat", token=f"{p.secret}-of-a-job", every="1h")
    dialogue = [{"expect": "hello", "send": p.secret}, {"expect": "never"}]
    p.add("tcp", address=at["repeat"], dialogue=dialogue)
    p.add("redis", url="redis://:${HUSH}@a.invalid/0")
    p.add("redis", url="redis://a.invalid/0", password="${file:%s}" % file)


def modules(p: Planted, at: dict[str, str]) -> dict[str, Any]:
    """blackbox_exporter's configuration; each module fails at what it meets here."""
    http: dict[str, Any] = {
        "basic": {"basic_auth": {"username": "ann", "password": p.secret}, "method": "POST", "body": p.secret},
        "bearer": {"authorization": {"credentials": p.secret}, "headers": {"X-Key": p.secret}},
        "token": {"bearer_token": p.secret, "http_headers": {"X-Key": {"secrets": [p.secret]}}},
        "proxy": {
            "proxy_url": f"http://ann:{p.secret}@{at['echo']}",
            "proxy_connect_header": {"X-Key": [p.secret]},
        },
    }
    found: dict[str, Any] = {name: {"prober": "http", "http": settings} for name, settings in http.items()}
    steps = [{"expect": "hello", "send": p.secret}, {"expect": "never"}]
    found["dialogue"] = {"prober": "tcp", "tcp": {"query_response": steps}}
    found["call"] = {"prober": "grpc", "grpc": {"metadata": {"authorization": [f"Bearer {p.secret}"]}}}
    return {name: {**module, "timeout": "300ms"} for name, module in found.items()}


def secret_fields(cls: type[msgspec.Struct], before: str = "") -> Iterator[str]:
    """Those of a configuration that are Secrets, at any depth: `password`, `management.password`."""
    for one in msgspec.structs.fields(cls):
        name = f"{before}{one.encode_name}"
        for type_ in _inner(one.type):
            if type_ is Secret:
                yield name
            elif isinstance(type_, type) and issubclass(type_, msgspec.Struct):
                yield from secret_fields(type_, f"{name}.")


def _inner(type_: Any) -> Iterator[Any]:
    """The types that it is made of, without what only holds them."""
    origin = get_origin(type_)
    if origin is Annotated:
        yield from _inner(get_args(type_)[0])
    elif origin in (Union, types.UnionType, dict, tuple, list):
        for each in get_args(type_):
            yield from _inner(each)
    else:
        yield type_


def planted_fields(fields: Any, before: str = "") -> Iterator[str]:
    """Those that hold a secret of ours, named likewise; a list has its items' names."""
    if isinstance(fields, dict):
        for name, value in fields.items():
            yield from planted_fields(value, f"{before}.{name}" if before else name)
    elif isinstance(fields, list):
        for value in fields:
            yield from planted_fields(value, before)
    elif isinstance(fields, str) and any(word in fields for word in (*SECRET_LIKE, "HUSH")):
        yield before
