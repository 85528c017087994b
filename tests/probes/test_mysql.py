"""What the kind mysql reads from a real MariaDB, as an administrator and as a user with few privileges."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pymysql
import pytest
import uvloop

from tests import probing, servers
from tests.probing import probe, readings
from tests.servers.mariadb import MariaDB
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]

STATEMENTS = ("select", "insert", "replace", "update", "delete", "call", "commit", "rollback")
ALWAYS = {
    "stack_mysql_uptime_seconds",
    "stack_mysql_connections",
    "stack_mysql_connections_limit",
    "stack_mysql_connections_ratio",
    "stack_mysql_connections_peak",
    "stack_mysql_connection_attempts_total",
    "stack_mysql_connections_rejected_total",
    "stack_mysql_aborted_connects_total",
    "stack_mysql_aborted_clients_total",
    "stack_mysql_threads_running",
    "stack_mysql_queries_total",
    *(f'stack_mysql_statements_total{{statement="{statement}"}}' for statement in STATEMENTS),
    "stack_mysql_slow_queries_total",
    "stack_mysql_slow_query_seconds",
    "stack_mysql_temporary_disk_tables_total",
    "stack_mysql_row_locks_waiting",
    "stack_mysql_row_lock_waits_total",
    "stack_mysql_row_lock_wait_seconds_total",
    "stack_mysql_table_lock_waits_total",
    "stack_mysql_deadlocks_total",
    "stack_mysql_history_length",
    "stack_mysql_buffer_pool_size_bytes",
    "stack_mysql_buffer_pool_data_bytes",
    "stack_mysql_buffer_pool_dirty_bytes",
    "stack_mysql_buffer_pool_read_requests_total",
    "stack_mysql_buffer_pool_disk_reads_total",
    "stack_mysql_buffer_pool_hit_ratio",
    "stack_mysql_read_only",
    "stack_mysql_replicas",
}
BY_PROCESS = {
    "stack_mysql_transactions",
    "stack_mysql_oldest_transaction_seconds",
    "stack_mysql_row_lock_longest_wait_seconds",
}
BY_MONITOR = {"stack_mysql_replication_channels"}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with servers.mariadb(max_connections=20, default_time_zone="+05:00") as server:
        server.sql(
            "CREATE DATABASE shop",
            "CREATE DATABASE archive",
            "CREATE TABLE shop.orders (id INT PRIMARY KEY, n INT)",
            "CREATE TABLE archive.orders LIKE shop.orders",
            "INSERT INTO shop.orders VALUES (1, 0), (2, 0)",
            "CREATE USER few@localhost",
        )
        yield server


def always(server: MariaDB) -> set[str]:
    version = server.sql("SELECT VERSION()")[0][0].partition("-")[0]
    return ALWAYS | {f'stack_mysql_info{{software="mariadb",version="{version}"}}'}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_an_administrator_has_all_readings(server: MariaDB, loop: Any) -> None:
    with closing(server.session()), closing(server.session()):
        result = loop(probing.run("mysql", url=server.url))
        found = readings(result)
        pool = dict(server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_bytes%'"))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "greeting", "session", "query"]
    assert set(found) == always(server) | BY_PROCESS | BY_MONITOR
    known = {
        "stack_mysql_connections": 3,
        "stack_mysql_connections_limit": 20,
        "stack_mysql_connections_ratio": 3 / 20,
        "stack_mysql_slow_query_seconds": 10,
        "stack_mysql_buffer_pool_size_bytes": 8 << 20,
        "stack_mysql_buffer_pool_data_bytes": float(pool["Innodb_buffer_pool_bytes_data"]),
        "stack_mysql_read_only": 0,
        "stack_mysql_replicas": 0,
        "stack_mysql_replication_channels": 0,
        "stack_mysql_row_locks_waiting": 0,
        "stack_mysql_row_lock_longest_wait_seconds": 0,
        "stack_mysql_transactions": 0,
        "stack_mysql_oldest_transaction_seconds": 0,
    }
    assert {name: found[name] for name in known} == known
    assert 0 < found["stack_mysql_buffer_pool_hit_ratio"] < 1
    assert 0 <= found["stack_mysql_uptime_seconds"] < 120


def test_a_user_without_privileges_sees_what_it_may(server: MariaDB) -> None:
    result = probe("mysql", url=server.dsn(user="few"))
    assert (result.outcome, set(readings(result))) == ("healthy", always(server))


def test_replication_is_not_asked_about_where_it_is_off(server: MariaDB) -> None:
    result = probe("mysql", url=server.url, replication="off")
    assert set(readings(result)) == always(server) | BY_PROCESS


def test_a_privilege_that_is_missing_for_what_was_asked_is_degraded(server: MariaDB) -> None:
    result = probe("mysql", url=server.dsn(user="few"), replication="required")
    assert (result.outcome, result.reason) == ("degraded", "permission")
    assert result.detail.startswith(f"127.0.0.1:{server.port}: 1227 Access denied; you need (at least one of)")


def test_counters_follow_what_the_server_did(server: MariaDB) -> None:
    before = readings(probe("mysql", url=server.url))
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        server.session(user="few", password="wrong")
    server.sql("SET long_query_time = 0.05", "SELECT SLEEP(0.1)")
    server.sql("UPDATE shop.orders SET n = n + 1")
    broken = server.session()
    broken._force_close()  # without a farewell
    wait_until(lambda: dict(server.sql("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")) != {"Aborted_clients": "0"})
    after = readings(probe("mysql", url=server.url))
    changed = {
        "stack_mysql_aborted_connects_total": 1,
        "stack_mysql_aborted_clients_total": 1,
        "stack_mysql_slow_queries_total": 1,
        'stack_mysql_statements_total{statement="update"}': 1,
        'stack_mysql_statements_total{statement="delete"}': 0,
        "stack_mysql_row_lock_waits_total": 0,
    }
    assert {name: after[name] - before[name] for name in changed} == changed


def test_runs_are_counted_as_aborted_neither_when_they_end_nor_when_the_server_answers_with_an_error(
    server: MariaDB,
) -> None:
    def aborted() -> dict[str, str]:
        return dict(server.sql("SHOW GLOBAL STATUS LIKE 'Aborted_%'"))

    before = aborted()
    for fields in ({}, {"sizes": True}, {"url": server.dsn(user="few"), "replication": "required"}):
        probe("mysql", **{"url": server.url, **fields})
    assert aborted() == before


def test_a_lock_that_is_waited_for_is_seen_with_its_transactions(server: MariaDB) -> None:
    """The server's zone is not the system's: ages would be five hours off."""
    with closing(server.session()) as holder, closing(server.session()) as waiter:
        holder.begin()
        holder.cursor().execute("UPDATE shop.orders SET n = 7 WHERE id = 1")
        waiter.begin()
        waiting = threading.Thread(
            target=waiter.cursor().execute, args=("UPDATE shop.orders SET n = 8 WHERE id = 1",), daemon=True
        )
        waiting.start()
        wait_until(lambda: readings(probe("mysql", url=server.url))["stack_mysql_row_locks_waiting"] == 1)
        time.sleep(1.1)
        found = readings(probe("mysql", url=server.url))
        holder.rollback()
        waiting.join(10)
        waiter.rollback()
    assert found["stack_mysql_row_locks_waiting"] == 1
    assert found["stack_mysql_transactions"] == 2
    assert 1 <= found["stack_mysql_row_lock_longest_wait_seconds"] < 30
    assert 1 <= found["stack_mysql_oldest_transaction_seconds"] < 30
    time.sleep(0.15)  # InnoDB tells of transactions anew only when nobody has asked for a tenth of a second
    after = readings(probe("mysql", url=server.url))
    assert after["stack_mysql_row_lock_waits_total"] == 1
    assert 1 <= after["stack_mysql_row_lock_wait_seconds_total"] < 30
    assert after["stack_mysql_oldest_transaction_seconds"] == 0


def test_read_only_is_a_fault_only_where_writes_are_expected(server: MariaDB) -> None:
    server.sql("SET GLOBAL read_only = 1")
    try:
        easy, strict = probe("mysql", url=server.url), probe("mysql", url=server.url, writable=True)
    finally:
        server.sql("SET GLOBAL read_only = 0")
    assert (easy.outcome, readings(easy)["stack_mysql_read_only"]) == ("healthy", 1)
    assert (strict.outcome, strict.reason) == ("degraded", "read_only")
    assert probe("mysql", url=server.url, writable=True).outcome == "healthy"


def sizes(result: Any) -> dict[str, float]:
    return {name: value for name, value in readings(result).items() if "database_size" in name}


def test_sizes_are_read_once_an_interval_and_reported_in_every_run(server: MariaDB) -> None:
    component, memory = probing.component("mysql", url=server.url, sizes=True), probing.Memory()

    async def runs() -> list[Any]:
        found = [await probing.run_once(component, memory, memory)]
        server.sql("CREATE DATABASE later", "CREATE TABLE later.t (id INT)")
        found.append(await probing.run_once(component, memory, memory))
        return found

    first, second = asyncio.run(runs())
    expected = {
        'stack_mysql_database_size_bytes{database="shop"}': 16384,
        'stack_mysql_database_size_bytes{database="archive"}': 16384,
    }
    assert sizes(first) == sizes(second) == expected
    renewed = probe("mysql", url=server.url, sizes=True, sizes_interval="1ms")
    server.sql("DROP DATABASE later")
    assert sizes(renewed) == {**expected, 'stack_mysql_database_size_bytes{database="later"}': 16384}
    # What a user may not see has no size.
    assert sizes(probe("mysql", url=server.dsn(user="few"), sizes=True)) == {}


def test_what_is_configured_wrongly_is_refused_without_showing_secrets() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"url": "postgres://u:planted@h/"}, "expected a URL such as mysql://user:password@host:3306/database"),
        ({"url": "mysql://127.0.0.1/"}, "the URL names no user"),
        ({"url": "mysql://u:planted@h/?ssl-mode=maybe"}, "ssl-mode is one of"),
        ({"url": "mysql://u:planted@h:port/"}, "expected a URL such as"),
        ({"url": "mysql://u:planted@h/?ssl-mode=disabled", "tls": {}}, "tls needs a host"),
        ({"url": "mysql://u:planted@h/?ssl-ca=/nowhere/ca.pem"}, "/nowhere/ca.pem: No such file or directory"),
        ({"url": "mysql://u:planted@h/", "replication": "perhaps"}, "Invalid enum value 'perhaps'"),
        ({"url": "mysql://u:planted@h/", "sizes_interval": "soon"}, "expected a duration"),
    ]
    for fields, said in wrong:
        with pytest.raises(ValueError) as raised:
            probing.component("mysql", **fields)
        assert said in str(raised.value)
        assert "planted" not in str(raised.value)
