"""The body of a request with a Content-Length, as it comes: what aiohttp's StreamReader is, as far as we read one."""

import asyncio
from typing import Self

AHEAD = 128 * 1024
"""Bytes that may have come and wait to be read; for more the client is not listened to."""


class Coming:
    """`size`: bytes that its head has told."""

    __slots__ = ("_dropping", "_held", "_left", "_lost", "_parts", "_paused", "_transport", "_waiter")

    def __init__(self, transport: asyncio.Transport, size: int) -> None:
        self._transport = transport
        self._left = size
        self._parts: list[bytes] = []
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost: BaseException | None = None
        self._paused = self._dropping = False

    def feed(self, data: bytes) -> bytes:
        """What comes behind its end."""
        part, rest = (data, b"") if len(data) <= self._left else (data[: self._left], data[self._left :])
        self._left -= len(part)
        if part and not self._dropping:
            self._parts.append(part)
            self._held += len(part)
            if self._held > AHEAD and self._left and not self._paused:
                self._paused = True
                self._transport.pause_reading()
        self._wake()
        return rest

    def lose(self) -> None:
        """The client has left before its end."""
        if self._left:
            self._lost = ConnectionResetError("the client has left")
            self._wake()

    def is_eof(self) -> bool:
        """Whether all of it has come."""
        return not self._left

    def exception(self) -> BaseException | None:
        return self._lost

    def read_nowait(self) -> bytes:
        """What has come and was not read."""
        parts = self._parts
        self._parts, self._held = [], 0
        self._resume()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def wait_eof(self) -> None:
        """Until all of it has come: for one that fits. Raises ConnectionError."""
        while self._left:
            await self._more()

    def iter_any(self) -> Self:
        """Its parts as they come."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Raises ConnectionError."""
        while not self._parts:
            if not self._left:
                raise StopAsyncIteration
            await self._more()
        return self.read_nowait()

    async def drop(self, within: float) -> bool:
        """Listen to what is left of it and throw it away, for so many seconds; whether that was all."""
        self._dropping = True
        self._parts, self._held = [], 0
        self._resume()
        try:
            async with asyncio.timeout(within):
                await self.wait_eof()
        except (TimeoutError, ConnectionError):
            return False
        return True

    async def _more(self) -> None:
        if self._lost is not None:
            raise self._lost
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
