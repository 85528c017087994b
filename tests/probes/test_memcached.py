"""What the kind memcached reads from a real server, how it connects and logs in, its canary, and bad configuration."""

import asyncio
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from exporter.probes.memcached import Memcached
from tests import certificates, probing, servers
from tests.fakes import tlsfront
from tests.probing import probe, readings
from tests.servers.memcached import memcached
from tests.servers.process import wait_until

pytestmark = pytest.mark.debian

KNOWN = {
    "stack_memcached_uptime_seconds",
    "stack_memcached_memory_used_bytes",
    "stack_memcached_memory_max_bytes",
    "stack_memcached_memory_ratio",
    "stack_memcached_items",
    "stack_memcached_hits_total",
    "stack_memcached_misses_total",
    "stack_memcached_sets_total",
    "stack_memcached_evictions_total",
    "stack_memcached_connections",
    "stack_memcached_connections_max",
    "stack_memcached_connections_ratio",
    "stack_memcached_connections_accepted_total",
    "stack_memcached_connections_rejected_total",
    "stack_memcached_listen_disabled_total",
    "stack_memcached_read_bytes_total",
    "stack_memcached_written_bytes_total",
}


def stats(server: Any) -> dict[bytes, bytes]:
    lines = server.call(b"stats\r\n", b"END\r\n").splitlines()[:-1]
    return {name: value for _, name, value in (line.split(b" ", 2) for line in lines)}


def without_version(found: dict[str, float]) -> set[str]:
    """Debian's next release has another one."""
    return {name for name in found if not name.startswith("stack_memcached_info")}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_server_has_all_readings_as_it_counts_them(loop: Any) -> None:
    with memcached("-m", "32", "-c", "100") as server:
        server.call(b"set a 0 0 3\r\nabc\r\n")
        server.call(b"set b 0 0 3\r\nabc\r\nget a b c d\r\n", b"END\r\n")
        used = int(stats(server)[b"bytes"])
        result = loop(probing.run("memcached", address=server.address, canary=True))
        assert (result.outcome, result.detail) == ("healthy", "")
        assert [phase.name for phase in result.phases] == ["connect", "command"]
        found = readings(result)
        assert without_version(found) == KNOWN | {"stack_memcached_hit_ratio"}
        assert [name for name in found if name.startswith('stack_memcached_info{version="1.')]
        assert found["stack_memcached_connections_ratio"] == found["stack_memcached_connections"] / 100
        expected = {
            "stack_memcached_items": 2,
            "stack_memcached_hits_total": 2,
            "stack_memcached_misses_total": 2,
            "stack_memcached_hit_ratio": 0.5,
            "stack_memcached_sets_total": 2,
            "stack_memcached_evictions_total": 0,
            "stack_memcached_memory_used_bytes": used,
            "stack_memcached_memory_max_bytes": 32 << 20,
            "stack_memcached_memory_ratio": used / (32 << 20),
            "stack_memcached_connections_max": 100,
            "stack_memcached_connections_rejected_total": 0,
        }
        assert {name: found[name] for name in expected} == expected
        assert stats(server)[b"curr_items"] == b"2", "the canary is left behind"
        after = readings(probe("memcached", address=server.address))
        assert after["stack_memcached_connections_accepted_total"] == (
            found["stack_memcached_connections_accepted_total"] + 2  # stats() above, and this one
        )
        assert (after["stack_memcached_hits_total"], after["stack_memcached_sets_total"]) == (3, 3)


def test_evictions_are_counted_and_are_no_fault() -> None:
    with memcached("-m", "2", "-I", "512k") as server:
        value = b"x" * 100_000
        for number in range(60):
            server.call(b"set k%d 0 0 100000\r\n%b\r\n" % (number, value))
        evicted = int(stats(server)[b"evictions"])
        result = probe("memcached", address=server.address, canary=True)
    found = readings(result)
    assert result.outcome == "healthy"
    assert found["stack_memcached_evictions_total"] == evicted > 20
    assert 0.5 < found["stack_memcached_memory_ratio"] < 1


def test_refused_connections_are_counted_once_there_is_room() -> None:
    with memcached("-c", "60") as server:
        with ExitStack() as held:
            for _ in range(80):
                held.enter_context(closing(server.connect()))

            def crowded() -> bool:
                """One more each time, for it may only now let go of the connection that saw it ready."""
                held.enter_context(closing(server.connect()))
                return probe("memcached", address=server.address).reason == "too_many_connections"

            wait_until(crowded, 30)
        wait_until(lambda: probe("memcached", address=server.address).outcome == "healthy")
        found = readings(probe("memcached", address=server.address))
    assert found["stack_memcached_connections_rejected_total"] > 20
    assert found["stack_memcached_connections_max"] == 60


def test_without_stats_only_the_version_is_asked() -> None:
    with memcached() as server:
        result = probe("memcached", address=server.address, stats=False, canary=True)
        assert (result.outcome, without_version(readings(result)), len(readings(result))) == ("healthy", set(), 1)


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_user_of_the_auth_file_is_let_in(tmp_path: Path, loop: Any) -> None:
    file = tmp_path / "users"
    file.write_text("other:x\napp:planted-canary\n")
    with memcached("-Y", str(file)) as server:
        fields = {"address": server.address, "username": "app", "canary": True}
        result = loop(probing.run("memcached", **fields, password="planted-canary"))
        assert (result.outcome, result.detail) == ("healthy", "")
        result = loop(probing.run("memcached", **fields, password="planted-wrong"))
        assert (result.outcome, result.reason) == ("unhealthy", "auth")
        result = loop(probing.run("memcached", address=server.address, canary=True))
        assert (result.outcome, result.reason) == ("unhealthy", "auth")
        assert result.detail == f"{server.address}: stats: CLIENT_ERROR unauthenticated"


def test_a_server_without_authentication_keeps_nothing_of_the_login() -> None:
    with memcached() as server:
        result = probe("memcached", address=server.address, username="app", password="planted-canary")
        assert result.outcome == "healthy"
        assert server.call(b"get stack-exporter:auth\r\n", b"END\r\n") == b"END\r\n"


def test_a_socket_in_the_file_system_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "memcached.sock")
    with memcached("-s", path) as server:
        result = probe("memcached", address=path, canary=True)
        assert (result.outcome, without_version(readings(result)) - {"stack_memcached_hit_ratio"}) == ("healthy", KNOWN)
        server.kill()
    assert probe("memcached", address=path).reason == "refused"


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_over_the_servers_own_tls_the_certificate_is_read(loop: Any) -> None:
    pair = certificates.pair()
    options = f"ssl_chain_cert={pair.certificate},ssl_key={pair.key}"
    with memcached("-Z", "-o", options) as server:
        tls = {"ca_file": str(certificates.authority())}
        result = loop(probing.run("memcached", address=server.address, tls=tls, canary=True))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "tls", "command"]
    found = readings(result)
    assert found["stack_memcached_certificate_not_after_timestamp_seconds"] == pair.not_after
    assert abs(found["stack_memcached_certificate_remaining_seconds"] - (pair.not_after - time.time())) < 60


def test_what_nobody_verifies_has_no_expiry() -> None:
    with memcached() as server, tlsfront.before(server.port, certificates.expired().context()) as front:
        result = probe("memcached", address=front.address, tls={"insecure_skip_verify": True})
        assert result.outcome == "healthy"
        assert not any("certificate" in name for name in readings(result))
        result = probe("memcached", address=front.address, tls={"ca_file": str(certificates.authority())})
    assert result.reason == "tls_expired"
    assert (
        readings(result)["stack_memcached_certificate_not_after_timestamp_seconds"] == certificates.expired().not_after
    )


def test_a_stopped_server_is_a_timeout_and_is_seen_when_it_is_back() -> None:
    with memcached() as server:
        server.pause()
        try:
            result = probe("memcached", timeout=0.2, address=server.address)
            assert (result.outcome, result.reason) == ("unhealthy", "timeout")
        finally:
            server.resume()
        assert probe("memcached", address=server.address).outcome == "healthy"
        server.kill()
        assert probe("memcached", address=server.address).reason == "refused"
        server.start()
        assert probe("memcached", address=server.address).outcome == "healthy"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"address": "memcached:0"}, "address: expected host:port"),
        ({"address": "memcached:65536"}, "address: expected host:port"),
        ({"address": "memcached://h:1"}, "address: expected host:port"),
        ({"address": "a b:1"}, "address: expected host:port"),
        ({"address": ""}, "address: expected host:port"),
        ({"address": "/run/m.sock", "tls": {}}, "tls: a socket in the file system has none"),
        ({"address": "h:1", "canary_prefix": "a b"}, "canary_prefix: "),
        ({"address": "h:1", "canary_prefix": "é"}, "canary_prefix: "),
        ({"address": "h:1", "canary_prefix": "x" * 201}, "canary_prefix: "),
        ({"address": "h:1", "username": "app"}, "username: it goes with password"),
        ({"address": "h:1", "password": "planted"}, "username: it goes with password"),
        ({"address": "h:1", "username": "a b", "password": "planted"}, "username: expected neither spaces"),
        ({"address": "h:1", "username": "app", "password": "planted\r\nflush_all"}, "username: expected neither"),
        ({"address": "h:1", "canary": "maybe"}, "Expected `bool`"),
    ],
)
def test_a_bad_configuration_is_refused_without_its_secrets(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)) as refused:
        probing.component("memcached", **fields)
    assert message in str(refused.value)
    assert "planted" not in str(refused.value)


def test_the_port_is_memcacheds_own_unless_it_is_given() -> None:
    assert Memcached(address="cache")._place == ("cache", 11211)
    assert Memcached(address="[::1]:5")._place == ("::1", 5)


def test_each_signal_compares_a_metric_in_its_own_unit() -> None:
    for signal in Memcached.signals:
        assert signal.metric.unit == ("" if signal.unit == "number" else signal.unit), signal.name


def test_nothing_listens_is_refused() -> None:
    result = probe("memcached", address=f"127.0.0.1:{servers.free_port()}")
    assert (result.outcome, result.reason) == ("unhealthy", "refused")
