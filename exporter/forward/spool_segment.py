"""One segment file of the spool: what is in it, where, and how much of it could not be read."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from exporter.forward.ports import Record
from exporter.forward.spool_format import FILE_HEAD, RECORD_HEAD, Damage, Head, head_at, name_of, right, search

BLOCK = 4096
_WINDOW = 16 * 1024
"""Read at once when heads alone are wanted: one for large records, many for small ones."""


class Place(NamedTuple):
    """A point between two records; all that is before it is smaller, in each of its parts."""

    segment: int
    """Its order, in this process."""
    offset: int
    items: int
    """Of all records before it, since the spool was opened."""


class Segment:
    """A file of records, or what is left of it."""

    def __init__(self, number: int, key: int, order: int, items: int) -> None:
        self.number, self.key = number, key
        self.order = order
        self.name = name_of(number, key)
        self.begin = Place(order, FILE_HEAD, items)
        self.end = self.begin
        """Where its last record ends."""
        self.extent = 0
        """Bytes of the file."""
        self.newest = 0.0
        """When its last record came."""
        self.holes: dict[int, Damage] = {}
        """What is known to be unreadable, by its start."""
        self.settled = 0
        """Items that were missing at its end, and are told as lost."""
        self.failures = 0
        self.file = -1
        """Open, while it is written to."""

    def seal(self) -> None:
        """Nothing more is written to it."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    @property
    def allocated(self) -> int:
        """Bytes that it takes up on disk."""
        return blocks(self.extent)

    def told(self, after: Place) -> int:
        """Items behind `after` that are told as lost already."""
        begin = after.offset if after.segment == self.order else 0
        return self.settled + sum(hole.items or 0 for hole in self.holes.values() if hole.start >= begin)

    def place(self, before: Place, offset: int, items: int) -> Place:
        """At `offset`, with so many items since `before`."""
        return Place(self.order, offset, min(before.items + items, self.end.items))

    def left(self, after: Place) -> int:
        """Items behind `after`, but for those that are told as lost already."""
        return max(0, self.end.items - max(after, self.begin).items - self.told(after))

    def survey(self, file: int, start: int) -> Iterator[Damage]:
        """Find out what is in it from `start` on, by its heads; bodies are checked when they are read."""
        offset, items, window, at = start, self.begin.items, b"", 0
        size = self.extent
        while offset < size:
            head = head_at(window, offset - at, self.key)
            if head is None:
                window, at = os.pread(file, min(_WINDOW, size - offset), offset), offset
                head = head_at(window, 0, self.key)
            if head is not None and offset + RECORD_HEAD + head.length <= size:
                offset += RECORD_HEAD + head.length
                items += head.items
                self.newest = max(self.newest, head.at)
                self.end = Place(self.order, offset, items)
                continue
            lost = None if head is None else head.items
            damage = Damage(offset, search(file, offset + 1, size, self.key), lost)
            items += lost or 0
            offset = damage.end
            self.holes[damage.start] = damage
            yield damage
        self.end = Place(self.order, offset, items)

    def read(self, file: int, start: Place, most: int) -> Iterator[tuple[int, Record] | Damage]:
        """Records from `start` on with the offsets where they end, `most` bytes or a single one; and what is none.

        Raises OSError.
        """
        offset, room = start.offset, most
        window = os.pread(file, min(most + RECORD_HEAD, self.end.offset - offset), offset)
        at = offset
        first = True
        while offset < self.end.offset and (room > 0 or first):
            if (hole := self.holes.get(offset)) is not None:
                offset = hole.end
                yield hole
                continue
            if offset + RECORD_HEAD > at + len(window):
                window, at = os.pread(file, min(room + RECORD_HEAD, self.end.offset - offset), offset), offset
            head = head_at(window, offset - at, self.key)
            if head is not None and not first and head.length > room:
                return
            begin = offset + RECORD_HEAD - at
            body = b"" if head is None else self._body(file, head, window[begin : begin + head.length], offset)
            if head is None or not right(head, body):
                lost = None if head is None else head.items
                hole = Damage(offset, search(file, offset + 1, self.end.offset, self.key), lost)
                offset = hole.end
                yield hole
                continue
            first, room = False, room - head.length
            offset += RECORD_HEAD + head.length
            yield offset, Record(body, head.items, head.at)

    @staticmethod
    def _body(file: int, head: Head, found: bytes, offset: int) -> bytes:
        if len(found) == head.length:
            return found
        return os.pread(file, head.length, offset + RECORD_HEAD)


class Dropped(NamedTuple):
    """A segment that was deleted, with all behind `front`. What of it is lost the loop knows: it may have sent more."""

    segment: Segment
    front: Place

    def items(self, front: Place) -> int:
        """Those that are lost when all before `front` was sent."""
        return self.segment.left(max(self.front, front))


def blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
