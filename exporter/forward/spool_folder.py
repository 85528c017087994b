"""The folder of a spool: locked for one daemon, with a cursor, and with room for what is set aside."""

import contextlib
import errno
import fcntl
import os
import re
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from struct import Struct

from exporter.forward.spool_format import named
from exporter.forward.spool_segment import BLOCK, Segment

LOCK, CURSOR, TRIAL = "lock", "cursor", "trial"
OVERHEAD = 4 * BLOCK
"""Bytes that folder, lock, cursor and a trial take up."""
_CURSOR, _CRC = Struct("<8sQIQ"), Struct("<I")
_CURSOR_MAGIC = b"\x89stscurs"
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
CORRUPT, FOREIGN = ".corrupt", ".foreign.corrupt"
_OURS = re.compile(r"[0-9]{16}-[0-9a-f]{8}\.spool(-[0-9]+)?\.corrupt")


class InUse(Exception):  # noqa: N818 - says the fact
    """Another daemon has the folder."""


class Folder:
    """All that is done in the folder goes through its descriptor: nothing outside of it is ever touched."""

    def __init__(self, path: Path, most: int) -> None:
        """`most`: bytes of what is set aside. Raises InUse, OSError."""
        self.path = path
        self._most = most
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files: list[int] = []
        self.aside = 0
        try:
            self.file = self._kept(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
            lock = self._open_lock()
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.aside = self._aside()
            self._cursor = self._open_cursor()
        except BaseException as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise InUse(f"{path} is in use by another stack-exporter: one daemon for each spool") from None
            raise

    def close(self) -> None:
        for file in self._files:
            with contextlib.suppress(OSError):
                os.close(file)
        self._files.clear()

    def there(self) -> bool:
        """Whether the path still leads here. Raises OSError when that can't be said."""
        mine = os.fstat(self.file)
        try:
            found = self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return mine.st_nlink > 0 and (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)

    def open(self, name: str, flags: int) -> int:
        return os.open(name, flags | _SAFE, 0o600, dir_fd=self.file)

    def sync(self) -> None:
        try:
            os.fsync(self.file)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that has no need of it
                raise

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.file)

    def segments(self) -> list[tuple[int, int, str]]:
        """Number, key and name of what is called as segments are, in order."""
        return sorted((*found, name) for name in self._names() if (found := named(name)) is not None)

    def cursor(self) -> tuple[int, int, int] | None:
        """Number and key of a segment, and the offset before which all is done; None when it is not known."""
        if self._cursor < 0:
            return None
        data = os.pread(self._cursor, 64, 0)
        if len(data) != _CURSOR.size + _CRC.size or _CRC.unpack_from(data, _CURSOR.size)[0] != zlib.crc32(data[:-4]):
            return None
        magic, number, key, offset = _CURSOR.unpack_from(data)
        return (number, key, offset) if magic == _CURSOR_MAGIC else None

    def mark(self, number: int, key: int, offset: int) -> None:
        """Write the cursor; without it, on a disk that takes nothing, what is done is sent once more."""
        if self._cursor < 0:
            return
        data = _CURSOR.pack(_CURSOR_MAGIC, number, key, offset)
        with contextlib.suppress(OSError):
            os.pwrite(self._cursor, data + _CRC.pack(zlib.crc32(data)), 0)

    def keep(self, segment: Segment, file: int, start: int, end: int) -> bool:
        """Set bytes of a segment aside, at their offset in a sparse file; False when they already are there."""
        name, size = segment.name + CORRUPT, end - start
        with contextlib.suppress(OSError):  # a disk that takes nothing: it is told and skipped all the same
            bad = os.pread(file, size, start) if size <= self._most else b""
            copy = self.open(name, os.O_RDWR | os.O_CREAT)
            try:
                found = os.fstat(copy)
                if found.st_size >= end and os.pread(copy, size, start) == bad:
                    return False
                if bad and self.prune(size + 2 * BLOCK, name):
                    write_all(copy, [bad], start)
                self.aside += os.fstat(copy).st_blocks * 512 - found.st_blocks * 512
            finally:
                os.close(copy)
        return True

    def set_aside(self, name: str, suffix: str) -> None:
        """Rename what is no segment, whatever it is. Raises OSError."""
        names, target, count = set(self._names()), name + suffix, 0
        while target in names:
            count += 1
            target = f"{name}-{count}{suffix}"
        os.rename(name, target, src_dir_fd=self.file, dst_dir_fd=self.file)
        self.aside = self._aside()
        self.prune(0, "")

    def prune(self, more: int, but: str) -> bool:
        """Delete the oldest of what was set aside until there is room for `more` bytes; whether there is."""
        if self.aside + more <= self._most:
            return True
        for name in self._corrupt():
            if name != but:
                self.remove(name)
                self.aside = self._aside()
                if self.aside + more <= self._most:
                    return True
        return False

    def try_out(self) -> None:
        """See whether the disk takes something. Raises OSError."""
        try:
            file = self.open(TRIAL, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                write_all(file, [b"\0" * BLOCK], 0)
                os.fdatasync(file)
            finally:
                os.close(file)
        finally:
            self.remove(TRIAL)

    def _kept(self, file: int) -> int:
        self._files.append(file)
        return file

    def _open_lock(self) -> int:
        try:
            return self._kept(self.open(LOCK, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EISDIR):
                raise
            self.set_aside(LOCK, FOREIGN)
            return self._kept(self.open(LOCK, os.O_RDWR | os.O_CREAT))

    def _open_cursor(self) -> int:
        for _ in range(2):
            with contextlib.suppress(OSError):  # a link, a pipe, a folder: in the way, as whatever it is
                file = self.open(CURSOR, os.O_RDWR | os.O_CREAT)
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size <= BLOCK:
                    return self._kept(file)
                os.close(file)
            with contextlib.suppress(OSError):
                self.set_aside(CURSOR, FOREIGN)
        return -1

    def _corrupt(self) -> list[str]:
        """What was set aside of ours, the oldest first."""
        return sorted(name for name in self._names() if _OURS.fullmatch(name))

    def _names(self) -> list[str]:
        return os.listdir(self.file)  # noqa: PTH208 - of a descriptor

    def _aside(self) -> int:
        """Bytes that what was set aside takes up, but for what is not ours."""
        total = 0
        for name in self._corrupt():
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(name, dir_fd=self.file, follow_symlinks=False).st_blocks * 512
        return total


def write_all(file: int, buffers: Sequence[bytes], offset: int) -> None:
    """Write them one behind the other. Raises OSError, and then some of it may be written."""
    left = [memoryview(buffer) for buffer in buffers]
    while left:
        written = os.pwritev(file, left[:1024], offset)
        offset += written
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if left and written:
            left[0] = left[0][written:]
