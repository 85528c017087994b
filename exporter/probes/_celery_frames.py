"""AMQP 0-9-1 as it is followed: methods one after the other, and the messages that are delivered, in any number.

For a look at a queue there is _amqp_session, whose codec this shares.
"""

import asyncio
import struct
import time
from collections import deque
from typing import Final, NamedTuple

from exporter.probe import Down
from exporter.probes import _net
from exporter.probes._amqp import BODY, CONTENT, END, HEARTBEAT, METHOD, Fields, Malformed
from exporter.probes._celery_broker import HELD, MESSAGE, Quote

Name = tuple[int, int]
CLOSE: Final = (10, 50)
BLOCKED: Final = (10, 60)
UNBLOCKED: Final = (10, 61)
CANCEL: Final = (60, 30)
_DELIVER: Final = b"\x00\x3c\x00\x3c"

_HEAD = struct.Struct(">BHI")
_LARGEST = 1 << 20
"""Bytes of a frame. What we agree to has 128 KiB."""
_PROPERTIES = 14
"""Bytes of a content header before its properties, whose first flags say which there are (chapter 4.2.6.1)."""
_CONTENT_TYPE, _ENCODING, _HEADERS = 0x80, 0x40, 0x20


class Delivery(NamedTuple):
    header: bytes
    body: bytes

    @property
    def content_type(self) -> str:
        return self._read()[0]

    @property
    def headers(self) -> dict[str, str]:
        """The texts among them."""
        return self._read(headers=True)[1]

    def _read(self, *, headers: bool = False) -> tuple[str, dict[str, str]]:
        fields, flags = Fields(self.header[_PROPERTIES:]), self.header[_PROPERTIES - 2]
        try:
            content_type = fields.shortstr() if flags & _CONTENT_TYPE else ""
            if not headers or not flags & _HEADERS:
                return content_type, {}
            if flags & _ENCODING:
                fields.shortstr()
            return content_type, fields.texts()
        except Malformed:
            return "", {}


class Wire(asyncio.Protocol):
    """With `room`, more bytes than that are no answers but a flood."""

    def __init__(self, where: str, quote: Quote, room: int = 0) -> None:
        self._where = where
        self._quote = quote
        self._room = room
        self._received = 0
        self._rest = bytearray()
        self._methods: deque[tuple[Name, Fields]] = deque()
        self._deliveries: deque[Delivery] = deque()
        self._held = 0
        self._header = b""
        self._body = bytearray()
        self._left = -1
        self._paused = False
        self._failure: Down | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.heard = time.monotonic()
        """When something came last."""

    def attach(self, transport: asyncio.Transport) -> None:
        """Say what carries it: with TLS that is not what connection_made told."""
        self._transport = transport

    def waiting(self) -> bool:
        return bool(self._deliveries)

    async def method(self) -> tuple[Name, Fields]:
        """The next method of the server's. Raises Down."""
        while not self._methods:
            await self._more()
        return self._methods.popleft()

    async def delivery(self) -> Delivery:
        """The next message. Raises Down."""
        while not self._deliveries:
            await self._more()
        found = self._deliveries.popleft()
        self._held -= len(found.body)
        if self._paused and self._held < HELD // 2:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return found

    def check(self) -> None:
        """Raises Down when the connection is lost, or the server has stopped taking messages."""
        if self._failure is not None:
            raise self._failure

    async def _more(self) -> None:
        self.check()
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def data_received(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._received += len(data)
        self.heard = time.monotonic()
        if self._room and self._received > self._room:
            self._fail(Down("protocol", f"{self._where}: more than {self._room} bytes"))
            return
        self._rest += data
        at = 0
        while self._failure is None and len(self._rest) - at >= _HEAD.size:
            kind, _, size = _HEAD.unpack_from(self._rest, at)
            if kind not in (METHOD, CONTENT, BODY, HEARTBEAT) or size > _LARGEST:
                # No word of it: what answers may send back what it was sent, the password too.
                self._fail(Down("protocol", f"{self._where}: what answers is no frame of AMQP 0-9-1"))
                return
            end = at + _HEAD.size + size
            if len(self._rest) <= end:
                break
            if self._rest[end] != END:
                self._fail(Down("protocol", f"{self._where}: a frame does not end where it says"))
                return
            self._take(kind, bytes(self._rest[at + _HEAD.size : end]))
            at = end + 1
        del self._rest[:at]
        if self._held > HELD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._failure is None:
            self._fail(_net.failure(exc, self._where))

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == METHOD:
            if payload[:4] != _DELIVER:
                self._told(payload)
        elif kind == CONTENT and len(payload) >= _PROPERTIES:
            (self._left,) = struct.unpack_from(">Q", payload, 4)
            self._header = payload
            self._body.clear()
            self._delivered()
        elif kind == BODY and self._left >= 0:
            self._left -= len(payload)
            if len(self._body) <= MESSAGE:  # a longer one comes to nothing
                self._body += payload
            self._delivered()

    def _delivered(self) -> None:
        if self._left > 0:
            return
        self._left = -1
        if len(self._body) <= MESSAGE:
            self._deliveries.append(Delivery(self._header, bytes(self._body)))
            self._held += len(self._body)
        self._body.clear()

    def _told(self, payload: bytes) -> None:
        if len(payload) < 4:
            self._fail(Down("protocol", f"{self._where}: a method without a name"))
            return
        name, fields = (payload[1] + (payload[0] << 8), payload[3] + (payload[2] << 8)), Fields(payload[4:])
        try:
            if name == CLOSE:
                self._fail(closed(fields.short(), f"{self._where}: {self._quote(fields.shortstr())}"))
            elif name == BLOCKED:
                self._fail(Down("blocked", f"{self._where} takes no messages: {self._quote(fields.shortstr())}"))
            elif name == CANCEL:
                self._fail(Down("closed", f"{self._where} has taken away the queue that was listened to"))
            elif name != UNBLOCKED:
                self._methods.append((name, fields))
        except Malformed as error:
            self._fail(Down("protocol", f"{self._where}: {error}"))

    def _fail(self, down: Down) -> None:
        self._failure = down
        self._rest.clear()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def framed(kind: int, channel: int, payload: bytes) -> bytes:
    return _HEAD.pack(kind, channel, len(payload)) + payload + bytes([END])


def closed(code: int, detail: str) -> Down:
    """What it means that the server ends the connection or a channel."""
    if code == 403:
        return Down("auth" if "login" in detail.lower() else "permission", detail)
    if code == 530:
        return Down("too_many_connections" if "limit" in detail else "no_vhost", detail)
    return Down("server_error", detail)
