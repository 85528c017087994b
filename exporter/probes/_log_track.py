"""One log being read: its source, what of it is counted, and the place where to go on after a restart."""

import errno
import os
from typing import Any

from exporter.probes._log_lines import CAP, Cutter
from exporter.probes._log_names import Key, Seen
from exporter.probes._log_print import HEAD, TAIL, Print, relation, restored, taken
from exporter.probes._log_source import CHUNK, Fifo, Gz, Plain, Source, opened

_NOWHERE = Print(0, (), "")


class Track:
    """`source` is None while the file is closed: it is all read, and known by its place."""

    def __init__(self, path: str, key: Key, source: Source | None, place: Print = _NOWHERE) -> None:
        self.path = path
        self.key = key
        self.source = source
        self.stamp: tuple[str, int, int] | None = None
        """Of the file when it was closed; None when that is not known."""
        self.replaced = False
        """Whether it is not the log any more, but what became of it."""
        self.grown = 0.0
        """When something was last read of it, on time.monotonic's clock."""
        self.damage = ""
        """Why it can't be read on, when it is compressed and damaged."""
        self._place: Print | None = place
        self._tail = b""
        self._cutter = Cutter()

    @property
    def gz(self) -> bool:
        return self.path.endswith(".gz")

    @property
    def offset(self) -> int:
        """Bytes whose lines are counted."""
        return self.place.offset if self.source is None else self.source.at - self._cutter.pending

    @property
    def place(self) -> Print:
        if self._place is None and self.source is not None:
            self._place = taken(self.offset, self.source.head, self._tail)
        return self._place or _NOWHERE

    def read(self, now: float) -> list[bytes] | None:
        """The next lines; None when there is nothing more yet. Raises Rewritten, Damaged, OSError."""
        source = self.source
        if source is None:
            return None
        before = source.last
        data = source.read(CHUNK)
        if data or not before:
            self._place = None
        if not data:
            return None
        self.grown = now
        offset = self.offset - len(data)
        lines = self._cutter.feed(data)
        if self.offset != offset:
            joined = before + data
            end = len(joined) - self._cutter.pending
            self._tail = joined[max(0, end - TAIL) : end]
        return lines

    def truncated(self) -> int:
        """Lines longer than CAP since the last call."""
        count, self._cutter.truncated = self._cutter.truncated, 0
        return count

    def finish(self) -> list[bytes]:
        """What has no end, as the line that it is when nothing follows any more."""
        lines = self._cutter.finish()
        if lines and self.source is not None:
            self._tail = self.source.last
            self._place = None
        return lines

    def begin(self) -> None:
        """From the first byte."""
        self._cutter = Cutter()
        self._place = None
        if not isinstance(self.source, Fifo | None):
            self.source.begin()
            self._tail = self.source.last

    def go_on(self, at: int) -> None:
        """From a place that is a line's beginning."""
        self._cutter = Cutter()
        self._place = None
        if isinstance(self.source, Plain):
            self.source.head = os.pread(self.source.file, HEAD, 0)
            self.source.seek(at)
        if self.source is not None:
            self._tail = self.source.last

    def go_to_end(self) -> None:
        """To the beginning of the last line, if that has no end yet: who writes it ends it after us."""
        if isinstance(self.source, Plain):
            size = self.source.size()
            last = os.pread(self.source.file, CAP, max(0, size - CAP))
            self.go_on(size - len(last) + last.rfind(b"\n") + 1 if b"\n" in last else 0 if len(last) == size else size)

    def holds(self, seen: Seen) -> bool:
        """Whether the file is still what was read: it is when it is open; else it is opened when it changed."""
        if self.source is not None or self.stamp == seen.stamp:
            return True
        if self.gz or seen.gz:
            # Of what is compressed only the size is known from before a restart.
            return self.stamp is not None and self.stamp[:2] == seen.stamp[:2]
        source = new_source(seen)
        if not isinstance(source, Plain) or compared(self.place, source) != "same":
            source.close()
            return False
        self.source = source
        self.go_on(self.place.offset)
        return True

    def replace(self, now: float) -> None:
        """It is not the log any more."""
        if not self.replaced:
            self.replaced, self.grown = True, now

    def finished(self, now: float, after: float) -> bool:
        """Whether it is replaced, and nothing came for so many seconds, or nothing can come."""
        return self.source is not None and self.replaced and (self.source.ended or now - self.grown > after)

    def close(self, stamp: tuple[str, int, int] | None = None) -> None:
        """Go on without a descriptor."""
        if self.source is not None:
            self._place = self.place
            self.source.close()
            self.source = None
        self.stamp = stamp

    def as_list(self) -> list[Any]:
        whole = self.gz and self.source is None and self.stamp is not None
        return [self.path, *self.key, self.place.as_list(), self.stamp[1] if whole and self.stamp else None]


def restored_track(kept: list[Any]) -> Track:
    """Raises ValueError or TypeError."""
    path, device, inode, place, size = kept
    track = Track(str(path), (int(device), int(inode)), None, restored(place))
    if size is not None:
        track.stamp = (".gz", int(size), 0)
    return track


def new_track(seen: Seen) -> Track:
    """Raises OSError."""
    return Track(seen.path, seen.key, new_source(seen))


def new_source(seen: Seen) -> Source:
    """Raises OSError: FileNotFoundError when the path is another file's by now."""
    source = opened(seen.path, fifo=seen.fifo)
    status = os.fstat(source.file)
    if (status.st_dev, status.st_ino) != seen.key:
        source.close()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), seen.path)
    return source


def compared(place: Print, source: Plain) -> str:
    """What a file is to the log that `place` is in."""
    head = os.pread(source.file, HEAD, 0)
    tail = os.pread(source.file, min(TAIL, place.offset), max(0, place.offset - TAIL))
    return relation(place, head, source.size(), tail)


def compared_gz(place: Print, source: Gz) -> str:
    """The same of a compressed one, of which the beginning is read: "maybe" when it depends on what is behind that."""
    head = source.head
    if place.offset <= len(head):
        return relation(place, head, len(head), head[max(0, place.offset - TAIL) : place.offset])
    if place.begins(head) is False:
        return "other"
    return "short" if source.ended and source.at <= HEAD and place.begins(head) else "maybe"
