"""What comes on a connection, kept until it is taken: bounded, and no more is read than is asked for."""

import asyncio
import time

from exporter.probe import Down
from exporter.probes import _net

HELD = 1 << 20
"""Bytes that wait to be taken, from which on nothing more is read: the broker keeps the rest."""
MESSAGE = 8 << 20
"""Bytes of one answer or event: what a worker that holds thousands of tasks says of them has some."""


class Wire(asyncio.Protocol):
    """`rest` is what has not been taken. It is parsed by who takes it: what floods in costs nobody else's turn."""

    def __init__(self, where: str, room: int = 0) -> None:
        """With `room`, more bytes than that are no answers but a flood."""
        self.where = where
        self.rest = bytearray()
        self.heard = time.monotonic()
        """When something came last."""
        self._left = room or None
        self._paused = False
        self._lost: Down | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def attach(self, transport: asyncio.Transport) -> None:
        """Say what carries it: with TLS that is not what connection_made told."""
        self._transport = transport

    async def more(self) -> None:
        """Wait until more has come. Raises Down when none comes any more."""
        if self._lost is not None:
            raise self._lost
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        if self._lost is not None:
            return
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self._fail(Down("protocol", f"{self.where}: answers without an end"))
                return
        self.rest += data
        if self._waiter is not None:
            self._wake()
        elif len(self.rest) > HELD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            self._fail(_net.failure(exc, self.where))

    def _fail(self, down: Down) -> None:
        self._lost = down
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
