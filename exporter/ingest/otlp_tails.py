"""Spans of servers that say what others said before: known by their bytes, and not parsed again.

Serializers write ids, name, kind and times first, in the order of their numbers. What follows them, the span's tail, is
its attributes, and repeats itself wherever a route is asked for in the same way.
"""

from struct import Struct
from typing import Final

from exporter.ingest.otlp_fields import fields
from exporter.ingest.otlp_resource import Resource
from exporter.ingest.otlp_wire import Malformed
from exporter.ingest.ports import Held

HEAD = Struct("<H16sH8sBB").unpack_from
"""Trace id, span id; tag and length of what follows."""
TRACE, SPAN, PARENT, NAME = 1 << 3 | 2 | 16 << 8, 2 << 3 | 2 | 8 << 8, 4 << 3 | 2, 5 << 3 | 2
PARENT_ID = bytes((PARENT, 8))
AFTER_HEAD, AFTER_PARENT = 30, 40
TIMES = Struct("<HBQBQ").unpack_from
"""Kind, start and end."""
SERVED, START, END = 6 << 3 | 2 << 8, 7 << 3 | 1, 8 << 3 | 1
AFTER_TIMES = 20
SHORT = 0x7F
"""The longest name whose length is one byte."""

REMEMBERED, REMEMBERED_BYTES = 2_048, 768
"""Tails of all resources, and bytes of the longest: 3 MB at most. Beyond it all are forgotten."""
_RESOURCES = 256
_FEW, _TRIED, _REST = 4, 4, 40
"""So many pieces of which less than one span in _FEW is known are followed by so many that are only parsed."""
_PLAIN: Final = frozenset({9 << 3 | 2, 10 << 3, 12 << 3, 14 << 3, 13 << 3 | 2, 15 << 3 | 2, 16 << 3 | 5})
"""Attributes, links and status, what was dropped, and flags: neither ids, kind and times again, nor events."""

Known = dict[bytes, Held]


class Tails:
    """Until a reload."""

    def __init__(self) -> None:
        self._of: dict[Resource, Known] = {}
        self._once: set[bytes] = set()
        """Those that have come, and are remembered when they come again: most others never do."""
        self._poor = self._rest = 0

    def of(self, resource: Resource) -> Known:
        """Where requests are measured, by the tails of a resource's spans."""
        if (found := self._of.get(resource)) is None:
            if len(self._of) >= _RESOURCES:
                self._of.clear()
            found = self._of[resource] = {}
        return found

    def tried(self) -> bool:
        """Whether to look for known tails in the next piece: where few are, that costs more than it saves."""
        if self._rest:
            self._rest -= 1
        return not self._rest

    def saw(self, spans: int, known: int) -> None:
        """How many of a piece were known."""
        self._poor = 0 if known * _FEW >= spans else self._poor + 1
        if self._poor >= _TRIED:
            self._poor, self._rest = 0, _REST

    def learn(self, known: Known, tail: bytes, held: Held) -> None:
        """From a span that is no error and has no events."""
        if tail in self._once:
            if _is_plain(tail):
                known[tail] = held
        elif len(tail) <= REMEMBERED_BYTES:
            if len(self._once) >= REMEMBERED:
                self._once.clear()
                self._of.clear()
            self._once.add(tail)


def _is_plain(tail: bytes) -> bool:
    try:
        return all(key in _PLAIN for key, *_ in fields(tail, 0, len(tail)))
    except Malformed:
        return False
