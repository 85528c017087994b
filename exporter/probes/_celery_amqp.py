"""Celery's queues, mailbox and events in a RabbitMQ; nothing is declared there that Celery does not declare itself."""

import asyncio
import struct
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from exporter.probe import Down
from exporter.probes import _amqp
from exporter.probes._amqp import Fields, Malformed, longstr, shortstr
from exporter.probes._celery_broker import OTHER, Answer, Backlog, Event, Names, Quote
from exporter.probes._celery_control import JSON, headers
from exporter.probes._celery_frames import TURN, Frames, Name, closed, framed
from exporter.probes._celery_url import Place

_START: Final = (10, 10)
_START_OK: Final = (10, 11)
_TUNE: Final = (10, 30)
_TUNE_OK: Final = (10, 31)
_OPEN: Final = (10, 40)
_OPEN_OK: Final = (10, 41)
_CLOSE: Final = (10, 50)
_CLOSE_OK: Final = (10, 51)
_CHANNEL_OPEN: Final = (20, 10)
_CHANNEL_OPEN_OK: Final = (20, 11)
_CHANNEL_CLOSE: Final = (20, 40)
_CHANNEL_CLOSE_OK: Final = (20, 41)
_EXCHANGE_DECLARE: Final = (40, 10)
_DECLARE: Final = (50, 10)
_BIND: Final = (50, 20)
_CONSUME: Final = (60, 20)
_PUBLISH: Final = (60, 40)

_PASSIVE, _DURABLE, _EXCLUSIVE, _AUTO_DELETE = 1, 2, 4, 8
_NO_ACK = 2
_RESERVED = b"\0\0"
_PROPERTIES = 0xF800
"""Flags of a content header: content type and encoding, headers, delivery mode, priority."""
_LACKING = (404, 405, 406)
"""Reply codes: there is none, it is another connection's alone, it is there but declared otherwise."""
_PAUSE = 0.02
_AT_ONCE = 64
"""Answers taken before others have their turn."""
_FRAME = 131072
HEARTBEAT = 30
"""Seconds; a side that follows events says something in half of them, and is given up after two of them."""
_KEPT = 10_000
"""Events that RabbitMQ keeps for us when we are slow; it drops the oldest."""


class Connection:
    """Methods and what they are answered with, on one channel, which is opened again when the server closes it."""

    def __init__(self, transport: asyncio.Transport, wire: Frames, place: Place, quote: Quote) -> None:
        self.transport = transport
        self.wire = wire
        self._place = place
        self._quote = quote
        self._open = False

    async def enter(self, heartbeat: int = 0) -> None:
        """Say who one is, agree on limits, and go to the virtual host (chapter 2.2.4)."""
        place = self._place
        self.transport.write(_amqp.HEADER)
        start = await self._hear(_START)
        start.short()
        start.texts()
        if "PLAIN" not in (offered := start.longstr()).split():
            raise Down("auth", f"{place.where} offers no PLAIN, only {self._quote(offered)}")
        about: _amqp.Table = {
            "product": "stack-exporter",
            "connection_name": "stack-exporter",
            # Without these it closes the connection in silence, and says nothing of an alarm.
            "capabilities": {
                "authentication_failure_close": True,
                "connection.blocked": True,
                "consumer_cancel_notify": True,
            },
        }
        secret = longstr(f"\0{place.username}\0{place.password}")
        self._say(0, _START_OK, _amqp.table(about), shortstr("PLAIN"), secret, shortstr("en_US"))
        tune = await self._hear(_TUNE)
        tune.short()
        frame = min(tune.long() or _FRAME, _FRAME)
        self._say(0, _TUNE_OK, struct.pack(">HIH", 1, frame, min(tune.short() or heartbeat, heartbeat)))
        self._say(0, _OPEN, shortstr(place.vhost), shortstr(""), b"\0")
        await self._hear(_OPEN_OK)
        self._open = True
        await self._open_channel()

    async def exchange(self, name: str, sort: str = "", bits: int = _PASSIVE) -> Fields | None:
        return await self.call(
            _EXCHANGE_DECLARE, _RESERVED, shortstr(name), shortstr(sort), bytes([bits]), _amqp.table({})
        )

    async def queue(self, name: str, bits: int = _PASSIVE, arguments: bytes = b"") -> Fields | None:
        return await self.call(_DECLARE, _RESERVED, shortstr(name), bytes([bits]), longstr(arguments))

    async def listen(self, queue: str, exchange: str, routing_key: str, arguments: bytes = b"") -> None:
        """To a queue of our own that goes with the connection."""
        bound = [shortstr(text) for text in (queue, exchange, routing_key)]
        consumed = [shortstr(queue), shortstr(""), bytes([_NO_ACK])]
        if (
            await self.queue(queue, _EXCLUSIVE | _AUTO_DELETE, arguments) is None
            or await self.call(_BIND, _RESERVED, *bound, b"\0", _amqp.table({})) is None
            or await self.call(_CONSUME, _RESERVED, *consumed, _amqp.table({})) is None
        ):
            raise Down("server_error", f"{self._place.where} lets no queue listen to {self._quote(exchange)[:80]}")

    async def call(self, name: Name, *fields: bytes) -> Fields | None:
        """What it is answered with; None when there is no such thing, or it is there and otherwise. Raises Down."""
        self._say(1, name, *fields)
        answered, told = await self.wire.method()
        if answered == (name[0], name[1] + 1):  # so it is with all of those above
            return told
        if answered != _CHANNEL_CLOSE:
            raise Down("protocol", f"{self._place.where}: {name} is answered with {answered}")
        try:
            code, text = told.short(), told.shortstr()
        except Malformed as error:
            raise Down("protocol", f"{self._place.where}: {error}") from None
        self._say(1, _CHANNEL_CLOSE_OK)
        if code not in _LACKING:
            raise closed(code, f"{self._place.where}: {self._quote(text)}")
        await self._open_channel()
        return None

    def publish(self, exchange: str, body: bytes) -> None:
        fields = b"".join(shortstr(key) + b"d" + struct.pack(">d", value) for key, value in headers().items())
        properties = shortstr(JSON) + shortstr("utf-8") + longstr(fields) + bytes([1, 0])
        head = struct.pack(">HHQH", 60, 0, len(body), _PROPERTIES) + properties
        self._say(1, _PUBLISH, _RESERVED, shortstr(exchange), shortstr(""), b"\0")
        self.transport.write(framed(_amqp.CONTENT, 1, head) + _amqp.frame(_amqp.BODY, 1, body))

    def beat(self) -> None:
        self.transport.write(framed(_amqp.HEARTBEAT, 0, b""))

    async def part(self) -> None:
        """In good order: RabbitMQ logs a warning of each connection that just ends."""
        self._bid()
        while (await self.wire.method())[0] != _CLOSE_OK:
            pass

    def close(self) -> None:
        if self._open and not self.transport.is_closing():
            self._bid()
        self.transport.abort()

    def _bid(self) -> None:
        self._open = False
        self._say(0, _CLOSE, struct.pack(">H", 200), shortstr("done"), b"\0\0\0\0")

    async def _open_channel(self) -> None:
        self._say(1, _CHANNEL_OPEN, shortstr(""))
        await self._hear(_CHANNEL_OPEN_OK)

    async def _hear(self, expected: Name) -> Fields:
        name, fields = await self.wire.method()
        if name != expected:
            raise Down("protocol", f"{self._place.where}: method {name} where {expected} is due")
        return fields

    def _say(self, channel: int, name: Name, *fields: bytes) -> None:
        self.transport.write(_amqp.method(channel, name, *fields))


class Session:
    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    async def backlog(self, queues: Sequence[str]) -> Backlog:
        found = Backlog()
        for queue in queues:
            told = await self._connection.queue(queue)
            if told is None:
                found.lacking.append(queue)
            else:
                told.shortstr()
                found.ready[queue] = told.long()
        return found

    async def ask(self, requests: Sequence[bytes], reply_to: str) -> int | None:
        connection, control = self._connection, self._names.control
        if await connection.exchange(f"{control}.pidbox") is None:
            return 0  # workers declare it, so there has been none
        exchange = f"reply.{control}.pidbox"
        if await connection.exchange(exchange) is None:
            await connection.exchange(exchange, "direct", 0)
        await connection.listen(f"{reply_to}.{exchange}", exchange, reply_to)
        for body in requests:
            connection.publish(f"{control}.pidbox", body)
        return None

    async def answers(self) -> list[Answer]:
        wire, found = self._connection.wire, list[Answer]()
        for _ in range(TURN):
            taken = wire.take()
            if not isinstance(taken, bool):
                found.append(Answer(taken.headers.get("ticket", ""), taken.content_type, taken.body))
            if taken is False or len(found) == _AT_ONCE:
                break
        if taken is False and not found:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await wire.more()
        await asyncio.sleep(0)
        return found

    async def leave(self) -> None:
        await self._connection.part()

    def close(self) -> None:
        self._connection.close()


class Stream:
    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def heard(self) -> float:
        return self._connection.wire.heard

    async def subscribe(self) -> None:
        """To the events of tasks alone."""
        connection, events = self._connection, self._names.events
        if await connection.exchange(events) is None:
            # As Celery has it, whose workers would be refused if it were otherwise.
            await connection.exchange(events, "topic", _DURABLE)
        longest = shortstr("x-max-length") + b"I" + struct.pack(">i", _KEPT)
        await connection.listen(f"{events}.{uuid.uuid4()}", events, "task.#", longest)

    def event(self) -> Event | None:
        taken = self._connection.wire.take()
        if isinstance(taken, bool):
            return OTHER if taken else None
        return Event(taken.content_type, taken.body)

    async def more(self) -> None:
        await self._connection.wire.more()

    def touch(self) -> None:
        self._connection.beat()

    def close(self) -> None:
        self._connection.close()
