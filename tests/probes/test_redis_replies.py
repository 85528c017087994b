"""What the kind redis makes of each thing that a server can say, of one that says nothing, and of one that never stops."""

import math
import socket
from typing import Any

import pytest

from tests import hostile, servers
from tests.fakes import resp
from tests.probing import probe, readings

HUGE = b"$1073741824\r\n"


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        (b"-NOAUTH Authentication required.\r\n", "auth", "PING: NOAUTH Authentication required."),
        (
            b"-DENIED Redis is running in protected mode.\r\n",
            "permission",
            "PING: DENIED Redis is running in protected mode.",
        ),
        (b"-ERR max number of clients reached\r\n", "too_many_connections", "PING: ERR max number of clients reached"),
        (b"-OOM \x1b[2Jcleared\r\n", "out_of_memory", "PING: OOM  [2Jcleared"),
        (b"+HELLO\r\n", "protocol", "PING was answered with 'HELLO'"),
        (b":1\r\n", "protocol", "PING was answered with 1"),
        (b"$-1\r\n", "protocol", "PING was answered with None"),
        (HUGE, "protocol", "a reply of 1073741824 bytes, more than 1048576"),
        (b"$99999999999999999999999\r\n", "protocol", "no number where there should be one"),
        (b"$-x\r\n", "protocol", "no number where there should be one"),
        (b"$2\r\nPONG\r\n", "protocol", "a reply longer than it says"),
        (b"*1\r\n+PONG\r\n", "protocol", "no reply of Redis: it begins with b'*'"),
        (b"+" + b"x" * 5000, "protocol", "a line of more than 4096 bytes"),
        (b"+", "closed", "closed the connection"),
        (b"$4\r\nPO", "closed", "closed the connection"),
        (b"", "closed", "closed the connection"),
    ],
)
def test_what_is_said_to_a_ping_decides(said: bytes, reason: str, detail: str) -> None:
    with resp.fake(hostile.says(said), info=False)() as fields:
        result = probe("redis", **fields)
    where = fields["url"].removeprefix("redis://")
    assert (result.reason, result.detail) == (
        reason,
        f"{where} {detail}" if reason == "closed" else f"{where}: {detail}",
    )


def test_an_endless_reply_is_cut_off_at_its_limit() -> None:
    with resp.fake(hostile.floods(b"+PONG\r\n$1048576\r\n", bytes(1 << 16)))() as fields:
        result = probe("redis", **fields)
    assert (result.reason, result.detail.partition(": ")[2]) == ("protocol", "replies of more than 1048576 bytes")


def test_a_reply_that_comes_byte_by_byte_is_read() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"+PONG\r\n$24\r\nrole:master\r\nloading:0\r\n\r\n":
            connection.sendall(bytes([byte]))

    with resp.fake(drip)() as fields:
        assert probe("redis", **fields).outcome == "healthy"


@pytest.mark.parametrize("said", [b"", b"+PONG\r\n", b"+PONG\r\n$400\r\nhalf"])
def test_a_mute_server_is_a_timeout(said: bytes) -> None:
    with resp.fake(hostile.holds(said))() as fields:
        result = probe("redis", timeout=0.2, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", "timeout")
    assert result.detail.partition(": ")[2] == "no end within 0.2 s, in phase command"


def test_a_stopped_server_is_a_timeout_and_is_seen_when_it_is_back() -> None:
    with servers.valkey() as server:
        server.pause()
        try:
            assert probe("redis", timeout=0.2, url=server.url).reason == "timeout"
        finally:
            server.resume()
        assert probe("redis", url=server.url).outcome == "healthy"
        server.kill()
        assert probe("redis", url=server.url).reason == "refused"
        server.start()
        assert probe("redis", url=server.url).outcome == "healthy"


def test_info_that_may_not_be_read_is_degraded_and_the_ping_counts() -> None:
    with servers.valkey(config="user limited on nopass ~* +ping") as server:
        fields = {"url": server.url, "username": "limited", "password": "any"}
        result = probe("redis", **fields)
        assert (result.outcome, result.reason, readings(result)) == ("degraded", "permission", {})
        assert probe("redis", **fields, info=False).outcome == "healthy"


def test_a_password_that_the_server_does_not_have_is_a_matter_of_auth(valkey_server: Any) -> None:
    result = probe("redis", url=valkey_server.url, password="planted-canary")
    assert (result.outcome, result.reason) == ("unhealthy", "auth")
    assert "without any password configured" in result.detail


def test_counters_that_no_counter_can_have_are_left_out() -> None:
    told = b"\r\n".join(
        [
            *(b"# Stats", b"redis_version:8.0.0", b"total_connections_received:-7", b"total_commands_processed:inf"),
            *(b"evicted_keys:nan", b"expired_keys:-inf", b"keyspace_hits:0", b"mem_fragmentation_ratio:nan", b""),
        ]
    )
    with resp.fake(hostile.says(b"+PONG\r\n$%d\r\n%b\r\n" % (len(told), told)))() as fields:
        result = probe("redis", **fields)
    found = readings(result)
    counters = {name for name in found if name.endswith("_total")}
    assert (result.outcome, counters) == ("healthy", {"stack_redis_keyspace_hits_total"})
    assert math.isnan(found["stack_redis_memory_fragmentation_ratio"])


def test_an_error_that_quotes_the_password_is_shown_without_it() -> None:
    said = b"-ERR unknown command 'AUTH', with args beginning with: 'planted-canary'\r\n"
    with resp.fake(hostile.says(said))() as fields:
        result = probe("redis", **fields, password="planted-canary")
    assert result.reason == "auth"
    assert result.detail.endswith("AUTH: ERR unknown command 'AUTH', with args beginning with: '[REDACTED]'")


def test_tls_to_a_server_without_it_is_a_timeout_as_valkey_waits_for_the_end_of_the_line(valkey_server: Any) -> None:
    result = probe("redis", timeout=0.3, url=valkey_server.url.replace("redis:", "rediss:"))
    assert result.outcome == "unhealthy"
    # A random byte of the greeting may be a line's end; then it closes.
    assert result.reason in ("timeout", "closed", "reset", "tls_plaintext")
