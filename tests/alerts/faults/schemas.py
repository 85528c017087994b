"""SQLite files that decay, migrations that are not where the code expects them, and queries of the user's."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.twice import both, twice

REVISION = '"""{name}"""\n\nrevision = "{name}"\ndown_revision = {down}\n\n\ndef upgrade():\n    pass\n'


def _run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


@provokes("SqlitePragmasDiffer/warning", *twice("ForeignKeysViolated", "SqliteFreelistLarge", "SqliteLarge"))
def a_file_decays(scene: Scene) -> Steps:
    path = scene.folder / "designs.db"
    _run(
        path,
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent INTEGER REFERENCES parent)",
        "CREATE TABLE many (text)",
    )
    limits = {"foreign_key_violations": 1, "size": "1MiB", "freelist": "50%"}
    fields = {"kind": "sqlite", "path": str(path), "check_interval": "1s", "team": "cad"}
    yield {"components": both("designs_file", fields | {"expect": {"user_version": 0}}, limits)}
    _run(
        path,
        "INSERT INTO child VALUES (7)",
        "PRAGMA user_version = 3",
        "INSERT INTO many SELECT zeroblob(2000000)",
        "DELETE FROM many",
    )
    yield None
    _run(path, "DELETE FROM child", "PRAGMA user_version = 0", "VACUUM")
    yield None


@provokes(*twice("SqliteWalLarge"))
def a_reader_never_ends(scene: Scene) -> Steps:
    path = scene.folder / "jobs.db"
    _run(path, "PRAGMA journal_mode = WAL", "CREATE TABLE many (text)", "INSERT INTO many VALUES (1)")
    yield {"components": both("jobs_file", {"kind": "sqlite", "path": str(path)}, {"wal": "1MiB"})}
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM many").fetchall()
        _run(path, "INSERT INTO many SELECT zeroblob(2000000)")
        yield None
    finally:
        reader.close()
    _run(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    yield None


@provokes("SqliteIntegrityFailed/critical")
def a_file_is_damaged(scene: Scene) -> Steps:
    path, whole = scene.folder / "parts.db", scene.folder / "parts.whole"
    _run(
        path,
        "CREATE TABLE many (text)",
        "INSERT INTO many SELECT zeroblob(100000)",
        "CREATE INDEX found ON many (text)",
    )
    shutil.copyfile(path, whole)
    yield {"components": {"parts_file": {"kind": "sqlite", "path": str(path), "check_interval": "1s"}}}
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    yield None
    shutil.copyfile(whole, path)
    yield None


@provokes(
    *twice("MigrationsPending"),
    *("MigrationsAhead/warning", "MigrationsDiverged/warning", "MigrationsBranched/warning"),
)
def a_schema_is_elsewhere(scene: Scene) -> Steps:
    folder = scene.folder / "migrations"
    components: dict[str, Any] = {}
    for name in ("pending", "ahead", "diverged", "branched"):
        versions = folder / name / "versions"
        versions.mkdir(parents=True)
        _revision(versions, "a1", None)
        _revision(versions, "b2", "a1")
        database = folder / f"{name}.db"
        _run(database, "CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('b2')")
        expected = {"expected": "b2"} if name == "diverged" else {"path": str(versions)}
        fields = {"kind": "migrations", "tool": "alembic", "dsn": f"sqlite:///{database}"}
        if name == "pending":
            components |= both("schema_pending", fields | expected, {"pending": 1})
        else:
            components[f"schema_{name}"] = fields | expected | {"team": "cad"}
    yield {"components": components}
    _revision(folder / "pending" / "versions", "c3", "b2")
    _revision(folder / "branched" / "versions", "c3", "b2")
    _revision(folder / "branched" / "versions", "d4", "b2")
    for name in ("ahead", "diverged"):
        _run(folder / f"{name}.db", "UPDATE alembic_version SET version_num = 'f00'")
    yield None
    for name, more in (("pending", ["c3"]), ("branched", ["c3", "d4"])):
        for revision in more:
            (folder / name / "versions" / f"{revision}.py").unlink()
    for name in ("ahead", "diverged"):
        _run(folder / f"{name}.db", "UPDATE alembic_version SET version_num = 'b2'")
    yield None


def _revision(versions: Path, name: str, down: str | None) -> None:
    (versions / f"{name}.py").write_text(REVISION.format(name=name, down=f'"{down}"' if down else None))


@provokes(*twice("SqlQueryRowsMany", "SqlQueryValueHigh", "SqlQueryValueLow"))
def a_query_finds_what_it_looks_for(scene: Scene) -> Steps:
    path = scene.folder / "stock.db"
    _run(path, "CREATE TABLE stock (part TEXT, pieces INTEGER)", "INSERT INTO stock VALUES ('nut', 50), ('bolt', 60)")
    fields = {
        "kind": "sql",
        "dsn": f"sqlite:///{path}",
        "query": "SELECT part, pieces FROM stock",
        "labels": ["part"],
        "values": {"pieces": {"help": "Pieces that are left."}},
    }
    yield {"components": both("stock_query", fields, {"rows": 4, "highest": 1000, "lowest": 5})}
    _run(path, "INSERT INTO stock VALUES ('washer', 3), ('screw', 2000)")
    yield None
    _run(path, "DELETE FROM stock WHERE part IN ('washer', 'screw')")
    yield None
