"""Reads and checks a SQLite file without leaving a trace. All of it blocks: for a Lane's thread."""

import contextlib
import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from exporter.probe import Down

T = TypeVar("T")

WAL_FORMAT = 2
"""Byte 18 of the header (https://www.sqlite.org/fileformat2.html, 1.3.3): 2 is WAL, 1 is a rollback journal."""
ROLLBACK_HOLD = 1.0
"""Seconds that a check may hold up the writers of a database without WAL; drivers wait 5 s for a lock."""
STEPS = 20_000
"""Instructions of SQLite's machine between two looks around, 1 to 2 ms."""
_PRAGMAS = (
    "page_count",
    "freelist_count",
    "page_size",
    "user_version",
    "application_id",
    "auto_vacuum",
    "encoding",
)
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

    def once() -> File:
        remaining = deadline - time.monotonic()
        with opened(path, busy=min(remaining * 0.7, remaining - 0.3)) as (database, wal_format, real):
            database.execute("BEGIN")  # one lock and one state for all of them
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            found = {name: database.execute(f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS}
            database.execute("COMMIT")
        found["auto_vacuum"] = VACUUM[found["auto_vacuum"]]
        pragmas = {name: found[name] for name in _PRAGMAS if not name.endswith("_count")}
        pragmas["journal_mode"] = "wal" if wal_format else "delete"
        main, wal = _status(real), _status(real + "-wal")
        sizes = (main.st_size if main else 0, wal.st_size if wal else 0)
        return File(*sizes, found["page_count"], found["freelist_count"], found["page_size"], pragmas)

    return steadily(once)


class Check:
    """A quick_check and a foreign_key_check, ended by its time or `stop`, calling `serve` every few milliseconds."""

    def __init__(self, path: str, timeout: float, stop: threading.Event, serve: Callable[[], None]) -> None:
        self._path = path
        self._timeout = timeout
        self._stop = stop
        self._serve = serve
        self._ends = 0.0

    def run(self) -> dict[str, Any]:
        """What it found, as JSON values. Raises Down when the database can't be opened."""
        return steadily(self._once)

    def _once(self) -> dict[str, Any]:
        began = time.monotonic()
        errors: list[str] = []
        violations, complete = 0, True
        with opened(self._path, busy=1.0) as (database, wal_format, _):
            self._ends = began + (self._timeout if wal_format else min(self._timeout, ROLLBACK_HOLD))
            database.set_progress_handler(self._look_around, STEPS)
            try:
                for (finding,) in database.execute("PRAGMA quick_check(100)"):
                    errors += [finding] if finding != "ok" else []
                violations = 0 if errors else _violations(database)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                complete = False
        return {
            "complete": complete,
            "errors": len(errors),
            "first": _printable(errors[0]) if errors else "",
            "violations": violations,
            "seconds": time.monotonic() - began,
        }

    def _look_around(self) -> int:
        self._serve()
        return int(self._stop.is_set() or time.monotonic() >= self._ends)


def broken(detail: str) -> dict[str, Any]:
    """What stands for a check that damage kept from ending."""
    return {"complete": True, "errors": 1, "first": detail, "violations": 0, "seconds": 0.0}


def _violations(database: sqlite3.Connection) -> int:
    try:
        return sum(1 for _ in database.execute("PRAGMA foreign_key_check"))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        return 1  # `foreign key mismatch`: a declaration without a unique index on the parent, which no row can satisfy


class _Changed(Exception):  # noqa: N818 - not an error
    """A writer came while nothing was locked: what was read may be of two states."""


def steadily(once: Callable[[], T]) -> T:
    """Try again when a writer came in between: from then on there is a -wal file, and reading takes its locks."""
    with contextlib.suppress(_Changed):
        return once()
    try:
        return once()
    except _Changed:
        raise Down("locked", "writers opened and closed the database twice while it was read") from None


@contextmanager
def opened(path: str, busy: float) -> Iterator[tuple[sqlite3.Connection, bool, str]]:
    """A read-only connection, whether the database is in WAL mode, and the file that the path means."""
    database, quiet, before, real = None, False, None, path
    try:
        _state(path)  # by the name as it stands, for errors that resolving it hides
        real = os.path.realpath(path)  # SQLite keeps -wal beside the file that a symlink means
        before = _state(real)
        # mode=ro alone would give a WAL database that nobody has open a -wal and a -shm file, which stay behind and,
        # made by another user, can lock the application out. Without a -wal file all there is is in the database.
        quiet = before[-1] is None and _wal_format(real)
        uri = f"file://{quote(real)}?mode=ro{'&immutable=1' if quiet else ''}"
        database = sqlite3.connect(uri, uri=True, timeout=max(busy, 0.05), isolation_level=None)
        yield database, quiet or database.execute("PRAGMA journal_mode").fetchone()[0] == "wal", real
        if quiet and _state(real) != before:
            raise _Changed
    except OSError as error:
        raise _down_by_system(error, path) from None
    except sqlite3.Error as error:
        if quiet and _state(real) != before:
            raise _Changed from None
        raise _down(error, real) from None
    finally:
        if database is not None:
            database.close()


def _state(real: str) -> tuple[int, int, int | None]:
    status = os.stat(real)  # noqa: PTH116 - three a run, and a Path costs more than the call
    if not stat.S_ISREG(status.st_mode):
        raise Down("not_a_file", f"{real} is {'a directory' if stat.S_ISDIR(status.st_mode) else 'no regular file'}")
    wal = _status(real + "-wal")
    return status.st_mtime_ns, status.st_size, wal.st_ino if wal else None


def _wal_format(real: str) -> bool:
    """Only for a file without -wal, as the daemon's own store never is while it is open.

    Closing a file drops all locks that this process has on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    file = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        header = os.pread(file, 100, 0)
    finally:
        os.close(file)
    return header[:16] == b"SQLite format 3\0" and header[18] == WAL_FORMAT


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None


def _down_by_system(error: OSError, path: str) -> Down:
    reason = "io"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        reason = "missing"
    elif error.errno in (errno.EACCES, errno.EPERM):
        reason = "permission"
    return Down(reason, f"{path}: {error.strerror}"[:200])


def _down(error: sqlite3.Error, real: str) -> Down:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    text = f"{real}: {_printable(str(error))}"[:200]
    if code in (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY):
        return Down("recovery", text)
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN:  # which of the files, SQLite does not say
        for path in (real, real + "-wal", real + "-shm"):
            if Path(path).exists() and not os.access(path, os.R_OK):
                return Down("permission", f"{path} may not be read")
        if not os.access(Path(real).parent, os.W_OK):
            return Down("permission", f"{real}-shm can't be made, and WAL can't be read without it")
    return Down(_CODES.get(code & 0xFF, "io"), text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200]
