"""Disks on real file systems: tmpfs that are full, out of inodes or read-only, and FUSE that fails or never answers."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.probe import COMMON_REASONS
from exporter.probes.disk import Disk
from exporter.schedule import run_once
from tests.mounts import mounted
from tests.probing import Memory, component, probe, readings, run

Setting = contextlib.AbstractContextManager[dict[str, Any]]

SPACE = {"size_bytes", "used_bytes", "free_bytes", "available_bytes", "used_ratio", "read_only"}
INODES = {"inodes", "inodes_free", "inodes_used_ratio"}
QUOTA = {
    "quota_bytes", "quota_used_bytes", "quota_used_ratio", "quota_entries",
    "walk_complete", "walk_timestamp_seconds", "walk_duration_seconds",
}  # fmt: skip


def walked(path: Path, **of: Any) -> Memory:
    memory = Memory()
    memory.put(
        "walk", {"path": str(path), "bytes": 8192, "entries": 2, "unreadable": 0, "at": 1e9, "seconds": 1.5, **of}
    )
    return memory


@contextlib.contextmanager
def missing(tmp: Path) -> Iterator[dict[str, Any]]:
    yield {"path": str(tmp / "no" / "such")}


@contextlib.contextmanager
def forbidden(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "13") as path:
        yield {"path": str(path)}


@contextlib.contextmanager
def read_only(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "tmpfs", "ro,size=1m") as path:
        yield {"path": str(path)}


@contextlib.contextmanager
def full(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "tmpfs", "size=1m") as path:
        (path / "x").write_bytes(bytes(1 << 20))
        yield {"path": str(path)}


@contextlib.contextmanager
def no_inodes(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "tmpfs", "size=1m,nr_inodes=4") as path:
        with contextlib.suppress(OSError):
            for number in range(9):
                (path / str(number)).touch()
        yield {"path": str(path)}


@contextlib.contextmanager
def io(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "5") as path:
        yield {"path": str(path)}


@contextlib.contextmanager
def hung(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "hang") as path:
        yield {"path": str(path), "timeout": 0.4}


@contextlib.contextmanager
def mismatch(tmp: Path) -> Iterator[dict[str, Any]]:
    """A fake: no device here returns other bytes than it was given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", lambda *_: bytes(4096))
        yield {"path": str(tmp), "canary": True}


@contextlib.contextmanager
def over_quota(tmp: Path) -> Iterator[dict[str, Any]]:
    yield {"path": str(tmp), "quota": "8KiB", "memory": walked(tmp)}


@contextlib.contextmanager
def incomplete(tmp: Path) -> Iterator[dict[str, Any]]:
    yield {"path": str(tmp), "quota": "1MiB", "memory": walked(tmp, unreadable=3)}


PROVOKED: dict[str, tuple[Callable[[Path], Setting], str]] = {
    "missing": (missing, "no/such: No such file or directory"),
    "permission": (forbidden, "Permission denied"),
    "read_only": (read_only, "is mounted read-only"),
    "full": (full, "no byte is left"),
    "no_inodes": (no_inodes, "no inode is left"),
    "io": (io, "Input/output error"),
    "hung": (hung, "has not come back for 0.4 s"),
    "canary_mismatch": (mismatch, "reads back differently"),
    "quota": (over_quota, "holds 8192 bytes of 8192"),
    "walk_incomplete": (incomplete, "3 entries under"),
}


def test_every_declared_reason_is_provoked() -> None:
    assert set(PROVOKED) == set(Disk.reasons)
    assert not set(PROVOKED) & set(COMMON_REASONS)


@pytest.mark.parametrize("reason", PROVOKED)
def test_reason(reason: str, tmp_path: Path) -> None:
    setting, detail = PROVOKED[reason]
    with setting(tmp_path) as fields:
        result = probe("disk", **fields)
    degraded = reason in ("quota", "walk_incomplete")
    assert (result.outcome, result.reason) == ("degraded" if degraded else "unhealthy", reason)
    assert detail in result.detail


@pytest.mark.parametrize(
    ("setting", "reason"), [(read_only, "read_only"), (full, "full"), (no_inodes, "no_inodes"), (io, "io")]
)
def test_readings_made_before_it_went_down_are_kept(setting: Any, reason: str, tmp_path: Path) -> None:
    with setting(tmp_path) as fields:
        result = probe("disk", **fields)
    found = {name.removeprefix("stack_disk_") for name in readings(result)}
    assert found == (set() if reason == "io" else SPACE | INODES)


def test_a_disk_gives_all_its_readings_and_they_agree(tmp_path: Path) -> None:
    with mounted(tmp_path / "m", "tmpfs", "size=4m,nr_inodes=100") as path:
        (path / "x").write_bytes(bytes(1 << 20))
        result = probe("disk", path=str(path), quota="1GiB", memory=walked(path))
    found = {name.removeprefix("stack_disk_"): value for name, value in readings(result).items()}
    assert result.outcome == "healthy"
    assert [phase.name for phase in result.phases] == ["stat"]
    assert found == {
        "size_bytes": 4 << 20, "used_bytes": 1 << 20, "free_bytes": 3 << 20, "available_bytes": 3 << 20,
        "used_ratio": 0.25, "read_only": 0.0, "inodes": 100, "inodes_free": 98, "inodes_used_ratio": pytest.approx(0.02),
        "quota_bytes": 1 << 30, "quota_used_bytes": 8192, "quota_used_ratio": 8192 / (1 << 30), "quota_entries": 2,
        "walk_complete": 1.0, "walk_timestamp_seconds": 1e9, "walk_duration_seconds": 1.5,
    }  # fmt: skip


def test_what_is_read_only_on_purpose_is_healthy_though_full(tmp_path: Path) -> None:
    with read_only(tmp_path) as fields:
        result = probe("disk", writable=False, **fields)
    found = {name.removeprefix("stack_disk_"): value for name, value in readings(result).items()}
    assert (result.outcome, found["read_only"], set(found)) == ("healthy", 1.0, (SPACE - {"used_ratio"}) | INODES)


@pytest.mark.parametrize(("setting", "reason"), [(full, "full"), (no_inodes, "full"), (read_only, "read_only")])
def test_a_canary_that_cannot_be_written_says_why(setting: Any, reason: str, tmp_path: Path) -> None:
    with setting(tmp_path) as fields:  # writable: false leaves the judgement to the canary
        result = probe("disk", writable=False, canary=True, **fields)
        left = [name for name in os.listdir(fields["path"]) if "canary" in name]
    assert (result.outcome, result.reason, left) == ("unhealthy", reason, [])


def test_a_canary_leaves_nothing_and_has_its_phase(tmp_path: Path) -> None:
    result = probe("disk", path=str(tmp_path), canary=True)
    assert (result.outcome, [phase.name for phase in result.phases], os.listdir(tmp_path)) == (
        "healthy",
        ["stat", "canary"],
        [],
    )


def test_a_canary_in_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    result = probe("disk", path=str(tmp_path / "x"), canary=True)
    assert (result.reason, result.detail) == ("missing", f"{tmp_path / 'x'}: Not a directory")


def test_a_canary_given_up_in_its_sync_still_deletes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync is a fake: a device that hangs in it only."""
    release = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _: release.wait())

    async def main() -> None:
        task = asyncio.create_task(run("disk", path=str(tmp_path), canary=True, timeout=30))
        while not os.listdir(tmp_path):
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        release.set()
        ends = time.monotonic() + 2
        while os.listdir(tmp_path) and time.monotonic() < ends:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    assert os.listdir(tmp_path) == []


def test_a_hung_disk_holds_one_thread_however_often_it_is_run(tmp_path: Path) -> None:
    async def main(path: Path) -> list[str]:
        it, memory = component("disk", path=str(path), timeout=0.2), Memory()
        found = [(await run_once(it, memory, memory)).reason for _ in range(5)]
        assert [t.name for t in threading.enumerate() if str(path) in t.name] == [f"lane: statvfs {path}"]
        return found

    with mounted(tmp_path / "m", "fuse", "hang") as path:
        assert asyncio.run(main(path)) == ["hung"] * 5
