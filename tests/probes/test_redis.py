"""What the kind redis reads from real Valkey and Redis servers, how it connects to them, and its canary."""

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exporter.probes.redis import Redis
from tests import certificates, probing, servers
from tests.fakes import tlsfront
from tests.probing import probe, readings
from tests.servers.process import wait_until

BOTH = {
    "stack_redis_uptime_seconds",
    "stack_redis_memory_used_bytes",
    "stack_redis_memory_resident_bytes",
    "stack_redis_memory_fragmentation_ratio",
    "stack_redis_clients",
    "stack_redis_clients_max",
    "stack_redis_clients_ratio",
    "stack_redis_clients_blocked",
    "stack_redis_connections_rejected_total",
    "stack_redis_connections_received_total",
    "stack_redis_commands_total",
    "stack_redis_keys_evicted_total",
    "stack_redis_keys_expired_total",
    "stack_redis_keyspace_hits_total",
    "stack_redis_keyspace_misses_total",
    "stack_redis_replica",
    "stack_redis_replicas",
    "stack_redis_loading",
    "stack_redis_rdb_last_save_age_seconds",
    "stack_redis_rdb_changes_since_last_save",
    "stack_redis_rdb_last_save_ok",
    'stack_redis_keys{db="0"}',
    'stack_redis_keys_expiring{db="0"}',
}
VALKEY = {'stack_redis_info{software="valkey",version="9.1.2",mode="standalone"}'}
REDIS = {'stack_redis_info{software="redis",version="8.2.3",mode="standalone"}'}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(("kind", "named"), [("valkey_server", VALKEY), ("redis_server", REDIS)])
def test_a_server_has_all_readings(request: pytest.FixtureRequest, kind: str, named: set[str], loop: Any) -> None:
    server = request.getfixturevalue(kind)
    result = loop(probing.run("redis", url=server.url, canary=True))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "command"]
    found = readings(result)
    assert {name for name in found if "hit_ratio" not in name} == BOTH | named
    assert found["stack_redis_memory_used_bytes"] > 100_000
    assert found["stack_redis_clients_ratio"] == found["stack_redis_clients"] / found["stack_redis_clients_max"] > 0


def test_keys_hits_evictions_and_limits_are_as_the_server_counts_them() -> None:
    flags = ("--maxmemory", "2gb", "--databases", "20", "--maxclients", "50", "--appendonly", "yes")
    with servers.valkey(*flags) as server, closing(server_socket(server)) as blocked:
        for key in ("a", "b", "c"):
            server.call("SET", key, "1")
        server.call("SET", "d", "1", "EX", "100")
        server.call("GET", "a")
        server.call("GET", "b")
        server.call("GET", "c")
        server.call("GET", "absent")
        blocked.sendall(b"SELECT 7\r\nSET x 1\r\nBLPOP never 0\r\n")
        wait_until(lambda: b"blocked_clients:1" in server.call("INFO", "clients"))
        result = probe("redis", url=server.url + "/3")
    found = readings(result)
    names = {f'stack_redis_keys{kind}{{db="{db}"}}' for kind in ("", "_expiring") for db in (3, 7)}
    extra = {"stack_redis_keyspace_hit_ratio", "stack_redis_memory_max_bytes", "stack_redis_memory_ratio"}
    assert set(found) == BOTH | VALKEY | names | extra | {"stack_redis_aof_last_write_ok"}
    expected = {
        'stack_redis_keys{db="0"}': 4,
        'stack_redis_keys_expiring{db="0"}': 1,
        'stack_redis_keys{db="3"}': 0,
        'stack_redis_keys{db="7"}': 1,
        "stack_redis_keyspace_hits_total": 3,
        "stack_redis_keyspace_misses_total": 1,
        "stack_redis_keyspace_hit_ratio": 0.75,
        "stack_redis_memory_max_bytes": 2 << 30,
        "stack_redis_memory_ratio": found["stack_redis_memory_used_bytes"] / (2 << 30),
        "stack_redis_clients": 2,
        "stack_redis_clients_max": 50,
        "stack_redis_clients_ratio": 2 / 50,
        "stack_redis_clients_blocked": 1,
        "stack_redis_aof_last_write_ok": 1,
        "stack_redis_rdb_last_save_ok": 1,
        "stack_redis_replica": 0,
    }
    assert {name: found[name] for name in expected} == expected


def server_socket(server: Any) -> Any:
    import socket

    return socket.create_connection((server.host, server.port))


def test_where_keys_are_evicted_being_full_is_no_fault() -> None:
    with servers.valkey("--maxmemory", "100kb", "--maxmemory-policy", "allkeys-lru") as server:
        found = readings(probe("redis", url=server.url))
    assert found["stack_redis_memory_max_bytes"] == 100 * 1024
    assert "stack_redis_memory_ratio" not in found


def test_a_master_and_its_replica_say_how_far_it_is_behind() -> None:
    with servers.valkey("--repl-diskless-sync-delay", "0") as master:
        with servers.valkey("--replicaof", master.host, str(master.port)) as replica:
            wait_until(lambda: b"state=online" in master.call("INFO", "replication"))
            wait_until(lambda: b"master_link_status:up" in replica.call("INFO", "replication"))
            found = readings(probe("redis", url=master.url))
            lags = {f'stack_redis_replica_lag_{unit}{{replica="0"}}' for unit in ("seconds", "bytes")}
            assert set(found) == BOTH | VALKEY | lags
            assert (found["stack_redis_replica"], found["stack_redis_replicas"]) == (0, 1)

            result = probe("redis", url=replica.url)
            found = readings(result)
            assert result.outcome == "healthy"
            link = {"stack_redis_master_link_up", "stack_redis_master_link_idle_seconds"}
            assert set(found) == BOTH | VALKEY | link
            assert (found["stack_redis_replica"], found["stack_redis_master_link_up"]) == (1, 1)

            replica.pause()
            master.call("SET", "behind", "x" * 5000)
            found = readings(probe("redis", url=master.url))
            assert found['stack_redis_replica_lag_bytes{replica="0"}'] > 5000
            replica.resume()

            master.stop()
            wait_until(lambda: b"master_link_status:down" in replica.call("INFO", "replication"))
            result = probe("redis", url=replica.url)
            assert (result.outcome, result.reason) == ("degraded", "master_down")
            assert set(readings(result)) == BOTH | VALKEY | {"stack_redis_master_link_up"}
            assert readings(result)["stack_redis_master_link_up"] == 0


def test_a_ping_alone_has_no_readings(valkey_server: Any) -> None:
    result = probe("redis", url=valkey_server.url, info=False)
    assert (result.outcome, readings(result)) == ("healthy", {})


def test_each_run_is_one_connection_and_each_reading_of_this_one(valkey_server: Any) -> None:
    counts = [readings(probe("redis", url=valkey_server.url, canary=True)) for _ in range(3)]
    numbers = [found["stack_redis_connections_received_total"] for found in counts]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_canary_leaves_no_key_and_expires_if_it_were_left(loop: Any) -> None:
    with servers.valkey() as server, closing(server_socket(server)) as monitor:
        monitor.sendall(b"MONITOR\r\n")
        wait_until(lambda: b"flags=O" in server.call("CLIENT", "LIST"))
        result = loop(probing.run("redis", url=server.url, canary=True, canary_prefix="mine:"))
        assert result.outcome == "healthy"
        assert server.call("DBSIZE") == b":0\r\n"
        seen = b""
        while b'"DEL"' not in seen:
            seen += monitor.recv(1 << 16)
    commands = [line.partition("] ")[2].split() for line in seen.decode().splitlines() if "mine:" in line]
    key = commands[0][1]
    assert len(key) == len('"mine:"') + 16
    assert [words[:2] for words in commands] == [['"SET"', key], ['"GET"', key], ['"DEL"', key]]
    assert commands[0][3:] == ['"EX"', '"60"']


def test_a_user_a_database_and_a_socket_are_as_the_url_says(tmp_path: Path) -> None:
    config = f"user app on >p@ss:word/ ~* +@all\nunixsocket {tmp_path}/redis.sock\nrequirepass other"
    with servers.redis(config=config) as server:
        for url in (
            f"redis://app:p%40ss%3Aword%2F@{server.host}:{server.port}/5",
            f"unix://app:p%40ss%3Aword%2F@{tmp_path}/redis.sock?db=5",
            f"unix://{tmp_path}/redis.sock?db=5&username=app&password=p%40ss%3Aword%2F",
            f"valkey://:other@{server.host}:{server.port}?db=5",
        ):
            result = probe("redis", url=url, canary=True)
            assert (result.outcome, result.detail) == ("healthy", ""), url
            assert readings(result)['stack_redis_keys{db="5"}'] == 0
        plain = {"url": f"redis://{server.host}:{server.port}", "db": 6}
        result = probe("redis", **plain, username="app", password="p@ss:word/")
        assert 'stack_redis_keys{db="6"}' in readings(result)
        assert probe("redis", **plain, password="other").outcome == "healthy"
        assert probe("redis", **plain, password="p@ss:word/").reason == "auth"
    assert probe("redis", url=f"unix://{tmp_path}/none.sock").reason == "refused"


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_over_tls_the_certificate_is_read(valkey_server: Any, loop: Any) -> None:
    pair, ca = certificates.pair(), str(certificates.authority())
    with tlsfront.before(valkey_server.port, pair.context(client_ca=certificates.authority())) as front:
        client = {"cert_file": str(pair.certificate), "key_file": str(pair.key)}
        result = loop(probing.run("redis", url=f"rediss://{front.address}", tls={"ca_file": ca, **client}, canary=True))
        assert (result.outcome, result.detail) == ("healthy", "")
        assert [phase.name for phase in result.phases] == ["connect", "tls", "command"]
        found = readings(result)
        assert found["stack_redis_certificate_not_after_timestamp_seconds"] == pair.not_after
        assert abs(found["stack_redis_certificate_remaining_seconds"] - (pair.not_after - time.time())) < 60


def test_what_the_url_says_of_certificates_holds(valkey_server: Any) -> None:
    with tlsfront.before(valkey_server.port, certificates.pair().context()) as front:
        url = f"rediss://{front.address}/0"
        assert probe("redis", url=url).reason == "tls_untrusted"
        assert probe("redis", url=f"{url}?ssl_ca_certs={certificates.authority()}").outcome == "healthy"
        result = probe("redis", url=f"{url}?ssl_cert_reqs=none")
        assert result.outcome == "healthy"
        assert not any("certificate" in name for name in readings(result))
    expired = certificates.expired()
    with tlsfront.before(valkey_server.port, expired.context()) as front:
        result = probe("redis", url=f"rediss://{front.address}?ssl_ca_certs={certificates.authority()}")
    assert result.reason == "tls_expired"
    assert readings(result)["stack_redis_certificate_not_after_timestamp_seconds"] == expired.not_after


def test_each_signal_compares_a_metric_in_its_own_unit() -> None:
    for signal in Redis.signals:
        assert signal.metric.unit == ("" if signal.unit == "number" else signal.unit), signal.name
