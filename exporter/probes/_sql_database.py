"""The database that a DSN means, and how it is asked: one query, of which no more rows than wanted come."""

import re
from collections.abc import Mapping
from typing import Protocol

from exporter.probe import Readings
from exporter.probes import _net, _tls
from exporter.probes._sql_answer import Answer
from exporter.probes._threads import HUNG


class Database(Protocol):
    """One of the _sql_… modules' classes. `drivers` are the modules that it imports, `quote` stands round a name."""

    drivers: tuple[str, ...]
    quote: str

    async def ask(self, out: Readings, query: str, limit: int, secrets: object) -> Answer:
        """What a query gives in a new, read-only session, which the server ends before the run's deadline. Raises Down.

        The answer has `limit` + 1 rows when there are more than `limit`.
        """


REASONS: Mapping[str, str] = {
    **_net.REASONS,
    **_tls.REASONS,
    "hung": HUNG,
    "auth": "The server refuses the user: wrong password, no such user, or not from this host.",
    "no_database": "There is no such database.",
    "permission": "The user may not read what is asked, or not connect; or a file may not be read.",
    "starting_up": "The server is starting, or recovering, and takes no sessions yet.",
    "shutting_down": "The server is shutting down, or ended the session.",
    "too_many_connections": "All connections of the server, the database or the user are taken.",
    "blocked": "MySQL bars this host after too many broken handshakes (max_connect_errors).",
    "not_ready": "The node has not joined its cluster (Galera), and answers nothing.",
    "killed": "Somebody killed the session or its query.",
    "role": "No host of the DSN is what its target_session_attrs asks for.",
    "tls_refused": "The server declines TLS, which the DSN requires.",
    "tls_required": "The server takes no connections without TLS.",
    "protocol": "What answers does not keep to the database's protocol, or sent more than 4 MiB.",
    "server_error": "The server answered with another error, whose code is in the detail.",
    "missing": "SQLite: there is no such file; it is not created.",
    "not_a_file": "SQLite: the path is a directory, a device or a pipe.",
    "corrupt": "SQLite: it is no database, or its pages are damaged.",
    "recovery": "SQLite: a writer died in a transaction, which another must first roll back.",
    "io": "SQLite: reading fails with an error of input or output.",
    "locked": "The query waited too long for a lock.",
    "query_timeout": "The query was stopped for taking too long: its limit is within the run's deadline.",
    "no_table": "The query names a table, view or schema that is not there.",
    "query": "The database does not take the query: its syntax, a name, a value, or more than one statement.",
    "write": "The query writes, which the read-only transaction refuses.",
}
_FORMS = "expected a URL such as postgresql://…, mysql://… or sqlite:////var/lib/shop/shop.db"
_POSTGRES = re.compile(r"(?i)(postgres|postgresql|postgis|pgsql|psql|timescale|timescalegis)(\+[a-z0-9_]+)?")
_SQLITE = re.compile(r"(?i)(sqlite3?|spatialite)(\+[a-z0-9_]+)?")


def database(dsn: str, password: str = "") -> Database:
    """The database of a DSN. Raises ValueError, whose message holds nothing of the DSN but names of its options."""
    scheme = dsn.partition(":")[0]
    if _SQLITE.fullmatch(scheme):
        from exporter.probes import _sql_sqlite  # noqa: PLC0415 - each of them is imported where it is meant alone

        return _sql_sqlite.Sqlite(dsn)
    if _POSTGRES.fullmatch(scheme):
        from exporter.probes import _sql_postgres  # noqa: PLC0415

        return _sql_postgres.Postgres(dsn, password)
    if "mysql" in scheme.lower() or "mariadb" in scheme.lower() or scheme.lower() == "jdbc":
        from exporter.probes import _sql_mysql  # noqa: PLC0415

        return _sql_mysql.Mysql(dsn, password)
    raise ValueError(_FORMS)
