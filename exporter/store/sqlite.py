"""The embedded store: one SQLite file, one daemon for each folder."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from exporter.store.connection import Unusable, Unwritable, connected
from exporter.store.schema import VERSION

__all__ = ["FILE", "VERSION", "Kept", "Store", "Unusable", "Unwritable"]

log = logging.getLogger(__name__)

FILE = "stack-exporter.db"
_GROUP_COMMIT = 0.2
"""Seconds over which changes are gathered into one transaction."""
_PATIENCE = 5.0
"""Seconds that a write is waited for."""

_NOT_DAMAGE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""Primary result codes (sqlite.org/rescode.html) that speak of the machine, not of the file's content."""


class Store:
    """What components keep over restarts, in memory and, when there is a folder, in a file that a thread writes."""

    def __init__(self, folder: Path | None, file: Path | None = None) -> None:
        self.file = file or (folder / FILE if folder is not None else None)
        self._kept: dict[tuple[str, str, str], Any] = {}
        self._changed: dict[tuple[str, str, str], str | None] = {}
        self._wake = asyncio.Event()
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._write: asyncio.Future[None] | None = None
        self.held = False
        """Whether somebody else's work hangs in `thread`."""
        self._writing: dict[tuple[str, str, str], str | None] = {}
        # sqlite3 blocks, and a disk may hang: one thread, so that the loop turns and writes stay in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    def open(self) -> None:
        """Lock the folder, open the file, make or check its schema, read it. Raises Unusable."""
        if self.file is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise Unusable(
                f"{self.file.parent} is in use by another stack-exporter: one daemon for each folder"
            ) from None
        except FileExistsError:
            self.close()
            raise Unwritable(f"{self.file.parent} can't be used for state: it is not a folder") from None
        except OSError as error:
            self.close()
            raise Unwritable(f"{self.file.parent} can't be used for state: {error.strerror}") from None
        try:
            try:
                self._kept = self._connect()
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _NOT_DAMAGE:
                    raise Unwritable(f"{self.file} can't be opened: {error}") from None
                self._set_aside()
                self._kept = self._connect()
        except BaseException:
            self.close()
            raise

    def kept(self, component: str, kind: str) -> "Kept":
        """What one component keeps."""
        return Kept(self, component, kind)

    def get(self, key: tuple[str, str, str]) -> Any:
        return self._kept.get(key)

    def put(self, key: tuple[str, str, str], value: Any) -> None:
        """Raises TypeError or ValueError for what is not JSON, here, where its sender is to blame."""
        text = None if value is None else json.dumps(value)
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value
        if self._connection is not None:
            self._changed[key] = text
            self._wake.set()

    async def work(self, beat: Callable[[], None]) -> None:
        """Write what changed, in groups, for ever."""
        while True:
            # Also without a change: what could not be written before is tried again.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 10.0)
            await asyncio.sleep(_GROUP_COMMIT)
            await self.flush()
            beat()

    async def flush(self) -> bool:
        """Write what changed until now; whether it is written. What is not, as the disk fails, stays for the next time.

        In memory there is nothing to write.
        """
        self._wake.clear()
        for _ in range(2):  # what somebody else is writing, then what has come since
            if self._write is None and not self._begin():
                return True
            write = self._write
            # Liveness must not follow a disk that hangs: a new process would find it hanging too.
            if write is None or not (await asyncio.wait({write}, timeout=_PATIENCE))[0]:
                log.warning("the disk does not take the state", extra={"file": str(self.file)})
                return False
            error = write.exception()
            if self._write is write:
                self._write = None
                if error is not None:
                    self._changed = self._writing | self._changed
                    log.warning("state can't be written and is kept in memory", extra={"error": str(error)})
            if error is not None:  # of whoever waits here each is told, as what it changed may be in it
                return False
        return True

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The file's, for what else is kept in it; None in memory. Only `thread` uses it."""
        return self._connection

    @property
    def thread(self) -> ThreadPoolExecutor:
        return self._thread

    def replaced(self) -> bool:
        """Whether the file is no longer there, or another: SQLite would go on to write where nobody looks."""
        try:
            found = (self.file or Path()).stat()
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._identity

    def reopen(self, *, damaged: bool = False) -> None:
        """Begin anew with the file that is there, or a new one; called in `thread`. Raises as `open`, and OSError."""
        if self._connection is None:
            return
        # First, because the last to close a WAL deletes the file of its name, whosesoever it is by then.
        self._connection.close()
        self._identity = (0, 0)  # until it is open again, also when the old file comes back
        if self.file is not None and not self.file.parent.exists():
            self.file.parent.mkdir(parents=True, mode=0o700)
            lock = os.open(self.file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._lock is not None:
                os.close(self._lock)
            self._lock = lock
        if damaged:
            self._set_aside()
        self._connect()
        log.warning("the state file was replaced and is opened anew", extra={"file": str(self.file)})
        for key, value in list(self._kept.items()):
            self._changed.setdefault(key, json.dumps(value))

    def _begin(self) -> bool:
        """Hand what changed to the thread; False when there is nothing to write, or nowhere."""
        if not self._changed or self._connection is None:
            return False
        self._writing, self._changed = self._changed, {}
        loop = asyncio.get_running_loop()
        self._write = loop.run_in_executor(self._thread, _write, self._connection, self._writing)
        return True

    def close(self) -> None:
        """Let go of the file and the folder; what was not flushed is lost."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        # A write that hangs on its disk holds the connection; then it ends with the process, which must not wait.
        if self._connection is not None and self._write is None and not self.held:
            self._connection.close()
        self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _connect(self) -> dict[tuple[str, str, str], Any]:
        """What the file keeps."""
        connection = connected(self.file)
        try:
            found = (self.file or Path()).stat()
            rows = connection.execute("SELECT component, kind, key, value FROM kept").fetchall()
            kept = {(component, kind, key): json.loads(value) for component, kind, key, value in rows}
        except BaseException:
            connection.close()
            raise
        self._identity = found.st_dev, found.st_ino
        self._connection = connection
        return kept

    def _set_aside(self) -> None:
        """A damaged file must not keep the daemon from starting: it is moved away whole, and said."""
        file = self.file or Path()
        damaged = file.with_suffix(".corrupt")
        for suffix in ("", "-wal", "-shm"):
            part = file.with_name(file.name + suffix)
            if part.exists():
                part.replace(damaged.with_name(damaged.name + suffix))
        log.warning("the state file was damaged and is set aside", extra={"file": str(damaged)})


def _write(connection: sqlite3.Connection, changed: dict[tuple[str, str, str], str | None]) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for key, text in changed.items():
            if text is None:
                connection.execute("DELETE FROM kept WHERE component = ? AND kind = ? AND key = ?", key)
            else:
                connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (*key, text))


class Kept:
    """One component's part of the store."""

    __slots__ = ("_component", "_kind", "_store")

    def __init__(self, store: Store, component: str, kind: str) -> None:
        self._store = store
        self._component = component
        self._kind = kind

    def get(self, key: str) -> Any:
        return self._store.get((self._component, self._kind, key))

    def put(self, key: str, value: Any) -> None:
        self._store.put((self._component, self._kind, key), value)
