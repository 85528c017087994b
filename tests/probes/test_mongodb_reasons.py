"""Every reason of the kind mongodb, and what provokes it: a real server that is compatible, wherever one can."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import uvloop

from exporter.probes.mongodb import MongoDB as Kind
from tests import certificates, hostile, probing, servers
from tests.fakes import tlsfront
from tests.fakes.mongod import HELLO, MEMBER, document, mongod, reply
from tests.servers.mongodb import MongoDB

pytestmark = pytest.mark.xdist_group("mongodb")
Provoke = Callable[[MongoDB, MongoDB], AbstractContextManager[dict[str, Any]]]


def fixed(url: str) -> Provoke:
    @contextmanager
    def provoke(*_: MongoDB) -> Iterator[dict[str, Any]]:
        yield {"url": url}

    return provoke


def answers(answer: Callable[[socket.socket], None], url: str = "mongodb://{}/") -> Provoke:
    """Answers what says something."""

    @contextmanager
    def provoke(*_: MongoDB) -> Iterator[dict[str, Any]]:
        def converse(connection: socket.socket, _: bytes) -> None:
            if connection.recv(1 << 16):
                answer(connection)

        with hostile.serving(converse, ask=False) as found:
            yield {"url": url.format(found.address)}

    return provoke


def fake(url: str = "mongodb://{}/", **given: Any) -> Provoke:
    @contextmanager
    def provoke(*_: MongoDB) -> Iterator[dict[str, Any]]:
        role = given.get("role", "any")
        with mongod({name: answer for name, answer in given.items() if name != "role"}) as found:
            yield {"url": url.format(found.address), "role": role}

    return provoke


def state(mine: int, *others: int) -> dict[str, Any]:
    """A replSetGetStatus with the members in these states."""
    return {"ok": 1.0, "myState": mine, "members": [{"_id": n, "state": s} for n, s in enumerate((mine, *others))]}


def login(user: str, password: str) -> Provoke:
    @contextmanager
    def provoke(_: MongoDB, server: MongoDB) -> Iterator[dict[str, Any]]:
        yield {"url": server.url, "username": user, "password": password}

    return provoke


@contextmanager
def no_name_server(*_: MongoDB) -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"url": "mongodb://database.example"}


@contextmanager
def fails(server: MongoDB, _: MongoDB) -> Iterator[dict[str, Any]]:
    server.fail("dbStats", errorCode=8)
    yield {"url": server.url + "shop"}


def shows(pair: certificates.Pair, **context: Any) -> Provoke:
    @contextmanager
    def provoke(server: MongoDB, _: MongoDB) -> Iterator[dict[str, Any]]:
        with tlsfront.before(server.port, pair.context(**context)) as front:
            yield {"url": f"mongodb://{front.address}/?tls=true&tlsCAFile={certificates.authority()}"}

    return provoke


TABLE: dict[str, Provoke] = {
    "resolve": fixed("mongodb://nowhere.invalid"),
    "nameserver": no_name_server,
    "refused": lambda *_: fixed(f"mongodb://127.0.0.1:{servers.free_port()}")(),
    "unreachable": fixed("mongodb://255.255.255.255"),
    "reset": answers(lambda connection: hostile.resets(b"\0")(connection, b"")),
    "closed": answers(lambda connection: connection.close()),
    "protocol": answers(lambda connection: hostile.holds(b"HTTP/1.1 400 Bad Request\r\n\r\n")(connection, b"")),
    "auth": login("monitor", "another password"),
    "permission": login("limited", "limited-password"),
    "no_primary": fake(hello=MEMBER, replSetGetStatus=state(2, 2, 8)),
    "recovering": fake(hello={**MEMBER, "isWritablePrimary": False}, replSetGetStatus=state(3, 1, 2)),
    "role": fake(hello=MEMBER, replSetGetStatus=document("replSetGetStatus"), role="primary"),
    "unsupported": fake(hello={**HELLO, "maxWireVersion": 5}),
    "configuration": fixed("mongodb://127.0.0.1/?readConcernLvl=local"),
    "server_error": fails,
    "tls_expired": shows(certificates.expired()),
    "tls_not_yet_valid": shows(certificates.not_yet_valid()),
    "tls_untrusted": shows(certificates.self_signed()),
    "tls_hostname": shows(certificates.wrong_host()),
    "tls_version": shows(certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": answers(
        lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), "mongodb://{}/?tls=true"
    ),
    # an alert: handshake_failure
    "tls": answers(lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), "mongodb://{}/?tls=true"),
}
DEGRADED = {"permission", "no_primary", "recovering", "role", "server_error"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(
    reason: str, mongodb_server: MongoDB, mongodb_login_server: MongoDB
) -> None:
    for loop in (asyncio.run, uvloop.run):
        with TABLE[reason](mongodb_server, mongodb_login_server) as fields:
            if reason == "configuration":
                fields["url"] = fields["url"].replace("127.0.0.1", f"127.0.0.1:{mongodb_server.port}")
            result = loop(probing.run("mongodb", **fields))
        expected = "degraded" if reason in DEGRADED else "unhealthy"
        assert (result.outcome, result.reason) == (expected, reason), (result.detail, result.error)
        assert 0 < len(result.detail) <= 200
        assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Kind.reasons)


FAILED: dict[tuple[str, int], tuple[str, str]] = {
    ("serverStatus", 13): ("unhealthy", "auth"),  # without a name it is a login that is missing
    ("serverStatus", 18): ("unhealthy", "auth"),
    ("serverStatus", 8000): ("unhealthy", "auth"),
    ("serverStatus", 11602): ("unhealthy", "recovering"),
    ("serverStatus", 10107): ("unhealthy", "recovering"),
    ("serverStatus", 91): ("unhealthy", "recovering"),
    ("serverStatus", 59): ("unhealthy", "server_error"),
    ("replSetGetStatus", 11602): ("degraded", "recovering"),
    ("replSetGetStatus", 94): ("degraded", "server_error"),
    ("dbStats", 13436): ("degraded", "recovering"),
}


@pytest.mark.parametrize("failed", FAILED)
def test_what_a_command_fails_with_has_its_reason_and_readings_made_before_are_kept(
    failed: tuple[str, int], mongodb_server: MongoDB
) -> None:
    command, code = failed
    mongodb_server.fail(command, errorCode=code)
    result = probing.probe("mongodb", url=mongodb_server.url + "shop")
    assert (result.outcome, result.reason) == FAILED[failed], result.detail
    assert "failCommand" in result.detail
    assert ("stack_mongodb_uptime_seconds" in probing.readings(result)) == (command != "serverStatus")


NO_HELLO = {
    "an older message": reply(HELLO, 1, old=True),
    "a length of nothing": bytes(16),
    "a length of all there is": struct.pack("<iiii", 2**31 - 1, 1, 1, 2013),
    "a negative length": struct.pack("<iiii", -1, 1, 1, 2013),
}


@pytest.mark.parametrize("said", NO_HELLO)
def test_what_is_no_answer_to_hello_is_no_mongodb(said: str) -> None:
    with hostile.serving(hostile.holds(NO_HELLO[said]), ask=False) as server:
        result = probing.probe("mongodb", url=f"mongodb://{server.address}/")
    assert (result.reason, server.connections) == ("protocol", 1)


@pytest.mark.parametrize("command", ["serverStatus", "replSetGetStatus", "dbStats"])
def test_a_connection_that_is_closed_before_the_answer_is_closed(command: str, mongodb_server: MongoDB) -> None:
    mongodb_server.fail(command, closeConnection=True)
    assert probing.probe("mongodb", url=mongodb_server.url + "shop").reason == "closed"


def test_a_full_backlog_is_a_timeout_of_the_connection_and_a_stopped_server_one_of_the_session() -> None:
    with hostile.full() as port:
        assert probing.probe("mongodb", url=f"mongodb://127.0.0.1:{port}", timeout=0.2).reason == "connect_timeout"
    with hostile.serving(hostile.mute, ask=False) as server:
        result = probing.probe("mongodb", url=f"mongodb://{server.address}", timeout=0.3)
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.3 s, in phase hello")
    assert result.duration < 0.6


def test_a_set_whose_members_are_no_primary_is_said_before_the_deadline() -> None:
    hello = {**MEMBER, "isWritablePrimary": False, "secondary": True}
    with mongod(hello=hello) as server:
        me = {**hello, "hosts": [server.address], "me": server.address}
    with mongod(hello=me) as other:
        me["hosts"], me["me"] = [other.address], other.address
        result = probing.probe("mongodb", url=f"mongodb://{other.address}/?replicaSet=rs0", timeout=2.0)
    assert (result.outcome, result.reason) == ("unhealthy", "no_primary"), result.detail
    assert result.detail == f"{other.address}: {other.address} is RSSecondary"
