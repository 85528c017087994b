"""What is written to a spool, and what makes room for it: nothing is acknowledged that is not on the disk."""

import contextlib
import errno
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from exporter.config.onward import Waiting
from exporter.forward.ports import Lost, Record
from exporter.forward.spool_chain import Chain, Gone
from exporter.forward.spool_folder import OVERHEAD, InUse, write_all
from exporter.forward.spool_format import FILE_HEAD, LONGEST, RECORD_HEAD, file_head, record_head
from exporter.forward.spool_segment import BLOCK, Dropped, Place, Segment, blocks
from exporter.ingest.ports import Refusing

log = logging.getLogger(__name__)
SEGMENT, ASIDE = 8 * 2**20, 16 * 2**20
"""Bytes of a segment, and of what is set aside, at most; less in a small spool."""
PAUSE = 2.0
"""Seconds after which one who was refused may come again."""
_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""After these a file can be cut back and is as it was; after others, of fdatasync above all, nobody knows."""


class Put(Protocol):
    """One thing to write."""

    body: bytes
    items: int
    withdrawn: bool
    """Whoever put it was refused meanwhile."""
    result: "Place | Refusing | None"
    at: float


class Log:
    """All of it blocks, and belongs to one thread."""

    def __init__(
        self,
        path: Path,
        limits: Waiting,
        lost: Callable[[Lost, int | Dropped], None],
        corrupt: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self._limits, self._clock = limits, clock
        aside = min(ASIDE, limits.size // 4)
        self._segment = min(SEGMENT, limits.size // 8)
        self._largest = limits.size - OVERHEAD - aside - BLOCK - FILE_HEAD
        self._chain = Chain(path, aside, lost, corrupt)
        self.refusing = ""
        self._fault = False
        """Whether the disk is why nothing is taken."""
        self._oldest = (Place(-1, 0, 0), 0.0)

    @property
    def front(self) -> Place:
        return self._chain.front

    @property
    def tail(self) -> Place:
        return self._chain.tail

    @property
    def size(self) -> int:
        return self._chain.used

    def open(self) -> None:
        """Raises InUse, OSError; not for a full disk."""
        try:
            self._chain.open()
            self._bound()
        except OSError as error:
            if error.errno not in _SPACE:
                raise
            self._refuse(error)

    def close(self) -> None:
        self._chain.close()

    def oldest(self) -> float:
        front = self._chain.front
        if front >= self._chain.tail:
            return 0.0
        if self._oldest[0] != front or not self._oldest[1]:
            self._oldest = (front, self._chain.oldest())
        return self._oldest[1]

    def write(self, puts: Sequence[Put]) -> None:
        """Give each its result: where it ends, durable; or why it is not kept."""
        group: list[Put] = []
        size = 0
        try:
            self._chain.there()
            for put in puts:
                need = RECORD_HEAD + len(put.body)
                if put.withdrawn or len(put.body) > min(self._largest, LONGEST):
                    put.result = Refusing("full", PAUSE)
                    continue
                live = self._chain.live
                if (group or live) and (live.extent if live else FILE_HEAD) + size + need > self._segment:
                    self._commit(group)
                    group, size = [], 0
                    self._chain.seal()
                    self._chain.release()
                if not self._room(size + need):
                    put.result, self.refusing = Refusing("full", PAUSE), "full"
                    continue
                group.append(put)
                size += need
            self._commit(group)
        except (OSError, InUse) as error:
            refusing = self._refuse(error)
            for put in puts:
                put.result = put.result or refusing

    def read(self, most: int) -> list[tuple[Place, Record]]:
        """Raises OSError, InUse."""
        self._chain.there()
        return self._chain.read(most, self._clock() - self._limits.age)

    def advance(self, front: Place) -> None:
        """All before it is done."""
        if front > self._chain.front:
            before = self._chain.used
            self._chain.advance(front)
            self._freed(before)
        self._chain.mark()

    def look(self, *, idle: bool) -> None:
        """Now and then: whether the disk is well again, and what is too old."""
        before = self._chain.used
        try:
            self._chain.there()
            if self._fault:
                self._chain.folder.try_out()
                self._fault, self.refusing = False, ""
            self._expire()
            if idle and self._chain.front == self._chain.tail:
                self._chain.seal()
                self._chain.release()
            self._freed(before)
        except (OSError, InUse) as error:
            self._refuse(error)

    def _freed(self, before: int) -> None:
        if not self._fault and self._chain.used < before:
            self.refusing = ""

    def _expire(self) -> None:
        """Drop whole segments of which all is too old."""
        since = self._clock() - self._limits.age
        while self._chain.segments and 0 < self._chain.segments[0].newest < since:
            self._chain.drop("expired")

    def _bound(self) -> None:
        """Keep to a limit that was lowered since; where nothing is to be dropped, by taking nothing."""
        while self._limits.full == "drop_oldest" and self._chain.used > self._limits.size and self._chain.segments:
            self._chain.drop("full")

    def _room(self, size: int) -> bool:
        """Make room for `size` more bytes where writing goes on; False when there is none. Raises OSError."""
        chain = self._chain
        extent = FILE_HEAD if chain.live is None else chain.live.extent
        growth = blocks(extent + size) - (0 if chain.live is None else blocks(extent))
        if chain.used + growth <= self._limits.size:
            return True
        self._expire()
        while chain.used + growth > self._limits.size:
            if self._limits.full == "refuse" or not chain.segments or chain.segments[0] is chain.live:
                return False
            chain.drop("full")
        return True

    def _commit(self, group: list[Put], *, again: bool = True) -> None:
        """Raises OSError, InUse, and then none of them is kept."""
        if not group:
            return
        chain = self._chain
        now = self._clock()
        new = chain.live is None
        segment = chain.live or chain.begin(secrets.randbits(32))
        start = 0 if new else segment.extent
        buffers = [file_head()] if new else []
        end = segment.end
        places = []
        for put in group:
            buffers += (record_head(put.body, put.items, now, segment.key), put.body)
            end = Place(end.segment, end.offset + RECORD_HEAD + len(put.body), end.items + put.items)
            places.append(end)
        try:
            if new:
                segment.file = chain.folder.open(segment.name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            write_all(segment.file, buffers, start)
            os.fdatasync(segment.file)
            if new:
                chain.folder.sync()
            if all(put.withdrawn for put in group):
                raise OSError(errno.ETIMEDOUT, "nobody waits for it any more")  # noqa: TRY301
        except OSError as error:
            self._undo(segment, start, new, error)
            raise
        if not os.fstat(segment.file).st_nlink or not chain.folder.there():
            if new:
                segment.seal()
            chain.leave()
            if not again:
                raise Gone("the folder is taken away again and again")
            self._commit(group, again=False)
            return
        segment.end, segment.newest = end, now
        if new:
            segment.extent = end.offset
            chain.add(segment)
        else:
            chain.grown(segment, end.offset)
        chain.tail = end
        self._fault, self.refusing = False, ""
        for put, place in zip(group, places, strict=True):
            put.result, put.at = place, now

    def _undo(self, segment: Segment, start: int, new: bool, error: OSError) -> None:
        """Take back what was begun to be written; where that fails, it is behind the end of a file that is left."""
        chain = self._chain
        if new:
            segment.seal()
            with contextlib.suppress(OSError):
                chain.folder.remove(segment.name)
            return
        try:
            os.ftruncate(segment.file, start)
        except OSError:
            with contextlib.suppress(OSError):
                chain.grown(segment, os.fstat(segment.file).st_size)
            chain.seal()
        else:
            if error.errno not in _SPACE:
                chain.seal()

    def _refuse(self, error: OSError | InUse) -> Refusing:
        reason = "full" if isinstance(error, OSError) and error.errno in _SPACE else "unavailable"
        if not self._fault and not isinstance(error, Gone):
            log.warning("the spool can't be written", extra={"error": str(error)})
        self._fault, self.refusing = True, reason
        return Refusing(reason, PAUSE)
