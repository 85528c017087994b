"""Sentry's envelopes, read as they come: what is kept whole, what is thrown away by and by, what is malformed.

The grammar is that of Sentry's developer documentation, data-model/envelopes: a line of JSON, then items, each a line
of JSON and a payload, which goes on for `length` bytes or, where it has no length, to the next newline.
"""

from typing import Any

from msgspec import Struct

from exporter.ingest import text
from exporter.ingest.text import Malformed

MEGABYTE = 1024 * 1024
KEPT = {
    "event": MEGABYTE,
    "transaction": MEGABYTE,
    "span": 4 * MEGABYTE,
    "log": 4 * MEGABYTE,
    "session": 64 * 1024,
    "sessions": MEGABYTE,
    "check_in": 100 * 1024,
    "client_report": MEGABYTE,
    "feedback": MEGABYTE,
    "user_report": 64 * 1024,
}
"""Types of items that are read, and the most bytes that one has; every other type is skipped."""
MOST_ITEMS = 100
MOST_SKIPPED = 1_000
MOST_BYTES = 16 * MEGABYTE
LONGEST_LINE = 64 * 1024
MOST_LENGTH = 2**53


class TooLarge(Malformed):
    """It is longer, or has more items, than is taken."""


class Item(Struct, frozen=True):
    """One that is read."""

    type: str
    payload: bytes


class Envelope:
    """One envelope: `feed` it, `finish` it, then take its items. Nothing of it counts before `finish` has returned."""

    def __init__(self) -> None:
        self.header: dict[str, Any] | None = None
        """None until its line has come."""
        self.items: list[Item] = []
        self.skipped: dict[str, int] = {}
        """How many items of other types there were, by type."""
        self.held = 0
        """Bytes of payloads that are kept."""
        self._line = bytearray()
        self._read = self._read_line
        self._type = ""
        self._left: int | None = None
        self._parts: list[bytes] | None = None
        self._size = self._passed = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises Malformed."""
        at = 0
        while at < len(data):
            at = self._read(data, at)

    def finish(self) -> None:
        """There is no more. Raises Malformed when there should be."""
        if self._read == self._read_line:
            if self._line or self.header is None:
                self._take_line()
            if self._read == self._read_line:
                return
            # The line of an item was the last of it: it may have no payload.
        if self._read == self._read_payload and self._left:
            raise Malformed("the envelope ends before an item's length")
        if self._read == self._read_payload:
            self._end()

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        self._line += data[at : end if end >= 0 else len(data)]
        if len(self._line) > LONGEST_LINE:
            raise TooLarge(f"a header is longer than {LONGEST_LINE} bytes")
        if end < 0:
            return len(data)
        if self._line or self.header is None:
            self._take_line()
        return end + 1

    def _take_line(self) -> None:
        header = text.decode(self._line)
        self._line.clear()
        if not isinstance(header, dict):
            raise Malformed("a header is not a JSON object")
        if self.header is None:
            self.header = header
        else:
            self._begin(header)

    def _begin(self, header: dict[str, Any]) -> None:
        type_, length = header.get("type"), header.get("length")
        if not isinstance(type_, str) or not type_:
            raise Malformed("an item has no type")
        if length is not None and (type(length) is not int or not 0 <= length <= MOST_LENGTH):
            raise Malformed("an item's length is not a number of bytes")
        self._type, self._left, self._size = type_, length, 0
        if type_ in KEPT:
            if len(self.items) >= MOST_ITEMS:
                raise TooLarge(f"the envelope has more than {MOST_ITEMS} items")
            self._parts = []
        else:
            self._parts = None
            self._passed += 1
            if self._passed > MOST_SKIPPED:
                raise TooLarge(f"the envelope has more than {MOST_SKIPPED} items")
            # Few types are known, any can be sent: only so many are told apart.
            known = type_ if type_ in self.skipped or len(self.skipped) < MOST_ITEMS else ""
            self.skipped[known] = self.skipped.get(known, 0) + 1
        self._read = self._read_payload
        if length == 0:
            self._end()

    def _read_payload(self, data: bytes, at: int) -> int:
        if self._left is None:
            end = data.find(b"\n", at)
            over = end >= 0
            end = end if over else len(data)
            after = end + over
        else:
            end = after = min(len(data), at + self._left)
            self._left -= end - at
            over = not self._left
        self._keep(data, at, end)
        if over:
            implicit = self._left is None
            self._end()
            if implicit:
                self._read = self._read_line
        return after

    def _keep(self, data: bytes, at: int, end: int) -> None:
        if self._parts is None:
            return
        self._size += end - at
        self.held += end - at
        if self._size > KEPT[self._type]:
            raise TooLarge(f"an item of this type is larger than {KEPT[self._type]} bytes")
        if self.held > MOST_BYTES:
            raise TooLarge(f"the envelope's items are larger than {MOST_BYTES} bytes")
        self._parts.append(data[at:end])

    def _end(self) -> None:
        """The payload is there; what may follow is a newline."""
        if self._parts is not None:
            self.items.append(Item(self._type, b"".join(self._parts)))
            self._parts = None
        self._read = self._read_newline

    def _read_newline(self, data: bytes, at: int) -> int:
        if data[at : at + 1] != b"\n":
            raise Malformed("an item is longer than its length")
        self._read = self._read_line
        return at + 1
