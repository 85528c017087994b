"""What a MySQL or MariaDB server says in SHOW STATUS and SHOW VARIABLES, and which of it becomes which reading."""

import re
from collections.abc import Iterable
from itertools import chain
from math import isfinite
from typing import Any

from exporter.probe import Readings
from exporter.probes import _mysql_metrics as m

_STATUS = {
    "uptime": m.UPTIME,
    "threads_connected": m.CONNECTIONS,
    "max_used_connections": m.CONNECTIONS_PEAK,
    "connections": m.CONNECTED,
    "connection_errors_max_connections": m.REJECTED,
    "aborted_connects": m.ABORTED_CONNECTS,
    "aborted_clients": m.ABORTED_CLIENTS,
    "threads_running": m.THREADS_RUNNING,
    "questions": m.QUERIES,
    "slow_queries": m.SLOW_QUERIES,
    "created_tmp_disk_tables": m.DISK_TABLES,
    "innodb_row_lock_current_waits": m.LOCKS_WAITING,
    "innodb_row_lock_waits": m.LOCK_WAITS,
    "table_locks_waited": m.TABLE_LOCK_WAITS,
    "innodb_deadlocks": m.DEADLOCKS,
    "innodb_history_list_length": m.HISTORY,
    "innodb_buffer_pool_bytes_data": m.POOL_DATA,
    "innodb_buffer_pool_bytes_dirty": m.POOL_DIRTY,
    "innodb_buffer_pool_read_requests": m.POOL_REQUESTS,
    "innodb_buffer_pool_reads": m.POOL_MISSES,
    "slaves_connected": m.REPLICAS,
}
_VARIABLES = {
    "max_connections": m.CONNECTIONS_LIMIT,
    "long_query_time": m.SLOW_FROM,
    "innodb_buffer_pool_size": m.POOL_SIZE,
}
_STATEMENTS = {
    "select": ("com_select",),
    "insert": ("com_insert", "com_insert_select", "com_load"),
    "replace": ("com_replace", "com_replace_select"),
    "update": ("com_update", "com_update_multi"),
    "delete": ("com_delete", "com_delete_multi"),
    "call": ("com_call_procedure",),
    "commit": ("com_commit",),
    "rollback": ("com_rollback",),
}
_LOCK_TIME = "innodb_row_lock_time"  # milliseconds
_READ_ONLY = ("read_only", "super_read_only")


def _in(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


STATUS = f"SHOW GLOBAL STATUS WHERE Variable_name IN ({_in([*_STATUS, _LOCK_TIME, *chain(*_STATEMENTS.values())])})"
VARIABLES = f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({_in([*_VARIABLES, *_READ_ONLY])})"
# trx_started is in the system's time zone, NOW() in the session's.
TRANSACTIONS = """
SELECT COUNT(*), MAX(TIMESTAMPDIFF(SECOND, trx_started, now)), MAX(TIMESTAMPDIFF(SECOND, trx_wait_started, now))
FROM information_schema.innodb_trx, (SELECT CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM') AS now) clock"""
_VERSION = re.compile(r"[0-9][0-9A-Za-z.]{0,19}")


def software(version: str, out: Readings) -> None:
    number = _VERSION.match(version)
    out.set(m.INFO, 1, "mariadb" if "mariadb" in version.lower() else "mysql", number[0] if number else "")


def report(rows: Iterable[tuple[Any, ...]], out: Readings) -> dict[str, str]:
    """Set what the rows of names and values say. The values by name, in lower case."""
    said = {str(row[0]).lower(): str(row[1]) for row in rows if len(row) > 1}
    for known in (_STATUS, _VARIABLES):
        for name, metric in known.items():
            if (value := number(said.get(name))) is not None:
                out.set(metric, value)
    if (milliseconds := number(said.get(_LOCK_TIME))) is not None:
        out.set(m.LOCK_WAIT_TIME, milliseconds / 1000)
    for statement, names in _STATEMENTS.items():
        counts = [value for name in names if (value := number(said.get(name))) is not None]
        if counts:
            out.set(m.STATEMENTS, sum(counts), statement)
    return said


def derive(said: dict[str, str], out: Readings) -> bool:
    """The ratios; whether the server takes no writes."""
    used, limit = number(said.get("threads_connected")), number(said.get("max_connections"))
    if used is not None and limit:
        out.set(m.CONNECTIONS_RATIO, used / limit)
    asked, missed = number(said.get("innodb_buffer_pool_read_requests")), number(said.get("innodb_buffer_pool_reads"))
    if asked and missed is not None:
        out.set(m.POOL_HIT, max(0.0, 1 - missed / asked))
    switches = [said[name].upper() for name in _READ_ONLY if name in said]
    # MariaDB 11 has further steps than ON: NO_LOCK, NO_LOCK_NO_ADMIN.
    read_only = any(switch not in ("OFF", "0") for switch in switches)
    if switches:
        out.set(m.READ_ONLY, read_only)
    return read_only


def report_transactions(rows: tuple[tuple[Any, ...], ...], out: Readings) -> None:
    if not rows or len(rows[0]) < 3:
        return
    count, oldest, waiting = (number(value) for value in rows[0][:3])
    if count is None:
        return
    out.set(m.TRANSACTIONS, count)
    out.set(m.OLDEST_TRANSACTION, max(oldest or 0, 0))
    out.set(m.LONGEST_WAIT, max(waiting or 0, 0))


def number(value: Any) -> float | None:
    """The value as a number, if it is one that a series can have."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) else None
