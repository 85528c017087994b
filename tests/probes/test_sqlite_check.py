"""The slow checks: what they find, that they wait for no run, hold up no writer, and survive a restart."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.probes import _sqlite_file
from exporter.probes._sqlite_file import Check
from exporter.schedule import run_once
from tests.mounts import mounted
from tests.probes.test_sqlite import another, checked, database
from tests.probing import Memory, component, out, probe, readings


def check(path: Path, timeout: float = 10.0, stop: threading.Event | None = None) -> dict[str, Any]:
    found = Check(str(path), timeout, stop or threading.Event(), lambda: None).run()
    return found | {"seconds": 0.0}


async def watched(memory: Memory, path: Path, seconds: float = 5.0, **fields: Any) -> None:
    it = component("sqlite", path=str(path), **fields)
    before = memory.kept.get("check")
    task = asyncio.create_task(it.probe.watch(out(memory)))
    ends = time.monotonic() + seconds
    while memory.kept.get("check") is before and time.monotonic() < ends and not task.done():
        await asyncio.sleep(0.002)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


WHOLE = {"complete": True, "errors": 0, "first": "", "violations": 0, "seconds": 0.0}


@pytest.mark.parametrize("wal", [False, True])
def test_a_whole_database_has_no_findings(wal: bool, tmp_path: Path) -> None:
    assert check(database(tmp_path / "x.db", wal=wal)) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


def test_rows_without_a_parent_are_counted(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(database(tmp_path / "x.db"))) as orphaned, orphaned:
        orphaned.execute("UPDATE child SET parent = 99 WHERE id <= 5")
    assert check(tmp_path / "x.db") == WHOLE | {"violations": 5}


def test_a_foreign_key_that_cannot_be_enforced_counts_as_one(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as made, made:
        made.executescript("CREATE TABLE p (a); CREATE TABLE c (a REFERENCES p (a)); INSERT INTO c VALUES (1)")
    assert check(tmp_path / "x.db") == WHOLE | {"violations": 1}


def damage(path: Path) -> None:
    """Spoil the head of the last page, which no run reads."""
    data = bytearray(path.read_bytes())
    data[-4096:-4000] = b"\xff" * 96
    path.write_bytes(data)


def test_a_damaged_page_is_found_by_the_check_and_shown_by_each_run(tmp_path: Path) -> None:
    path, memory = database(tmp_path / "x.db"), Memory()
    damage(path)
    before = probe("sqlite", path=str(path), memory=memory)
    asyncio.run(watched(memory, path))
    after = probe("sqlite", path=str(path), memory=memory)
    assert (before.outcome, after.outcome, after.reason) == ("healthy", "unhealthy", "corrupt")
    assert "quick_check of" in after.detail
    found = readings(after)
    assert (found["stack_sqlite_check_success"], found["stack_sqlite_check_complete"]) == (0.0, 1.0)
    assert found["stack_sqlite_check_errors"] >= 1
    assert found["stack_sqlite_pages"] > 1, "readings made before are kept"


def test_damage_that_ends_the_check_itself_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database, but long enough to be read as one" * 100)
    memory = Memory()
    asyncio.run(watched(memory, tmp_path / "x.db"))
    assert (memory.kept["check"]["errors"], memory.kept["check"]["complete"]) == (1, True)


def test_a_check_kept_from_before_a_restart_is_not_repeated_before_its_time(tmp_path: Path) -> None:
    path = database(tmp_path / "x.db")
    memory = checked(path, at=time.time() - 1)
    last = memory.kept["check"]
    asyncio.run(watched(memory, path, seconds=0.1))
    assert memory.kept["check"] is last
    asyncio.run(watched(memory, path, check_interval="1s"))
    assert memory.kept["check"]["at"] > last["at"]
    asyncio.run(watched(memory, database(tmp_path / "y.db")))
    assert memory.kept["check"]["path"] == str(tmp_path / "y.db")


def large(path: Path, *, wal: bool) -> Path:
    database(path, wal=wal, rows=400)
    with contextlib.closing(sqlite3.connect(path)) as filled, filled:
        filled.execute("INSERT INTO child (text) SELECT a.text || b.id FROM child a, child b LIMIT 150000")
    return path


def test_a_check_is_broken_off_at_its_time_and_says_so(tmp_path: Path) -> None:
    began = time.monotonic()
    found = check(large(tmp_path / "x.db", wal=True), timeout=0.02)
    assert (found["complete"], found["errors"], time.monotonic() - began < 5) == (False, 0, True)


def test_without_wal_a_check_holds_up_writers_no_longer_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = large(tmp_path / "x.db", wal=False)
    monkeypatch.setattr(_sqlite_file, "ROLLBACK_HOLD", 0.02)
    assert not check(path, timeout=60)["complete"]


def test_runs_go_on_during_a_check_in_the_same_thread(tmp_path: Path) -> None:
    path, memory = large(tmp_path / "x.db", wal=True), Memory()

    async def main() -> tuple[list[str], int]:
        it = component("sqlite", path=str(path), timeout=1.0)
        task = asyncio.create_task(it.probe.watch(out(memory)))
        outcomes = []
        while "check" not in memory.kept:
            outcomes.append((await run_once(it, Memory(), Memory())).outcome)
        threads = [thread for thread in threading.enumerate() if str(path) in thread.name]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return outcomes, len(threads)

    outcomes, threads = asyncio.run(main())
    assert (set(outcomes), threads) == ({"healthy"}, 1)
    assert len(outcomes) >= 5, f"{len(outcomes)} runs in a check of {memory.kept['check']['seconds']} s"


def test_a_watch_that_is_cancelled_ends_its_check(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert not check(large(tmp_path / "x.db", wal=True), stop=stop)["complete"]


def test_a_writer_that_comes_while_nothing_is_locked_is_read_again_under_its_locks(tmp_path: Path) -> None:
    path = large(tmp_path / "x.db", wal=True)
    with contextlib.ExitStack() as stack:
        calls = []

        def serve() -> None:
            if not calls:
                calls.append(stack.enter_context(another(path, "UPDATE child SET parent = 99 WHERE id <= 5")))

        found = Check(str(path), 60.0, threading.Event(), serve).run()
    assert (found["complete"], found["errors"], found["violations"]) == (True, 0, 5)


@pytest.mark.parametrize("answer", ["5", "hang"])
def test_a_watch_survives_what_cannot_be_checked(answer: str, tmp_path: Path) -> None:
    memory = Memory()
    with mounted(tmp_path / "m", "fuse", answer) as path:
        asyncio.run(watched(memory, path / "x.db", seconds=0.1))
    assert memory.kept == {}
