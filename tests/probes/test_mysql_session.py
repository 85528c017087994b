"""One session a run, and none left: what a session with a real MariaDB gives, and how it ends when it is cut off."""

import asyncio
import datetime
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from typing import Any

import pytest
import uvloop

from exporter.probe import Down, Readings
from exporter.probes import _mysql_url
from exporter.probes._mysql_session import Refused, Session, opened
from exporter.probes._threads import Lane
from tests import hostile, probing, servers
from tests.fakes import mysqlwire
from tests.probing import probe
from tests.servers.mariadb import MariaDB
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]
PASSWORD = "planted-cänary"


@asynccontextmanager
async def session(url: str, lane: Lane | None = None, timeout: float = 2.0) -> AsyncIterator[Session]:
    memory = probing.Memory()
    out = Readings("it", memory, memory, deadline=time.monotonic() + timeout)
    async with opened(out, _mysql_url.parse(url), lane or Lane(), ()) as found:
        yield found


def asked(server: MariaDB, *statements: str, timeout: float = 2.0) -> Any:
    async def ask() -> Any:
        async with session(server.url, timeout=timeout) as found:
            return [await found.rows(statement) for statement in statements][-1]

    return asyncio.run(ask())


def others(server: MariaDB) -> int:
    return len(server.sql("SELECT id FROM information_schema.processlist WHERE user = 'root'")) - 1


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_rows_come_with_their_columns_and_types(mariadb_server: MariaDB, loop: Callable[..., Any]) -> None:
    async def ask() -> None:
        async with session(mariadb_server.url) as found:
            assert found.mariadb
            answer = await found.rows(
                "SELECT %s AS n, 1.5 AS d, 2e0 AS f, %s AS t, NULL AS nothing, DATE '2024-02-29' AS day, '100%%' AS p",
                (7, "it's ä\\"),
            )
            assert answer.columns == ("n", "d", "f", "t", "nothing", "day", "p")
            row = (7, Decimal("1.5"), 2.0, "it's ä\\", None, datetime.date(2024, 2, 29), "100%")
            assert answer.rows == (row,)
            assert answer.named() == [dict(zip(answer.columns, row, strict=True))]
            assert (await found.rows("SELECT '100%' AS p")).rows == (("100%",),)
            empty = await found.rows("SELECT 1 AS one FROM DUAL WHERE FALSE")
            assert (empty.columns, empty.rows) == (("one",), ())
            done = await found.rows("START TRANSACTION READ ONLY")
            assert (done.columns, done.rows) == ((), ())

    loop(ask())


def test_a_session_goes_on_after_an_error_whose_number_it_tells(mariadb_server: MariaDB) -> None:
    async def ask() -> None:
        async with session(mariadb_server.url) as found:
            with pytest.raises(Refused, match="1146 Table 'no.such' doesn't exist") as raised:
                await found.rows("SELECT * FROM no.such")
            assert (raised.value.number, raised.value.reason) == (1146, "server_error")
            assert (await found.rows("SELECT 1")).rows == ((1,),)

    asyncio.run(ask())


def test_the_server_stops_a_query_before_the_deadline(mariadb_server: MariaDB) -> None:
    """Nothing here cancels it."""
    began = time.monotonic()
    with pytest.raises(Refused) as raised:
        asked(mariadb_server, "SELECT SLEEP(60)", timeout=0.5)
    assert raised.value.reason == "query_timeout"
    assert 0.3 < time.monotonic() - began < 10


def test_a_lock_on_a_table_is_told_from_a_slow_query(mariadb_server: MariaDB) -> None:
    mariadb_server.sql("CREATE OR REPLACE TABLE test_locked (id INT)", database="mysql")
    with closing(mariadb_server.session(database="mysql")) as holder:
        holder.cursor().execute("LOCK TABLES test_locked WRITE")
        with pytest.raises(Refused) as raised:
            asked(mariadb_server, "SELECT * FROM mysql.test_locked", timeout=3)
    mariadb_server.sql("DROP TABLE test_locked", database="mysql")
    assert raised.value.reason == "locked"


def test_a_session_that_kills_itself_is_killed(mariadb_server: MariaDB) -> None:
    with pytest.raises(Refused) as raised:
        asked(mariadb_server, "KILL CONNECTION_ID()")
    assert (raised.value.number, raised.value.reason) == (1927, "killed")
    with pytest.raises(Down) as closed:
        asked(mariadb_server, "KILL CONNECTION_ID()", "SELECT 1")
    assert closed.value.reason == "killed"


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_cancelled_query_gives_its_thread_back_at_once(mariadb_server: MariaDB, loop: Callable[..., Any]) -> None:
    lane = Lane()

    async def ask() -> None:
        async with session(mariadb_server.url, lane, timeout=0.6) as found:
            await found.rows("SELECT SLEEP(60)")

    async def cancel() -> float:
        task = asyncio.create_task(ask())
        await asyncio.sleep(0.2)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await lane.call(began + 1, "the next", lambda: 7) == 7
        return time.monotonic() - began

    assert loop(cancel()) < 0.5
    wait_until(lambda: others(mariadb_server) == 0, 2)


def test_runs_are_one_connection_and_one_thread_each_and_leave_no_session(mariadb_server: MariaDB) -> None:
    def connections() -> int:
        return int(mariadb_server.sql("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])

    component, memory = probing.component("mysql", url=mariadb_server.url), probing.Memory()

    async def runs() -> list[str]:
        return [(await probing.run_once(component, memory, memory)).outcome for _ in range(5)]

    threads, before = threading.active_count(), connections()
    assert asyncio.run(runs()) == ["healthy"] * 5
    assert others(mariadb_server) == 0
    assert connections() - before == 5 + 2  # and those that ask
    assert threading.active_count() - threads <= 1


def test_a_server_that_stops_in_the_middle_is_a_timeout_and_one_that_dies_a_closed_connection() -> None:
    with servers.mariadb() as server:
        with mysqlwire.before(server.port, b"SHOW GLOBAL VARIABLES", server.pause) as front:
            result = probe("mysql", timeout=0.4, url=f"mysql://root@127.0.0.1:{front.port}/")
        server.resume()
        assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.4 s, in phase query")
        assert result.duration < 0.4 + 0.9
        assert probe("mysql", url=server.url).outcome == "healthy"
        with mysqlwire.before(server.port, b"SHOW GLOBAL VARIABLES", server.kill) as front:
            result = probe("mysql", url=f"mysql://root@127.0.0.1:{front.port}/")
        assert (result.outcome, result.reason) in (("unhealthy", "closed"), ("unhealthy", "reset"))
        # What was read before stays.
        assert "stack_mysql_connections" in probing.readings(result)
        server.start()
        assert probe("mysql", url=server.url).outcome == "healthy"


def test_a_paused_server_is_a_timeout_and_healthy_when_it_goes_on(mariadb_server: MariaDB) -> None:
    mariadb_server.pause()
    try:
        result = probe("mysql", timeout=0.3, url=mariadb_server.url)
    finally:
        mariadb_server.resume()
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.3 s, in phase greeting")
    assert result.duration < 0.3 + 0.9  # run_once abandons what does not end by then
    assert probe("mysql", url=mariadb_server.url).outcome == "healthy"


def test_a_session_killed_while_it_waits_is_a_closed_connection(mariadb_server: MariaDB) -> None:
    def kill() -> None:
        query = "SELECT MAX(id) FROM information_schema.processlist WHERE id <> connection_id()"
        mariadb_server.sql(f"KILL {mariadb_server.sql(query)[0][0]}")

    with mysqlwire.before(mariadb_server.port, b"SHOW GLOBAL STATUS", kill) as front:
        assert probe("mysql", url=f"mysql://root@127.0.0.1:{front.port}/").reason in ("closed", "reset", "killed")


def test_a_unix_socket_will_do(mariadb_server: MariaDB) -> None:
    url = f"mysql://root@localhost/?unix_socket={mariadb_server.socket}"
    result = probe("mysql", url=url)
    assert (result.outcome, result.detail) == ("healthy", "")
    gone = probe("mysql", url=url + "x")
    assert (gone.reason, gone.detail) == ("refused", f"{mariadb_server.socket}x: No such file or directory")


def test_a_password_is_taken_in_utf_8_from_the_url_or_beside_it(mariadb_server: MariaDB) -> None:
    mariadb_server.sql(f"CREATE OR REPLACE USER named@localhost IDENTIFIED BY '{PASSWORD}'")
    url = mariadb_server.dsn(user="named", password=PASSWORD)
    assert probe("mysql", url=url).outcome == "healthy"
    bare = {"url": f"mysql://127.0.0.1:{mariadb_server.port}/", "username": "named"}
    assert probe("mysql", **bare, password=PASSWORD).outcome == "healthy"
    mariadb_server.sql("ALTER USER named@localhost IDENTIFIED BY 'another'")
    assert probe("mysql", url=url).reason == "auth"


def test_a_locked_account_and_an_unknown_user_are_matters_of_auth(mariadb_server: MariaDB) -> None:
    mariadb_server.sql("CREATE OR REPLACE USER away@localhost ACCOUNT LOCK")
    for user in ("away", "nobody"):
        assert probe("mysql", url=mariadb_server.dsn(user=user)).reason == "auth"


def test_a_method_that_needs_another_library_says_which(
    mariadb_server: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nacl", None)
    mariadb_server.sql(
        "INSTALL SONAME 'auth_ed25519'",
        "CREATE OR REPLACE USER signed@localhost IDENTIFIED VIA ed25519 USING PASSWORD('secret')",
    )
    result = probe("mysql", url=mariadb_server.dsn(user="signed", password="secret"))
    assert result.reason == "auth"
    assert "'pynacl' package is required" in result.detail


@pytest.mark.parametrize("method", ["mysql_clear_password", "dialog", "mysql_old_password"])
def test_a_password_is_not_sent_bare_over_a_connection_that_is(method: str) -> None:
    """To whoever asks for it so: a real server has TLS where it does."""
    switch = mysqlwire.packet(2, b"\xfe" + method.encode() + b"\0\4Password: ")
    with mysqlwire.mysqlwire(login=switch) as found:
        result = probe("mysql", url=f"mysql://me:{PASSWORD}@127.0.0.1:{found.port}/")
    assert (result.reason, found.requests[1:]) == ("auth", [])
    assert result.detail == f"127.0.0.1:{found.port} asks for the password in the clear: that needs TLS"


def test_no_secret_is_shown_in_what_a_run_says(mariadb_server: MariaDB, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = mysqlwire.refusal(2, 1045, f"no user named {PASSWORD}")
    with mysqlwire.mysqlwire(login=echo) as found, hostile.full() as full:
        for port, query in [(mariadb_server.port, ""), (found.port, ""), (servers.free_port(), ""), (full, "")]:
            url = f"mysql://root:{PASSWORD}@127.0.0.1:{port}/nosuch{query}"
            assert PASSWORD not in repr(probing.component("mysql", url=url))
            result = probe("mysql", timeout=0.4, url=url)
            assert result.outcome == "unhealthy"
            assert PASSWORD not in repr(result)
    assert PASSWORD not in caplog.text
