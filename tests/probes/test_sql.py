"""What the kind sql makes of the rows of real PostgreSQL, MariaDB and SQLite."""

import asyncio
import dataclasses
import datetime as dt
import sqlite3
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.component import Limit
from exporter.config import resolve
from exporter.probes import _sql_families as families
from exporter.probes.sql import Sql
from exporter.run import run_once
from tests import servers
from tests.probing import Memory, component, probe, readings
from tests.servers.mariadb import MariaDB

ORDERS = (
    "CREATE TABLE orders (region VARCHAR(20), state VARCHAR(20), amount DECIMAL(9,2), since DATETIME)",
    "INSERT INTO orders VALUES ('eu', 'paid', 12.50, '2026-01-01 00:00:00'), ('eu', 'paid', 7.25, '2026-01-02 00:00:00'),"
    " ('us', 'open', 3, '2026-01-03 00:00:00'), (NULL, 'open', 0, '2026-01-04 00:00:00')",
)
QUERY = """
-- (what is asked)
/* of
   orders */ SELECT region, state, count(*) AS orders, sum(amount) AS "amount", max(since) AS newest_timestamp_seconds, 'x' AS more
FROM orders GROUP BY region, state ORDER BY 1, 2;
"""
ASKED: dict[str, Any] = {"labels": ["region", "state"], "values": ["orders", "amount", "newest_timestamp_seconds"]}
JANUARY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
DAY = 86400.0


def expected(*groups: tuple[str, float, float, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for group, orders, amount, days in groups:
        region, state = group.split()
        labels = f'region="{region.strip("-")}",state="{state}"'
        found[f"stack_sql_orders{{{labels}}}"] = orders
        found[f"stack_sql_amount{{{labels}}}"] = amount
        found[f"stack_sql_newest_timestamp_seconds{{{labels}}}"] = JANUARY + days * DAY
    return found


EXPECTED = expected(("eu paid", 2, 19.75, 1), ("us open", 1, 3, 2), ("- open", 1, 0, 3)) | {
    "stack_sql_query_rows": 3,
    "stack_sql_query_highest": 2,
    "stack_sql_query_lowest": 1,
}


def test_columns_become_labels_and_values_on_postgresql() -> None:
    with servers.postgres() as server:
        server.sql("; ".join(ORDERS).replace("DATETIME", "TIMESTAMP"))
        result = probe("sql", dsn=server.url, query=QUERY, **ASKED)
        assert (result.outcome, result.detail) == ("healthy", "")
        assert readings(result) == EXPECTED
        assert [phase.name for phase in result.phases] == ["connect", "negotiation", "session", "query"]
        values = {
            "n": "7::smallint", "m": "1e30::numeric", "f": "0.5::real", "b": "true", "t": "' 1.5e3 '::text", "i": "interval '1 day 2 s'",
            "z": "timestamptz '2026-01-01 00:00:00+02'", "d": "date '2026-01-01'",
        }  # fmt: skip
        labels = {
            "uuid": "'6f1c2d6e-0000-4000-8000-000000000000'::uuid", "address": "'10.0.0.1'::inet", "mood": "'ok'::mood", "yes": "false",
            "json": """'{"a": 1}'::jsonb""", "many": "ARRAY[1, 2]", "bytes": r"'\x6869ff'::bytea", "nothing": "NULL::text",
        }  # fmt: skip
        server.sql("CREATE TYPE mood AS ENUM ('ok', 'bad')")
        columns = ", ".join(f"{text} AS {name}" for name, text in (values | labels).items())
        result = probe("sql", dsn=server.url, query=f"SELECT {columns}", labels=list(labels), values=list(values))
        assert (result.outcome, result.detail) == ("healthy", "")
        numbers = {metric.name.removeprefix("stack_sql_"): value for (metric, _), value in result.values.items()}
        assert numbers == {
            "n": 7, "m": 1e30, "f": 0.5, "b": 1, "t": 1500, "i": 86402, "z": JANUARY - 7200, "d": JANUARY,
            "query_rows": 1, "query_highest": 7, "query_lowest": 7,
        }  # fmt: skip
        ((_, texts),) = [key for key in result.values if key[0].name == "stack_sql_n"]
        assert texts == (
            "6f1c2d6e-0000-4000-8000-000000000000", "10.0.0.1", "ok", "false", '{"a": 1}', "[1, 2]", "hi\ufffd", "",
        )  # fmt: skip


@pytest.mark.debian
@pytest.mark.xdist_group("mariadb")
def test_columns_become_labels_and_values_on_mariadb(mariadb_server: MariaDB) -> None:
    mariadb_server.sql("DROP DATABASE IF EXISTS by_sql", "CREATE DATABASE by_sql", "USE by_sql", *ORDERS)
    dsn = mariadb_server.dsn("by_sql")
    query = QUERY.replace('"', "")
    found = readings(probe("sql", dsn=dsn, query=query, **ASKED))
    assert found == EXPECTED
    mariadb_server.sql(
        "USE by_sql",
        "SET time_zone = '+05:00'",
        "CREATE TABLE moments (at TIMESTAMP)",
        "INSERT INTO moments VALUES ('2026-01-01 05:00:00')",
        "SET GLOBAL time_zone = '+05:00'",
    )
    query = "SELECT at, TIMEDIFF('10:00:01', '08:00:00') AS apart FROM moments"
    found = readings(probe("sql", dsn=dsn, query=query, values=["at", "apart"]))
    mariadb_server.sql("SET GLOBAL time_zone = 'SYSTEM'")
    assert (found["stack_sql_at"], found["stack_sql_apart"]) == (JANUARY, 7201)
    found = readings(
        probe("sql", dsn=dsn, query="SHOW GLOBAL STATUS LIKE 'Max_used_connections'", values={"Value": {"name": "up"}})
    )
    assert found["stack_sql_up"] > 0


def test_columns_become_labels_and_values_on_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as made, made:
        for statement in ORDERS:
            made.execute(statement)
    query = QUERY.replace("max(since)", "strftime('%s', max(since))")
    for dsn in (
        f"sqlite:///{tmp_path}/x.db",
        f"sqlite+aiosqlite:///{tmp_path}/x.db?timeout=5",
        f"sqlite:{tmp_path}/x.db",
    ):
        result = probe("sql", dsn=dsn, query=query, **ASKED)
        assert (result.outcome, result.detail) == ("healthy", "")
        assert readings(result) == EXPECTED
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


def test_a_query_without_rows_is_healthy(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    result = probe("sql", dsn=f"sqlite:///{tmp_path}/x.db", query="SELECT 1 AS n WHERE 0", values=["n"])
    assert (result.outcome, readings(result)) == ("healthy", {"stack_sql_query_rows": 0})


def asked(tmp_path: Path, rows: str, **fields: Any) -> Any:
    """A query of literal rows, such as "'a', 1"."""
    sqlite3.connect(tmp_path / "x.db").close()
    query = f"WITH rows (l, n) AS (VALUES {rows}) SELECT l, n FROM rows"
    return probe("sql", dsn=f"sqlite:///{tmp_path}/x.db", query=query, **{"labels": ["l"], "values": ["n"]} | fields)


def test_rows_that_can_be_used_are_exposed_beside_those_that_cannot(tmp_path: Path) -> None:
    rows = "('a', 1), ('a', 2), ('b', NULL), ('c', 'many'), ('d', 1e999), ('e', '4'), ('f', '1_0'), ('g', x'35')"
    result = asked(tmp_path, rows)
    assert (result.outcome, result.reason, result.detail) == (
        "degraded", "duplicate", "1 of the rows have the same l as one before",
    )  # fmt: skip
    assert readings(result) == {
        'stack_sql_n{l="a"}': 1, 'stack_sql_n{l="e"}': 4, 'stack_sql_n{l="g"}': 5,
        "stack_sql_query_rows": 8, "stack_sql_query_highest": 5, "stack_sql_query_lowest": 1,
    }  # fmt: skip
    assert asked(tmp_path, "('b', NULL), ('c', 'many')").detail == "NULL: n (1 of 2 rows)"
    wrong = "no number, or negative and a counter's: "
    assert asked(tmp_path, "('c', 'many')").detail == f"{wrong}n (1 of 1 rows)"
    assert asked(tmp_path, "('c', 'many')", labels=[], values=["l", "n"]).detail == (
        f"{wrong}l (1 of 1 rows), n (1 of 1 rows)"
    )
    assert asked(tmp_path, "(1, 1), (2, 2)", labels=[]).detail == "1 of the rows have no labels to tell them by"


def test_rows_beyond_the_cap_are_left_out(tmp_path: Path) -> None:
    result = asked(tmp_path, ", ".join(f"({n}, {n})" for n in range(300)))
    assert (result.outcome, result.reason, result.detail) == (
        "degraded", "too_many_rows", "the query gives more than 100 rows",
    )  # fmt: skip
    found = readings(result)
    assert found.pop("stack_sql_query_rows") == 101
    assert len(found) == 102
    assert asked(tmp_path, "(1, 1), (2, 2)", max_rows=2).outcome == "healthy"


def test_a_counter_is_one_and_is_never_negative(tmp_path: Path) -> None:
    values = {"n": {"name": "orders_total", "type": "counter", "help": "Orders ever."}}
    assert readings(asked(tmp_path, "('a', 5)", values=values))['stack_sql_orders_total{l="a"}'] == 5
    result = asked(tmp_path, "('a', -5)", values=values)
    assert (result.outcome, result.reason) == ("degraded", "not_a_number")


def test_long_labels_are_cut(tmp_path: Path) -> None:
    result = asked(tmp_path, f"('{'x' * 300}', 5), ('{'x' * 300}y', 5)")
    assert result.reason == "duplicate"
    assert readings(result)[f'stack_sql_n{{l="{"x" * 199}…"}}'] == 5


@pytest.mark.parametrize(
    ("threshold", "detail"),
    [
        (("rows", 2), "rows 2 is at or above its warning threshold 2"),
        (("highest", 7), "highest 8 is at or above its warning threshold 7"),
        (("lowest", 1), "lowest 1 is at or below its warning threshold 1"),
        (("lowest", 0), ""),
    ],
)
def test_thresholds_are_about_rows_and_the_first_column(
    threshold: tuple[str, float], detail: str, tmp_path: Path
) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    query = "SELECT 'a' AS l, 8 AS n, 99 AS m UNION SELECT 'b', 1, -99"
    it = component("sql", dsn=f"sqlite:///{tmp_path}/x.db", query=query, labels=["l"], values=["n", "m"])
    signal = resolve.signals(Sql)[threshold[0]]
    it = dataclasses.replace(it, limits=(Limit(signal, "warning", threshold[1]),))
    memory = Memory()
    assert asyncio.run(run_once(it, memory, memory)).detail == detail


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (True, 1), (7, 7), (Decimal("0.1"), 0.1), ("+.5", 0.5), ("12.", 12), (b"3", 3), (dt.timedelta(minutes=1), 60),
        (dt.date(1970, 1, 2), DAY), (dt.datetime(1970, 1, 1, 1), 3600),
        (dt.datetime(1970, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), 0),
        (10**400, None), (float("nan"), None), (float("inf"), None), (Decimal("Infinity"), None), (Decimal("sNaN"), None),
        ("nan", None), ("0x10", None), ("", None), ("1,5", None), ("٣", None), ("1" * 300, None), (None, None), ([1], None),
    ],
)  # fmt: skip
def test_what_is_a_number(cell: Any, found: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the daemon is."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "PKT-5")
        time.tzset()
        assert families.number(cell) == found
    time.tzset()
