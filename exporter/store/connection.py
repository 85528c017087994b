"""A connection to a file of SQLite's, with the schema as it is now."""

import sqlite3
from pathlib import Path

from exporter.store.schema import VERSION, statements

_KEPT = """
CREATE TABLE kept (
    component TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (component, kind, key)
) WITHOUT ROWID, STRICT;
"""

PAGE = 4096
"""Bytes."""


class Unusable(Exception):  # noqa: N818 - says the fact
    """The folder or its file can't be used; the message says what and where."""


class Unwritable(Unusable):
    """For permissions, space or the like: without the folder the daemon could go on in memory."""


def connected(file: Path | None, *, reading: bool = False) -> sqlite3.Connection:
    """A connection to the file, or to one of its own in memory, with the schema as it is now. Raises Unusable."""
    name = f"{file.absolute().as_uri()}?mode=ro" if reading and file else str(file or ":memory:")
    connection = sqlite3.connect(name, timeout=0.5, isolation_level=None, check_same_thread=False, uri=reading)
    try:
        if not reading:
            _migrate(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, file: Path | None) -> None:
    """Set the connection up and bring the schema to VERSION. Raises Unusable for a newer one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise Unusable(f"{file} was written by a newer stack-exporter (schema {version}, this one knows {VERSION})")
    if version < VERSION:
        connection.execute(f"PRAGMA page_size={PAGE}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a file that is empty yet, or when it is rewritten
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=4194304")
    if version < VERSION:
        tables = (_KEPT if version == 0 else "") + statements("sqlite", version)
        connection.executescript(f"BEGIN IMMEDIATE;{tables}PRAGMA user_version={VERSION};COMMIT;")
    if version == 1:
        connection.execute("VACUUM")  # which alone makes a file one that gives space back
