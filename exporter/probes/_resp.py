"""Redis' protocol as a client needs it to ask and leave: commands in one write, as many replies, nothing more.

RESP2 (redis.io, "Redis serialization protocol specification"), without arrays, which nothing we ask for answers with.
"""

import asyncio

LIMIT = 1 << 20
"""Bytes of all replies together: INFO has 6 kB, and some 100 kB with a hundred databases and replicas."""
_LINE = 4096


class ReplyError(str):
    """An error as the server words it, such as `NOAUTH Authentication required.`"""

    __slots__ = ()

    @property
    def word(self) -> str:
        return self.partition(" ")[0]


Reply = bytes | int | ReplyError | None


class Malformed(Exception):  # noqa: N818 - it is the other side that errs
    """What came is no reply, or larger than any should be."""


def command(*words: str | bytes) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word.encode() if isinstance(word, str) else word
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)


class Replies(asyncio.Protocol):
    """Gathers `count` replies. `ended` is done when they are there or no more come, for `malformed` or `lost`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held = b""
        self._room = LIMIT
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.came: list[Reply] = []
        self.lost: Exception | None = None
        self.malformed = ""

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._room -= len(data)
        if self._room < 0:
            self.malformed = f"replies of more than {LIMIT} bytes"
            self.ended.set_result(None)
            return
        try:
            self._parse(self._held + data if self._held else data)
        except Malformed as error:
            self.malformed = str(error)
            self.ended.set_result(None)
            return
        if len(self.came) == self._count:
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.lost = error
            self.ended.set_result(None)

    def _parse(self, held: bytes) -> None:
        at = 0
        while len(self.came) < self._count:
            end = held.find(b"\r\n", at, at + _LINE)
            if end < 0:
                if held[at : at + 1] not in b"+-:$":
                    raise _foreign(held[at : at + 1])
                if len(held) - at >= _LINE:
                    raise Malformed(f"a line of more than {_LINE} bytes")
                break
            kind, line = held[at : at + 1], held[at + 1 : end]
            after = end + 2
            if kind == b"$":
                size = _number(line)
                if size > LIMIT:
                    raise Malformed(f"a reply of {size} bytes, more than {LIMIT}")
                if size >= 0:
                    if len(held) < after + size + 2:
                        break
                    if held[after + size : after + size + 2] != b"\r\n":
                        raise Malformed("a reply longer than it says")
                    self.came.append(held[after : after + size])
                    after += size + 2
                else:
                    self.came.append(None)
            elif kind == b"+":
                self.came.append(line)
            elif kind == b"-":
                self.came.append(ReplyError(line.decode(errors="replace")))
            elif kind == b":":
                self.came.append(_number(line))
            else:
                raise _foreign(kind)
            at = after
        self._held = held[at:]


def _foreign(kind: bytes) -> Malformed:
    """Shows no more than one byte: what answers may send back what it was sent, the password too."""
    return Malformed(f"no reply of Redis: it begins with {kind!r}")


def _number(line: bytes) -> int:
    if len(line) > 20 or not line.removeprefix(b"-").isdigit():
        raise Malformed("no number where there should be one")
    return int(line)
