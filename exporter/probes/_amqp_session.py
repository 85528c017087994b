"""One AMQP session: log in, open a virtual host and a channel, look at queues, pass a message through one, leave."""

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

from exporter.probe import Down
from exporter.probes import _amqp
from exporter.probes._amqp import FRAME_MAX, Fields, Frame, Frames, Malformed, longstr, method, shortstr

Mechanism = Literal["PLAIN", "EXTERNAL"]

_START: Final = (10, 10)
_START_OK: Final = (10, 11)
_TUNE: Final = (10, 30)
_TUNE_OK: Final = (10, 31)
_OPEN: Final = (10, 40)
_OPEN_OK: Final = (10, 41)
_CLOSE: Final = (10, 50)
_CLOSE_OK: Final = (10, 51)
_BLOCKED: Final = (10, 60)
_UNBLOCKED: Final = (10, 61)
_CHANNEL_OPEN: Final = (20, 10)
_CHANNEL_OPEN_OK: Final = (20, 11)
_CHANNEL_CLOSE: Final = (20, 40)
_CHANNEL_CLOSE_OK: Final = (20, 41)
_DECLARE: Final = (50, 10)
_DECLARE_OK: Final = (50, 11)
_PUBLISH: Final = (60, 40)
_GET: Final = (60, 70)
_GET_OK: Final = (60, 71)
_GET_EMPTY: Final = (60, 72)
_ACK: Final = (60, 80)
_NACK: Final = (60, 120)
_SELECT: Final = (85, 10)
_SELECT_OK: Final = (85, 11)

_PASSIVE, _EXCLUSIVE_AUTO_DELETE = 0b00001, 0b01100  # queue.declare's bits
_ACCESS_REFUSED = 403
_LEAVE = 0.5
_HEARTBEAT = 10
"""Seconds. RabbitMQ reads nothing more of a session that it has blocked, its end neither: the heartbeat that it can't
send is what ends it, 10 s later (measured with 3.10)."""


class Refused(Exception):  # noqa: N818 - says the fact
    """The server closed the session, or the channel, with a reply code (the specification's chapter 1.2) and a text."""

    def __init__(self, code: int, text: str, *, of_channel: bool = False) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.of_channel = of_channel


class Blocked(Exception):  # noqa: N818
    """The server takes no messages at present; it says why."""


class Session:
    """Its methods in their order; each raises Down, Malformed or Refused."""

    def __init__(self, transport: asyncio.Transport, frames: Frames) -> None:
        self._transport = transport
        self._frames = frames
        self._channel = 0
        self._silenced = False  # the server reads nothing more of us

    async def log_in(self, mechanism: Mechanism, username: str, password: str, name: str) -> Mapping[str, str]:
        """What the server says of itself."""
        self._transport.write(_amqp.HEADER)
        _, fields = await self._hear(_START)
        version = fields.octet(), fields.octet()
        if version != (0, 9):
            raise Malformed(f"speaks AMQP {version[0]}-{version[1]}, not 0-9-1")
        said, offered = fields.texts(), fields.longstr().split()
        if mechanism not in offered:
            raise Refused(_ACCESS_REFUSED, f"it offers no {mechanism}, only {' '.join(offered)}")
        response = f"\0{username}\0{password}" if mechanism == "PLAIN" else ""
        own: _amqp.Table = {
            "product": "stack-exporter",
            "connection_name": name,
            # Without these it closes the connection in silence, and says nothing of an alarm.
            "capabilities": {"authentication_failure_close": True, "connection.blocked": True},
        }
        self._say(0, _START_OK, _amqp.table(own), shortstr(mechanism), longstr(response), shortstr("en_US"))
        try:
            _, fields = await self._hear(_TUNE)
        except Down as down:
            if down.reason != "closed":
                raise
            # All that the specification knows for it (4.2.2).
            raise Refused(_ACCESS_REFUSED, "it closed the connection upon the login") from None
        fields.short()
        frame_max = min(fields.long() or FRAME_MAX, FRAME_MAX)
        heartbeat = min(fields.short() or _HEARTBEAT, _HEARTBEAT)
        self._say(0, _TUNE_OK, struct.pack(">HIH", 1, frame_max, heartbeat))
        return said

    async def open(self, vhost: str) -> None:
        self._say(0, _OPEN, shortstr(vhost), shortstr(""), b"\0")
        await self._hear(_OPEN_OK)

    async def open_channel(self) -> None:
        """A new one, in place of one that the server has closed."""
        self._channel = 1
        self._say(1, _CHANNEL_OPEN, shortstr(""))
        await self._hear(_CHANNEL_OPEN_OK)

    async def look(self, queue: str) -> tuple[int, int]:
        """Messages that are ready in a queue, and its consumers."""
        return await self._declare(queue, _PASSIVE)

    async def pass_through(self, queue: str, body: bytes) -> bytes | None:
        """Publish to a queue of our own that goes with the session, and get it back; None when it is not there.

        Raises Blocked too.
        """
        await self._declare(queue, _EXCLUSIVE_AUTO_DELETE)
        self._say(1, _SELECT, b"\0")
        await self._hear(_SELECT_OK)
        # The exchange without a name takes a message to the queue of the routing key.
        self._say(1, _PUBLISH, b"\0\0", shortstr(""), shortstr(queue), b"\0", more=_amqp.content(1, body))
        name, _ = await self._hear(_ACK, _NACK, publishing=True)
        if name == _NACK:
            return None
        self._say(1, _GET, b"\0\0", shortstr(queue), b"\0")
        name, fields = await self._hear(_GET_OK, _GET_EMPTY, publishing=True)
        if name == _GET_EMPTY:
            return None
        tag = fields.longlong()
        found = await self._content()
        self._say(1, _ACK, struct.pack(">QB", tag, 0))
        return found

    async def leave(self) -> None:
        """In good order: RabbitMQ logs a warning of each connection that just ends. Never raises for the server."""
        if self._silenced:
            return
        with suppress(Down, Malformed, Refused, TimeoutError):
            async with asyncio.timeout(_LEAVE):
                self._say(0, _CLOSE, struct.pack(">H", 200), shortstr("done"), b"\0\0\0\0")
                await self._hear(_CLOSE_OK)

    async def _declare(self, queue: str, bits: int) -> tuple[int, int]:
        self._say(1, _DECLARE, b"\0\0", shortstr(queue), bytes([bits]), _amqp.table({}))
        _, fields = await self._hear(_DECLARE_OK)
        fields.shortstr()
        return fields.long(), fields.long()

    async def _content(self) -> bytes:
        head = await self._frame()
        fields = Fields(head.data)
        if head.kind != _amqp.CONTENT or (fields.short(), fields.short()) != (60, 0):
            raise Malformed("a message without a header")
        size, body = fields.longlong(), b""
        if size > FRAME_MAX:
            raise Malformed(f"a message of {size} bytes, which is not ours")
        while len(body) < size:
            part = await self._frame()
            if part.kind != _amqp.BODY or not part.data:
                raise Malformed("a message without its body")
            body += part.data
        return body

    async def _hear(self, *expected: tuple[int, int], publishing: bool = False) -> tuple[tuple[int, int], Fields]:
        while True:
            frame = await self._frame()
            fields = Fields(frame.data)
            if frame.kind == _amqp.METHOD and frame.name in expected:
                return frame.name, fields
            if frame.name == _CLOSE:
                self._say(0, _CLOSE_OK)
                self._silenced = True
                raise Refused(fields.short(), fields.shortstr())
            if frame.name == _CHANNEL_CLOSE:
                self._say(1, _CHANNEL_CLOSE_OK)
                raise Refused(fields.short(), fields.shortstr(), of_channel=True)
            if frame.name == _BLOCKED and publishing:
                self._silenced = True
                raise Blocked(fields.shortstr())
            if frame.name not in (_BLOCKED, _UNBLOCKED):
                raise Malformed(f"{_shown(frame)} where {', '.join(map(str, expected))} is due")

    async def _frame(self) -> Frame:
        return await self._frames.frame()

    def _say(self, channel: int, name: tuple[int, int], *fields: bytes, more: bytes = b"") -> None:
        self._transport.write(method(channel, name, *fields) + more)


def _shown(frame: Frame) -> str:
    return f"method {frame.name}" if frame.kind == _amqp.METHOD else f"a frame of type {frame.kind}"
