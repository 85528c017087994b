"""Every reason of the kind celery, and what provokes it: a real broker and real workers wherever they can."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest
import uvloop

from exporter.probes.celery import Celery
from tests import certificates, hostile, probing, servers
from tests.fakes import resp, tlsfront
from tests.probes.rounds import Rounds
from tests.servers.celery import send
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("celery")
on_rabbitmq = [pytest.mark.xdist_group("rabbitmq"), pytest.mark.debian]

Fields = dict[str, Any]
Provoke = Callable[[pytest.FixtureRequest], AbstractContextManager[Fields]]


def fixed(url: str) -> Provoke:
    @contextmanager
    def provoke(_: pytest.FixtureRequest) -> Iterator[Fields]:
        yield {"url": url}

    return provoke


def fake(answer: hostile.Answer, scheme: str = "redis") -> Provoke:
    return lambda _: resp.fake(answer, scheme)()


def valkey(*args: str, config: str = "", path: str = "") -> Provoke:
    @contextmanager
    def provoke(_: pytest.FixtureRequest) -> Iterator[Fields]:
        with servers.valkey(*args, config=config) as server:
            yield {"url": server.url + path}

    return provoke


def worker(**fields: Any) -> Provoke:
    """The broker of a worker that idles."""

    @contextmanager
    def provoke(request: pytest.FixtureRequest) -> Iterator[Fields]:
        yield {"url": request.getfixturevalue("celery_server").url, **fields}

    return provoke


@contextmanager
def no_name_server(_: pytest.FixtureRequest) -> Iterator[Fields]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "amqp://mq.example//"}


@contextmanager
def full(_: pytest.FixtureRequest) -> Iterator[Fields]:
    with (
        servers.valkey("--maxclients", "1") as server,
        closing(socket.create_connection((server.host, server.port))) as held,
    ):
        held.sendall(b"PING\r\n")
        held.recv(64)
        yield {"url": server.url}


@contextmanager
def replica(_: pytest.FixtureRequest) -> Iterator[Fields]:
    with (
        servers.valkey("--repl-diskless-sync-delay", "0") as master,
        servers.valkey("--replicaof", master.host, str(master.port)) as server,
    ):
        wait_until(lambda: b"master_link_status:up" in server.call("INFO", "replication"))
        yield {"url": server.url}


def shows(pair: Callable[[], certificates.Pair], **context: Any) -> Provoke:
    @contextmanager
    def provoke(_: pytest.FixtureRequest) -> Iterator[Fields]:
        with servers.valkey() as server, tlsfront.before(server.port, pair().context(**context)) as front:
            yield {"url": f"rediss://{front.address}", "tls": {"ca_file": str(certificates.authority())}}

    return provoke


@contextmanager
def alarmed(request: pytest.FixtureRequest) -> Iterator[Fields]:
    from kombu import Connection, Exchange

    server = request.getfixturevalue("rabbitmq_server")
    with Connection(server.url) as connection:
        mailbox = Exchange("celery.pidbox", type="fanout", durable=False)(connection.default_channel)
        mailbox.declare()  # as a worker does: without it there is nobody to ask
        server.control("set_vm_memory_high_watermark", "0.000001")
        try:
            yield {"url": server.url}
        finally:
            server.control("set_vm_memory_high_watermark", "0.4")
            mailbox.delete()


@contextmanager
def without_queue(request: pytest.FixtureRequest) -> Iterator[Fields]:
    server = request.getfixturevalue("rabbitmq_server")
    yield {"url": server.url, "queues": ["nowhere"], "min_workers": 0}


@contextmanager
def unconsumed(request: pytest.FixtureRequest) -> Iterator[Fields]:
    server = request.getfixturevalue("celery_server")
    send(server.url, "jobs.add", queue="unconsumed", args=(1, 2))
    yield {"url": server.url, "queues": ["unconsumed"]}
    server.call("DEL", "unconsumed")


@contextmanager
def waiting(request: pytest.FixtureRequest) -> Iterator[Fields]:
    server = request.getfixturevalue("celery_server")
    send(server.url, "jobs.wait", args=(1.5,))
    wait_until(lambda: server.call("HLEN", "unacked") == b":1\r\n")
    yield {"url": server.url, "stuck_after": "1ms"}


@contextmanager
def pickles(_: pytest.FixtureRequest) -> Iterator[Fields]:
    settings = {"task_serializer": "pickle", "accept_content": ["json", "pickle"]}
    with servers.valkey() as server, servers.celery_worker(server.url, settings=settings):
        yield {"url": server.url}


@contextmanager
def deaf(_: pytest.FixtureRequest) -> Iterator[Fields]:
    config = "user deaf on >pw ~* &* +@all -psubscribe -subscribe"
    with servers.valkey(config=config) as server:
        url = f"redis://deaf:pw@{server.host}:{server.port}"
        yield {"url": url, "min_workers": 0, "events_required": True}


TABLE: dict[str, Provoke] = {
    "resolve": fixed("amqp://nowhere.invalid"),
    "nameserver": no_name_server,
    "refused": lambda request: fixed(f"amqp://127.0.0.1:{servers.free_port()}")(request),
    "unreachable": fixed("redis://255.255.255.255"),
    "reset": fake(hostile.resets(b":0")),
    "closed": fake(hostile.says(b":0\r\n:0\r\n")),
    "protocol": fake(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "amqp"),
    "auth": valkey("--requirepass", "right"),
    "permission": valkey(config="user default on nopass ~* &* +@all -publish"),
    "no_vhost": valkey(path="/99"),
    "too_many_connections": full,
    "loading": fake(hostile.says(b"-LOADING Redis is loading the dataset in memory\r\n" * 5)),
    "read_only": replica,
    "out_of_memory": valkey("--maxmemory", "100kb", "--maxmemory-policy", "noeviction"),
    "blocked": alarmed,
    "server_error": valkey(config='rename-command LLEN ""'),
    "no_worker": valkey(),
    "worker_missing": worker(min_workers=2),
    "queue_missing": without_queue,
    "no_consumer": unconsumed,
    "stuck": waiting,
    "beat_missing": worker(beat={"task": "jobs.tick", "within": "0ms"}),
    "no_events": deaf,
    "serializer": pickles,
    "tls_expired": shows(certificates.expired),
    "tls_not_yet_valid": shows(certificates.not_yet_valid),
    "tls_untrusted": shows(certificates.self_signed),
    "tls_hostname": shows(certificates.wrong_host),
    "tls_version": shows(certificates.pair, newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": fake(hostile.says(b"-ERR Protocol error: expected '$'\r\n"), "rediss"),
    "tls": fake(hostile.says(b"\x15\x03\x03\x00\x02\x02\x28"), "amqps"),  # an alert: handshake_failure
}
DEGRADED = {
    "worker_missing", "queue_missing", "no_consumer", "stuck", "beat_missing", "no_events", "serializer",
}  # fmt: skip
ON_RABBITMQ = {"blocked", "queue_missing"}


@pytest.mark.parametrize(
    "reason", [pytest.param(reason, marks=on_rabbitmq if reason in ON_RABBITMQ else ()) for reason in TABLE]
)
def test_a_reason_is_given_for_what_provokes_it(reason: str, request: pytest.FixtureRequest) -> None:
    async def story(fields: Fields) -> Any:
        rounds = Rounds(**fields)
        result = await rounds.run()
        if reason == "no_events":  # a matter of the watch
            watch = asyncio.create_task(rounds.component.probe.watch(rounds.watched))
            while not (result := await rounds.run()).reason:
                await asyncio.sleep(0.02)
            watch.cancel()
            await asyncio.wait([watch])
        return result

    with TABLE[reason](request) as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(story(fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), (result.detail, result.error)
            assert 0 < len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Celery.reasons)


def test_a_broker_that_hears_nothing_is_a_timeout_of_the_phase_it_is_in() -> None:
    with hostile.full() as port:
        result = probing.probe("celery", url=f"redis://127.0.0.1:{port}", timeout=0.2)
    assert (result.outcome, result.reason) == ("unhealthy", "connect_timeout")
    for scheme in ("redis", "amqp"):
        with hostile.serving(hostile.mute, ask=False) as found:
            result = probing.probe("celery", url=f"{scheme}://{found.address}", timeout=0.2)
        assert (result.outcome, result.reason) == ("unhealthy", "timeout")
        assert result.duration < 0.4
