"""Every reason of the kind rabbitmq, and what provokes it: a real RabbitMQ wherever one can."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import amqp as client  # Celery's driver, as another client than ours
import pytest
import uvloop

from exporter.probes.rabbitmq import RabbitMQ
from tests import certificates, hostile, probing, servers
from tests.fakes import amqp, tlsfront
from tests.servers.rabbitmq import RabbitMQ as Server

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("rabbitmq")]

Fields = dict[str, Any]
Provoke = Callable[[Server], AbstractContextManager[Fields]]
CA = {"ca_file": str(certificates.authority())}


def fixed(url: str) -> Provoke:
    @contextmanager
    def provoke(_: Server) -> Iterator[Fields]:
        yield {"url": url}

    return provoke


def asked(**fields: Any) -> Provoke:
    """The real server: `url` is what the URL is made of."""

    @contextmanager
    def provoke(server: Server) -> Iterator[Fields]:
        yield {"url": server.url_of(**fields.get("url", {})), **{k: v for k, v in fields.items() if k != "url"}}

    return provoke


def raw(answer: hostile.Answer, scheme: str = "amqp", **fields: Any) -> Provoke:
    """A server that answers so whatever it is sent first."""

    def converse(connection: socket.socket, _: bytes) -> None:
        answer(connection, connection.recv(1 << 16))

    @contextmanager
    def provoke(_: Server) -> Iterator[Fields]:
        with hostile.serving(converse, ask=False) as found:
            yield {"url": f"{scheme}://{found.address}", **fields}

    return provoke


@contextmanager
def no_name_server(_: Server) -> Iterator[Fields]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "amqp://broker.example"}


@contextmanager
def stranger(server: Server) -> Iterator[Fields]:
    """A user without a permission on any virtual host."""
    server.api("PUT", "users/stranger", {"password": "stranger-pw", "tags": ""})
    try:
        yield {"url": server.url_of("stranger", "stranger-pw")}
    finally:
        server.api("DELETE", "users/stranger")


@contextmanager
def crowded(server: Server) -> Iterator[Fields]:
    with stranger(server) as fields:
        server.api("PUT", "permissions/%2F/stranger", {"configure": "", "write": "", "read": ""})
        server.api("PUT", "user-limits/stranger/max-connections", {"value": 0})
        yield fields


@contextmanager
def locked(server: Server) -> Iterator[Fields]:
    with closing(client.Connection(f"{server.host}:{server.port}", "guest", "guest")) as other:
        other.connect()
        other.channel().queue_declare("mine", exclusive=True)
        yield {"url": server.url, "queues": ["mine"]}


@contextmanager
def no_queue_more(server: Server) -> Iterator[Fields]:
    server.api("PUT", "vhost-limits/%2F/max-queues", {"value": 0})
    try:
        yield {"url": server.url, "canary": True}
    finally:
        server.api("DELETE", "vhost-limits/%2F/max-queues")


@contextmanager
def blocked(server: Server) -> Iterator[Fields]:
    with server.alarm("memory"):
        yield {"url": server.url, "canary": True}


def alarmed(sort: str) -> Provoke:
    @contextmanager
    def provoke(server: Server) -> Iterator[Fields]:
        with server.alarm(sort):
            yield {"url": server.url, "canary": True, "management": {"url": server.management_url}}

    return provoke


def told(nodes: bytes) -> Provoke:
    """The real broker with nodes as its management API would tell of them: one node alone can't be cut off."""

    @contextmanager
    def provoke(server: Server) -> Iterator[Fields]:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
        answers = [hostile.says(head % len(body) + body) for body in (b"{}", nodes, b"{}")] * 2
        with hostile.serving(*answers) as api:
            yield {"url": server.url, "management": {"url": api.url}}

    return provoke


@contextmanager
def without_api(server: Server) -> Iterator[Fields]:
    yield {"url": server.url, "management": {"url": f"http://127.0.0.1:{servers.free_port()}"}}


@contextmanager
def barred_from_api(server: Server) -> Iterator[Fields]:
    api = {"url": server.management_url, "username": "guest", "password": "planted-canary"}
    yield {"url": server.url, "management": api}


def shows(pair: certificates.Pair, **context: Any) -> Provoke:
    @contextmanager
    def provoke(server: Server) -> Iterator[Fields]:
        with tlsfront.before(server.port, pair.context(**context)) as front:
            yield {"url": f"amqps://{front.address}", "tls": CA}

    return provoke


@contextmanager
def plain(server: Server) -> Iterator[Fields]:
    yield {"url": f"amqps://{server.host}:{server.port}", "tls": CA}


TABLE: dict[str, Provoke] = {
    "resolve": fixed("amqp://nowhere.invalid"),
    "nameserver": no_name_server,
    "refused": lambda server: fixed(f"amqp://127.0.0.1:{servers.free_port()}")(server),
    "unreachable": fixed("amqp://255.255.255.255"),
    "reset": raw(hostile.resets(b"\x01\0\0")),
    "closed": raw(hostile.says(b"\x01\0\0")),
    "auth": asked(url={"password": "planted-canary"}),
    "permission": stranger,
    "no_vhost": asked(url={"vhost": "none"}),
    "too_many_connections": crowded,
    "queue_missing": asked(queues=["none"]),
    "queue_locked": locked,
    "queue_down": amqp.fake(
        {(50, 10): amqp.close(404, "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' is down or inaccessible", 1)},
        queues=["q"],
    ),
    "blocked": blocked,
    "canary": no_queue_more,
    "protocol": raw(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "server_error": amqp.fake({(10, 40): amqp.close(541, "INTERNAL_ERROR - access refused: vhost '/' is down")}),
    "memory_alarm": alarmed("memory"),
    "disk_alarm": alarmed("disk"),
    "node_down": told(b'[{"name":"rabbit@a","running":true},{"name":"rabbit@b","running":false}]'),
    "partition": told(b'[{"name":"rabbit@a","running":true,"partitions":["rabbit@b"]}]'),
    "management": without_api,
    "management_auth": barred_from_api,
    "tls_expired": shows(certificates.expired()),
    "tls_not_yet_valid": shows(certificates.not_yet_valid()),
    "tls_untrusted": shows(certificates.self_signed()),
    "tls_hostname": shows(certificates.wrong_host()),
    "tls_version": shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": plain,
    "tls": raw(hostile.holds(b"\x15\x03\x03\x00\x02\x02\x28"), "amqps", tls=CA),  # an alert: handshake_failure
}
DEGRADED = {
    *("queue_missing", "queue_locked", "queue_down", "blocked", "canary", "memory_alarm", "disk_alarm"),
    *("node_down", "partition", "management", "management_auth"),
}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(rabbitmq_server: Server, reason: str) -> None:
    with TABLE[reason](rabbitmq_server) as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("rabbitmq", timeout=5, **fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), result.detail
            assert 0 < len(result.detail) <= 200
            assert result.detail.isprintable()
            assert "planted" not in result.detail


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(RabbitMQ.reasons)
