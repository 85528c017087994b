"""A store of an older version is brought to this one with all that it holds."""

import asyncio
import sqlite3

import asyncpg

from exporter.store.rows import Wanted
from exporter.store.schema import TABLES, VERSION
from exporter.store.sqlite import FILE, Store
from tests.servers.databases import Postgres
from tests.store.place import Place, error

FIRST = """
PRAGMA journal_mode=WAL;
BEGIN;
CREATE TABLE kept (
    component TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (component, kind, key)
) WITHOUT ROWID, STRICT;
INSERT INTO kept VALUES ('db', 'sqlite', 'checked', '{"at": 1.5}');
PRAGMA user_version=1;
COMMIT;
"""
"""A file as version 1 made it."""


def test_a_file_of_the_first_version_becomes_one_of_this(in_sqlite: Place) -> None:
    connection = sqlite3.connect(in_sqlite.folder / FILE)
    connection.executescript(FIRST)
    connection.close()

    async def go() -> tuple[object, object]:
        async with in_sqlite.opened() as recorder:
            return await recorder.add([error()]), (await recorder.groups(Wanted())).total

    assert asyncio.run(go()) == (["new"], 1)
    store = Store(in_sqlite.folder)
    store.open()
    assert store.kept("db", "sqlite").get("checked") == {"at": 1.5}
    store.close()
    connection = sqlite3.connect(in_sqlite.folder / FILE)
    pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "auto_vacuum")]
    connection.close()
    assert pragmas == [VERSION, 2]


def test_a_store_without_traces_of_groups_gets_them_and_keeps_what_it_holds(place: Place) -> None:
    async def go() -> None:
        async with place.opened() as recorder:
            await recorder.add([error("a", trace_id="ab" * 16)])
        await _earlier(place)
        async with place.opened() as recorder:
            (group,) = (await recorder.groups(Wanted())).items
            assert (group.count, group.trace_id) == (1, "")
            await recorder.add([error("a", trace_id="CD" * 16)])
            assert (await recorder.group(group.id)).trace_id == "cd" * 16  # type: ignore[union-attr]

    asyncio.run(go())


async def _earlier(place: Place) -> None:
    """As version 2 made it."""
    statements = ["ALTER TABLE stack_groups DROP COLUMN trace"]
    if place.url:
        connection = await asyncpg.connect(place.url)
        for statement in (*statements, "UPDATE stack_schema SET version = 2"):
            await connection.execute(statement)
        await connection.close()
    else:
        file = sqlite3.connect(place.folder / FILE)
        file.executescript(";".join((*statements, "PRAGMA user_version=2")))
        file.close()


def test_the_tables_are_the_same_in_both(in_postgres: Place, postgres_server: Postgres, in_sqlite: Place) -> None:
    async def go() -> None:
        async with in_postgres.replica("1").opened(), in_sqlite.replica("2").opened():
            pass

    asyncio.run(go())
    columns = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
    in_both = set(postgres_server.sql(columns, dsn=in_postgres.url).split())
    connection = sqlite3.connect(in_sqlite.folder / "2" / FILE)
    found = {f"stack_{t}.{row[1]}" for t in TABLES for row in connection.execute(f"PRAGMA table_info(stack_{t})")}
    connection.close()
    assert in_both - found == {"stack_schema.version", "stack_lease.name", "stack_lease.owner", "stack_lease.ends"}
    assert found - in_both == set()
