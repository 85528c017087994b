"""What comes on a TCP connection, by lines or by bytes, with no more of it held than is looked at."""

import asyncio
from typing import cast

from exporter.blackbox.run import Failed

LINE = 65536
"""Bytes of a line at most: what Go's bufio.Scanner takes."""


class Stream(asyncio.Protocol):
    """Lines are without their ends; what is left unended at the end of the stream is a line too."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    async def line(self) -> bytes | None:
        """The next one; None at the end. Raises Failed."""
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched >= LINE:
                raise Failed("Error reading from connection", err="token too long")
            if self._error is not None:
                raise Failed("Error reading from connection", err=self._error)
            if self._ended:
                rest = self._take(len(self._buffer), len(self._buffer))
                return rest.removesuffix(b"\r") or None
            await self._more()
        return self._take(end, end + 1).removesuffix(b"\r")

    async def exactly(self, size: int) -> bytes:
        """So many bytes; fewer when it ends before. Raises Failed."""
        while len(self._buffer) < size and not self._ended:
            if self._error is not None:
                raise Failed("Error reading from connection", err=self._error)
            await self._more()
        return self._take(size, size)

    def clear(self) -> None:
        """Forget what was not looked at."""
        self._take(0, len(self._buffer))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > 2 * LINE and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._transport = None
        self._wake()

    def _take(self, size: int, gone: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:gone]
        self._searched = 0
        return taken

    async def _more(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
