"""What is to be changed in a message, by its places, and the message with that changed; all else stays bit by bit.

A table says by field number what holds texts; what is not in it stays: ids, times, fields of future versions.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, Union

from exporter.ingest.otlp_fields import LENGTH, fields, head, tagged
from exporter.ingest.otlp_wire import Malformed

Kind = Literal["text", "attribute", "value"]
TEXT: Kind = "text"
"""UTF-8."""
ATTRIBUTE: Kind = "attribute"
"""A KeyValue."""
VALUE: Kind = "value"
"""An AnyValue."""
Table = Mapping[int, Union[Kind, "Table"]]
_TYPE = 0x87
"""Of a tag: its type, and whether it has a second byte."""


class Places:
    """Places that are suspicious, in their order; asked for ever later ones."""

    def __init__(self, found: list[tuple[int, int]]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted(found):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)
        self.at = 0
        self.next = self.starts[0] if self.starts else -1
        """Where the next begins; -1: there is none."""

    def within(self, start: int, end: int) -> bool:
        """Whether one overlaps; those before `start` are not asked for again."""
        at, ends = self.at, self.ends
        while at < len(ends) and ends[at] <= start:
            at += 1
        self.at = at
        self.next = self.starts[at] if at < len(ends) else -1
        return -1 < self.next < end


class Leaf(NamedTuple):
    """A field that may change: what becomes of it is asked for by its bytes."""

    start: int
    end: int
    number: int
    kind: Kind
    content: bytes


class Fixed(NamedTuple):
    """Bytes in place of others."""

    start: int
    end: int
    new: bytes


class Node(NamedTuple):
    """A field that is a message with such in it."""

    start: int
    end: int
    number: int
    begin: int
    edits: "list[Edit]"


Edit = Leaf | Fixed | Node
Become = Callable[[Kind, bytes], bytes | None]
"""What becomes of a leaf: the same bytes, others, or None where it is left out."""


def looked(data: bytes, begin: int, end: int, table: Table, places: Places) -> list[Edit]:
    """What the places may be of a message. Raises Malformed; what is malformed further inside is left out."""
    edits: list[Edit] = []
    for key, start, at, stop in fields(data, begin, end):
        if places.next < 0:
            break
        if stop <= places.next or not places.within(start, stop):
            continue
        kind = table.get(key >> 3)
        if kind is None or key & 7 != LENGTH:
            continue
        if isinstance(kind, str):
            edits.append(Leaf(start, stop, key >> 3, kind, data[at:stop]))
            continue
        try:
            inner = looked(data, at, stop, kind, places)
        except Malformed:
            edits.append(Fixed(start, stop, b""))
            continue
        if inner:
            edits.append(Node(start, stop, key >> 3, at, inner))
    return edits


def quick(data: bytes, begin: int, end: int, known: Mapping[bytes, bytes], places: Places) -> list[bytes] | None:
    """The same of an item whose suspicious fields are all known: its parts, none when it stays; None when they are not.

    The loop is the dearest of all for a request in which many spans have an address that comes again and again.
    """
    parts: list[bytes] = []
    done = pos = begin
    starts, ends, place = places.starts, places.ends, places.at
    last, suspicious = len(ends), starts[place]
    try:
        while pos < end:
            key, size = data[pos], data[pos + 1]
            if key & _TYPE == LENGTH:
                if size < 0x80:
                    stop = pos + 2 + size
                elif (second := data[pos + 2]) < 0x80:
                    stop = pos + 3 + (size & 0x7F) + (second << 7)
                else:
                    return None
            elif key & _TYPE == 1:
                stop = pos + 9
            elif key & _TYPE == 0 and size < 0x80:
                stop = pos + 2
            else:
                return None
            if stop <= suspicious:
                pos = stop
                continue
            field = data[pos:stop]
            if stop > end or (new := known.get(field)) is None:
                return None
            if new != field:
                parts += (data[done:pos], new)
                done = stop
            while place < last and ends[place] <= stop:
                place += 1
            if place == last or starts[place] >= end:
                places.at, places.next = place, starts[place] if place < last else -1
                break
            suspicious = starts[place]
            pos = stop
    except IndexError:
        return None
    if parts:
        parts.append(data[done:end])
    return parts


def leaves(edits: list[Edit]) -> Iterator[Leaf]:
    for edit in edits:
        if isinstance(edit, Leaf):
            yield edit
        elif isinstance(edit, Node):
            yield from leaves(edit.edits)


def changed(data: bytes, begin: int, end: int, edits: list[Edit], become: Become) -> list[bytes] | None:
    """The message in parts; None when it stays as it is."""
    parts: list[bytes] = []
    at = begin
    for edit in edits:
        new = _new(data, edit, become)
        if new is not None:
            parts += (data[at : edit.start], *new)
            at = edit.end
    if at == begin and not parts:
        return None
    parts.append(data[at:end])
    return parts


def _new(data: bytes, edit: Edit, become: Become) -> list[bytes] | None:
    if isinstance(edit, Fixed):
        return [edit.new]
    if isinstance(edit, Leaf):
        new = become(edit.kind, edit.content)
        if new is None:
            return []
        return None if new is edit.content or new == edit.content else [tagged(edit.number, new)]
    parts = changed(data, edit.begin, edit.end, edit.edits, become)
    return None if parts is None else [head(edit.number, sum(map(len, parts))), *parts]
