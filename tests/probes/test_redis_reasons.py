"""Every reason of the kind redis, and what provokes it: a real Valkey or Redis wherever one can."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest
import uvloop

from exporter.probes.redis import Redis
from tests import certificates, hostile, probing, servers
from tests.fakes import resp, tlsfront
from tests.servers.process import wait_until

Provoke = Callable[[], AbstractContextManager[dict[str, Any]]]


def valkey(*args: str, config: str = "", path: str = "", **fields: Any) -> Provoke:
    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        with servers.valkey(*args, config=config) as server:
            yield {"url": server.url + path, **fields}

    return provoke


def fixed(url: str) -> Provoke:
    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        yield {"url": url}

    return provoke


@contextmanager
def no_name_server() -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "redis://cache.example"}


@contextmanager
def full() -> Iterator[dict[str, Any]]:
    with (
        servers.valkey("--maxclients", "1") as server,
        closing(socket.create_connection((server.host, server.port))) as held,
    ):
        held.sendall(b"PING\r\n")
        held.recv(64)
        yield {"url": server.url}


@contextmanager
def replica() -> Iterator[dict[str, Any]]:
    with (
        servers.valkey("--repl-diskless-sync-delay", "0") as master,
        servers.valkey("--replicaof", master.host, str(master.port)) as server,
    ):
        wait_until(lambda: b"master_link_status:up" in server.call("INFO", "replication"))
        yield {"url": server.url, "canary": True}


@contextmanager
def unsaved() -> Iterator[dict[str, Any]]:
    # Nobody, root neither, makes a file in /proc.
    with servers.redis(config="save 3600 1\ndir /proc\n") as server:
        server.call("BGSAVE")
        wait_until(lambda: server.call("PING").startswith(b"-MISCONF"))
        yield {"url": server.url}
        server.kill()  # it would not end without a last save


@contextmanager
def busy() -> Iterator[dict[str, Any]]:
    with servers.valkey("--busy-reply-threshold", "20") as server:
        with closing(socket.create_connection((server.host, server.port))) as held:
            held.sendall(b'EVAL "while true do end" 0\r\n')
            wait_until(lambda: server.call("PING").startswith(b"-BUSY"))
            yield {"url": server.url}
            server.call("SCRIPT", "KILL")


@contextmanager
def shows(pair: certificates.Pair, **context: Any) -> Iterator[dict[str, Any]]:
    with servers.valkey() as server, tlsfront.before(server.port, pair.context(**context)) as front:
        yield {"url": f"rediss://{front.address}", "tls": {"ca_file": str(certificates.authority())}}


TABLE: dict[str, Provoke] = {
    "resolve": fixed("redis://nowhere.invalid"),
    "nameserver": no_name_server,
    "refused": lambda: fixed(f"redis://127.0.0.1:{servers.free_port()}")(),
    "unreachable": fixed("redis://255.255.255.255"),
    "reset": resp.fake(hostile.resets(b"+PO")),
    "closed": resp.fake(hostile.says(b"+PONG\r\n$-1")),
    "protocol": resp.fake(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "auth": valkey("--requirepass", "right"),
    "permission": valkey(config="user limited on >pw ~* +info -ping", username="limited", password="pw"),
    "no_database": valkey(path="/99"),
    "too_many_connections": full,
    "loading": resp.fake(hostile.says(b"-LOADING Redis is loading the dataset in memory\r\n"), info=False),
    "read_only": replica,
    "misconfigured": unsaved,
    "out_of_memory": valkey("--maxmemory", "100kb", "--maxmemory-policy", "noeviction", canary=True),
    "master_down": valkey("--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no"),
    "busy": busy,
    "canary": valkey("--min-replicas-to-write", "1", canary=True),
    "server_error": valkey(config='rename-command PING ""'),
    "tls_expired": lambda: shows(certificates.expired()),
    "tls_not_yet_valid": lambda: shows(certificates.not_yet_valid()),
    "tls_untrusted": lambda: shows(certificates.self_signed()),
    "tls_hostname": lambda: shows(certificates.wrong_host()),
    "tls_version": lambda: shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": resp.fake(hostile.says(b"-ERR Protocol error: expected '$'\r\n"), "rediss"),
    "tls": resp.fake(hostile.says(b"\x15\x03\x03\x00\x02\x02\x28"), "rediss"),  # an alert: handshake_failure
}
DEGRADED = {"loading", "read_only", "misconfigured", "out_of_memory", "master_down", "canary"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str) -> None:
    with TABLE[reason]() as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("redis", **fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), result.detail
            assert 0 < len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Redis.reasons)
