"""One session a run, and none left: what the kind postgres leaves on a server when it is cut off, refused or done."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import asyncpg  # noqa: F401 - as the daemon does when it is configured, and not within a run
import pytest
import uvloop

from tests import certificates, hostile, probing, servers
from tests.fakes import pgwire
from tests.probing import probe
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("postgres_session")

PASSWORD = "planted-canary"


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with servers.postgres(auth="scram-sha-256", password=PASSWORD, log_connections="receipt") as server:
        server.sql(f"CREATE ROLE named LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE umlaut LOGIN PASSWORD 'pässwörd'")
        yield server


def ours(server: Any) -> str:
    return server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'")


def test_runs_one_after_another_are_one_connection_each_and_leave_no_session(server: Any) -> None:
    before = server.log.count("connection received")
    component, memory = probing.component("postgres", dsn=server.url), probing.Memory()

    async def runs() -> list[str]:
        from exporter.schedule import run_once

        return [(await run_once(component, memory, memory)).outcome for _ in range(5)]

    assert asyncio.run(runs()) == ["healthy"] * 5
    assert server.log.count("connection received") - before == 5
    assert ours(server) == "0"


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_a_refusal_over_tls_is_not_tried_again_without(server: Any, mode: str) -> None:
    before = server.log.count("connection received")
    with pgwire.behind_tls(server.port, certificates.pair().context()) as front:
        result = probe("postgres", dsn=f"postgresql://postgres:wrong@127.0.0.1:{front.port}/postgres?sslmode={mode}")
    assert result.reason == "auth"
    assert server.log.count("connection received") - before == front.connections == 1


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_query_that_a_live_server_can_not_end_is_cancelled_and_the_session_closed(loop: Any) -> None:
    with pgwire.pgwire(hostile.mute, granting=True) as found:
        began = time.monotonic()
        result = loop(probing.run("postgres", timeout=0.3, dsn=f"postgresql://postgres@127.0.0.1:{found.port}/x"))
        assert time.monotonic() - began < 0.3 + 0.8
        assert (result.outcome, result.reason) == ("unhealthy", "timeout")
        assert result.detail.partition(": ")[2] == "no end within 0.3 s, in phase query"
        # The session, and the request to cancel it by the key that it was given.
        assert found.connections == 2
        assert [request for request in found.requests if request][1] == pgwire.CANCEL + (4711).to_bytes(4) + (
            815
        ).to_bytes(4)


def test_a_stopped_backend_ends_with_its_run(server: Any) -> None:
    component, memory = probing.component("postgres", dsn=server.url, timeout=1), probing.Memory()
    stopped = []

    async def run() -> Any:
        from exporter.schedule import run_once

        task = asyncio.create_task(run_once(component, memory, memory))
        while not stopped:
            await asyncio.sleep(0.002)
            stopped.extend(backends(server))
        os.kill(stopped[0], signal.SIGSTOP)
        return await task

    try:
        result = asyncio.run(run())
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert result.outcome in ("healthy", "unhealthy")  # it may have answered before it was stopped
    assert result.reason in ("", "timeout")
    wait_until(lambda: ours(server) == "0")


def backends(server: Any) -> list[int]:
    import psutil

    children = psutil.Process(server.pid).children()
    return [child.pid for child in children if any("postgres postgres 127" in part for part in child.cmdline())]


@pytest.mark.parametrize("user", ["named", "umlaut"])
@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_password_is_proved_by_scram(server: Any, user: str, loop: Any) -> None:
    password = PASSWORD if user == "named" else "pässwörd"
    dsn = f"postgresql://{user}@127.0.0.1:{server.port}/postgres"
    assert loop(probing.run("postgres", dsn=dsn, password=password)).outcome == "healthy"
    assert loop(probing.run("postgres", dsn=dsn, password=password[:-1])).reason == "auth"


def test_a_changed_password_is_seen_by_the_next_run(server: Any) -> None:
    server.sql("CREATE ROLE changing LOGIN PASSWORD 'old'")
    dsn = server.dsn(user="changing", password="old")
    assert probe("postgres", dsn=dsn).outcome == "healthy"
    server.sql("ALTER ROLE changing PASSWORD 'new'")
    assert probe("postgres", dsn=dsn).reason == "auth"
    assert probe("postgres", dsn=server.dsn(user="changing", password="new")).outcome == "healthy"


@pytest.mark.parametrize("rounds", [10**6, 10**9])
def test_a_server_that_asks_for_endless_hashing_is_refused(rounds: int) -> None:
    def ask(connection: Any, _: bytes) -> None:
        connection.sendall(pgwire.message(b"R", (10).to_bytes(4) + b"SCRAM-SHA-256\0\0"))
        nonce = connection.recv(1 << 16).rpartition(b"r=")[2]
        challenge = b"r=" + nonce + b"more,s=c2FsdA==,i=%d" % rounds
        connection.sendall(pgwire.message(b"R", (11).to_bytes(4) + challenge))

    with pgwire.pgwire(ask) as found:
        for password in ("plain", "pässwörd"):
            result = probe("postgres", dsn=f"postgresql://me@127.0.0.1:{found.port}/x", password=password)
            assert (result.reason, result.detail) == (
                "protocol",
                f"127.0.0.1:{found.port} asks for {rounds} rounds of SCRAM, more than 200000",
            )


def test_a_server_that_does_not_know_the_password_either_is_refused() -> None:
    def grant(connection: Any, _: bytes) -> None:
        connection.sendall(pgwire.message(b"R", (10).to_bytes(4) + b"SCRAM-SHA-256\0\0"))
        nonce = connection.recv(1 << 16).rpartition(b"r=")[2]
        connection.sendall(pgwire.message(b"R", (11).to_bytes(4) + b"r=" + nonce + b"x,s=c2FsdA==,i=4096"))
        connection.recv(1 << 16)
        connection.sendall(pgwire.message(b"R", (12).to_bytes(4) + b"v=AAAA") + pgwire.READY)

    with pgwire.pgwire(grant) as found:
        result = probe("postgres", dsn=f"postgresql://me@127.0.0.1:{found.port}/x", password="right")
    assert (result.reason, result.detail) == (
        "protocol",
        f"127.0.0.1:{found.port} could not prove that it knows the password",
    )


def test_behind_a_pooler_the_settings_are_made_in_the_transaction(server: Any) -> None:
    assert probe("postgres", dsn=server.url, pooler=True).outcome == "healthy"
    seen = []

    def note(connection: Any, first: bytes) -> None:
        connection.sendall(pgwire.READY)
        seen.extend([first, connection.recv(1 << 16)])

    with pgwire.pgwire(note) as found:
        probe("postgres", timeout=0.3, dsn=f"postgresql://me@127.0.0.1:{found.port}/x", pooler=True)
    assert b"statement_timeout" not in seen[0]
    assert seen[1].startswith(b"Q") and b"BEGIN READ ONLY; SET LOCAL statement_timeout = " in seen[1]


def test_no_secret_is_shown_in_what_a_run_says(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dsn = f"postgresql+asyncpg://postgres:{PASSWORD}@127.0.0.1"
    for port, query in [(server.port, ""), (servers.free_port(), ""), (server.port, "?sslmode=require")]:
        component = probing.component("postgres", dsn=f"{dsn}:{port}/nosuch{query}")
        assert PASSWORD not in repr(component)
        result = probe("postgres", dsn=f"{dsn}:{port}/nosuch{query}")
        assert result.outcome == "unhealthy"
        assert PASSWORD not in repr(result)
    assert PASSWORD not in caplog.text
