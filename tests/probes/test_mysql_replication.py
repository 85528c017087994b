"""What the kind mysql reads of replication: two real MariaDBs, and what MySQL says in its own words."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests import servers
from tests.fakes import mysqlwire
from tests.probing import probe, readings
from tests.servers.mariadb import MariaDB
from tests.servers.process import wait_until

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("mariadb")]


@pytest.fixture(scope="module")
def primary() -> Iterator[MariaDB]:
    with servers.mariadb(log_bin=1) as server:
        server.sql("CREATE DATABASE shop", "CREATE TABLE shop.orders (id INT PRIMARY KEY, who VARCHAR(99) UNIQUE)")
        yield server


@pytest.fixture(scope="module")
def replica(primary: MariaDB) -> Iterator[MariaDB]:
    with servers.mariadb(replica_of=primary) as server:
        wait_until(lambda: server.sql("SELECT * FROM information_schema.tables WHERE table_name = 'orders'"))
        yield server


def seen(result: Any) -> dict[str, float]:
    """Readings of replication by what follows stack_mysql_, without the size of logs."""
    found = readings(result).items()
    return {name[12:]: value for name, value in found if "replica" in name}


def running(channel: str = "") -> dict[str, float]:
    return {
        f'replication_io_running{{channel="{channel}"}}': 1,
        f'replication_sql_running{{channel="{channel}"}}': 1,
        f'replication_lag_seconds{{channel="{channel}"}}': 0,
        f'replication_delay_seconds{{channel="{channel}"}}': 0,
    }


def test_a_primary_counts_its_replicas_and_a_replica_reports_its_source(primary: MariaDB, replica: MariaDB) -> None:
    assert seen(probe("mysql", url=primary.url)) == {"replicas": 1, "replication_channels": 0}
    result = probe("mysql", url=replica.url, replication="required")
    assert (result.outcome, result.detail) == ("healthy", "")
    assert seen(result) == {"replicas": 0, "replication_channels": 1, **running()}
    assert readings(result)['stack_mysql_relay_log_bytes{channel=""}'] > 0


def test_what_a_replica_can_not_apply_yet_is_lag(primary: MariaDB, replica: MariaDB) -> None:
    with closing(replica.session()) as holder:
        holder.cursor().execute("LOCK TABLES shop.orders WRITE")
        primary.sql("INSERT INTO shop.orders VALUES (1, 'a@example.com')")
        time.sleep(2.1)
        result = probe("mysql", url=replica.url)
    assert result.outcome == "healthy"
    lag = seen(result)['replication_lag_seconds{channel=""}']
    assert 2 <= lag < 30
    assert seen(result).items() >= {**running(), 'replication_lag_seconds{channel=""}': lag}.items()
    wait_until(lambda: replica.sql("SELECT * FROM shop.orders"))
    assert seen(probe("mysql", url=replica.url)).items() >= running().items()


def test_a_stopped_replica_has_no_lag_and_says_which_thread_is_stopped(replica: MariaDB) -> None:
    replica.sql("STOP SLAVE SQL_THREAD")
    result = probe("mysql", url=replica.url)
    replica.sql("START SLAVE")
    assert (result.outcome, result.reason) == ("degraded", "replication_stopped")
    assert result.detail == f"127.0.0.1:{replica.port}: receiving: yes, applying: no"
    assert seen(result) == {
        "replicas": 0,
        "replication_channels": 1,
        'replication_io_running{channel=""}': 1,
        'replication_sql_running{channel=""}': 0,
        'replication_delay_seconds{channel=""}': 0,
    }


def test_a_broken_replica_says_why_without_what_users_stored(primary: MariaDB, replica: MariaDB) -> None:
    replica.sql("INSERT INTO shop.orders VALUES (2, 'b@example.com')")
    primary.sql("INSERT INTO shop.orders VALUES (2, 'b@example.com')")
    wait_until(lambda: replica.sql("SHOW GLOBAL STATUS LIKE 'Slave_running'")[0][1] == "OFF")
    result = probe("mysql", url=replica.url)
    replica.sql("DELETE FROM shop.orders WHERE id = 2", "START SLAVE")
    assert (result.outcome, result.reason) == ("degraded", "replication_broken")
    assert result.detail.startswith(f"127.0.0.1:{replica.port}: receiving: yes, applying: no; 1062 ")
    assert "Duplicate entry for key" in result.detail
    assert "example.com" not in result.detail


def test_a_replica_of_two_sources_reports_each(primary: MariaDB, replica: MariaDB) -> None:
    with servers.mariadb(log_bin=1) as other:
        replica.sql(
            f"CHANGE MASTER 'second' TO master_host = '127.0.0.1', master_port = {other.port}, master_user = 'root',"
            " master_delay = 60",
            "START SLAVE 'second'",
        )
        try:
            wait_until(lambda: seen(probe("mysql", url=replica.url)).get('replication_io_running{channel="second"}'))
            result = probe("mysql", url=replica.url)
            other.stop()
            wait_until(lambda: probe("mysql", url=replica.url).reason == "source_lost")
            lost = probe("mysql", url=replica.url)
        finally:
            replica.sql("STOP SLAVE 'second'", "RESET SLAVE 'second' ALL")
    assert result.outcome == "healthy"
    second = {**running("second"), 'replication_delay_seconds{channel="second"}': 60}
    assert seen(result) == {"replicas": 0, "replication_channels": 2, **running(), **second}
    assert lost.detail.startswith(
        f"127.0.0.1:{replica.port}: channel 'second': receiving: connecting, applying: yes; 2003 "
    )


def status(**differs: object) -> dict[str, object]:
    """Columns of SHOW REPLICA STATUS that matter, as the MySQL 8.4 reference manual (15.7.7.34) names them."""
    return {
        "Replica_IO_State": "Waiting for source to send event", "Source_Host": "10.0.0.1", "Source_User": "replicator",
        "Read_Source_Log_Pos": 157, "Replica_IO_Running": "Yes", "Replica_SQL_Running": "Yes", "Relay_Log_Space": 1234,
        "Seconds_Behind_Source": 5, "Last_IO_Errno": 0, "Last_IO_Error": "", "Last_SQL_Errno": 0, "Last_SQL_Error": "",
        "SQL_Delay": 0, "Channel_Name": "", **differs,
    }  # fmt: skip


def answer(*channels: dict[str, object]) -> mysqlwire.Table:
    return list(channels[0]), [list(channel.values()) for channel in channels]


def asked(answers: dict[str, Any], **fields: Any) -> tuple[Any, list[bytes]]:
    with mysqlwire.mysqlwire(answers) as found:
        result = probe("mysql", url=f"mysql://me:secret@127.0.0.1:{found.port}/", **fields)
        return result, [request for request in found.requests if b"STATUS" in request and b"GLOBAL" not in request]


def test_mysql_is_asked_in_its_new_words_and_understood() -> None:
    group = status(Channel_Name="group_replication_recovery", Replica_IO_Running="No", Replica_SQL_Running="No")
    result, requests = asked({"SHOW REPLICA": answer(status(), status(Channel_Name="eu", SQL_Delay=3600), group)})
    assert (result.outcome, requests) == ("healthy", [b"SHOW REPLICA STATUS"])
    lag = {'replication_lag_seconds{channel=""}': 5, 'replication_lag_seconds{channel="eu"}': 5}
    delay = {'replication_delay_seconds{channel="eu"}': 3600}
    assert seen(result) == {"replication_channels": 2, **running(), **running("eu"), **lag, **delay}
    assert readings(result)['stack_mysql_relay_log_bytes{channel="eu"}'] == 1234


def test_mysql_before_8_0_22_is_asked_in_the_old_words() -> None:
    old = {
        name.replace("Replica", "Slave").replace("Source", "Master"): value
        for name, value in status(Seconds_Behind_Source=None, Replica_SQL_Running="No").items()
    }
    syntax = mysqlwire.refusal(1, 1064, "You have an error in your SQL syntax", "42000")
    result, requests = asked({"SHOW REPLICA": syntax, "SHOW SLAVE": answer(old)})
    assert requests == [b"SHOW REPLICA STATUS", b"SHOW SLAVE STATUS"]
    assert (result.outcome, result.reason) == ("degraded", "replication_stopped")
    assert 'replication_lag_seconds{channel=""}' not in seen(result)


def test_a_source_that_refuses_the_replica_has_broken_it() -> None:
    refused = status(
        Replica_IO_Running="No", Seconds_Behind_Source=None, Last_IO_Errno=13114,
        Last_IO_Error="Got fatal error 1236 from source when reading data from binary log: 'purged required logs'",
    )  # fmt: skip
    result, _ = asked({"SHOW REPLICA": answer(refused)})
    assert (result.outcome, result.reason) == ("degraded", "replication_broken")
    assert "receiving: no, applying: yes; 13114 Got fatal error 1236 from source" in result.detail


def test_a_hundred_channels_are_counted_and_fifty_of_them_reported() -> None:
    result, _ = asked({"SHOW REPLICA": answer(*(status(Channel_Name=f"c{n}") for n in range(100)))})
    assert seen(result)["replication_channels"] == 100
    assert sum(name.startswith("replication_lag") for name in seen(result)) == 50
