"""The servers that tests rely on do what tests rely on."""

import socket

import pytest

from tests import servers
from tests.servers import Server, free_port
from tests.servers.process import wait_until

STARTERS = {"valkey": servers.valkey, "redis": servers.redis, "postgres": servers.postgres}


@pytest.fixture(params=STARTERS)
def server(request: pytest.FixtureRequest):
    with STARTERS[request.param]() as started:
        yield started


def connects(server: Server) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((server.host, server.port)) == 0


def test_a_killed_server_refuses_and_comes_back_on_its_port(server: Server) -> None:
    before = server.pid
    server.kill()
    assert (server.running, connects(server)) == (False, False)
    server.start()
    assert (server.pid != before, connects(server)) == (True, True)


def test_a_stopped_server_exits_0_and_comes_back(server: Server) -> None:
    assert (server.stop(), server.running, connects(server)) == (0, False, False)
    server.start()
    assert connects(server)


def test_a_paused_server_takes_connections_and_answers_none(valkey_server: Server) -> None:
    valkey_server.pause()
    try:
        with pytest.raises(TimeoutError):
            valkey_server.call("PING", timeout=0.2)
    finally:
        valkey_server.resume()
    assert valkey_server.call("PING") == b"+PONG\r\n"


def test_a_standby_follows_its_primary() -> None:
    with servers.postgres() as primary, servers.postgres(replica_of=primary) as standby:
        assert standby.sql("SELECT pg_is_in_recovery()") == "t"
        wait_until(lambda: primary.sql("SELECT state FROM pg_stat_replication") == "streaming")


def test_a_password_is_asked_for() -> None:
    with servers.postgres(auth="scram-sha-256", password="right") as server:
        assert server.sql("SELECT 1") == "1"
        with pytest.raises(AssertionError, match="password authentication failed"):
            server.sql("SELECT 1", dsn=server.dsn(password="wrong"))


def test_a_server_that_ends_at_its_start_is_told_with_its_log() -> None:
    with pytest.raises(AssertionError) as raised, servers.valkey("--no-such-flag", "1"):
        pass
    assert "no-such-flag" in raised.value.__notes__[0]


def test_a_port_is_given_once() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
