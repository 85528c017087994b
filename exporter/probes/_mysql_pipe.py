"""A connection of asyncio's that a blocking driver reads and writes from its thread, as if it were a socket.

So the connection is made, encrypted, metered and broken off where all others are, in the loop, and a run that is
cancelled takes its thread back at once.
"""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, cast

from exporter.probe import Down
from exporter.probes import _net

_GREETING = 1024
"""Bytes; MySQL's and MariaDB's greetings have about a hundred."""


class Pipe(asyncio.Protocol):
    """What is named like a socket's methods is for the driver's thread, the rest for the loop's."""

    def __init__(self, where: str, room: int) -> None:
        self.where = where
        self.encrypt: Callable[[], Awaitable[asyncio.Transport]] | None = None
        self.last_sent = b""
        self.down: Down | None = None
        self._loop = asyncio.get_running_loop()
        self._room = room
        self._left = room
        self._held = bytearray()
        self._change = threading.Condition()
        self._encrypting: asyncio.Task[Any] | None = None
        self.greeted: asyncio.Future[bytes] = self._loop.create_future()
        """The first packet, without its head. It stays to be read."""
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abort(Down("protocol", f"{self.where} sent more than {self._room} bytes"))
            return
        with self._change:
            self._held += data
            self._change.notify()
        if not self.greeted.done():
            self._greet()

    def _greet(self) -> None:
        length = int.from_bytes(self._held[:3], "little")
        if len(self._held) >= 4 and (length > _GREETING or not length or self._held[3]):
            begins = bytes(self._held[:24])
            self.abort(Down("protocol", f"{self.where} does not speak MySQL's protocol: it begins with {begins!r}"))
        elif len(self._held) >= 4 + length > 4:
            self.greeted.set_result(bytes(self._held[4 : 4 + length]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._encrypting is None:  # else what encrypts knows better why
            self.abort(_net.failure(error, self.where))
        if not self.lost.done():
            self.lost.set_result(None)

    def abort(self, down: Down) -> None:
        """End it; whoever waits in the other thread is told why."""
        with self._change:
            self.down = self.down or down
            self._change.notify()
        if not self.greeted.done():
            self.greeted.set_exception(self.down)
            self.greeted.exception()
        if self._encrypting is not None:
            self._encrypting.cancel()
        self.transport.abort()

    @property
    def unread(self) -> bytes:
        with self._change:
            return bytes(self._held)

    def settimeout(self, _: float | None) -> None:
        """The run's deadline is the only one."""

    def makefile(self, _: str) -> "Pipe":
        return self

    def read(self, size: int) -> bytes:
        """So many bytes. Raises Down when they will not come."""
        with self._change:
            while len(self._held) < size:
                if self.down is not None:
                    raise self.down
                self._change.wait()
            data = bytes(self._held[:size])
            del self._held[:size]
            return data

    def sendall(self, data: bytes) -> None:
        if self.down is not None:
            raise self.down
        self.last_sent = bytes(data)
        # Not the transport's own method: it may be another transport by then.
        self._loop.call_soon_threadsafe(lambda: self.transport.write(data))

    def upgrade(self) -> "Pipe":
        """Make it a TLS connection. Raises Down."""
        asyncio.run_coroutine_threadsafe(self._upgrade(), self._loop).result()
        return self

    async def _upgrade(self) -> None:
        assert self.encrypt is not None  # noqa: S101 - the driver is given a context only with it
        # What came before the handshake must not pass for what comes after it.
        if self._held:
            raise Down("protocol", f"{self.where} went on after its greeting, before TLS")
        if self.down is not None:
            raise self.down
        self._encrypting = asyncio.current_task()
        try:
            self.transport = await self.encrypt()
        finally:
            self._encrypting = None

    def close(self) -> None:
        """The loop's side closes it."""


class _Context(ssl.SSLContext):
    """What a driver takes for a context, and which leaves the handshake to the connection itself."""

    def wrap_socket(self, sock: Any, *_: Any, **__: Any) -> Any:
        return sock.upgrade()


@cache
def context() -> ssl.SSLContext:
    return _Context(ssl.PROTOCOL_TLS_CLIENT)
