"""How a segment file of the spool is written, and how its records are found again in whatever became of it."""

import os
import re
import zlib
from struct import Struct
from typing import NamedTuple

VERSION = 1
MAGIC, MARK = b"\x89stspool", b"\xf5SPr"
_FILE, _RECORD, _CRC = Struct("<8sI"), Struct("<4sIIId"), Struct("<I")
FILE_HEAD, RECORD_HEAD = _FILE.size + _CRC.size, _RECORD.size + _CRC.size
LONGEST = 2**32 - 1
"""Bytes of a body, and items, that a head can say."""
_CHUNK = 1 << 20
_NAME = re.compile(r"([0-9]{16,18})-([0-9a-f]{8})\.spool")


class Head(NamedTuple):
    """What is before a record's body."""

    length: int
    items: int
    crc: int
    at: float


class Damage(NamedTuple):
    """Bytes from `start` to `end` that are no record; `items` of the one that it was, where its head can be read."""

    start: int
    end: int
    items: int | None


def name_of(number: int, key: int) -> str:
    return f"{number:016}-{key:08x}.spool"


def named(name: str) -> tuple[int, int] | None:
    """Number and key of the segment file of this name; None for any other."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2], 16)) if match else None


def file_head(version: int = VERSION) -> bytes:
    head = _FILE.pack(MAGIC, version)
    return head + _CRC.pack(zlib.crc32(head))


def version_of(head: bytes) -> int | None:
    """The format of the file that begins so; None when it is damaged, or no segment."""
    if len(head) < FILE_HEAD or not head.startswith(MAGIC):
        return None
    crc: int = _CRC.unpack_from(head, _FILE.size)[0]
    version: int = _FILE.unpack_from(head)[1]
    return version if zlib.crc32(head[: _FILE.size]) == crc else None


def record_head(body: bytes, items: int, at: float, key: int) -> bytes:
    """`key` is in the checksum: what a client sends can't be made to look like a record of this very file."""
    head = _RECORD.pack(MARK, len(body), min(items, LONGEST), zlib.crc32(body), at)
    return head + _CRC.pack(zlib.crc32(head, key))


def head_at(data: bytes, offset: int, key: int) -> Head | None:
    """The head that is whole and right at `offset`."""
    if len(data) - offset < RECORD_HEAD or not data.startswith(MARK, offset):
        return None
    head = data[offset : offset + _RECORD.size]
    if _CRC.unpack_from(data, offset + _RECORD.size)[0] != zlib.crc32(head, key):
        return None
    _, length, items, crc, at = _RECORD.unpack(head)
    return Head(length, items, crc, at)


def right(head: Head, body: bytes) -> bool:
    return len(body) == head.length and zlib.crc32(body) == head.crc


def search(file: int, start: int, end: int, key: int) -> int:
    """Where, from `start` on, the next record begins that is not cut off at `end`; `end` when there is none."""
    position = start
    while position < end:
        chunk = os.pread(file, min(_CHUNK, end - position), position)
        found = chunk.find(MARK)
        while found >= 0:
            if len(chunk) - found < RECORD_HEAD:
                head = head_at(os.pread(file, RECORD_HEAD, position + found), 0, key)
            else:
                head = head_at(chunk, found, key)
            if head is not None and position + found + RECORD_HEAD + head.length <= end:
                return position + found
            found = chunk.find(MARK, found + 1)
        if len(chunk) < len(MARK):
            break
        position += len(chunk) - len(MARK) + 1
    return end
