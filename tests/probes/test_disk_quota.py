"""A directory's usage: walked in slices, as du counts, and never shown before the walk has ended."""

import asyncio
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from exporter.probes import _walk, disk
from exporter.probes._walk import Walk
from exporter.schedule import run_once
from tests.mounts import mounted
from tests.probing import Memory, component, out, probe, readings


def whole(path: Path) -> Walk:
    walk = Walk(str(path))
    while not walk.advance(1.0, 1000):
        pass
    return walk


def fill(path: Path, folders: int = 5, files: int = 7) -> None:
    for folder in range(folders):
        (path / str(folder) / "deeper").mkdir(parents=True)
        for file in range(files):
            (path / str(folder) / "deeper" / str(file)).write_bytes(bytes(5000 * file))


def du(path: Path) -> int:
    return int(subprocess.check_output(["du", "--summarize", "--one-file-system", "--block-size=1", path]).split()[0])


def test_usage_is_what_du_says_with_hard_links_sparse_files_and_symlinks(tmp_path: Path) -> None:
    there = tmp_path / "there"
    fill(there)
    (tmp_path / "outside").write_bytes(bytes(1 << 20))
    (there / "link").symlink_to(tmp_path / "outside")
    (there / "folder").symlink_to(tmp_path)
    os.link(there / "1" / "deeper" / "6", there / "again")
    with (there / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    walk = whole(there)
    assert (walk.bytes, walk.entries, walk.unreadable) == (du(there), 1 + 5 * 9 + 3, 0)


def test_other_file_systems_below_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path)
    with mounted(tmp_path / "m", "tmpfs", "size=4m") as path:
        (path / "x").write_bytes(bytes(1 << 20))
        assert (whole(path.parent).bytes, whole(path).bytes) == (du(path.parent), 1 << 20)
        assert whole(path.parent).bytes < 1 << 20


def test_a_deep_tree_is_walked_with_a_bounded_number_of_handles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_walk, "DEEP", 5)
    fill(tmp_path)
    tmp_path.joinpath(*"abcdefghijklmnopqrst").mkdir(parents=True)
    walk, before, most = Walk(str(tmp_path)), len(os.listdir("/proc/self/fd")), 0
    while not walk.advance(1.0, 1):
        most = max(most, len(os.listdir("/proc/self/fd")))
    assert (walk.bytes, most - before, len(os.listdir("/proc/self/fd"))) == (du(tmp_path), 5, before)


def test_a_slice_ends_by_entries_and_by_time_and_the_next_goes_on(tmp_path: Path) -> None:
    fill(tmp_path)
    walk, seen = Walk(str(tmp_path)), []
    while not walk.advance(1.0, 10):
        seen.append(walk.entries)
    assert seen == [11, 21, 31, 41]
    assert walk.bytes == du(tmp_path)
    walk = Walk(str(tmp_path))
    assert not walk.advance(0.0, 1000)
    walk.close()


def test_what_vanishes_or_cannot_be_read_does_not_end_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a directory is a fake, because root may read them all."""
    fill(tmp_path)
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/1/deeper"):
            raise PermissionError(13, "Permission denied")
        if path.endswith("/2/deeper"):
            raise FileNotFoundError(2, "No such file or directory")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    walk = whole(tmp_path)
    assert (walk.unreadable, walk.entries) == (1, 1 + 5 * 9 - 14)


async def watched(memory: Memory, path: Path, *, until: str = "walk", seconds: float = 5.0, **fields: object) -> None:
    it = component("disk", path=str(path), quota="1GiB", **fields)
    task = asyncio.create_task(it.probe.watch(out(memory)))
    ends = time.monotonic() + seconds
    while until not in memory.kept and time.monotonic() < ends and not task.done():
        await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_watch_keeps_its_walk_and_each_run_shows_it(tmp_path: Path) -> None:
    fill(tmp_path)
    memory = Memory()
    before = readings(probe("disk", path=str(tmp_path), quota="1GiB", memory=memory))
    asyncio.run(watched(memory, tmp_path))
    after = readings(probe("disk", path=str(tmp_path), quota="1GiB", memory=memory))
    assert (before["stack_disk_walk_complete"], after["stack_disk_walk_complete"]) == (0.0, 1.0)
    assert "stack_disk_quota_used_bytes" not in before
    assert after["stack_disk_quota_used_bytes"] == du(tmp_path)
    assert after["stack_disk_quota_used_ratio"] == du(tmp_path) / (1 << 30)
    assert after["stack_disk_walk_timestamp_seconds"] == pytest.approx(time.time(), abs=5)


def test_a_walk_broken_off_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.setattr(disk, "SLICE", (1.0, 5))
    monkeypatch.setattr(disk, "PAUSE", 0.05)
    memory = Memory()
    asyncio.run(watched(memory, tmp_path, seconds=0.12))
    assert memory.kept == {}


def test_a_walk_kept_from_before_a_restart_is_not_repeated_before_its_time(tmp_path: Path) -> None:
    memory = Memory()
    last = {"path": str(tmp_path), "bytes": 1, "entries": 1, "unreadable": 0, "at": time.time() - 1, "seconds": 1.0}
    memory.put("walk", last)
    asyncio.run(watched(memory, tmp_path, until="never", seconds=0.1))
    assert memory.kept["walk"] == last
    asyncio.run(watched(memory, tmp_path, until="never", seconds=0.3, walk_interval="100ms"))
    assert memory.kept["walk"]["bytes"] == du(tmp_path)


def test_the_walk_of_another_path_is_not_shown(tmp_path: Path) -> None:
    memory = Memory()
    memory.put("walk", {"path": "/elsewhere", "bytes": 1})
    found = readings(probe("disk", path=str(tmp_path), quota="1GiB", memory=memory))
    assert {name for name in found if "quota" in name or "walk" in name} == {
        "stack_disk_quota_bytes",
        "stack_disk_walk_complete",
    }


def test_a_watch_survives_a_path_that_cannot_be_walked(tmp_path: Path) -> None:
    async def main() -> None:
        task = asyncio.create_task(component("disk", path=str(tmp_path / "no"), quota="1GiB").probe.watch(out()))
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()

    asyncio.run(main())


def test_a_watch_without_quota_ends_at_once(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(component("disk", path=str(tmp_path)).probe.watch(out()), 1))


def test_runs_go_on_while_a_walk_is_under_way(tmp_path: Path) -> None:
    """Its slices share the component's one thread with the runs."""
    fill(tmp_path, folders=30, files=30)
    memory = Memory()

    async def main() -> list[str]:
        it = component("disk", path=str(tmp_path), quota="1GiB", timeout=1.0)
        task = asyncio.create_task(it.probe.watch(out(memory)))
        outcomes = [(await run_once(it, memory, memory)).outcome for _ in range(20)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return outcomes

    assert asyncio.run(main()) == ["healthy"] * 20


def test_a_walk_into_a_hung_mount_makes_the_runs_hung_and_holds_one_thread(tmp_path: Path) -> None:
    async def main(path: Path) -> None:
        it, memory = component("disk", path=str(path), quota="1GiB", timeout=0.2), Memory()
        task = asyncio.create_task(it.probe.watch(out(memory)))
        await asyncio.sleep(0.05)
        assert [(await run_once(it, memory, memory)).reason for _ in range(3)] == ["hung"] * 3
        assert len([thread for thread in threading.enumerate() if str(path) in thread.name]) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with mounted(tmp_path / "m", "fuse", "hang") as path:
        asyncio.run(main(path))
