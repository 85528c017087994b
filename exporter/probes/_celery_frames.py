"""AMQP 0-9-1 as it is followed: methods one after the other, and the messages that are delivered, in any number.

For a look at a queue there is _amqp_session, whose codec this shares.
"""

import asyncio
import struct
from collections import deque
from typing import Final, NamedTuple

from exporter.probe import Down
from exporter.probes._amqp import BODY, CONTENT, END, HEARTBEAT, METHOD, Fields, Malformed
from exporter.probes._celery_broker import Quote
from exporter.probes._celery_wire import MESSAGE, Wire

Name = tuple[int, int]
CLOSE: Final = (10, 50)
BLOCKED: Final = (10, 60)
UNBLOCKED: Final = (10, 61)
CANCEL: Final = (60, 30)
_DELIVER: Final = b"\x00\x3c\x00\x3c"

_HEAD = struct.Struct(">BHI")
_LARGEST = 1 << 20
"""Bytes of a frame. What we agree to has 128 KiB."""
TURN = 500
"""Frames after which others have their turn: some 2 ms."""
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


class Frames(Wire):
    """Methods and deliveries, each in their order."""

    def __init__(self, where: str, quote: Quote, room: int = 0) -> None:
        super().__init__(where, room)
        self._quote = quote
        self._methods: deque[tuple[Name, Fields]] = deque()
        self._deliveries: deque[Delivery] = deque()
        self._header = b""
        self._body = bytearray()
        self._missing = -1

    async def method(self) -> tuple[Name, Fields]:
        """The next method of the server's. Raises Down."""
        taken = 0
        while not self._methods:
            if not self._frame():
                await self.more()
            elif (taken := taken + 1) % TURN == 0:
                await asyncio.sleep(0)
        return self._methods.popleft()

    def take(self) -> Delivery | bool:
        """The next message; or whether there was a frame that does not end one. Raises Down."""
        if not self._deliveries and not self._frame():
            return False
        return self._deliveries.popleft() if self._deliveries else True

    def _frame(self) -> bool:
        """Take a frame, if one is all there. Raises Down."""
        rest = self.rest
        if len(rest) < _HEAD.size:
            return False
        kind, _, size = _HEAD.unpack_from(rest)
        if kind not in (METHOD, CONTENT, BODY, HEARTBEAT) or size > _LARGEST:
            # No word of it: what answers may send back what it was sent, the password too.
            raise Down("protocol", f"{self.where}: what answers is no frame of AMQP 0-9-1")
        end = _HEAD.size + size
        if len(rest) <= end:
            return False
        if rest[end] != END:
            raise Down("protocol", f"{self.where}: a frame does not end where it says")
        payload = bytes(rest[_HEAD.size : end])
        del rest[: end + 1]
        if kind == METHOD:
            if payload[:4] != _DELIVER:
                self._told(payload)
        elif kind == CONTENT and len(payload) >= _PROPERTIES:
            (self._missing,) = struct.unpack_from(">Q", payload, 4)
            self._header = payload
            self._body.clear()
            self._delivered()
        elif kind == BODY and self._missing >= 0:
            self._missing -= len(payload)
            if len(self._body) <= MESSAGE:  # a longer one comes to nothing
                self._body += payload
            self._delivered()
        return True

    def _delivered(self) -> None:
        if self._missing > 0:
            return
        self._missing = -1
        if len(self._body) <= MESSAGE:
            self._deliveries.append(Delivery(self._header, bytes(self._body)))
        self._body.clear()

    def _told(self, payload: bytes) -> None:
        if len(payload) < 4:
            raise Down("protocol", f"{self.where}: a method without a name")
        name, fields = struct.unpack_from(">HH", payload), Fields(payload[4:])
        try:
            if name == CLOSE:
                raise closed(fields.short(), f"{self.where}: {self._quote(fields.shortstr())}")
            if name == BLOCKED:
                raise Down("blocked", f"{self.where} takes no messages: {self._quote(fields.shortstr())}")
        except Malformed as error:
            raise Down("protocol", f"{self.where}: {error}") from None
        if name == CANCEL:
            raise Down("closed", f"{self.where} has taken away the queue that was listened to")
        if name != UNBLOCKED:
            self._methods.append(((name[0], name[1]), fields))


def framed(kind: int, channel: int, payload: bytes) -> bytes:
    return _HEAD.pack(kind, channel, len(payload)) + payload + bytes([END])


def closed(code: int, detail: str) -> Down:
    """What it means that the server ends the connection or a channel."""
    if code == 403:
        return Down("auth" if "login" in detail.lower() else "permission", detail)
    if code == 530:
        reason = "too_many_connections" if "limit" in detail else "no_vhost" if "not found" in detail else "permission"
        return Down(reason, detail)
    return Down("server_error", detail)
