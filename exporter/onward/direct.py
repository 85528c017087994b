"""Attributes that are nothing but an IPv4 address, which most spans of servers have: replaced in the bytes at once.

One expression over some items finds KeyValues that end in such a text; the scrubber is asked once for each key, with
one address for all. One parse of these items says that what was found are their attributes, and not a text that looks
like one: then lengths are all that is to be written anew. Whatever is otherwise is left for the closer look.
"""

import re
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.config.application import Scrub
from exporter.ingest.otlp_fields import LENGTH, fields, head, joined, tagged
from exporter.ingest.ports import Scrubber
from exporter.onward.edits import ATTRIBUTE, Table

KEYS = 1_024
"""That are remembered; beyond it all are forgotten."""
_FIRST, _SECOND = 1 << 3 | LENGTH, 2 << 3 | LENGTH
_ITEMS, _BYTES = 50, 64 * 1024
_LONGEST = 64
_EXAMPLE, _GONE = "10.0.0.1", "[ip]"
_VALUE = b"\x12\x06\x0a\x04[ip]"
_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = re.compile(rb"\x12[\x09-\x11]\x0a[\x07-\x0f]" + rb"\.".join([_OCTET] * 4))
"""An AnyValue as the field of a KeyValue; no quantifier is unbounded."""


_Found = tuple[int, int, bytes]
"""Where a field begins and ends, and what it becomes; a tuple is made in a fifth of the time of one with names."""
_Items = list[tuple[int, int, int]]
_Changed = tuple[list[bytes], int]
"""A message's parts, and by how many bytes it is shorter."""


class Direct:
    """By one scrubber, until a reload. It remembers keys alone."""

    def __init__(self, scrubber: Scrubber, config: Scrub) -> None:
        self._scrubber = scrubber
        self._on = "ip" in config.rules and not config.patterns
        """One's own pattern may match some addresses."""
        self._new: dict[bytes, bytes] = {}

    def steps(self, data: bytes, table: Table) -> Generator[None, None, bytes]:
        """Gives the request without them, the same object when it has none. Raises Malformed."""
        number = next((number for number, kind in table.items() if kind == ATTRIBUTE), 0)
        if not self._on or not number:
            return data
        run = _Run(self, data, number)
        parts, _ = yield from run.within(0, len(data), 1)
        if run.taken:
            counts = self._scrubber.counts
            counts["ip"] = counts.get("ip", 0) + run.taken
        return (yield from joined(parts)) if parts else data

    def new(self, key: bytes) -> bytes:
        """What an attribute of this key becomes; empty when it takes a closer look."""
        if (found := self._new.get(key)) is None:
            if len(self._new) >= KEYS:
                self._new.clear()
            found = self._new[key] = tagged(1, key) + _VALUE if self._is_plain(key) else b""
        return found

    def _is_plain(self, key: bytes) -> bool:
        try:
            text = key.decode()
        except UnicodeDecodeError:
            return False
        before = dict(self._scrubber.counts)
        plain: bool = self._scrubber.tree([{text: _EXAMPLE}]) == [{text: _GONE}]
        self._scrubber.counts.clear()
        self._scrubber.counts.update(before)
        return plain


class _Run:
    """Through one request."""

    def __init__(self, direct: Direct, data: bytes, number: int) -> None:
        self._direct = direct
        self._data = data
        self._number = number
        self._tag = number << 3 | LENGTH
        self._known: dict[bytes, bytes] = {}
        self._items = _attributes(number)
        self.taken = 0

    def within(self, begin: int, end: int, number: int) -> Generator[None, None, _Changed]:
        """A message of a request, around others with this number: resources, then their scopes."""
        data, parts, done, shorter = self._data, list[bytes](), begin, 0
        for key, start, at, stop in fields(data, begin, end):
            if key != number << 3 | LENGTH:
                continue
            inner, less = yield from self.within(at, stop, 2) if number == 1 else self._scope(at, stop)
            if inner:
                new = head(number, stop - at - less)
                parts += (data[done:start], new, *inner)
                shorter += less + (at - start) - len(new)
                done = stop
        if parts:
            parts.append(data[done:end])
        return parts, shorter

    def _scope(self, begin: int, end: int) -> Generator[None, None, _Changed]:
        data, parts, done, shorter = self._data, list[bytes](), begin, 0
        for items in _runs(data, begin, end):
            first, last = items[0][0], items[-1][2]
            if last - first <= 2 * _BYTES and (found := self._found(items, first, last)):
                new = self._written(items, found)
                if not new:
                    continue
                parts += (data[done:first], new)
                shorter += last - first - len(new)
                done = last
                self.taken += len(found)
            yield
        if parts:
            parts.append(data[done:end])
        return parts, shorter

    def _found(self, items: _Items, first: int, last: int) -> list[_Found]:
        """What looks like such an attribute, and is one."""
        data, tag, known = self._data, self._tag, self._known.get
        found: list[_Found] = []
        old: set[bytes] = set()
        for match in _ADDRESS.finditer(data, first, last):
            value, end = match.span()
            size = end - value - 4
            if data[value + 3] != size or data[value + 1] != size + 2:
                continue
            at = data.rfind(b"\n", value - _LONGEST if value - first > _LONGEST else first, value)
            if at >= 0 and data[at + 1] != value - at - 2:
                at -= 1  # a key of ten bytes: its length looks like the tag
            if at < first + 2 or data[at] != _FIRST or data[at + 1] != value - at - 2:
                continue
            if data[at - 1] != end - at or data[at - 2] != tag:
                continue
            if (new := known(key := data[at + 2 : value])) is None:
                new = self._learned(key)
            if new:
                old.add(data[at:end])
                found.append((at - 2, end, new))
        if not found:
            return found
        try:
            attributes = self._items.FromString(data[items[0][0] : items[-1][2]]).item.attributes[:]
        except DecodeError:
            return []
        return found if sum(map(old.__contains__, attributes)) == len(found) else []

    def _learned(self, key: bytes) -> bytes:
        """The field that an attribute of this key becomes; empty when it takes a closer look."""
        content = self._direct.new(key)
        if len(self._known) >= KEYS:
            self._known.clear()
        new = self._known[key] = tagged(self._number, content) if content else b""
        return new

    def _written(self, items: _Items, found: list[_Found]) -> bytes:
        """Empty where what was found does not lie within an item."""
        data, parts = self._data, list[bytes]()
        done, at, count = items[0][0], 0, len(found)
        for start, begin, stop in items:
            if found[at][0] >= stop:
                continue
            inner, pos, size = list[bytes](), begin, stop - begin
            while at < count and found[at][0] < stop:
                place, end, field = found[at]
                if place < pos or end > stop:
                    return b""
                inner += (data[pos:place], field)
                size -= end - place - len(field)
                pos = end
                at += 1
            parts += (data[done:start], head(2, size), *inner, data[pos:stop])
            done = stop
            if at == count:
                break
        if at < count:
            return b""
        parts.append(data[done : items[-1][2]])
        return b"".join(parts)


def _runs(data: bytes, pos: int, end: int) -> Iterator[_Items]:
    """Items of a scope that stand beside each other, with start, start of the content and end. Raises Malformed."""
    items: _Items = []
    while pos < end:
        start = pos
        if data[pos] == _SECOND and pos + 3 < end and (size := data[pos + 1]) < 0x80:
            at = pos + 2
            pos = at + size
        elif data[pos] == _SECOND and pos + 3 < end and (second := data[pos + 2]) < 0x80:
            at = pos + 3
            pos = at + (size & 0x7F) + (second << 7)
        else:
            key, _, at, pos = next(fields(data, pos, end))
            if key != _SECOND:
                if items:
                    yield items
                    items = []
                continue
        items.append((start, at, pos))
        if len(items) >= _ITEMS or pos - items[0][0] >= _BYTES:
            yield items
            items = []
    if items:
        yield items


@cache
def _attributes(number: int) -> Any:
    """A scope as one item that has the attributes of all: protobuf joins what comes again."""
    kinds = descriptor_pb2.FieldDescriptorProto
    package = f"otlp_direct_{number}"
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    item, scope = (file.message_type.add(name=name) for name in ("Item", "Scope"))
    item.field.add(name="attributes", number=number, label=kinds.LABEL_REPEATED, type=kinds.TYPE_BYTES)
    of = {"type": kinds.TYPE_MESSAGE, "label": kinds.LABEL_OPTIONAL, "type_name": f".{package}.Item"}
    scope.field.add(name="item", number=2, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.Scope"))
