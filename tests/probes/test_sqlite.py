"""SQLite files as they are met: in use, locked, damaged, forbidden, on mounts that fail; and no trace of a probe."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.probe import Result
from exporter.probes.sqlite import Sqlite
from tests.mounts import mounted
from tests.probing import Memory, component, probe, readings
from tests.tree import ROOT
from tests.unprivileged import after, probed

CHECKED = {"complete": True, "errors": 0, "first": "", "violations": 0, "seconds": 0.5, "at": 1e9}


def database(path: Path, *, wal: bool = False, rows: int = 50) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as made, made:
        if wal:
            made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        made.execute("CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent, text TEXT)")
        made.execute("CREATE INDEX texts ON child (text)")
        made.executemany("INSERT INTO child (text) VALUES (?)", [(f"{n:04}" * 50,) for n in range(rows)])
    return path


def checked(path: Path, **of: Any) -> Memory:
    memory = Memory()
    memory.put("check", CHECKED | {"path": str(path)} | of)
    return memory


@contextlib.contextmanager
def another(path: Path, *statements: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has run `statements` on the database and keeps it open."""
    program = f"""if True:
        import sqlite3, sys
        database = sqlite3.connect({str(path)!r}, isolation_level=None)
        for statement in {statements!r}:
            database.execute(statement)
        print("ready", flush=True)
        sys.stdin.read()"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def missing(tmp: Path) -> Result:
    return probe("sqlite", path=str(tmp / "no.db"))


def not_a_file(tmp: Path) -> Result:
    return probe("sqlite", path=str(tmp))


def forbidden(tmp: Path) -> Result:
    with mounted(tmp / "m", "fuse", "13") as path:
        return probe("sqlite", path=str(path / "x.db"))


def no_database(tmp: Path) -> Result:
    (tmp / "x.db").write_bytes(b"SQLite format 3\0" + bytes(4000))
    return probe("sqlite", path=str(tmp / "x.db"))


def locked(tmp: Path) -> Result:
    with another(database(tmp / "x.db"), "BEGIN EXCLUSIVE"):
        return probe("sqlite", path=str(tmp / "x.db"), timeout=0.5)


def recovery(tmp: Path) -> Result:
    """A writer is killed in a transaction so large that its pages are in the file already."""
    path = database(tmp / "x.db")
    fill = "INSERT INTO child (text) SELECT hex(randomblob(900)) FROM child a, child b"
    with another(path, "PRAGMA cache_size = 5", "BEGIN", fill) as writer:
        writer.kill()
        writer.wait()
    return probe("sqlite", path=str(path))


def io(tmp: Path) -> Result:
    with mounted(tmp / "m", "fuse", "5") as path:
        return probe("sqlite", path=str(path / "x.db"))


def hung(tmp: Path) -> Result:
    with mounted(tmp / "m", "fuse", "hang") as path:
        return probe("sqlite", path=str(path / "x.db"), timeout=0.3)


def violated(tmp: Path) -> Result:
    path = database(tmp / "x.db")
    return probe("sqlite", path=str(path), memory=checked(path, violations=3))


def unexpected(tmp: Path) -> Result:
    return probe("sqlite", path=str(database(tmp / "x.db")), expect={"journal_mode": "WAL", "page_size": 4096})


def incomplete(tmp: Path) -> Result:
    path = database(tmp / "x.db")
    return probe("sqlite", path=str(path), memory=checked(path, complete=False))


PROVOKED: dict[str, tuple[Callable[[Path], Result], str]] = {
    "missing": (missing, "no.db: No such file or directory"),
    "not_a_file": (not_a_file, "is a directory"),
    "permission": (forbidden, "Permission denied"),
    "corrupt": (no_database, "file is not a database"),
    "locked": (locked, "database is locked"),
    "recovery": (recovery, "attempt to write a readonly database"),
    "io": (io, "Input/output error"),
    "hung": (hung, "has not come back for"),
    "foreign_keys": (violated, "3 rows of"),
    "pragma": (unexpected, "journal_mode is delete, not WAL"),
    "check_incomplete": (incomplete, "broken off after 0.5 s"),
}


def test_every_declared_reason_is_provoked() -> None:
    assert set(PROVOKED) == set(Sqlite.reasons)


@pytest.mark.parametrize("reason", PROVOKED)
def test_reason(reason: str, tmp_path: Path) -> None:
    provoke, detail = PROVOKED[reason]
    before = sorted(os.listdir(tmp_path))
    result = provoke(tmp_path)
    degraded = reason in ("foreign_keys", "pragma", "check_incomplete")
    assert (result.outcome, result.reason) == ("degraded" if degraded else "unhealthy", reason), result.detail
    assert detail in result.detail
    assert sorted(set(os.listdir(tmp_path)) - set(before) - {"x.db", "x.db-journal", "m"}) == []


@pytest.mark.parametrize("file", ["x.db", "x.db-wal", "x.db-shm"])
def test_a_file_that_may_not_be_read_is_permission(file: str, tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", wal=True)
    with another(path, "INSERT INTO parent VALUES (7)"):
        (tmp_path / file).chmod(0)
        outcome, reason, detail = probed("sqlite", path=str(path))
    assert (outcome, reason) == ("unhealthy", "permission"), detail
    assert file in detail


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("roll.db", ("healthy", "")),
        ("wal.db", ("healthy", "")),
        ("used.db used.db-wal used.db-shm", ("healthy", "")),
        ("used.db used.db-wal", ("unhealthy", "permission")),
    ],
)
def test_a_file_system_mounted_read_only(files: str, expected: tuple[str, str], tmp_path: Path) -> None:
    database(tmp_path / "roll.db")
    database(tmp_path / "wal.db", wal=True)
    (tmp_path / "m").mkdir()
    mount = "mount -t tmpfs -o size=4m none m; cp %s m; mount -o remount,ro m" % files
    with another(database(tmp_path / "used.db", wal=True), "INSERT INTO parent VALUES (7)"):
        path = tmp_path / "m" / files.split()[0]
        found = probed("sqlite", by=after(f"cd {tmp_path}; {mount}; cd {ROOT}"), path=str(path))
    assert found[:2] == expected, found


def test_a_page_cut_off_is_corrupt(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", rows=500)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 300)
    result = probe("sqlite", path=str(path))
    assert (result.outcome, result.reason) == ("unhealthy", "corrupt")


def test_a_database_gives_all_its_readings(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", rows=0)
    result = probe("sqlite", path=str(path), memory=checked(path), expect={"auto_vacuum": "none", "user_version": 0})
    assert (result.outcome, result.reason) == ("healthy", "")
    assert {name.removeprefix("stack_sqlite_"): value for name, value in readings(result).items()} == {
        "size_bytes": 16384, "wal_bytes": 0, "pages": 4, "freelist_pages": 0, "freelist_ratio": 0.0,
        "page_size_bytes": 4096, "user_version": 0, "pragma_mismatches": 0,
        'info{journal_mode="delete",auto_vacuum="none",encoding="UTF-8"}': 1,
        "check_success": 1.0, "check_complete": 1.0, "check_errors": 0, "foreign_key_violations": 0,
        "check_timestamp_seconds": 1e9, "check_duration_seconds": 0.5,
    }  # fmt: skip


def test_a_wal_database_in_use_shows_its_wal_and_what_is_in_it(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", wal=True)
    with another(path, "PRAGMA user_version = 7"):
        found = readings(probe("sqlite", path=str(path)))
    assert found["stack_sqlite_wal_bytes"] == 32 + 4096 + 24
    assert found["stack_sqlite_user_version"] == 7
    assert 'stack_sqlite_info{journal_mode="wal",auto_vacuum="none",encoding="UTF-8"}' in found


def test_a_wal_database_that_nobody_has_open_gets_no_files_beside_it(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db", wal=True)
    (tmp_path / "link.db").symlink_to(path)
    result = probe("sqlite", path=str(tmp_path / "link.db"), expect={"journal_mode": "wal"})
    assert (result.outcome, sorted(os.listdir(tmp_path))) == ("healthy", ["link.db", "x.db"])


def test_a_writer_in_wal_mode_locks_nobody_out(tmp_path: Path) -> None:
    with another(database(tmp_path / "x.db", wal=True), "BEGIN IMMEDIATE", "INSERT INTO parent VALUES (7)"):
        assert probe("sqlite", path=str(tmp_path / "x.db")).outcome == "healthy"


def test_a_name_with_signs_of_an_address_is_a_name(tmp_path: Path) -> None:
    assert probe("sqlite", path=str(database(tmp_path / "a?mode=rwc&b#c%20d.db"))).outcome == "healthy"
    assert os.listdir(tmp_path) == ["a?mode=rwc&b#c%20d.db"]


def test_a_probe_leaves_this_process_its_own_locks(tmp_path: Path) -> None:
    """POSIX locks go when any descriptor of the file is closed: the daemon probes its own store."""
    path = database(tmp_path / "x.db", wal=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as own:
        own.execute("BEGIN IMMEDIATE")
        own.execute("INSERT INTO parent VALUES (7)")
        assert probe("sqlite", path=str(path)).outcome == "healthy"
        program = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('INSERT INTO parent VALUES (8)')"
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "database is locked" in ended.stderr


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"foreign_keys": 1}, "expect.foreign_keys: it belongs to each connection"),
        ({"mmap_size": 268435456}, "expect.mmap_size: it belongs to each connection"),
        ({"colour": "red"}, "expect: only journal_mode, page_size"),
        ({"journal_mode": "truncate"}, "expect.journal_mode: the file tells only wal"),
    ],
)
def test_what_the_file_does_not_tell_is_refused_in_the_configuration(expect: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        component("sqlite", path="/x.db", expect=expect)
