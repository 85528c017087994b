"""Every reason of the kind postgres, and what provokes it: a real server wherever one can."""

import asyncio
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest
import uvloop

from exporter.probes.postgres import Postgres
from tests import certificates, hostile, probing, servers
from tests.fakes import pgwire
from tests.probes.sessions import Session
from tests.probing import probe
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("postgres_reasons")

Provoke = Callable[[Any], AbstractContextManager[dict[str, Any]]]


def at(port: int, query: str = "") -> dict[str, Any]:
    return {"dsn": f"postgresql://postgres@127.0.0.1:{port}/postgres{query}"}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Roles need passwords here, but for postgres."""
    lines = [
        "host all postgres 127.0.0.1/32 trust",
        "host all barred 127.0.0.1/32 reject",
        "host all all 127.0.0.1/32 scram-sha-256",
    ]
    with servers.postgres(hba=lines) as server:
        server.sql("CREATE ROLE barred LOGIN PASSWORD 'x'; CREATE ROLE app LOGIN PASSWORD 'right'")
        for name in ("private", "closed", "slow", "frozen"):
            server.sql(f"CREATE DATABASE {name}")
        server.sql("REVOKE CONNECT ON DATABASE private FROM public")
        server.sql("ALTER DATABASE closed ALLOW_CONNECTIONS false")
        server.sql("ALTER DATABASE frozen SET default_transaction_read_only = on")
        server.sql(
            "SET allow_system_table_mods = on; CREATE OR REPLACE VIEW pg_catalog.pg_prepared_xacts AS SELECT NULL::xid transaction,"
            " NULL::text gid, now() prepared, NULL::name owner, NULL::name database FROM pg_sleep(60)",
            dsn=server.dsn("slow"),
        )
        yield server


@contextmanager
def shows(server: Any, pair: certificates.Pair, **context: Any) -> Iterator[dict[str, Any]]:
    with pgwire.behind_tls(server.port, pair.context(**context)) as found:
        yield at(found.port, f"?sslmode=verify-full&sslrootcert={certificates.authority()}")


@contextmanager
def full(_: Any) -> Iterator[dict[str, Any]]:
    with servers.postgres(max_connections=2, superuser_reserved_connections=0, max_wal_senders=0) as server:
        with closing(Session(server.url)), closing(Session(server.url)):
            yield {"dsn": server.url}


@contextmanager
def shutting_down(_: Any) -> Iterator[dict[str, Any]]:
    with servers.postgres() as server, closing(Session(server.url)):
        os.kill(server.pid, signal.SIGTERM)  # smart: waits for the session
        wait_until(lambda: "smart shutdown" in server.log)
        yield {"dsn": server.url}


@contextmanager
def locked(server: Any) -> Iterator[dict[str, Any]]:
    with closing(Session(server.url)) as session:
        session.query("BEGIN; LOCK TABLE pg_constraint IN ACCESS EXCLUSIVE MODE")
        yield {"dsn": server.url, "timeout": 0.8}


@contextmanager
def failing_names(_: Any) -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"dsn": "postgresql://database.example/x"}


def fake(start: Callable[[], AbstractContextManager[hostile.Hostile]], query: str = "") -> Provoke:
    @contextmanager
    def provoke(_: Any) -> Iterator[dict[str, Any]]:
        with start() as found:
            yield at(found.port, query)

    return provoke


def real(make: Callable[[Any], dict[str, Any]]) -> Provoke:
    @contextmanager
    def provoke(server: Any) -> Iterator[dict[str, Any]]:
        yield make(server)

    return provoke


ALERT = b"S\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure
TABLE: dict[str, Provoke] = {
    "resolve": real(lambda _: {"dsn": "postgresql://nowhere.invalid/x"}),
    "nameserver": failing_names,
    "refused": real(lambda _: at(servers.free_port())),
    "unreachable": real(lambda _: {"dsn": "postgresql://255.255.255.255/x"}),
    "reset": fake(lambda: pgwire.pgwire(hostile.resets())),
    "closed": fake(lambda: pgwire.pgwire(hostile.says())),
    "protocol": fake(lambda: pgwire.pgwire(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))),
    "auth": real(lambda server: {"dsn": server.dsn(user="app", password="wrong")}),
    "no_database": real(lambda server: {"dsn": server.dsn("nosuch")}),
    "permission": real(lambda server: {"dsn": server.dsn("private", user="app", password="right")}),
    "starting_up": fake(
        lambda: pgwire.pgwire(hostile.says(pgwire.error("57P03", "the database system is starting up")))
    ),
    "shutting_down": shutting_down,
    "too_many_connections": full,
    "query_timeout": real(lambda server: {"dsn": server.dsn("slow"), "timeout": 2.5}),
    "locked": locked,
    "role": real(lambda server: {"dsn": server.url, "role": "replica"}),
    "read_only": real(lambda server: {"dsn": server.dsn("frozen"), "role": "primary"}),
    "server_error": real(lambda server: {"dsn": server.dsn("closed")}),
    "tls_refused": real(lambda server: at(server.port, "?sslmode=require")),
    "tls_expired": lambda server: shows(server, certificates.expired()),
    "tls_not_yet_valid": lambda server: shows(server, certificates.not_yet_valid()),
    "tls_untrusted": lambda server: shows(server, certificates.self_signed()),
    "tls_hostname": lambda server: shows(server, certificates.wrong_host()),
    "tls_version": lambda server: shows(server, certificates.pair(), newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": fake(lambda: pgwire.answering_tls(b"SERROR: what is this\r\n"), "?sslmode=require"),
    "tls": fake(lambda: pgwire.answering_tls(ALERT), "?sslmode=require"),
}
DEGRADED = {"role", "read_only"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str, server: Any) -> None:
    with TABLE[reason](server) as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("postgres", **fields))
            assert (result.outcome, result.reason) == ("degraded" if reason in DEGRADED else "unhealthy", reason), (
                result.detail
            )
            assert len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Postgres.reasons)


@pytest.mark.parametrize("user", ["nobody", "barred"])
def test_a_role_that_is_unknown_or_barred_is_a_matter_of_auth(server: Any, user: str) -> None:
    assert probe("postgres", dsn=server.dsn(user=user, password="x")).reason == "auth"


def test_a_missing_password_is_a_matter_of_auth(server: Any) -> None:
    assert probe("postgres", dsn=f"postgresql://app@127.0.0.1:{server.port}/postgres").reason == "auth"


def test_a_session_ended_by_an_administrator_is_shutting_down() -> None:
    ended = pgwire.error("57P01", "terminating connection due to administrator command")
    with pgwire.pgwire(hostile.says(ended), granting=True) as found:
        assert probe("postgres", **at(found.port)).reason == "shutting_down"


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-full"])
def test_a_server_that_does_not_answer_the_request_for_tls_is_a_timeout(mode: str) -> None:
    with hostile.serving(hostile.mute, ask=False) as found:
        result = probe("postgres", timeout=0.3, **at(found.port, f"?sslmode={mode}"))
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.3 s, in phase negotiation")


def test_a_stopped_postmaster_is_a_timeout(server: Any) -> None:
    with servers.postgres() as stopped:
        assert probe("postgres", dsn=stopped.url).outcome == "healthy"
        stopped.pause()
        try:
            result = probe("postgres", timeout=0.3, dsn=stopped.url)
        finally:
            stopped.resume()
        assert (result.outcome, result.reason) == ("unhealthy", "timeout")
        assert probe("postgres", dsn=stopped.url).outcome == "healthy"


def test_an_endless_answer_is_cut_off() -> None:
    with pgwire.pgwire(hostile.floods(b"D\x7f\xff\xff\xff", bytes(1 << 16)), granting=True) as found:
        result = probe("postgres", **at(found.port))
    assert (result.reason, result.detail) == ("protocol", f"127.0.0.1:{found.port} sent more than 4194304 bytes")
