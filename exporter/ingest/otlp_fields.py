"""Fields of a protobuf message by their places, and a field written anew."""

from collections.abc import Generator, Iterator
from functools import lru_cache
from io import BytesIO

from exporter.ingest.otlp_wire import Malformed, Piece, varint

LENGTH = 2
WRONG = "a message is malformed"
_AT_ONCE = 1 << 20
"""Bytes: 16 MiB of fresh memory take 13 ms."""
_FIXED = {1: 8, 5: 4}


def fields(data: bytes, pos: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Key (number << 3 | type), start, start of the content and end of each field. Raises Malformed."""
    try:
        while pos < end:
            start, key = pos, data[pos]
            pos += 1
            if key > 0x7F:
                key, pos = varint(data, start)
            kind = key & 7
            if kind == LENGTH:
                size = data[pos]
                pos += 1
                if size > 0x7F:
                    size, pos = varint(data, pos - 1)
                stop = pos + size
            elif kind in _FIXED:
                stop = pos + _FIXED[kind]
            elif kind == 0:
                stop = varint(data, pos)[1]
            else:
                raise Malformed(WRONG)
            if stop > end or key < 8:
                raise Malformed(WRONG)
            yield key, start, pos, stop
            pos = stop
    except IndexError:
        raise Malformed(WRONG) from None


@lru_cache(4_096)
def head(number: int, size: int) -> bytes:
    """Tag and length of a field with so many bytes."""
    return _number(number << 3 | LENGTH) + _number(size)


def tagged(number: int, content: bytes) -> bytes:
    return head(number, len(content)) + content


def request(piece: Piece) -> bytes:
    """An export request of its own with the same items."""
    return tagged(1, tagged(1, piece.resource) + tagged(2, piece.scope))


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def joined(parts: list[bytes]) -> Generator[None, None, bytes]:
    """All of them, in steps; the list is emptied: each part is let go of when it is written."""
    into = BytesIO()
    size = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        for begin in range(0, len(part), _AT_ONCE) if len(part) > _AT_ONCE else (0,):
            size += into.write(part[begin : begin + _AT_ONCE])
            if size >= _AT_ONCE:
                size = 0
                yield
    whole = into.getvalue()
    yield
    return whole
