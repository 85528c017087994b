"""Reads and checks a SQLite file without leaving a trace. All of it blocks: for a Lane's thread."""

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exporter.probe import Down

WAL_FORMAT = 2
"""Byte 18 of the header (https://www.sqlite.org/fileformat2.html, 1.3.3): 2 is WAL, 1 is a rollback journal."""
ROLLBACK_HOLD = 1.0
"""Seconds that a check may hold up the writers of a database without WAL; drivers wait 5 s for a lock."""
STEPS = 20_000
"""Instructions of SQLite's machine between two looks around, 1 to 2 ms."""
VACUUM = ("none", "full", "incremental")
_CODES = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_FORMAT: "corrupt",
    sqlite3.SQLITE_PERM: "permission",
    sqlite3.SQLITE_AUTH: "permission",
    sqlite3.SQLITE_READONLY: "permission",
}


@dataclass(frozen=True, slots=True)
class File:
    size: int
    wal: int
    pages: int
    free_pages: int
    page_size: int
    pragmas: dict[str, str | int]


def read(path: str, deadline: float) -> File:
    """What the file says of itself, read under its lock. Raises Down."""
    remaining = deadline - time.monotonic()
    with _opened(path, busy=min(remaining * 0.7, remaining - 0.3)) as (database, wal_format):
        names = ("page_count", "freelist_count", "page_size", "user_version", "application_id", "auto_vacuum", "encoding")
        database.execute("BEGIN")  # one lock and one state for all of them
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        found = {name: database.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
        database.execute("COMMIT")
    pragmas = {name: found[name] for name in names[3:]}
    pragmas["auto_vacuum"] = VACUUM[found["auto_vacuum"]]
    # By the header: asked with PRAGMA, a connection to a database without WAL names its own default.
    pragmas["journal_mode"] = "wal" if wal_format else "delete"
    size, wal = _size(path), _size(path + "-wal")
    return File(size, wal, found["page_count"], found["freelist_count"], found["page_size"], pragmas)


class Check:
    """A quick_check and a foreign_key_check, broken off by its time or `stop`, calling `serve` every few milliseconds."""

    def __init__(self, path: str, timeout: float, stop: threading.Event, serve: Callable[[], None]) -> None:
        self._path = path
        self._timeout = timeout
        self._stop = stop
        self._serve = serve
        self._ends = 0.0

    def run(self) -> dict[str, Any]:
        """What it found, as JSON values. Raises Down when the database can't be opened."""
        began = time.monotonic()
        errors: list[str] = []
        violations, complete = 0, True
        try:
            with _opened(self._path, busy=1.0) as (database, wal_format):
                self._ends = began + (self._timeout if wal_format else min(self._timeout, ROLLBACK_HOLD))
                database.set_progress_handler(self._look_around, STEPS)
                errors = [str(row[0]) for row in database.execute("PRAGMA quick_check(100)") if row[0] != "ok"]
                violations = sum(1 for _ in database.execute("PRAGMA foreign_key_check"))
        except _InterruptedCheck:
            complete = False
        first = "".join(c if c.isprintable() else " " for c in errors[0])[:200] if errors else ""
        return {
            "complete": complete,
            "errors": len(errors),
            "first": first,
            "violations": violations,
            "seconds": time.monotonic() - began,
        }

    def _look_around(self) -> int:
        self._serve()
        return int(self._stop.is_set() or time.monotonic() >= self._ends)


def broken(detail: str) -> dict[str, Any]:
    """What stands for a check that damage kept from ending."""
    return {"complete": True, "errors": 1, "first": detail, "violations": 0, "seconds": 0.0}


class _InterruptedCheck(Exception):  # noqa: N818 - not an error
    pass


@contextmanager
def _opened(path: str, busy: float) -> Iterator[tuple[sqlite3.Connection, bool]]:
    """A read-only connection, and whether the file is in WAL format."""
    database = None
    try:
        wal_format = _wal_format(path)
        # Opened by mode=ro alone, a WAL database that nobody has open gets a -wal and a -shm file, which stay
        # behind and, made by another user, can lock the application out. Without a -wal there is nothing in it.
        quiet = wal_format and not Path(path + "-wal").exists()
        uri = f"file:{quote(path)}?mode=ro{'&immutable=1' if quiet else ''}"
        database = sqlite3.connect(uri, uri=True, timeout=max(busy, 0.05), isolation_level=None)
        yield database, wal_format
        if quiet and Path(path + "-wal").exists():
            raise _InterruptedCheck  # somebody began to write meanwhile, and what was read may be of two states
    except OSError as error:
        raise _down_by_system(error, path) from None
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise _InterruptedCheck from None
        raise _down(error, path) from None
    finally:
        if database is not None:
            database.close()
