"""One query on a SQLite file, opened read-only, in a thread that its deadline ends."""

import sqlite3
import threading
import time
from urllib.parse import unquote

from exporter.probe import Down, Readings
from exporter.probes._sql_answer import Answer
from exporter.probes._sqlite_file import STEPS, opened, steadily
from exporter.probes._threads import Lane
from exporter.redact import quoted

_LONGEST = 1 << 20
"""Bytes of the longest value."""
# The rest is a matter of the file.
_CODES = {
    sqlite3.SQLITE_ERROR: "query",
    sqlite3.SQLITE_TOOBIG: "query",
    sqlite3.SQLITE_MISMATCH: "query",
    sqlite3.SQLITE_RANGE: "query",
    sqlite3.SQLITE_READONLY: "write",
    sqlite3.SQLITE_INTERRUPT: "query_timeout",
}


class Sqlite:
    drivers: tuple[str, ...] = ()
    quote = '"'

    def __init__(self, dsn: str) -> None:
        path = dsn.partition(":")[2].partition("?")[0]
        if path.startswith("//"):
            # SQLAlchemy's form, also Django's: what follows the third slash is the path.
            path = path.removeprefix("//").removeprefix("/")
        if not path.startswith("/") or path == "/":
            raise ValueError("a SQLite file's path is absolute, with four slashes: sqlite:////var/lib/shop/shop.db")
        self._path = unquote(path)
        self._lane = Lane()

    async def ask(self, out: Readings, query: str, limit: int, secrets: object) -> Answer:
        stop = threading.Event()
        left = out.deadline - time.monotonic()
        ends = time.monotonic() + max(left * 0.8, left - 0.3)
        try:
            with out.phase("query"):
                return await self._lane.call(
                    out.deadline,
                    f"querying {self._path}",
                    lambda: steadily(lambda: self._rows(query, limit, ends, stop, secrets)),
                )
        finally:
            stop.set()

    def _rows(self, query: str, limit: int, ends: float, stop: threading.Event, secrets: object) -> Answer:
        busy = (ends - time.monotonic()) * 0.9
        with opened(self._path, busy=busy) as (connection, _, _):
            connection.execute("PRAGMA query_only = 1")  # opened read-only it is already, but for what is temporary
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            connection.set_progress_handler(lambda: int(stop.is_set() or time.monotonic() >= ends), STEPS)
            connection.text_factory = _text
            try:
                cursor = connection.execute(query)
                columns = tuple(column[0] for column in cursor.description or ())
                return Answer(columns, tuple(cursor.fetchmany(limit + 1)))
            except (sqlite3.Warning, sqlite3.ProgrammingError) as error:  # two statements: 3.11's word, and 3.12's
                raise Down("query", quoted(str(error), secrets)) from None
            except sqlite3.Error as error:
                reason = _reason(error)
                if not reason:
                    raise
                raise Down(reason, f"{self._path}: {quoted(str(error), secrets)}"[:200]) from None


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _reason(error: sqlite3.Error) -> str:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
        return ""
    if code == sqlite3.SQLITE_ERROR and str(error).startswith("no such table"):
        return "no_table"
    return _CODES.get(code & 0xFF, "")
