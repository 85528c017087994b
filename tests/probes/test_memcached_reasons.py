"""Every reason of the kind memcached, what provokes it, and what it makes of servers that err or never stop."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import uvloop

from exporter.probes.memcached import Memcached
from tests import certificates, hostile, probing, servers
from tests.fakes import tlsfront
from tests.probes.test_echoes import FORMS, SECRETS, echoes, seen
from tests.probing import probe, readings
from tests.servers.memcached import memcached
from tests.servers.process import wait_until

pytestmark = pytest.mark.debian

Provoke = Callable[[], AbstractContextManager[dict[str, Any]]]


def fake(answer: hostile.Answer, **fields: Any) -> Provoke:
    """What no real server says on demand."""

    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        def converse(connection: socket.socket, _: bytes) -> None:
            connection.recv(1 << 16)
            answer(connection, b"")
            if connection.fileno() >= 0:
                hostile.mute(connection, b"")

        with hostile.serving(converse, ask=False) as found:
            yield {"address": found.address, **fields}

    return provoke


def fixed(address: str) -> Provoke:
    @contextmanager
    def provoke() -> Iterator[dict[str, Any]]:
        yield {"address": address}

    return provoke


@contextmanager
def no_name_server() -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"address": "cache.example:11211"}


@contextmanager
def crowded() -> Iterator[dict[str, Any]]:
    with memcached("-c", "60") as server, ExitStack() as stack:
        for _ in range(80):
            stack.enter_context(server.connect())

        def refused() -> bool:
            """One more each time, for it may only now let go of the connection that saw it ready."""
            stack.enter_context(server.connect())
            return server.call(b"version\r\n").startswith(b"ERROR Too many")

        # For a while: a connection that is closed is counted until a thread of the server has seen to it.
        wait_until(lambda: all(refused() and not time.sleep(0.05) for _ in range(8)))
        yield {"address": server.address}


@contextmanager
def locked() -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "users"
        file.write_text("app:right-password\n")
        with memcached("-Y", str(file)) as server:
            yield {"address": server.address, "username": "app", "password": "wrong-password"}


@contextmanager
def full() -> Iterator[dict[str, Any]]:
    """-M: nothing is evicted. Items of the canary's size fill it, as a slab class takes no memory from another."""
    with memcached("-M", "-m", "2", "-I", "512k") as server:
        value = b"x" * 32
        sets = b"".join(
            b"set stack-exporter:filling:%016d 0 0 32 noreply\r\n%b\r\n" % (n, value) for n in range(40_000)
        )
        with server.connect() as sock:
            sock.sendall(sets + b"version\r\n")
            sock.settimeout(10)
            said = b""
            while not (b"VERSION" in said and said.endswith(b"\r\n")):
                said = said[-100:] + sock.recv(1 << 20)
        yield {"address": server.address, "canary": True}


@contextmanager
def shows(pair: certificates.Pair, **context: Any) -> Iterator[dict[str, Any]]:
    with memcached() as server, tlsfront.before(server.port, pair.context(**context)) as front:
        yield {"address": front.address, "tls": {"ca_file": str(certificates.authority())}}


TLS = {"ca_file": str(certificates.authority())}
TABLE: dict[str, Provoke] = {
    "resolve": fixed("nowhere.invalid:11211"),
    "nameserver": no_name_server,
    "refused": lambda: fixed(f"127.0.0.1:{servers.free_port()}")(),
    "unreachable": fixed("255.255.255.255:11211"),
    "reset": fake(hostile.resets(b"STAT pid 1\r\n")),
    "closed": fake(hostile.says(b"STAT pid 1\r\n")),
    "auth": locked,
    "too_many_connections": crowded,
    "out_of_memory": full,
    "canary": fake(hostile.says(b"END\r\nSTORED\r\nEND\r\nNOT_FOUND\r\n"), canary=True),
    "protocol": fake(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "server_error": fake(hostile.says(b"SERVER_ERROR temporary failure\r\n")),
    "tls_expired": lambda: shows(certificates.expired()),
    "tls_not_yet_valid": lambda: shows(certificates.not_yet_valid()),
    "tls_untrusted": lambda: shows(certificates.self_signed()),
    "tls_hostname": lambda: shows(certificates.wrong_host()),
    "tls_version": lambda: shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": fake(hostile.says(b"ERROR\r\n"), tls=TLS),
    "tls": fake(hostile.says(b"\x15\x03\x03\x00\x02\x02\x28"), tls=TLS),  # an alert: handshake_failure
}
DEGRADED = {"out_of_memory", "canary"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str) -> None:
    with TABLE[reason]() as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("memcached", **fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), result.detail
            assert 0 < len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Memcached.reasons)


VALUE = b"VALUE key 0 "


@pytest.mark.parametrize(
    ("said", "fields", "reason", "detail"),
    [
        (b"STAT\r\nSTAT x\r\nSTAT bytes -1\r\nSTAT uptime 1e400\r\nSTAT evictions nan\r\nEND\r\n", {}, "", ""),
        (b"STAT uptime \xc2\xb2\r\nSTAT bytes \xd9\xa1\r\nSTAT limit_maxbytes 0\r\nEND\r\n", {}, "", ""),
        (b"ERROR\r\n", {}, "server_error", "stats: ERROR"),
        (b"ERRORS\r\n", {}, "protocol", "no reply of memcached: it begins with 'E'"),
        (b"SERVER_ERROR \x1b[2Jcleared\r\n", {}, "server_error", "stats: SERVER_ERROR  [2Jcleared"),
        (b"x" * 2048, {}, "protocol", "a line of more than 2048 bytes"),
        (b"VERSION 1\r\n", {}, "protocol", "no reply of memcached: it begins with 'V'"),
        (b"+PONG\r\n", {"stats": False}, "protocol", "version was answered with '+PONG'"),
        (b"END\r\nOK\r\nEND\r\nDELETED\r\n", {"canary": True}, "canary", "set was answered with 'OK'"),
        (b"END\r\nSERVER_ERROR x\r\nEND\r\nNOT_FOUND\r\n", {"canary": True}, "canary", "set: SERVER_ERROR x"),
        (
            b"END\r\nSTORED\r\n" + VALUE + b"2\r\nab\r\nEND\r\nDELETED\r\n",
            {"canary": True},
            "canary",
            "a key was set, and get found another value",
        ),
        (b"END\r\nSTORED\r\n" + VALUE + b"2\r\nabc\r\n", {"canary": True}, "protocol", "a value longer than it says"),
        (b"END\r\nSTORED\r\n" + VALUE + b"9999999\r\n", {"canary": True}, "closed", ""),
        (
            b"END\r\nSTORED\r\n" + VALUE + b"-1\r\n",
            {"canary": True},
            "protocol",
            "no reply of memcached: it begins with 'V'",
        ),
        (
            b"END\r\nSTORED\r\n" + (VALUE + b"1\r\na\r\n") * 2,
            {"canary": True},
            "protocol",
            "no reply of memcached: it begins with 'V'",
        ),
        (b"STORED\r\n", {"username": "u", "password": "pw"}, "closed", ""),
        (b"EXISTS\r\nEND\r\n", {"username": "u", "password": "pw"}, "protocol", "the login was answered with 'EXISTS'"),
    ],
)
def test_what_is_said_decides(said: bytes, fields: dict[str, Any], reason: str, detail: str) -> None:
    with fake(hostile.says(said), **fields)() as asked:
        result = probe("memcached", **asked)
    where = asked["address"]
    assert result.reason == reason, result.detail
    if reason == "closed":
        assert result.detail == f"{where} closed the connection"
    elif reason:
        assert result.detail == f"{where}: {detail}"
    else:
        assert (result.outcome, [name for name in readings(result) if "limit" in name or "_total" in name]) == (
            "healthy",
            [],
        )


def test_an_error_that_quotes_the_password_is_shown_without_it() -> None:
    said = hostile.says(b"CLIENT_ERROR bad data: app planted-canary\r\n")
    with fake(said, username="app", password="planted-canary")() as fields:
        result = probe("memcached", **fields)
    assert result.reason == "auth"
    assert result.detail.endswith("auth: CLIENT_ERROR bad data: app [REDACTED]")


@pytest.mark.parametrize("then", [b"STAT x y\r\n", b"STAT " + b"x" * 1000 + b" y\r\n"])
def test_an_endless_reply_is_cut_off_at_its_limit(then: bytes) -> None:
    with fake(hostile.floods(b"", then * 100))() as fields:
        result = probe("memcached", **fields)
    assert (result.reason, result.detail.partition(": ")[2]) == ("protocol", "replies of more than 131072 bytes")


def test_a_reply_that_comes_byte_by_byte_is_read() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"STAT uptime 7\r\nSTAT bytes 5\r\nEND\r\n":
            connection.sendall(bytes([byte]))

    with fake(drip)() as fields:
        result = probe("memcached", **fields)
    assert result.outcome == "healthy"
    assert readings(result) == {"stack_memcached_uptime_seconds": 7, "stack_memcached_memory_used_bytes": 5}


@pytest.mark.parametrize("said", [b"", b"STAT uptime 7\r\n", b"STAT uptime"])
def test_a_mute_server_is_a_timeout(said: bytes) -> None:
    with fake(hostile.holds(said))() as fields:
        result = probe("memcached", timeout=0.2, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", "timeout")
    assert result.detail.partition(": ")[2] == "no end within 0.2 s, in phase command"


def test_a_full_backlog_is_a_connect_timeout() -> None:
    with hostile.full() as port:
        result = probe("memcached", timeout=0.2, address=f"127.0.0.1:{port}")
    assert (result.outcome, result.reason) == ("unhealthy", "connect_timeout")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", [b"CLIENT_ERROR bad: ", b"STORED\r\n"])
def test_a_server_that_sends_the_password_back_in_any_form_does_not_get_it_shown(
    secret: str, form: str, before: bytes
) -> None:
    with hostile.serving(echoes(FORMS[form], before), ask=False) as server:
        result = probe("memcached", address=server.address, username="ann", password=secret)
    assert result.outcome == "unhealthy"
    assert seen(secret, result.detail) == []
