"""What is to be changed in an export request, found from its top: resource, scope, item; in steps.

What stays is taken over in as long runs as there are; lengths around what has changed are written anew at the end.
"""

from collections.abc import Callable, Generator, Iterator, Mapping

from exporter.ingest.otlp_fields import LENGTH, fields, head, joined, tagged
from exporter.ingest.otlp_wire import Malformed
from exporter.onward.edits import (
    ATTRIBUTE,
    TEXT,
    Become,
    Edit,
    Leaf,
    Places,
    Table,
    changed,
    leaves,
    looked,
    quick,
)
from exporter.onward.resources import Resources

SCOPE: Table = {1: TEXT, 2: TEXT, 3: ATTRIBUTE}
Choose = Callable[[bytes, int, int], list[Edit] | None]
_FIRST, _SECOND = 1 << 3 | 2, 2 << 3 | 2
_AT_ONCE, _PASSED = 50, 20
"""Items that are looked at in one step, or so many times as many that are passed by."""
_LARGE = 16 * 1024
"""Bytes of an item from which on it takes several steps: a metric may hold 100,000 points."""


class _Level:
    """A message around others."""

    def __init__(self, number: int, start: int, begin: int, end: int) -> None:
        self.number = number
        self.start = start
        self.begin = begin
        self.end = end
        self.slot = -1
        """Where its tag and length go in what is written; -1 while nothing in it has changed."""


class Walk:
    """Through one request; fields are numbered alike for all signals."""

    def __init__(
        self,
        data: bytes,
        places: Places,
        resources: Resources,
        table: Table,
        known: Mapping[bytes, bytes],
        choose: Choose | None,
    ) -> None:
        """`table`: of an item. `known`: attributes, as fields, and what becomes of them.

        `choose`: what else is to be changed of an item; None: it is left out.
        """
        self._data = data
        self._places = places
        self._resources = resources
        self._table = table
        self._choose = choose
        self._known = known
        self._around: list[_Level] = []
        self._out: list[bytes] = []
        self._done = 0
        self._heads: list[tuple[int, int, int]] = []
        self._waiting: list[tuple[int, int, int, int, int, list[Edit]]] = []
        self._work = 0
        self._changed = False
        self.left_out = 0

    def steps(self) -> Iterator[None]:
        """Find what is to be changed. Raises Malformed."""
        everywhere = self._choose is not None or self._resources.adding
        for key, start, at, stop in fields(self._data, 0, len(self._data)):
            if key == _FIRST and (everywhere or self._places.within(start, stop)):
                yield from self._resource(_Level(1, start, at, stop))

    def leaves(self) -> Iterator[Leaf]:
        """Whose verdicts are asked for."""
        return (leaf for *_, edits in self._waiting for leaf in leaves(edits))

    def write(self, become: Become) -> Generator[None, None, bytes]:
        """With the verdicts; gives the request, the same object when nothing changes."""
        data, out = self._data, self._out
        for number, (slot, tag, start, begin, end, edits) in enumerate(self._waiting):
            parts = changed(data, begin, end, edits, become)
            if parts is None:
                out[slot] = data[start:end]
            else:
                self._changed = True
                out[slot] = b"".join((head(tag, sum(map(len, parts))) if tag else b"", *parts))
            if not tag or number % _AT_ONCE == _AT_ONCE - 1:
                yield
        if not self._changed:
            return data
        for slot, end, number in self._heads:  # those inside before those around them
            out[slot] = head(number, sum(map(len, out[slot + 1 : end])))
            yield
        out.append(data[self._done :])
        return (yield from joined(out))

    def _resource(self, level: _Level) -> Iterator[None]:
        self._around.append(level)
        found = list(fields(self._data, level.begin, level.end))
        self._completed(level, [(start, at, stop) for key, start, at, stop in found if key == _FIRST])
        scopes = left_out = 0
        for key, start, at, stop in found:
            if key != _SECOND:
                continue
            scopes += 1
            if self._choose or self._places.within(start, stop):
                left_out += yield from self._scope(_Level(2, start, at, stop))
        self._close(level, gone=0 < scopes == left_out)

    def _completed(self, level: _Level, found: list[tuple[int, int, int]]) -> None:
        raws = [self._data[at:stop] for _, at, stop in found]
        # Protobuf joins what comes again in the place of one message.
        whole = raws[0] if len(raws) == 1 else b"".join(raws)
        new = self._resources.of(whole)
        if new is not whole:
            first, *others = found or [(level.begin, level.begin, level.begin)]
            self._put(first[0], first[2], tagged(1, new))
            for start, _, stop in others:
                self._put(start, stop, b"")

    def _scope(self, level: _Level) -> Generator[None, None, bool]:
        """Gives whether nothing of it remains."""
        self._around.append(level)
        data, places, choose = self._data, self._places, self._choose
        items, before = 0, self.left_out
        for key, start, at, stop in fields(data, level.begin, level.end):
            self._work += 1
            if key == _SECOND:
                items += 1
                if choose is None and stop - start > _LARGE and places.within(start, stop):
                    yield from self._large_item(_Level(2, start, at, stop))
                elif choose is not None or -1 < places.next < stop:
                    self._item(start, at, stop)
                    self._work += _PASSED - 1
            elif key == _FIRST and places.within(start, stop):
                self._look(1, start, at, stop, SCOPE, [])
            if self._work >= _AT_ONCE * _PASSED:
                self._work = 0
                yield
        gone = 0 < items == self.left_out - before
        self._close(level, gone=gone)
        return gone

    def _item(self, start: int, begin: int, end: int) -> None:
        edits = [] if self._choose is None else self._choose(self._data, begin, end)
        if edits is None:
            self.left_out += 1
            self._put(start, end, b"")
            return
        places = self._places
        if not places.within(start, end):
            if not edits:
                return
        elif not edits and (parts := quick(self._data, begin, end, self._known, places)) is not None:
            if parts:
                self._put(start, end, b"".join((head(2, sum(map(len, parts))), *parts)))
            return
        self._look(2, start, begin, end, self._table, edits)

    def _large_item(self, level: _Level) -> Iterator[None]:
        depth = len(self._around)
        try:
            yield from self._large(level, self._table)
        except Malformed:
            del self._around[depth:]
            self._around.append(level)
            self.left_out += 1
            self._put(level.begin, level.begin, b"")
            self._close(level, gone=True)

    def _large(self, level: _Level, table: Table) -> Iterator[None]:
        """A message some fields at a time, and what is large in it likewise. Raises Malformed."""
        self._around.append(level)
        begin = level.begin
        for key, start, at, stop in fields(self._data, level.begin, level.end):
            inner = table.get(key >> 3)
            if stop - start > _LARGE and isinstance(inner, Mapping) and key & 7 == LENGTH:
                self._run(begin, start, table)
                if self._places.within(start, stop):
                    yield from self._large(_Level(key >> 3, start, at, stop), inner)
                begin = stop
            elif stop - begin > _LARGE:
                self._run(begin, stop, table)
                begin = stop
                yield
        self._run(begin, level.end, table)
        self._close(level, gone=False)

    def _run(self, begin: int, end: int, table: Table) -> None:
        """Fields beside each other."""
        if self._places.within(begin, end):
            self._look(0, begin, begin, end, table, [])

    def _look(self, number: int, start: int, begin: int, end: int, table: Table, edits: list[Edit]) -> None:
        try:
            found = looked(self._data, begin, end, table, self._places)
        except Malformed:
            self.left_out += number == 2
            self._put(start, end, b"")
            return
        if edits and found:
            found = sorted([*edits, *found], key=lambda edit: edit.start)
        if found or edits:
            self._put(start, end, None)
            self._waiting.append((len(self._out) - 1, number, start, begin, end, found or edits))

    def _put(self, start: int, end: int, new: bytes | None) -> None:
        """Write what comes before, and this in place of what stands there; None: it is written later."""
        for level in self._around:
            if level.slot < 0:
                self._out += (self._data[self._done : level.start], b"")
                self._done = level.begin
                level.slot = len(self._out) - 1
        self._out += (self._data[self._done : start], b"" if new is None else new)
        self._done = end
        self._changed |= new is not None

    def _close(self, level: _Level, *, gone: bool) -> None:
        self._around.pop()
        if gone:
            del self._out[level.slot :]
            while self._waiting and self._waiting[-1][0] >= level.slot:
                self._waiting.pop()
            while self._heads and self._heads[-1][0] >= level.slot:
                self._heads.pop()
            self._done = level.end
        elif level.slot >= 0:
            self._out.append(self._data[self._done : level.end])
            self._done = level.end
            self._heads.append((level.slot, len(self._out), level.number))
