"""The segments of a spool in their order: what is done of them, what is read, and what is dropped."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

from exporter.forward.ports import Lost, Record
from exporter.forward.spool_folder import CORRUPT, OVERHEAD, Folder
from exporter.forward.spool_format import RECORD_HEAD, Damage, head_at
from exporter.forward.spool_recovery import Recovery
from exporter.forward.spool_segment import Dropped, Place, Segment

log = logging.getLogger(__name__)
_PAUSE = 1.0
"""Seconds between attempts to open a folder that can't be opened."""
_PATIENCE = 3
"""So often a segment is read that can't be read, before it is set aside."""


class Gone(OSError):  # noqa: N818 - says the fact
    """There is no folder to work in."""


class Chain:
    """All of it blocks, and belongs to one thread."""

    def __init__(
        self,
        path: Path,
        aside: int,
        lost: Callable[[Lost, int | Dropped], None],
        corrupt: Callable[[int], None],
    ) -> None:
        self._path, self._aside = path, aside
        self._lost, self._corrupt = lost, corrupt
        self._folder: Folder | None = None
        self.segments: list[Segment] = []
        self.front = self.tail = Place(0, 0, 0)
        """Before the first all is done; after the second there is nothing."""
        self.live: Segment | None = None
        """The one that is written to; the last."""
        self._last = 0
        self._marked = self.front
        self._allocated = 0
        self._again = 0.0

    @property
    def folder(self) -> Folder:
        """Opened again when it is gone. Raises OSError, InUse."""
        if self._folder is None:
            if time.monotonic() < self._again:
                raise Gone("the folder can't be opened")
            self._again = time.monotonic() + _PAUSE
            return self.open()
        return self._folder

    def open(self) -> Folder:
        """Raises OSError, InUse."""
        self._folder = folder = Folder(self._path, self._aside)
        folder.prune(0, "")  # the limit may have been lowered
        order = self.tail.segment + 1
        recovery = Recovery(folder, self._lost, self._corrupt)
        self.segments, last = recovery.segments(order, self.tail.items)
        self._last = max(last, self._last)
        self._allocated = sum(segment.allocated for segment in self.segments)
        self.front = self.segments[0].begin if self.segments else Place(order, 0, self.tail.items)
        self.tail = self.segments[-1].end if self.segments else self.front
        self._again = 0.0
        return folder

    def close(self) -> None:
        self.seal()
        if self._folder is not None:
            self.release()
            self.mark()
            self._folder.close()
            self._folder = None
        self._again = inf

    @property
    def used(self) -> int:
        """Bytes on disk."""
        return OVERHEAD + self._allocated + (self._folder.aside if self._folder is not None else 0)

    def there(self) -> None:
        """Begin anew when the folder was deleted or replaced. Raises OSError, InUse."""
        if self._folder is not None and not self._folder.there():
            self.leave()

    def leave(self) -> None:
        """The folder, or what is in it, was taken away. Raises OSError, InUse when there can't be a new one."""
        log.warning("the folder of the spool was taken away, and is made anew", extra={"folder": str(self._path)})
        missing = self.tail.items - self.front.items - sum(one.told(self.front) for one in self.segments)
        self.seal()
        if self._folder is not None:
            self._folder.close()
        self._folder, self.segments, self._allocated = None, [], 0
        self.front = self.tail = Place(self.tail.segment + 1, 0, self.tail.items)
        try:
            self.open()
        finally:
            self._lost("corrupt", max(0, missing - (self.tail.items - self.front.items)))

    def grown(self, segment: Segment, extent: int) -> None:
        """It has so many bytes now."""
        self._allocated -= segment.allocated
        segment.extent = extent
        self._allocated += segment.allocated

    def begin(self, key: int) -> Segment:
        """A new one, whose file is yet to be written, and that is not yet one of them."""
        self._last += 1
        return Segment(self._last, key, self.tail.segment + 1, self.tail.items)

    def seal(self) -> None:
        """What comes next begins a new segment."""
        if self.live is not None:
            self.live.seal()
            self.live = None

    def add(self, segment: Segment) -> None:
        self.segments.append(segment)
        self._allocated += segment.allocated
        self.live = segment

    def advance(self, front: Place) -> None:
        """All before it is done."""
        self.front = max(self.front, front)
        self.release()

    def release(self) -> None:
        """Delete the segments that are done."""
        while self.segments and (first := self.segments[0]) is not self.live and self.front >= first.end:
            try:
                self.mark()
                self.folder.remove(first.name)
            except OSError:  # read-only, perhaps: the next time
                return
            self._allocated -= first.allocated
            del self.segments[0]

    def drop(self, reason: Lost) -> None:
        """Delete the first segment. Raises OSError, and then it is not."""
        first = self.segments[0]
        self.folder.remove(first.name)
        self._forget(first, reason)

    def mark(self) -> None:
        """Write down what is done."""
        if self._folder is None or self._marked == self.front:
            return
        for segment in self.segments:
            if segment.order >= self.front.segment:
                offset = self.front.offset if segment.order == self.front.segment else 0
                self._folder.mark(segment.number, segment.key, offset)
                self._marked = self.front
                return

    def oldest(self) -> float:
        """When the first came that is not done; 0.0 when there is none."""
        for segment in self.segments:
            if self.front < segment.end:
                with contextlib.suppress(OSError), self._opened(segment) as file:
                    offset = max(self.front, segment.begin).offset
                    head = head_at(os.pread(file, RECORD_HEAD, offset), 0, segment.key)
                    return head.at if head is not None else segment.newest
                return segment.newest
        return 0.0

    def read(self, most: int, since: float) -> list[tuple[Place, Record]]:
        """The first that are not done, and where they end: `most` bytes or a single one.

        What came before `since` is dropped. Empty when there is none, or only further on. Raises OSError.
        """
        found: list[tuple[Place, Record]] = []
        place, room = self.front, most
        for segment in list(self.segments):
            place = max(place, segment.begin)
            if place >= segment.end:
                continue
            try:
                with self._opened(segment) as file:
                    for got in segment.read(file, place, room):
                        if isinstance(got, Damage):
                            self._damaged(segment, file, got)
                            place = segment.place(place, got.end, got.items or 0)
                        else:
                            place = segment.place(place, got[0], got[1].items)
                            if found or got[1].at >= since:
                                found.append((place, got[1]))
                                room -= len(got[1].body)
                            else:
                                self._lost("expired", got[1].items)
                        if not found:
                            self.front = place
            except OSError as error:
                if found:
                    return found
                self._failed(segment, error)
                raise
            segment.failures = 0
            if place.offset < segment.end.offset:
                return found
            if place < segment.end and not segment.settled:
                segment.settled = segment.end.items - place.items
                self._lost("corrupt", segment.settled)
            if not found:
                self.front = segment.end
            elif found[-1][0].segment == segment.order:
                found[-1] = (segment.end, found[-1][1])  # with the holes behind it
            if room <= 0:
                return found
        return found

    def _damaged(self, segment: Segment, file: int, damage: Damage) -> None:
        if damage.start not in segment.holes:
            segment.holes[damage.start] = damage
            if self.folder.keep(segment, file, damage.start, damage.end):
                self._corrupt(1)
                self._lost("corrupt", damage.items or 0)

    def _failed(self, segment: Segment, error: OSError) -> None:
        """A file can't be read: for now, or it is set aside, as far as it can be. Raises OSError."""
        log.warning("a file of the spool can't be read", extra={"file": segment.name, "error": str(error)})
        segment.failures += 1
        if segment.failures >= _PATIENCE or isinstance(error, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                self.folder.set_aside(segment.name, CORRUPT)
            self._corrupt(1)
            self._forget(segment, "corrupt")

    def _forget(self, segment: Segment, reason: Lost) -> None:
        if segment is self.live:
            self.seal()
        self.segments.remove(segment)
        self._allocated -= segment.allocated
        self._lost(reason, Dropped(segment, self.front))
        self.front = max(self.front, segment.end)

    @contextlib.contextmanager
    def _opened(self, segment: Segment) -> Iterator[int]:
        file = self.folder.open(segment.name, os.O_RDONLY)
        try:
            yield file
        finally:
            os.close(file)
