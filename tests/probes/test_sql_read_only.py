"""That a query writes nothing, and ends with its run, is the servers' doing: real PostgreSQL, MariaDB and SQLite."""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.run import run_once
from tests import servers
from tests.probing import Memory, component, probe, readings
from tests.servers.mariadb import MariaDB
from tests.servers.process import wait_until


@dataclass(frozen=True)
class Database:
    dsn: str
    sql: Callable[[str], Any]

    def rows(self) -> str:
        """Of the table t: how many there are, and their sum."""
        return str(self.sql("SELECT count(*), sum(n) FROM t"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    with servers.postgres() as server:
        server.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2), (3); CREATE SEQUENCE s")
        server.sql("CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM t RETURNING n'")
        yield Database(server.url, server.sql)


@pytest.fixture
def mariadb(mariadb_server: MariaDB) -> Iterator[Database]:
    mariadb_server.sql(
        "DROP DATABASE IF EXISTS guarded",
        "CREATE DATABASE guarded",
        "USE guarded",
        "CREATE TABLE t (n INT)",
        "INSERT INTO t VALUES (1), (2), (3)",
        "CREATE FUNCTION wipe() RETURNS INT BEGIN DELETE FROM t; RETURN 1; END",
        "CREATE SEQUENCE s",
    )
    yield Database(mariadb_server.dsn("guarded"), lambda statement: mariadb_server.sql("USE guarded", statement))


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.executescript("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2), (3)")

    def sql(statement: str) -> Any:
        with closing(sqlite3.connect(path)) as own:
            return own.execute(statement).fetchall()

    yield Database(f"sqlite:///{path}", sql)


def refused(database: Database, queries: dict[str, str]) -> None:
    before = database.rows()
    for query, reason in queries.items():
        result = probe("sql", dsn=database.dsn, query=query, values=["n"])
        assert (result.outcome, result.reason) == ("unhealthy", reason), (query, result.detail)
    assert database.rows() == before


def test_postgresql_refuses_writes_and_a_second_statement(postgres: Database) -> None:
    refused(
        postgres,
        {
            "WITH gone AS (DELETE FROM t RETURNING n) SELECT n FROM gone": "write",
            "WITH more AS (SELECT 4 AS n) INSERT INTO t SELECT n FROM more RETURNING n": "write",
            "SELECT wipe() AS n": "write",
            "SELECT nextval('s') AS n": "write",
            "SELECT n INTO copy FROM t": "columns",
            "SELECT n FROM t FOR UPDATE": "write",
            "SELECT 1 AS n; DELETE FROM t": "query",
            "SELECT 1 AS n; COMMIT; DELETE FROM t": "query",
            "SELECT set_config('transaction_read_only', 'off', false) AS n": "write",
            "TABLE t; SELECT 2": "query",
        },
    )
    assert postgres.sql("SELECT last_value, is_called FROM s") == "1|f"


@pytest.mark.debian
@pytest.mark.xdist_group("mariadb")
def test_mariadb_refuses_writes_and_a_second_statement(mariadb: Database) -> None:
    refused(
        mariadb,
        {
            "SELECT wipe() AS n": "write",
            "SELECT NEXTVAL(s) AS n": "write",
            "SELECT n FROM t FOR UPDATE": "write",
            "SELECT 1 AS n; DELETE FROM t": "query",
            "SELECT 1 AS n; COMMIT; DELETE FROM t": "query",
            "WITH more AS (SELECT 4 AS n) DELETE FROM t": "query",
        },
    )


def test_sqlite_refuses_writes_and_a_second_statement(sqlite: Database, tmp_path: Path) -> None:
    with_ = "WITH more (n) AS (SELECT 4)"
    refused(
        sqlite,
        {
            f"{with_} INSERT INTO t SELECT n FROM more RETURNING n": "write",
            f"{with_} DELETE FROM t RETURNING n": "write",
            f"{with_} UPDATE t SET n = 0 RETURNING n": "write",
            f"{with_} INSERT INTO sqlite_schema SELECT 1, 2, 3, 4, n FROM more": "query",
            "SELECT 1 AS n; DELETE FROM t": "query",
            "SELECT 1 AS n; ATTACH '/tmp/other.db' AS other": "query",
            "SELECT load_extension('/tmp/x.so') AS n": "query",
            "SELECT writefile('/tmp/x', 'y') AS n": "query",
        },
    )
    assert os.listdir(tmp_path) == ["x.db"]


def test_postgresql_ends_a_query_before_its_run_ends(postgres: Database) -> None:
    began = time.monotonic()
    result = probe("sql", timeout=1.5, dsn=postgres.dsn, query="SELECT 1 AS n FROM pg_sleep(60)", values=["n"])
    assert (result.reason, time.monotonic() - began < 1.5) == ("query_timeout", True)
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FROM pg_sleep(60)'") == "0"


@pytest.mark.debian
@pytest.mark.xdist_group("mariadb")
def test_mariadb_ends_a_query_before_its_run_ends(mariadb: Database) -> None:
    began = time.monotonic()
    result = probe(
        "sql", timeout=1.5, dsn=mariadb.dsn, query="SELECT count(*) AS n FROM t WHERE SLEEP(20)", values=["n"]
    )
    assert (result.reason, time.monotonic() - began < 1.5) == ("query_timeout", True)
    assert mariadb.sql("SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(20)%SLEEP'") == (
        (0,),
    )


ENDLESS = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c"


def test_sqlite_ends_a_query_before_its_run_ends(sqlite: Database) -> None:
    began = time.monotonic()
    result = probe("sql", timeout=0.5, dsn=sqlite.dsn, query=ENDLESS, values=["n"])
    assert (result.reason, time.monotonic() - began < 0.5) == ("query_timeout", True)


def test_a_cancelled_run_ends_its_query_on_sqlite(sqlite: Database) -> None:
    it = component("sql", timeout=30, dsn=sqlite.dsn, query=ENDLESS, values=["n"])

    async def cancelled() -> float:
        memory = Memory()
        run = asyncio.create_task(run_once(it, memory, memory))
        await asyncio.sleep(0.1)
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run
        # The next run waits behind it in the same thread.
        began = time.monotonic()
        await it.probe._database._lane.call(began + 5, "the next", lambda: None)  # type: ignore[attr-defined]
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < 1


def test_a_wal_database_in_use_shows_what_is_in_its_wal(sqlite: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("INSERT INTO t VALUES (4)")
        result = probe("sql", dsn=sqlite.dsn, query="SELECT count(*) AS n FROM t", values=["n"])
        assert {metric.name: value for (metric, _), value in result.values.items()}["stack_sql_n"] == 4
        writer.execute("INSERT INTO t VALUES (5)")  # nobody holds it up
    assert os.listdir(tmp_path) == ["x.db"]


def test_a_writer_of_sqlite_is_waited_for_no_longer_than_the_run(sqlite: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        result = probe("sql", timeout=0.5, dsn=sqlite.dsn, query="SELECT n FROM t", values=["n"])
    assert (result.outcome, result.reason) == ("unhealthy", "locked")


@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_no_more_rows_are_made_than_are_wanted(engine: str, request: pytest.FixtureRequest) -> None:
    database = request.getfixturevalue(engine)
    query = "WITH RECURSIVE endless (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT n FROM endless"
    result = probe("sql", dsn=database.dsn, query=query, values=["n"], max_rows=1)
    assert (result.outcome, result.reason) == ("degraded", "too_many_rows")
    assert readings(result)["stack_sql_query_rows"] == 2


def test_huge_values_are_refused(sqlite: Database) -> None:
    result = probe("sql", dsn=sqlite.dsn, query="SELECT zeroblob(9000000) AS n", values=["n"])
    assert (result.reason, result.detail.endswith("string or blob too big")) == ("query", True)


def test_the_session_is_gone_after_each_run(postgres: Database) -> None:
    probe("sql", dsn=postgres.dsn, query="SELECT n FROM nowhere", values=["n"])
    probe("sql", dsn=postgres.dsn, query="SELECT 1 AS n", values=["n"])
    wait_until(
        lambda: postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stack-exporter'") == "0"
    )
