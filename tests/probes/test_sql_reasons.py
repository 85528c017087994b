"""Every reason of the kind sql, and what provokes it: a real server wherever one can."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exporter.probes import _mysql_errors, _postgres_errors, _sql_database
from exporter.probes.sql import Sql
from tests import hostile, probing
from tests.fakes import pgwire
from tests.probes import unanswered
from tests.probes.unanswered import real
from tests.probing import probe

pytestmark = pytest.mark.xdist_group("sql_reasons")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with unanswered.postgres() as server:
        yield server


def asking(query: str, **fields: Any) -> unanswered.Provoke:
    return real(lambda server: {"dsn": server.url, "query": query, **fields})


TABLE = unanswered.TABLE | {
    "no_table": asking("SELECT revision FROM nowhere"),
    "write": asking("WITH gone AS (DELETE FROM revisions RETURNING version_num AS revision) SELECT revision FROM gone"),
    "columns": asking("SELECT 1 AS number"),
    "too_many_rows": asking("SELECT n, n AS revision FROM generate_series(1, 4) n", max_rows=3, labels=["n"]),
    "duplicate": asking("SELECT 'a' AS n, revision FROM generate_series(1, 3) revision", labels=["n"]),
    "null": asking("SELECT NULL::int AS revision"),
    "not_a_number": asking("SELECT 'twelve' AS revision"),
}
DEGRADED = {"too_many_rows", "duplicate", "null", "not_a_number"}
ASKED = {"query": "SELECT version_num AS revision FROM revisions", "values": ["revision"]}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str, server: Any, tmp_path: Path) -> None:
    with TABLE[reason](server, tmp_path) as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("sql", **ASKED | fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), result.detail
            assert len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Sql.reasons)


def test_what_a_session_can_fail_of_is_declared() -> None:
    postgres = set(_postgres_errors.REASONS) - {"read_only"}  # a primary's, which the kind postgres looks for
    assert set(_sql_database.REASONS) >= postgres | set(_mysql_errors.REASONS)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_mute_server_is_a_timeout(scheme: str) -> None:
    with hostile.serving(hostile.mute, ask=False) as found:
        result = probe("sql", timeout=0.3, dsn=f"{scheme}://u@{found.address}/x", **ASKED)
    assert (result.outcome, result.reason) == ("unhealthy", "timeout")


def test_a_run_that_is_cancelled_has_its_query_cancelled(server: Any) -> None:
    async def cancelled() -> None:
        run = asyncio.create_task(
            probing.run("sql", timeout=30, dsn=server.url, query="SELECT 7 AS n FROM pg_sleep(61)", values=["n"])
        )
        while not await asyncio.to_thread(sleeping, server):
            await asyncio.sleep(0.02)
        run.cancel()
        await asyncio.wait([run])

    asyncio.run(cancelled())
    assert not sleeping(server)


def sleeping(server: Any) -> bool:
    return (
        server.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(61)' AND pid <> pg_backend_pid()"
        )
        != "0"
    )


def test_an_endless_answer_is_cut_off() -> None:
    with pgwire.pgwire(hostile.floods(b"D\x7f\xff\xff\xff", bytes(1 << 16)), granting=True) as found:
        result = probe("sql", **unanswered.at(found.port), **ASKED)
    assert (result.reason, result.detail) == ("protocol", f"127.0.0.1:{found.port} sent more than 4194304 bytes")


def test_what_a_server_says_is_shown_without_the_password(server: Any) -> None:
    dsn = server.dsn(user="app", password="hunter2000")
    result = probe("sql", dsn=dsn, query="SELECT 'hunter2000'::int AS revision", values=["revision"])
    assert "hunter2000" not in result.detail
    result = probe(
        "sql",
        dsn=server.dsn(user="app"),
        password="right",
        query="SELECT 'right'::int AS revision",
        values=["revision"],
    )
    assert result.reason == "query"
    assert result.detail == '22P02 invalid input syntax for type integer: "[REDACTED]"'
