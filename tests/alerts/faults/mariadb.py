"""MariaDB that is used badly, and a replica that stands still."""

import socket
import time
from contextlib import ExitStack, closing
from typing import Any

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.servers.mariadb import MariaDB


@provokes(
    "DatabaseReplicaLost/warning",
    "DatabaseReplicationBroken/critical",
    "DatabaseRoleChanged/info",
    "MysqlReadOnly/warning",
    *twice(
        "DatabaseConnectionsRejected",
        "DatabaseLockWaitLong",
        "DatabaseQueriesSlow",
        "MysqlAbortedConnects",
        "MysqlHistoryLong",
        "MysqlThreadsRunningMany",
    ),
)
def a_mariadb_is_used_badly_and_its_replica_stands_still(scene: Scene) -> Steps:
    limits = {
        "aborted_connects": 0.2,
        "history": 300,
        "lock_wait": "2s",
        "rejected": 0.1,
        "slow_queries": 0.2,
        "threads_running": 6,
    }
    settings = {"log_bin": 1, "long_query_time": 0.05, "innodb_lock_wait_timeout": 600, "max_connections": 30}
    with servers.mariadb(**settings) as source, servers.mariadb(replica_of=source) as replica, ExitStack() as held:
        source.sql("CREATE DATABASE shop", "CREATE TABLE shop.orders (id int PRIMARY KEY, n int)")
        source.sql("INSERT INTO shop.orders VALUES (1, 0), (2, 0)")
        fields = {"kind": "mysql", "url": source.dsn(), "team": "platform"}
        components = both("orders_source", fields, limits)
        yield {"components": components | {"orders_replica": {"kind": "mysql", "url": replica.dsn()}}}
        replica.sql("STOP SLAVE")
        source.sql("SET GLOBAL read_only = ON")  # before the waits, as it waits for them; root may write all the same
        sessions = [held.enter_context(closing(source.session())) for _ in range(9)]
        reader, writer, *waiting = sessions
        _run(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
        _run(writer, "BEGIN", "UPDATE shop.orders SET n = 1 WHERE id = 1")
        for session in waiting:
            session._execute_command(3, "UPDATE shop.orders SET n = 2 WHERE id = 1")  # COM_QUERY; nobody answers
        source.sql(*["UPDATE shop.orders SET n = n + 1 WHERE id = 2"] * 500)
        with repeating(lambda: _misuse(source, replica), 0.8):
            yield None
        for session in sessions:
            source.sql(f"KILL {session.thread_id()}")
        source.sql("SET GLOBAL read_only = OFF")
        replica.sql("START SLAVE")
        yield None


def _run(session: Any, *statements: str) -> None:
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _misuse(source: MariaDB, replica: MariaDB) -> None:
    """A slow query; a server that takes writes or none; and for a moment more clients than there may be, who say nothing."""
    replica.sql("SET GLOBAL read_only = NOT @@global.read_only", "SELECT 1")
    source.sql("SELECT SLEEP(0.06)")
    with ExitStack() as held:
        for _ in range(30):
            held.enter_context(closing(socket.create_connection((source.host, source.port), 5)))
        time.sleep(0.05)
