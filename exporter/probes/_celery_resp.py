"""Redis' protocol as a conversation: replies one after the other, arrays among them, and what is published.

RESP2 (redis.io, "Redis serialization protocol specification"). The kind redis asks once and leaves, by _resp.
"""

import asyncio
import time
from collections import deque

from exporter.probe import Down
from exporter.probes import _net
from exporter.probes._resp import Malformed, ReplyError

Simple = bytes | int | ReplyError | None
Reply = Simple | list[Simple]

LONGEST = 8 << 20
"""Bytes of one reply: what a worker that holds thousands of tasks says of them has some."""
ELEMENTS = 1024
"""Of an array; the longest that is asked for has 4."""
HELD = 1 << 20
"""Bytes of replies that wait to be taken, from which on nothing more is read: the server keeps the rest."""
_LINE = 4096


class _Incomplete(Exception):  # noqa: N818 - more is to come
    pass


class Wire(asyncio.Protocol):
    """One connection. With `room`, more bytes than that are no answers but a flood."""

    def __init__(self, where: str, room: int = 0) -> None:
        self._where = where
        self._room = room
        self._received = 0
        self._rest = bytearray()
        self._came: deque[tuple[Reply, int]] = deque()
        self._held = 0
        self._paused = False
        self._failure: Down | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.heard = time.monotonic()
        """When something came last."""

    def waiting(self) -> bool:
        return bool(self._came)

    async def reply(self) -> Reply:
        """The next one. Raises Down when none comes any more."""
        while not self._came:
            if self._failure is not None:
                raise self._failure
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        reply, size = self._came.popleft()
        self._held -= size
        if self._paused and self._held < HELD // 2:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return reply

    def attach(self, transport: asyncio.Transport) -> None:
        """Say what carries it: with TLS that is not what connection_made told."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._received += len(data)
        self.heard = time.monotonic()
        if self._room and self._received > self._room:
            self._fail(Down("protocol", f"{self._where}: replies of more than {self._room} bytes"))
            return
        self._rest += data
        at = 0
        try:
            while at < len(self._rest):
                reply, end = self._parse(at)
                self._came.append((reply, end - at))
                self._held += end - at
                at = end
        except _Incomplete:
            pass
        except Malformed as error:
            self._fail(Down("protocol", f"{self._where}: {error}"))
            return
        del self._rest[:at]
        if self._held > HELD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._came:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._failure is None:
            self._fail(_net.failure(exc, self._where))

    def _fail(self, down: Down) -> None:
        self._failure = down
        self._rest.clear()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _parse(self, at: int) -> tuple[Reply, int]:
        if self._rest[at : at + 1] == b"*":
            line, after = self._line(at)
            found: list[Simple] = []
            for _ in range(_number(line, ELEMENTS)):
                each, after = self._simple(after)
                found.append(each)
            return found, after
        return self._simple(at)

    def _simple(self, at: int) -> tuple[Simple, int]:
        kind = self._rest[at : at + 1]
        if kind not in b"+-:$":  # shows no more: it may be what was sent, sent back
            raise Malformed(f"no reply of Redis: it begins with {bytes(kind)!r}")
        line, after = self._line(at)
        if kind == b"$":
            return self._bulk(_number(line, LONGEST), after)
        if kind == b"+":
            return line, after
        if kind == b"-":
            return ReplyError(line.decode(errors="replace")), after
        return _number(line, 1 << 63), after

    def _line(self, at: int) -> tuple[bytes, int]:
        """What follows the byte that says what it is, and where the next begins."""
        end = self._rest.find(b"\r\n", at, at + _LINE)
        if end < 0:
            if len(self._rest) - at >= _LINE:
                raise Malformed(f"a line of more than {_LINE} bytes")
            raise _Incomplete
        return bytes(self._rest[at + 1 : end]), end + 2

    def _bulk(self, size: int, after: int) -> tuple[bytes | None, int]:
        if size < 0:
            return None, after
        end = after + size
        if len(self._rest) < end + 2:
            raise _Incomplete
        if self._rest[end : end + 2] != b"\r\n":
            raise Malformed("a reply longer than it says")
        return bytes(self._rest[after:end]), end + 2


def _number(line: bytes, most: int) -> int:
    if len(line) > 20 or not line.removeprefix(b"-").isdigit():
        raise Malformed("no number where there should be one")
    if (number := int(line)) > most:
        raise Malformed(f"a reply of {number} parts, more than {most}")
    return number
