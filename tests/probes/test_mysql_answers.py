"""Answers that no MariaDB gives: MySQL's, older servers', those of other software, and damaged ones."""

import asyncio
import random
import time
from typing import Any

import pytest
import uvloop

from exporter.probe import Readings
from exporter.probes import _mysql_session, _mysql_url
from exporter.probes._threads import Lane
from tests import hostile, probing
from tests.fakes import mysqlwire
from tests.probing import probe, readings

STATUS = (
    ("Variable_name", "Value"),
    [
        ("Threads_connected", 30), ("Threads_running", 4), ("Connections", 1000), ("Innodb_row_lock_time", 2500),
        ("Innodb_buffer_pool_read_requests", 1000), ("Innodb_buffer_pool_reads", 10), ("Com_insert", 3),
        ("Com_insert_select", 2), ("Com_load", 1),
    ],
)  # fmt: skip
VARIABLES = (
    ("Variable_name", "Value"),
    [("max_connections", 40), ("read_only", "OFF"), ("super_read_only", "OFF"), ("long_query_time", "2.500000")],
)
ANSWERS: dict[str, Any] = {
    "SHOW GLOBAL STATUS": STATUS,
    "SHOW GLOBAL VARIABLES": VARIABLES,
    "innodb_trx": (("count", "oldest", "waiting"), [(2, 90, None)]),
    "SHOW REPLICA": mysqlwire.refusal(1, 1227, "Access denied; you need REPLICATION CLIENT", "42000"),
}
READINGS = {
    'stack_mysql_info{software="mysql",version="8.4.2"}': 1,
    "stack_mysql_connections": 30,
    "stack_mysql_threads_running": 4,
    "stack_mysql_connection_attempts_total": 1000,
    "stack_mysql_row_lock_wait_seconds_total": 2.5,
    "stack_mysql_buffer_pool_read_requests_total": 1000,
    "stack_mysql_buffer_pool_disk_reads_total": 10,
    "stack_mysql_buffer_pool_hit_ratio": 0.99,
    'stack_mysql_statements_total{statement="insert"}': 6,
    "stack_mysql_connections_limit": 40,
    "stack_mysql_connections_ratio": 0.75,
    "stack_mysql_slow_query_seconds": 2.5,
    "stack_mysql_read_only": 0,
    "stack_mysql_transactions": 2,
    "stack_mysql_oldest_transaction_seconds": 90,
    "stack_mysql_row_lock_longest_wait_seconds": 0,
}


def asked(answers: dict[str, Any] | None = None, *, password: str = "secret", **fields: Any) -> Any:
    with mysqlwire.mysqlwire(answers, version=fields.pop("version", "8.4.2")) as found:
        result = probe("mysql", url=f"mysql://me:{password}@127.0.0.1:{found.port}/shop", **fields)
        return result, [request.decode() for request in found.requests]


@pytest.mark.parametrize("password", ["secret", ""])
def test_mysql_is_read_and_left_in_due_form(password: str) -> None:
    result, requests = asked(ANSWERS, password=password)
    assert (result.outcome, result.detail) == ("healthy", "")
    assert readings(result) == READINGS
    assert requests[-1] == "\x01"
    assert [request for request in requests if request.startswith("SET SESSION max_execution_time = ")]


def test_what_a_server_does_not_say_has_no_series() -> None:
    nothing = {"SHOW": (("Variable_name", "Value"), []), "innodb_trx": mysqlwire.refusal(1, 1109, "Unknown table")}
    result, _ = asked(nothing)
    assert (result.outcome, readings(result)) == (
        "healthy",
        {'stack_mysql_info{software="mysql",version="8.4.2"}': 1, "stack_mysql_replication_channels": 0},
    )


@pytest.mark.parametrize("value", ["", "NULL", "nan", "inf", "1e999", "-inf", "many", "0x10"])
def test_a_value_that_is_no_number_has_no_series(value: str) -> None:
    odd = [(name, value) for name, _ in (*STATUS[1], *VARIABLES[1])]
    result, _ = asked({**ANSWERS, "SHOW GLOBAL": (STATUS[0], odd)} | {"SHOW GLOBAL STATUS": (STATUS[0], odd)})
    assert result.outcome == "healthy"
    assert "stack_mysql_connections" not in readings(result)


def test_statistics_of_no_connections_and_no_reads_are_no_division_by_zero() -> None:
    zeros = [(name, 0) for name, _ in (*STATUS[1], *VARIABLES[1])]
    result, _ = asked({"SHOW GLOBAL": (STATUS[0], zeros)})
    assert result.outcome == "healthy"
    assert "stack_mysql_connections_ratio" not in readings(result)
    assert "stack_mysql_buffer_pool_hit_ratio" not in readings(result)


def test_a_server_too_old_for_a_limit_on_statements_is_read_all_the_same() -> None:
    unknown = mysqlwire.refusal(1, 1193, "Unknown system variable 'max_execution_time'")
    result, requests = asked({"max_execution_time": unknown, **ANSWERS}, version="5.6.51-log")
    assert (result.outcome, readings(result)) == (
        "healthy",
        {name.replace("8.4.2", "5.6.51"): value for name, value in READINGS.items()},
    )
    assert any(request.startswith("SET SESSION lock_wait_timeout = ") for request in requests)


def test_sizes_that_take_too_long_are_a_degradation_and_not_asked_for_again_at_once() -> None:
    slow = mysqlwire.refusal(1, 3024, "Query execution was interrupted, maximum statement execution time exceeded")
    with mysqlwire.mysqlwire({"table_schema": slow, **ANSWERS}) as found:
        component = probing.component("mysql", url=f"mysql://me:x@127.0.0.1:{found.port}/", sizes=True)
        memory = probing.Memory()

        async def runs() -> list[Any]:
            return [await probing.run_once(component, memory, memory) for _ in range(2)]

        results = asyncio.run(runs())
    assert [(result.outcome, result.reason) for result in results] == [("degraded", "query_timeout")] * 2
    assert all(readings(result) == READINGS for result in results)
    assert sum(b"MAX_EXECUTION_TIME" in request for request in found.requests) == 1


def test_sizes_of_databases_are_capped_and_those_of_views_alone_have_none() -> None:
    many = [(f"d{n}", 1000 - n) for n in range(60)]
    for found, expected in ((many, 50), ([("views", None)], 0)):
        result, _ = asked({"table_schema": (("table_schema", "bytes"), found)}, sizes=True)
        assert sum("database_size" in name for name in readings(result)) == expected


ODD_GREETINGS = {
    "an older protocol": mysqlwire.packet(0, b"\x093.20.3\0" + bytes(30)),
    "no end of the version": mysqlwire.packet(0, b"\x0a" + b"8" * 60),
    "a version and nothing more": mysqlwire.packet(0, b"\x0a8.4.2\0"),
    "a server before 4.1": mysqlwire.packet(0, b"\x0a4.0.1\0" + bytes(40)),
    "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a mail server": b"220 mail.example ESMTP\r\n",
    "Redis": b"-ERR unknown command\r\n",
    "an empty packet": b"\0\0\0\0",
    "another number": mysqlwire.packet(7, b"\x0a8.4.2\0" + bytes(60)),
    "nothing but 0xff": mysqlwire.packet(0, b"\xff"),
}


@pytest.mark.parametrize("greeting", ODD_GREETINGS)
def test_a_greeting_that_is_none_of_mysqls_is_said_at_once(greeting: str) -> None:
    with hostile.serving(hostile.holds(ODD_GREETINGS[greeting]), ask=False) as found:
        result = probe("mysql", url=f"mysql://me:secret@127.0.0.1:{found.port}/")
    assert (result.outcome, result.reason) == ("unhealthy", "protocol"), result.detail
    assert result.detail.startswith(f"127.0.0.1:{found.port}")
    assert result.duration < 1


ODD_ANSWERS = {
    "a request for a file": mysqlwire.packet(1, b"\xfb/etc/passwd"),
    "more columns than it sends": mysqlwire.packet(1, b"\xfa") + mysqlwire.packet(2, b"\xfe\0\0\2\0"),
    "no UTF-8": mysqlwire.rows(("Variable_name", "Value"), [("Uptime", "7")]).replace(b"Uptime", b"Upt\xff\xfee"),
    "one that was not asked for": mysqlwire.packet(0, b"\0\0\0\2\0\0\0"),
    "a wrong number": mysqlwire.packet(5, b"\0\0\0\2\0\0\0"),
    "an empty packet": mysqlwire.packet(1, b""),
    "a short error": mysqlwire.packet(1, b"\xff\x01"),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS)
def test_an_answer_that_can_not_be_read_is_a_matter_of_protocol(answer: str) -> None:
    result, _ = asked({"SHOW GLOBAL STATUS": ODD_ANSWERS[answer]})
    assert (result.outcome, result.reason) == ("unhealthy", "protocol"), result.detail


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_an_endless_answer_is_cut_off(loop: Any) -> None:
    def flood(connection: Any, _: bytes) -> None:
        connection.sendall(mysqlwire.greeting())
        connection.recv(1 << 16)
        hostile.floods(mysqlwire.packet(2, b"\0\0\0\2\0\0\0"), b"\xff\xff\xff\1" + bytes(1 << 16))(connection, b"")

    with hostile.serving(flood, ask=False) as found:
        result = loop(probing.run("mysql", url=f"mysql://me@127.0.0.1:{found.port}/"))
    assert (result.reason, result.detail) == ("protocol", f"127.0.0.1:{found.port} sent more than 4194304 bytes")


def test_a_dripping_answer_ends_with_the_run() -> None:
    with hostile.serving(hostile.drips(mysqlwire.greeting() + b"\xff\xff\0\2", b"\0"), ask=False) as found:
        began = time.monotonic()
        result = probe("mysql", timeout=0.4, url=f"mysql://me@127.0.0.1:{found.port}/")
    assert (result.reason, result.detail.partition(": ")[2]) == ("timeout", "no end within 0.4 s, in phase session")
    assert time.monotonic() - began < 0.4 + 0.9


def test_no_damage_to_an_answer_is_a_defect_of_ours() -> None:
    chance = random.Random(20261122)  # noqa: S311
    whole = mysqlwire.rows(*STATUS)
    seen = set()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        result, _ = asked({**ANSWERS, "SHOW GLOBAL STATUS": bytes(damaged)}, timeout=0.15)
        seen.add(result.reason)
        assert result.reason != "internal", (result.error, bytes(damaged))
    assert "protocol" in seen


@pytest.mark.parametrize("statement", ["innodb_trx", "SHOW REPLICA", "table_schema"])
def test_an_end_of_the_session_is_not_taken_for_a_missing_figure(statement: str) -> None:
    killed = mysqlwire.refusal(1, 1317, "Query execution was interrupted")
    result, _ = asked({statement: killed, **ANSWERS, "SHOW REPLICA": killed}, sizes=True)
    assert (result.outcome, result.reason) == ("unhealthy", "killed")
    assert readings(result).items() >= {"stack_mysql_connections": 30}.items()


def test_a_run_that_is_cancelled_between_statements_waits_for_no_farewell() -> None:
    def grant(connection: Any, _: bytes) -> None:
        connection.sendall(mysqlwire.greeting())
        connection.recv(1 << 16)
        for number in (2, 1, 1):  # the login, SET NAMES, SET SESSION
            connection.sendall(mysqlwire.packet(number, b"\0\0\0\2\0\0\0"))
            connection.recv(1 << 16)
        hostile.mute(connection, b"")

    async def cancel(port: int) -> float:
        memory = probing.Memory()
        out = Readings("it", memory, memory, deadline=time.monotonic() + 9)
        opened = asyncio.Event()

        async def idle() -> None:
            async with _mysql_session.opened(out, _mysql_url.parse(f"mysql://me@127.0.0.1:{port}/"), Lane(), ()):
                opened.set()
                await asyncio.sleep(9)

        task = asyncio.create_task(idle())
        await opened.wait()
        began = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        return time.monotonic() - began

    with hostile.serving(grant, ask=False) as found:
        assert asyncio.run(cancel(found.port)) < 0.4


def test_what_comes_before_tls_does_not_pass_for_what_comes_after_it() -> None:
    early = mysqlwire.greeting(also=mysqlwire.SSL) + mysqlwire.packet(2, b"\0\0\0\2\0\0\0")
    with hostile.serving(hostile.holds(early), ask=False) as found:
        result = probe("mysql", url=f"mysql://me:secret@127.0.0.1:{found.port}/?ssl-mode=required")
    assert (result.reason, result.detail) == (
        "protocol",
        f"127.0.0.1:{found.port} went on after its greeting, before TLS",
    )
