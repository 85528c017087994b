"""Is there room on a file system, can it be written, and how much of its quota does a directory hold?"""

import asyncio
import errno
import os
import secrets
import stat
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes._threads import HUNG, Lane
from exporter.probes._walk import Walk
from exporter.values import Duration, Size

SIZE = gauge("stack_disk_size_bytes", "Size of the file system.", "component")
USED = gauge("stack_disk_used_bytes", "Bytes in use on the file system.", "component")
FREE = gauge("stack_disk_free_bytes", "Free bytes, those reserved for root among them.", "component")
AVAILABLE = gauge("stack_disk_available_bytes", "Free bytes that users other than root can take.", "component")
USED_RATIO = gauge("stack_disk_used_ratio", "Used bytes by used and available ones, as df counts.", "component")
INODES = gauge("stack_disk_inodes", "Inodes of the file system; absent where it has no fixed number.", "component")
INODES_FREE = gauge("stack_disk_inodes_free", "Free inodes.", "component")
INODES_RATIO = gauge("stack_disk_inodes_used_ratio", "Used inodes by all.", "component")
READ_ONLY = gauge("stack_disk_read_only", "Whether the file system is mounted read-only, 1 or 0.", "component")
QUOTA = gauge("stack_disk_quota_bytes", "What the directory may hold, as configured.", "component")
QUOTA_USED = gauge(
    "stack_disk_quota_used_bytes", "Allocated bytes under the directory at the last walk that ended.", "component"
)
QUOTA_RATIO = gauge("stack_disk_quota_used_ratio", "Allocated bytes by quota at the last walk that ended.", "component")
QUOTA_ENTRIES = gauge(
    "stack_disk_quota_entries", "Files and directories found by the last walk that ended.", "component"
)
WALK_COMPLETE = gauge(
    "stack_disk_walk_complete",
    "Whether the last walk saw all of the directory; 0: usage is a lower bound or unknown.",
    "component",
)
WALK_TIME = gauge("stack_disk_walk_timestamp_seconds", "When the last walk ended, in Unix time.", "component")
WALK_DURATION = gauge(
    "stack_disk_walk_duration_seconds", "How long the last walk took, its pauses included.", "component"
)

# 5 ms of work, then a pause: a fifth of one core at most. Not by nice: a niced thread that holds the interpreter's
# lock while others crowd it out would hold up the event loop.
SLICE = (0.005, 2_000)
PAUSE = 0.02
CANARY = 4096

_REASON = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}


class Disk(Probe, kw_only=True, frozen=True):
    reasons: ClassVar[Mapping[str, str]] = {
        "missing": "The path does not exist, or is not the directory that quota and canary need.",
        "permission": "The path may not be entered, or the canary may not be written there.",
        "read_only": "The file system is mounted read-only; after an error in its data the kernel does so by itself.",
        "full": "No byte is left, or the user's quota on the file system is used up.",
        "no_inodes": "No inode is left: no file can be created, though bytes may be free.",
        "io": "The file system answers with an error of input or output.",
        "hung": HUNG,
        "canary_mismatch": "What was written and synced reads back differently.",
        "quota": "The directory holds as much as its quota or more.",
        "walk_incomplete": "Parts of the directory could not be read, so that its usage is a lower bound.",
    }
    # 90 % for 15 m is the only figure for storage that the requirements give (EN-9).
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("used", USED_RATIO, "ratio", "How full the file system is.", warning=0.9, critical=0.95),
        Signal("available", AVAILABLE, "bytes", "Bytes left for users other than root.", direction="below"),
        Signal("inodes", INODES_RATIO, "ratio", "How many of its inodes are used.", warning=0.9, critical=0.95),
        Signal("quota", QUOTA_RATIO, "ratio", "How much of its quota a directory holds.", warning=0.9, critical=1.0),
    )

    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="A path on the file system; a directory for quota and canary.",
            examples=["/data/uploads"],
        ),
    ]
    writable: Annotated[
        bool, Meta(description="It must be writable; false for what is mounted read-only on purpose.")
    ] = True
    quota: Annotated[
        Size | None, Meta(description="What the directory may hold, such as 500GiB; its usage is walked.")
    ] = None
    walk_interval: Annotated[Duration, Meta(description="Time between the end of a walk and the next one.")] = 600.0
    canary: Annotated[bool, Meta(description="Each run writes, syncs, reads back and deletes a file of 4 KiB.")] = False

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path: expected an absolute path, such as /data/uploads")

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    async def run(self, out: Readings) -> None:
        try:
            with out.phase("stat"):
                found = await self._lane.call(out.deadline, f"statvfs {self.path}", os.statvfs, self.path)
            self._space(found, out)
            if self.quota is not None:
                self._usage(self.quota, out)
            if self.canary:
                with out.phase("canary"):
                    await self._lane.call(out.deadline, f"the canary in {self.path}", _canary, self.path)
        except OSError as error:
            raise _down(error, self.path) from None

    async def watch(self, out: Readings) -> None:
        if self.quota is None:
            return
        last = self._walked(out)
        while True:
            if last:
                pause = last["at"] + self.walk_interval - time.time()
                await asyncio.sleep(min(max(pause, 0.0), self.walk_interval))
            try:
                last = await self._walk()
            except (OSError, Down):  # each run says what it is
                await asyncio.sleep(min(self.walk_interval, 60.0))
            else:
                out.keep("walk", last)

    def _walked(self, out: Readings) -> dict[str, Any] | None:
        last: dict[str, Any] | None = out.kept("walk")
        return last if last and last["path"] == self.path else None

    async def _walk(self) -> dict[str, Any]:
        began, walk = time.monotonic(), Walk(self.path)
        what = f"the walk through {self.path}"
        try:
            done = False
            while not done:
                done = await self._lane.call(0.0, what, walk.advance, *SLICE)
                await asyncio.sleep(PAUSE)
        finally:
            self._lane.later(what, walk.close)  # in its thread: another may not close what that one reads
        return {
            "path": self.path,
            "bytes": walk.bytes,
            "entries": walk.entries,
            "unreadable": walk.unreadable,
            "at": time.time(),
            "seconds": time.monotonic() - began,
        }

    def _space(self, found: os.statvfs_result, out: Readings) -> None:
        block = found.f_frsize
        used = (found.f_blocks - found.f_bfree) * block
        available = found.f_bavail * block
        out.set(SIZE, found.f_blocks * block)
        out.set(USED, used)
        out.set(FREE, found.f_bfree * block)
        out.set(AVAILABLE, available)
        read_only = bool(found.f_flag & os.ST_RDONLY)
        out.set(READ_ONLY, float(read_only))
        if found.f_blocks and not (read_only and not self.writable):  # an image is always full, and no fault
            out.set(USED_RATIO, used / (used + available) if used + available else 1.0)
        if found.f_files:  # 0 on btrfs, which makes inodes as it needs them
            out.set(INODES, found.f_files)
            out.set(INODES_FREE, found.f_favail)
            out.set(INODES_RATIO, 1 - found.f_favail / found.f_files)
        if not self.writable:
            return
        if read_only:
            raise Down("read_only", f"the file system of {self.path} is mounted read-only")
        if found.f_files and not found.f_favail:
            raise Down("no_inodes", f"no inode is left on the file system of {self.path}")
        if found.f_blocks and not available:
            raise Down("full", f"no byte is left on the file system of {self.path}")

    def _usage(self, quota: int, out: Readings) -> None:
        out.set(QUOTA, quota)
        last = self._walked(out)
        if last is None:
            out.set(WALK_COMPLETE, 0.0)
            return
        out.set(WALK_COMPLETE, float(not last["unreadable"]))
        out.set(QUOTA_USED, last["bytes"])
        out.set(QUOTA_RATIO, last["bytes"] / quota if quota else 1.0)
        out.set(QUOTA_ENTRIES, last["entries"])
        out.set(WALK_TIME, last["at"])
        out.set(WALK_DURATION, last["seconds"])
        if last["bytes"] >= quota:
            out.degraded("quota", f"{self.path} holds {last['bytes']} bytes of {quota}")
        if last["unreadable"]:
            out.degraded("walk_incomplete", f"{last['unreadable']} entries under {self.path} could not be read")


def _canary(path: str) -> None:
    """Write, sync, read from the device, compare, delete; in a thread, so that it also ends what its run gave up."""
    if not stat.S_ISDIR(Path(path).stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    name = Path(path) / f".stack-exporter-canary-{secrets.token_hex(8)}"
    written = secrets.token_bytes(CANARY)
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        done = 0
        while done < CANARY:  # a write may be short, and it is the next one that says why
            done += os.pwrite(file, written[done:], done)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)  # so that the read asks the device, not the cache
        if os.pread(file, CANARY, 0) != written:
            raise Down("canary_mismatch", f"what was written in {path} reads back differently")
    finally:
        try:
            os.close(file)
        finally:
            name.unlink()


def _down(error: OSError, path: str) -> Down:
    reason = _REASON.get(error.errno or 0, "io")
    return Down(reason, f"{path}: {error.strerror or error}"[:200])
