"""Disks that fail under a store: each scene is played in a file system of its own, no root needed.

SQLite follows links, so it can't open a file through /proc/PID/root, by which tests.mounts shows one.
"""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from exporter.config.application import Retention
from exporter.ingest.ports import Entry, Refusing
from exporter.store import commits, embedded
from exporter.store.recorder import Recorder
from tests import mounts
from tests.store.place import Place, error, event, seen

PAUSE = 0.25
"""Shorter than the daemon's, so that these tests are."""


async def refused(store: Recorder, entry: Entry | None = None) -> tuple[str, float]:
    """Why, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(Refusing) as refusal:
        await store.add([entry or error()])
    assert 0 < refusal.value.retry_after <= 10
    return refusal.value.reason, time.monotonic() - began


async def recovered(store: Recorder, within: float = 5.0) -> float:
    """Seconds until it takes something."""
    began = time.monotonic()
    while time.monotonic() < began + within:
        try:
            await store.add([error("f")])
        except Refusing:
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - began
    raise AssertionError(f"not within {within} s")


async def fill(store: Recorder, told: list[str]) -> Refusing:
    """Add until it refuses; note what it takes."""
    while True:
        entries = [error("abc"[n % 3], detail=event(len(told) + n)) for n in range(20)]
        try:
            await store.add(entries)
        except Refusing as refusing:
            return refusing
        told += [entry.id for entry in entries]


async def lost(store: Recorder, told: list[str]) -> list[str]:
    return [id_ for id_ in told if await store.occurrence(id_) is None]


async def full(folder: Path) -> None:
    """And taken again when there is room."""
    told: list[str] = []
    async with Place(folder / "state").opened() as store:
        room = folder / "ballast"
        room.write_bytes(bytes(1_000_000))
        assert (await fill(store, told)).reason == "full"
        reason, took = await refused(store)
        assert (reason, took < 0.1) == ("full", True)
        room.unlink()
        assert await recovered(store) < 5
        assert len(told) >= 20
        assert await lost(store, told) == []
    async with Place(folder / "state").opened() as store:
        assert await lost(store, told) == []


async def low(folder: Path) -> None:
    async with Place(folder / "state").opened(Retention(low_space=0.6)) as store:
        await store.add([seen()])
        (folder / "ballast").write_bytes(bytes(1_000_000))
        await asyncio.sleep(2 * embedded.LOOK)
        assert (await refused(store))[0] == "full"
        (folder / "ballast").unlink()
        assert await recovered(store) < 5


async def read_only(folder: Path) -> None:
    """What a disk is after an error; here by another that is mounted over it."""
    state, other = folder / "state", folder / "other"
    other.mkdir()
    async with Place(state).opened() as store:
        one = error()
        await store.add([one])
        subprocess.run(["mount", "--bind", str(other), str(state)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(state)], check=True)
        reason, took = await refused(store)
        assert (reason, took < 1) == ("unavailable", True)
        await asyncio.sleep(PAUSE)
        assert (await refused(store))[0] == "unavailable"
        subprocess.run(["umount", str(state)], check=True)
        assert await recovered(store) < 5
        assert await lost(store, [one.id]) == []


async def limited(folder: Path) -> None:
    """A write fails, as of a quota, a limit or a sector."""
    async with Place(folder / "state").opened() as store:
        told: list[str] = []
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
        refusing = await fill(store, told)
        assert refusing.reason in ("full", "unavailable")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await recovered(store) < 5
        assert await lost(store, told) == []


SCENES: dict[str, Callable[[Path], Awaitable[None]]] = {
    "full": full,
    "low on space": low,
    "read only": read_only,
    "failing": limited,
}


def play(folder: Path, scenes: list[str]) -> None:
    """In a process of its own, each with a tmpfs of 2 MiB there."""
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", __name__, str(folder), *scenes]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    commits.PAUSE = PAUSE
    for name in sys.argv[2:]:
        mounted = Path(sys.argv[1], name)
        mounted.mkdir()
        mounts._mount("tmpfs", str(mounted), 0, "size=2m")
        asyncio.run(SCENES[name](mounted))  # type: ignore[arg-type]
