"""SQLite as the store of errors: in the file, under the lock and by the thread of what components keep."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from exporter.ingest.ports import Refusing
from exporter.store.connection import PAGE, Unusable, connected
from exporter.store.engine import Dialect, Transaction, drive
from exporter.store.lane import Claim, Lane
from exporter.store.sqlite import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]

IN_MEMORY = 64 * 1024 * 1024
"""Bytes that errors take at most where there is no folder."""
TRIES = 3
READ = 5.0
"""Seconds that a reader waits."""
LOOK = 0.25
"""Seconds for which it is taken that the disk still has room."""
_SHRINK = 128
"""Pages given back at once: 512 KiB, a few milliseconds."""
_SPARE = 2 * 1024 * 1024
"""Bytes that stay free for what comes next; more than a quarter of the file are given back."""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REASONS = {sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_BUSY: "slow", sqlite3.SQLITE_LOCKED: "slow"}


class Statements:
    """A transaction of SQLite's; nothing in it waits for the loop."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        return self._connection.execute(sql, args).fetchall()

    async def run(self, sql: str, *args: Any) -> int:
        return self._connection.execute(sql, args).rowcount

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    async def compute(self, work: Callable[[], T]) -> T:
        return work()


class Embedded:
    """Writes by the store's thread, reads by one of its own: in WAL mode neither waits for the other."""

    shared = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self._size = IN_MEMORY
        self._low_space = 0.0
        self._memory: sqlite3.Connection | None = None
        if store.connection is None:
            self._memory = connected(None)
        self._writing = Lane(store.thread)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-read")
        self._reading = self._writing if self._memory is not None else Lane(self._reader)
        self._read_connection: tuple[sqlite3.Connection, sqlite3.Connection] | None = None
        self._spacious_until = 0.0
        self._damaged = False

    def bound(self, size: int, low_space: float) -> None:
        self._size = size if self._memory is None else min(size, IN_MEMORY)
        self._low_space = low_space

    async def write(self, work: Work[T], deadline: float, *, growing: bool = True) -> T:
        return await self._writing.run(
            lambda claim: self._refusing(lambda: self._write(work, claim, growing)), deadline
        )

    async def read(self, work: Work[T]) -> T:
        return await self._reading.run(lambda _: self._refusing(lambda: self._read(work)), READ)

    async def space(self) -> tuple[int, int]:
        return await self._reading.run(lambda _: self._refusing(lambda: _space(self._readable())), READ)

    async def shrink(self) -> bool:
        def work(_: Claim) -> bool:
            connection = self._writable()
            taken, used = _space(connection)
            if taken - used < max(taken // 4, _SPARE):
                return False
            # One step of the statement gives back one page, and `execute` takes one.
            connection.executescript(f"PRAGMA incremental_vacuum({_SHRINK});")
            return True

        return await self._writing.run(lambda claim: self._refusing(lambda: work(claim)), READ)

    async def leased(self, owner: str, seconds: float) -> bool:  # noqa: ARG002 - one daemon for each folder
        return True

    async def close(self) -> None:
        # Each in its thread, where nothing uses it then; what hangs ends with the process, which must not wait.
        self._store.held = self._writing.hangs
        if self._read_connection is not None and not self._reading.hangs:
            self._reader.submit(self._read_connection[1].close)
        self._reader.shutdown(wait=False)
        if self._memory is not None:
            self._memory.close()

    def _refusing(self, work: Callable[[], T]) -> T:
        """What the database says of itself, as Refusing."""
        try:
            return work()
        except (sqlite3.DatabaseError, OSError, Unusable) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
            if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH):
                raise
            self._damaged = self._damaged or code in _DAMAGE
            log.debug("the store refuses", extra={"error": str(error)})
            raise Refusing(_REASONS.get(code, "unavailable"), 2.0) from None

    def _write(self, work: Work[T], claim: Claim, growing: bool) -> T:
        for left in reversed(range(TRIES)):
            connection = self._writable()
            connection.execute("BEGIN IMMEDIATE")
            try:
                # In here, as SQLite would make another transaction of every question.
                if growing:
                    self._check_space(connection)
                result = drive(work(Statements(connection)))
                if not claim.take():
                    # To nobody: the caller has gone, and what he was told must be true.
                    raise Refusing("slow", 2.0)  # noqa: TRY301
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                # Of keys made of time and a counter, one may be taken by what was written before a restart.
                if isinstance(error, sqlite3.IntegrityError) and left:
                    continue
                raise
            return result
        raise AssertionError

    def _read(self, work: Work[T]) -> T:
        return drive(work(Statements(self._readable())))

    def _writable(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        if self._damaged or self._store.replaced():
            self._store.reopen(damaged=self._damaged)
            self._damaged = False
        if self._store.connection is None:
            raise Refusing("unavailable", 2.0)
        return self._store.connection

    def _readable(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        of = self._store.connection
        if of is None:
            raise Refusing("unavailable", 2.0)
        if self._read_connection is None or self._read_connection[0] is not of:
            if self._read_connection is not None:
                self._read_connection[1].close()
                self._read_connection = None
            self._read_connection = of, connected(self._store.file, reading=True)
        return self._read_connection[1]

    def _check_space(self, connection: sqlite3.Connection) -> None:
        # What it takes is told faster than what of it holds rows, and mostly tells enough.
        if _taken(connection) >= self._size and _space(connection)[1] >= self._size:
            raise Refusing("full", 2.0)
        if self._store.file is None or time.monotonic() < self._spacious_until:
            return
        disk = os.statvfs(self._store.file.parent)
        if disk.f_bavail < disk.f_blocks * self._low_space:
            raise Refusing("full", 2.0)
        self._spacious_until = time.monotonic() + LOOK


def _taken(connection: sqlite3.Connection) -> int:
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return pages * PAGE


def _space(connection: sqlite3.Connection) -> tuple[int, int]:
    taken = _taken(connection)
    return taken, taken - PAGE * int(connection.execute("PRAGMA freelist_count").fetchone()[0])
