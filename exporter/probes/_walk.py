"""How much a directory holds, added up in short slices, as du does."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

DEEP = 64
"""Levels whose directory handles stay open; deeper ones are read in one go."""
LINKS = 100_000
"""Files with several names that are told apart, about 6 MB; beyond them a name may be counted twice."""


class Walk:
    """A walk through `path`: by allocated blocks, hard links once, within one file system, symlinks not followed.

    It keeps its place between slices. Until `advance` has answered True the sums are those of a part.
    """

    def __init__(self, path: str) -> None:
        self.bytes = 0
        self.entries = 0
        self.unreadable = 0
        """Directories and entries that could not be read: with any of them the sums are a lower bound."""
        self._path = path
        self._device = -1
        self._links: set[int] = set()
        self._stack: list[tuple[Iterator[os.DirEntry[str]], bool]] = []

    def advance(self, seconds: float, entries: int) -> bool:
        """Go on for so long or so many entries; True at the end. Raises OSError when `path` can't be read."""
        if self._device < 0:
            status = Path(self._path).stat()
            self._device = status.st_dev
            self._add(status)
            self._stack.append((os.scandir(self._path), True))
        ends, last = time.monotonic() + seconds, self.entries + entries
        while self._stack:
            if self.entries >= last or time.monotonic() >= ends:
                return False
            try:
                entry = next(self._stack[-1][0], None)
            except OSError:
                self.unreadable += 1
                entry = None
            if entry is None:
                self._leave()
            else:
                self._enter(entry)
        return True

    def close(self) -> None:
        while self._stack:
            self._leave()

    def _leave(self) -> None:
        listing, opened = self._stack.pop()
        if opened:
            listing.close()  # type: ignore[attr-defined]

    def _enter(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
            if status.st_dev != self._device:
                return
            folder = entry.is_dir(follow_symlinks=False)
            if status.st_nlink > 1 and not folder:
                if status.st_ino in self._links:
                    return
                if len(self._links) < LINKS:
                    self._links.add(status.st_ino)
            self._add(status)
            if folder:
                self._list(entry.path)
        except FileNotFoundError:
            return  # deleted since it was listed
        except OSError:
            self.unreadable += 1

    def _list(self, path: str) -> None:
        listing = os.scandir(path)
        if len(self._stack) < DEEP:
            self._stack.append((listing, True))
            return
        with listing:
            self._stack.append((iter(list(listing)), False))

    def _add(self, status: os.stat_result) -> None:
        self.bytes += status.st_blocks * 512  # st_blocks counts 512 bytes whatever the block size (stat(2))
        self.entries += 1
