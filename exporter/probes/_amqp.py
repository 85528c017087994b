"""AMQP 0-9-1 as a client needs it to ask and leave: its frames, and the fields of the few methods that it hears.

The specification's chapters 2.3 and 4.2. Codecs exist as packages; pamqp 3.3 never ends on an array that claims to be
longer than its frame: 25 bytes of a hostile server fill the memory.
"""

import asyncio
import struct
from dataclasses import dataclass

from exporter.probe import Down
from exporter.probes._net import failure

HEADER = b"AMQP\x00\x00\x09\x01"
FRAME_MAX = 8192
"""Bytes of a frame, both ways: the least that RabbitMQ 4.1 accepts as a client's limit, and twice what we need."""
TOTAL = 1 << 17
"""Bytes of all frames together: a session with a hundred queues has 20 kB."""
END = 0xCE
METHOD, CONTENT, BODY, HEARTBEAT = 1, 2, 3, 8

Table = dict[str, "str | bool | Table"]
# Bytes of the values of a field table by their type, as RabbitMQ has them (amqp-0-9-1-errata, section 3).
_SIZES = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"f": 4, b"l": 8, b"L": 8, b"d": 8}
_SIZES |= {b"T": 8, b"D": 5, b"V": 0}
_LONG = (b"S", b"A", b"F", b"x")


class Malformed(Exception):  # noqa: N818 - it is the other side that errs
    """What came is no frame, or a method without its fields."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`name` is class and method of a method, (0, 0) of anything else; `data` what follows them."""

    kind: int
    channel: int
    name: tuple[int, int]
    data: bytes


class Fields:
    """Reads the fields of a method, one after another. Raises Malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def octet(self) -> int:
        return self._take(1)[0]

    def short(self) -> int:
        return int.from_bytes(self._take(2))

    def long(self) -> int:
        return int.from_bytes(self._take(4))

    def longlong(self) -> int:
        return int.from_bytes(self._take(8))

    def shortstr(self) -> str:
        return self._take(self.octet()).decode(errors="replace")

    def longstr(self) -> str:
        return self._take(self.long()).decode(errors="replace")

    def texts(self) -> dict[str, str]:
        """The texts of a field table, without those of tables within it."""
        end = self.long() + self._at
        found: dict[str, str] = {}
        while self._at < end:
            key, kind = self.shortstr(), self._take(1)
            if kind == b"S":
                found[key] = self.longstr()
            elif kind in _LONG:
                self._take(self.long())
            elif kind in _SIZES:
                self._take(_SIZES[kind])
            else:
                raise Malformed(f"a field of the unknown type {kind!r}")
        return found

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise Malformed("a method that ends before its fields do")
        self._at += size
        return taken


def method(channel: int, name: tuple[int, int], *fields: bytes) -> bytes:
    return frame(METHOD, channel, struct.pack(">HH", *name) + b"".join(fields))


def content(channel: int, body: bytes) -> bytes:
    """A transient message without properties, as it follows Basic.Publish."""
    return frame(CONTENT, channel, struct.pack(">HHQH", 60, 0, len(body), 0)) + frame(BODY, channel, body)


def shortstr(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


def longstr(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack(">I", len(raw)) + raw


def table(fields: Table) -> bytes:
    parts = []
    for key, value in fields.items():
        if isinstance(value, bool):
            told = b"t" + bytes([value])
        elif isinstance(value, str):
            told = b"S" + longstr(value)
        else:
            told = b"F" + table(value)
        parts.append(shortstr(key) + told)
    return longstr(b"".join(parts))


class Frames(asyncio.Protocol):
    """The frames of a connection in their order, each and all of them bounded."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._held = b""
        self._at = 0  # where in it the next frame begins
        self._received = 0
        self._lost: Down | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def frame(self) -> Frame:
        """The next one that is no heartbeat. Raises Down and Malformed."""
        while True:
            found = self._next()
            if found is None:
                if self._lost is not None:
                    raise self._lost
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
            elif found.kind != HEARTBEAT:
                return found

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= TOTAL:  # the rest of a flood is of no use
            self._held, self._at = self._held[self._at :] + data, 0
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            self._lost = failure(exc, self._where)
        self._wake()

    def _next(self) -> Frame | None:
        held, at = self._held, self._at
        if self._received > TOTAL:
            raise Malformed(f"more than {TOTAL} bytes of frames")
        first = held[at : at + 1]
        if first == b"A":
            raise _other_version(held[at : at + 8])
        if first and first[0] not in (METHOD, CONTENT, BODY, HEARTBEAT):
            # No more than one byte: what answers may send back what it was sent, the password too.
            raise Malformed(f"no frame of AMQP: it begins with {first!r}")
        if len(held) < at + 7:
            return None
        kind, channel, size = struct.unpack_from(">BHI", held, at)
        if size > FRAME_MAX - 8:
            raise Malformed(f"a frame of {size + 8} bytes, more than {FRAME_MAX}")
        end = at + 7 + size
        if len(held) <= end:
            return None
        if held[end] != END:
            raise Malformed("a frame that does not end where it says")
        self._at = end + 1
        payload = held[at + 7 : end]
        if kind != METHOD:
            return Frame(kind, channel, (0, 0), payload)
        if size < 4:
            raise Malformed("a method without a name")
        return Frame(kind, channel, struct.unpack_from(">HH", payload), payload[4:])

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _other_version(held: bytes) -> Malformed:
    """A server that does not speak what the client asked for answers with the header of what it speaks."""
    if held[:4] == b"AMQP" and len(held) >= 8:
        *_, major, minor, revision = held[4:8]
        spoken = f"{major}-{minor}-{revision}" if major == 0 else f"{major}.{minor}"
        return Malformed(f"speaks AMQP {spoken}, not 0-9-1")
    return Malformed("no frame of AMQP: it begins with b'A'")


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([END])
