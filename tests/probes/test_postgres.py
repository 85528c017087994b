"""What the kind postgres reads from real servers: a primary, a replica, a database with faults, and as a role with few rights."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exporter.probes.postgres import Postgres
from tests import certificates, probing, servers
from tests.fakes import pgwire
from tests.probes.sessions import Session
from tests.probing import probe, readings
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("postgres")

STATES = ("active", "idle", "idle in transaction", "idle in transaction (aborted)")
ANY = {
    'stack_postgres_info{version="18.6"}',
    *(f'stack_postgres_connections{{state="{state}"}}' for state in STATES),
    "stack_postgres_connections_limit",
    "stack_postgres_connections_ratio",
    "stack_postgres_database_size_bytes",
    "stack_postgres_oldest_transaction_seconds",
    "stack_postgres_transaction_ids_age",
    "stack_postgres_locks_waiting",
    "stack_postgres_deadlocks_total",
    "stack_postgres_conflicts_total",
    "stack_postgres_commits_total",
    "stack_postgres_rollbacks_total",
    "stack_postgres_block_hits_total",
    "stack_postgres_block_reads_total",
    "stack_postgres_cache_hit_ratio",
    "stack_postgres_temporary_files_bytes_total",
    "stack_postgres_in_recovery",
    "stack_postgres_replicas",
    "stack_postgres_start_timestamp_seconds",
    "stack_postgres_invalid_constraints",
    "stack_postgres_invalid_indexes",
}
STATEMENTS = {
    "stack_postgres_statements",
    "stack_postgres_statements_slow",
    "stack_postgres_statement_calls",
    "stack_postgres_statement_execution_seconds",
    "stack_postgres_statement_mean_seconds",
    "stack_postgres_statement_longest_seconds",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with servers.postgres(max_connections=23, max_prepared_transactions=2, superuser_reserved_connections=3) as server:
        server.sql("CREATE ROLE app LOGIN PASSWORD 'right'")
        server.sql("CREATE DATABASE faulty")
        yield server


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_primary_has_all_readings(server: Any, loop: Any) -> None:
    server.sql("SELECT pg_stat_reset()")
    with closing(Session(server.url)), closing(Session(server.url)) as other:
        other.query("BEGIN")
        result = loop(probing.run("postgres", dsn=server.url, role="primary"))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "negotiation", "session", "query"]
    found = readings(result)
    assert set(found) == ANY
    assert [found[f'stack_postgres_connections{{state="{state}"}}'] for state in STATES] == [1, 1, 1, 0]
    assert found["stack_postgres_connections_limit"] == 20
    assert found["stack_postgres_connections_ratio"] == 3 / 20
    assert 0 < found["stack_postgres_oldest_transaction_seconds"] < 60
    assert found["stack_postgres_database_size_bytes"] == float(server.sql("SELECT pg_database_size('postgres')"))
    assert 0 < found["stack_postgres_cache_hit_ratio"] <= 1
    assert abs(found["stack_postgres_start_timestamp_seconds"] - time.time()) < 300
    assert found["stack_postgres_in_recovery"] == 0
    assert found["stack_postgres_replicas"] == 0


def test_waiting_locks_and_prepared_transactions_are_seen(server: Any) -> None:
    with closing(Session(server.url)) as holder, closing(Session(server.url)) as waiting:
        holder.query("CREATE TABLE t (x int)")
        holder.query("BEGIN; LOCK TABLE t")
        waiting.send("SELECT * FROM t")
        wait_until(lambda: readings(probe("postgres", dsn=server.url))["stack_postgres_locks_waiting"] == 1)
        holder.query("ROLLBACK")
        holder.query("BEGIN; PREPARE TRANSACTION 'forgotten'")
    time.sleep(0.2)
    found = readings(probe("postgres", dsn=server.url))
    server.sql("ROLLBACK PREPARED 'forgotten'")
    assert found["stack_postgres_oldest_transaction_seconds"] > 0.2
    assert found["stack_postgres_locks_waiting"] == 0


def test_invalid_constraints_and_indexes_are_counted_and_those_that_are_not_enforced_are_not(server: Any) -> None:
    dsn = server.dsn("faulty")
    server.sql("CREATE TABLE pair (a int, b int); INSERT INTO pair VALUES (1, 1), (1, 2)", dsn=dsn)
    server.sql("ALTER TABLE pair ADD CONSTRAINT positive CHECK (b > 1) NOT VALID", dsn=dsn)
    server.sql("ALTER TABLE pair ADD CONSTRAINT idle CHECK (b > 1) NOT ENFORCED", dsn=dsn)
    with pytest.raises(AssertionError, match="could not create unique index"):
        server.sql("CREATE UNIQUE INDEX CONCURRENTLY one ON pair (a)", dsn=dsn)
    found = readings(probe("postgres", dsn=dsn))
    assert found["stack_postgres_invalid_constraints"] == 1
    assert found["stack_postgres_invalid_indexes"] == 1


def test_slow_statements_are_counted_where_pg_stat_statements_is(server: Any) -> None:
    dsn = server.dsn("faulty")
    server.sql('CREATE SCHEMA "of its own"; CREATE EXTENSION pg_stat_statements SCHEMA "of its own"', dsn=dsn)
    server.sql("SELECT pg_sleep(1.5)", dsn=dsn)
    # Well above what the statements before it take on a machine with other work.
    result = probe("postgres", dsn=dsn, slow_statement="1400ms")
    found = readings(result)
    assert set(found) == ANY | STATEMENTS
    assert found["stack_postgres_statements_slow"] == 1
    assert 1.5 <= found["stack_postgres_statement_mean_seconds"] < 9
    assert 1.5 <= found["stack_postgres_statement_longest_seconds"] < 9
    assert found["stack_postgres_statement_calls"] >= found["stack_postgres_statements"] > 1
    assert readings(probe("postgres", dsn=dsn, slow_statement="1m"))["stack_postgres_statements_slow"] == 0
    assert set(readings(probe("postgres", dsn=dsn, statements=False))) == ANY


def test_an_extension_that_is_not_loaded_is_no_fault() -> None:
    with servers.postgres(shared_preload_libraries="") as bare:
        bare.sql("CREATE EXTENSION pg_stat_statements")
        result = probe("postgres", dsn=bare.url)
    assert (result.outcome, set(readings(result))) == ("healthy", ANY)


def test_a_role_without_rights_sees_what_it_may(server: Any) -> None:
    with closing(Session(server.url)):
        result = probe("postgres", dsn=server.dsn(user="app"))
    assert result.outcome == "healthy"
    found = readings(result)
    assert set(found) == ANY | {'stack_postgres_connections{state="hidden"}'}
    assert found['stack_postgres_connections{state="hidden"}'] == 1
    assert found["stack_postgres_connections_ratio"] == 2 / 20


def test_a_catalogue_that_may_not_be_read_is_degraded(server: Any) -> None:
    server.sql("CREATE DATABASE narrow")
    server.sql("REVOKE SELECT ON pg_locks FROM PUBLIC", dsn=server.dsn("narrow"))
    result = probe("postgres", dsn=server.dsn("narrow", user="app"))
    assert (result.outcome, result.reason) == ("degraded", "permission")
    assert result.detail == "permission denied for view pg_locks"


def test_another_settings_owner_can_not_slip_in_functions_of_the_same_name(server: Any) -> None:
    server.sql("CREATE DATABASE hers")
    server.sql(
        "CREATE FUNCTION public.pg_database_size(name) RETURNS bigint LANGUAGE sql AS 'SELECT 42::bigint';"
        "ALTER DATABASE hers SET search_path = public, pg_catalog",
        dsn=server.dsn("hers"),
    )
    assert server.sql("SELECT pg_database_size(current_database())", dsn=server.dsn("hers")) == "42"
    for pooler in (False, True):
        found = readings(probe("postgres", dsn=server.dsn("hers"), pooler=pooler))
        assert found["stack_postgres_database_size_bytes"] > 42


def test_a_primary_and_its_replica_say_how_far_it_is_behind() -> None:
    with servers.postgres() as primary, servers.postgres(replica_of=primary) as replica:
        wait_until(lambda: primary.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1")
        found = readings(probe("postgres", dsn=primary.url))
        lags = {f'stack_postgres_replica_lag_{unit}{{replica="1"}}' for unit in ("seconds", "bytes")}
        assert set(found) == ANY | lags
        assert found["stack_postgres_replicas"] == 1

        result = probe("postgres", dsn=replica.url, role="replica")
        found = readings(result)
        assert result.outcome == "healthy"
        assert set(found) == ANY | {"stack_postgres_replication_lag_seconds", "stack_postgres_wal_receiver_up"}
        assert (found["stack_postgres_in_recovery"], found["stack_postgres_wal_receiver_up"]) == (1, 1)
        assert probe("postgres", dsn=replica.url, role="primary").reason == "role"

        primary.sql("CREATE TABLE before ()")  # from the first replayed transaction on there is a time to compare with
        wait_until(lambda: replica.sql("SELECT pg_last_xact_replay_timestamp() IS NOT NULL") == "t")
        replica.sql("SELECT pg_wal_replay_pause()")
        primary.sql("CREATE TABLE behind AS SELECT generate_series(1, 1000)")
        name = 'stack_postgres_replica_lag_bytes{replica="1"}'
        wait_until(lambda: readings(probe("postgres", dsn=primary.url))[name] > 1000)
        wait_until(lambda: readings(probe("postgres", dsn=replica.url))["stack_postgres_replication_lag_seconds"] > 0)

        both = f"127.0.0.1:{replica.port},127.0.0.1:{primary.port}"
        dsn = f"postgresql://postgres@{both}/postgres?target_session_attrs="
        assert readings(probe("postgres", dsn=dsn + "primary"))["stack_postgres_in_recovery"] == 0
        primary.stop()
        assert (
            probe(
                "postgres",
                dsn=f"postgresql://postgres@{replica.host}:{replica.port}/postgres?target_session_attrs=primary",
            ).reason
            == "role"
        )
        found = readings(probe("postgres", dsn=replica.url))
        assert found["stack_postgres_wal_receiver_up"] == 0


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_session_over_tls_reads_the_certificate_that_it_verifies(
    server: Any, mode: str, direct: bool, loop: Any
) -> None:
    pair = certificates.wrong_host() if mode == "verify-ca" else certificates.pair()
    root = "" if mode == "require" else f"&sslrootcert={certificates.authority()}"
    with pgwire.behind_tls(server.port, pair.context(), direct=direct) as front:
        dsn = f"postgresql://app:right@127.0.0.1:{front.port}/postgres?sslmode={mode}{root}" + (
            "&sslnegotiation=direct" if direct else ""
        )
        result = loop(probing.run("postgres", dsn=dsn))
    assert (result.outcome, result.detail) == ("healthy", "")
    steps = ["tls"] if direct else ["negotiation", "tls"]
    assert [phase.name for phase in result.phases] == ["connect", *steps, "session", "query"]
    found = readings(result)
    if root:
        assert found["stack_postgres_certificate_not_after_timestamp_seconds"] == pair.not_after
        assert abs(found["stack_postgres_certificate_remaining_seconds"] - (pair.not_after - time.time())) < 60
    else:
        assert not any("certificate" in name for name in found)


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_unix_socket_is_reached_by_its_folder(tmp_path: Path, loop: Any) -> None:
    lines = ["local all all trust", "host all all 127.0.0.1/32 trust"]
    with servers.postgres(hba=lines, unix_socket_directories=tmp_path) as server:
        dsn = f"postgresql:///postgres?host={tmp_path}&port={server.port}&user=postgres&sslmode=require"
        result = loop(probing.run("postgres", dsn=dsn))
        assert (result.outcome, result.detail) == ("healthy", "")
        assert [phase.name for phase in result.phases] == ["connect", "session", "query"]
        assert probe("postgres", dsn=dsn.replace(f"port={server.port}", "port=1")).reason == "refused"


def test_the_dates_of_a_refused_certificate_are_read_too(server: Any) -> None:
    pair = certificates.expired()
    with pgwire.behind_tls(server.port, pair.context()) as front:
        dsn = f"postgresql://postgres@127.0.0.1:{front.port}/postgres?sslmode=verify-full&sslrootcert={certificates.authority()}"
        result = probe("postgres", dsn=dsn)
    assert result.reason == "tls_expired"
    assert readings(result)["stack_postgres_certificate_not_after_timestamp_seconds"] == pair.not_after


def test_each_signal_compares_a_metric_in_its_own_unit() -> None:
    for signal in Postgres.signals:
        assert signal.metric.unit == ("" if signal.unit == "number" else signal.unit), signal.name
