"""What is to be changed in a message, by its places, and the message with that changed; all else stays bit by bit.

A table says by field number what holds texts; what is not in it stays: ids, times, fields of future versions.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, Union

from exporter.ingest.otlp_onward_wire import LENGTH, fields, head, tagged
from exporter.ingest.otlp_wire import Malformed

Kind = Literal["text", "attribute", "value"]
TEXT: Kind = "text"
"""UTF-8."""
ATTRIBUTE: Kind = "attribute"
"""A KeyValue."""
VALUE: Kind = "value"
"""An AnyValue."""
Table = Mapping[int, Union[Kind, "Table"]]


class Places:
    """Places that are suspicious, in their order; asked for ever later ones."""

    def __init__(self, found: list[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(found):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)
        self._at = 0
        self.next = self._starts[0] if self._starts else -1
        """Where the next begins; -1: there is none."""

    def within(self, start: int, end: int) -> bool:
        """Whether one overlaps; those before `start` are not asked for again."""
        at, ends = self._at, self._ends
        while at < len(ends) and ends[at] <= start:
            at += 1
        self._at = at
        self.next = self._starts[at] if at < len(ends) else -1
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
