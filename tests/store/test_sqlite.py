"""The embedded store keeps what components keep, over restarts and kill -9, for one daemon at a time."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from exporter.store import sqlite
from exporter.store.sqlite import FILE, VERSION, Store, Unusable


def keep(folder: Path, **values: object) -> None:
    async def go() -> None:
        store = Store(folder)
        store.open()
        kept = store.kept("db", "sqlite")
        for key, value in values.items():
            kept.put(key, value)
        await store.flush()
        store.close()

    asyncio.run(go())


def kept(folder: Path, key: str) -> object:
    store = Store(folder)
    store.open()
    try:
        return store.kept("db", "sqlite").get(key)
    finally:
        store.close()


def test_what_is_kept_is_there_after_a_restart(tmp_path):
    keep(tmp_path, checked=1.5, found=["a", {"b": None}])
    assert kept(tmp_path, "checked") == 1.5
    assert kept(tmp_path, "found") == ["a", {"b": None}]


def test_none_forgets(tmp_path):
    keep(tmp_path, checked=1.5)
    keep(tmp_path, checked=None)
    assert kept(tmp_path, "checked") is None


def test_components_do_not_see_each_others_values(tmp_path):
    keep(tmp_path, checked=1)
    store = Store(tmp_path)
    store.open()
    assert store.kept("other", "sqlite").get("checked") is None
    assert store.kept("db", "disk").get("checked") is None
    store.close()


def test_a_second_daemon_in_the_same_folder_is_refused_with_one_clear_line(tmp_path):
    first = Store(tmp_path)
    first.open()
    second = Store(tmp_path)
    with pytest.raises(Unusable, match="in use by another stack-exporter") as refusal:
        second.open()
    assert "\n" not in str(refusal.value)
    first.close()
    third = Store(tmp_path)
    third.open()
    third.close()


def test_without_a_folder_values_stay_in_memory():
    store = Store(None)
    store.open()
    store.kept("db", "sqlite").put("checked", 1)
    assert store.kept("db", "sqlite").get("checked") == 1
    asyncio.run(store.flush())
    store.close()


def test_a_damaged_file_is_set_aside_and_the_store_starts(tmp_path, caplog):
    keep(tmp_path, checked=1)
    (tmp_path / FILE).write_bytes(b"this is no database" * 300)
    assert kept(tmp_path, "checked") is None
    assert (tmp_path / "stack-exporter.corrupt").read_bytes().startswith(b"this is no database")
    assert "set aside" in caplog.text
    keep(tmp_path, checked=2)
    assert kept(tmp_path, "checked") == 2


def test_every_truncation_and_flipped_byte_still_starts(tmp_path):
    keep(tmp_path, checked=1)
    whole = (tmp_path / FILE).read_bytes()
    for offset in (*range(0, 100, 13), *range(100, 8192, 409), *range(8192, len(whole), 9001)):
        for damaged in (whole[:offset], whole[:offset] + bytes([whole[offset] ^ 0xFF]) + whole[offset + 1 :]):
            folder = tmp_path / f"{offset}-{len(damaged)}"
            folder.mkdir()
            (folder / FILE).write_bytes(damaged)
            kept(folder, "checked")


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    keep(tmp_path, checked=1)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Unusable, match="newer stack-exporter"):
        Store(tmp_path).open()
    assert (tmp_path / FILE).read_bytes() == before
    with pytest.raises(Unusable, match="newer"):  # and the folder was let go
        Store(tmp_path).open()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="can't be used for state"):
        Store(tmp_path / "file" / "state").open()


KILLED = """
import asyncio, pathlib, sys
from exporter.store.sqlite import Store
async def go():
    store = Store(pathlib.Path(sys.argv[1]))
    store.open()
    kept = store.kept("db", "sqlite")
    for number in range(10_000):
        kept.put("n", number)
        await store.flush()
        print(number, flush=True)
asyncio.run(go())
"""


def test_what_was_flushed_survives_kill_9(tmp_path):
    for round_ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(20 + 7 * round_):
            last = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        last = max([last, *(int(line) for line in rest if line.isdigit())])
        assert kept(tmp_path, "n") in (last, last + 1)


def test_what_is_not_json_is_refused_where_it_is_put_and_harms_nothing_else(tmp_path):
    store = Store(tmp_path)
    store.open()
    store.kept("db", "sqlite").put("good", 1)
    with pytest.raises(TypeError):
        store.kept("other", "sqlite").put("bad", {1, 2})
    assert store.kept("other", "sqlite").get("bad") is None
    asyncio.run(store.flush())
    store.close()
    assert kept(tmp_path, "good") == 1


def test_flushes_at_the_same_time_all_end_with_everything_written(tmp_path):
    async def go() -> None:
        store = Store(tmp_path)
        store.open()
        one = store.kept("db", "sqlite")
        one.put("first", 1)
        under_way = asyncio.create_task(store.flush())
        await asyncio.sleep(0)
        one.put("second", 2)
        await asyncio.gather(store.flush(), store.flush(), under_way)
        store.close()

    asyncio.run(go())
    assert (kept(tmp_path, "first"), kept(tmp_path, "second")) == (1, 2)


def test_a_disk_that_hangs_holds_up_neither_the_task_nor_the_end(tmp_path, monkeypatch):
    # A fake for the disk: no real one hangs on demand.
    hanging = threading.Event()
    monkeypatch.setattr(sqlite, "_write", lambda *_: hanging.wait(20))
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)

    async def go() -> float:
        store = Store(tmp_path)
        store.open()
        store.kept("db", "sqlite").put("checked", 9)
        began = time.monotonic()
        await store.flush()
        await store.flush()
        store.close()
        return time.monotonic() - began

    try:
        assert asyncio.run(go()) < 2
    finally:
        hanging.set()


async def _work_until_written(folder: Path) -> int:
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    store = Store(folder)
    store.open()
    task = asyncio.create_task(store.work(beat))
    store.kept("db", "sqlite").put("checked", 7)
    for _ in range(100):
        await asyncio.sleep(0.02)
        if beats:
            break
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.close()
    return beats


def test_changes_are_written_in_the_background_and_each_group_beats(tmp_path):
    assert asyncio.run(_work_until_written(tmp_path)) == 1
    assert kept(tmp_path, "checked") == 7


def test_a_failing_write_keeps_the_changes_for_the_next_time(tmp_path):
    async def go() -> None:
        store = Store(tmp_path)
        store.open()
        blocker = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        store.kept("db", "sqlite").put("checked", 8)
        await store.flush()
        blocker.execute("COMMIT")
        blocker.close()
        await store.flush()
        store.close()

    asyncio.run(go())
    assert kept(tmp_path, "checked") == 8
