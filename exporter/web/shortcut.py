"""A way past most of aiohttp for what comes by the hundred a second, all alike: GET /probe, and what applications send.

It takes a request whose head comes in one piece: a GET /probe without body and credentials, alone; a POST with a
Content-Length, on a connection that has brought nothing else. Whatever differs goes to aiohttp, and the connection
stays with it. Checks, routes and answers are the Site's as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from multidict import CIMultiDictProxy
from yarl import URL

from exporter.web.shortcut_body import Coming
from exporter.web.shortcut_head import Found, Heads
from exporter.web.wire import Written

WAITING = 65_536
"""Bytes that a client may send ahead of an answer, or leave unread, before it is cut, or not listened to."""
BUSY = 150.0
"""Seconds for which a connection with a request under way is not idle: more than any takes."""


class Brief:
    """A request, as far as a Site looks at it. Its headers are as `required.check` wants them."""

    __slots__ = ("content", "content_length", "headers", "method", "rel_url", "remote", "transport", "version")

    def __init__(self, found: Found, transport: asyncio.Transport, remote: str) -> None:
        self.method, self.headers, self.rel_url, self.version = found.head
        self.content_length = found.size or None
        self.content = Coming(transport, found.size)
        self.remote = remote
        self.transport = transport

    headers: CIMultiDictProxy[str]
    rel_url: URL
    version: Any

    @property
    def body_exists(self) -> bool:
        return self.content_length is not None


class Shortcut:
    """Of one connection. `linger`: seconds for which a body that nobody wanted is listened to."""

    __slots__ = ("_answer", "_heads", "_linger", "_paused", "_pending", "_remote", "_request", "_task", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        answer: Callable[[web.BaseRequest], Awaitable[Written]],
        heads: Heads,
        linger: float,
    ) -> None:
        self._transport = transport
        self._answer = answer
        self._heads = heads
        self._linger = linger
        self._remote = str((transport.get_extra_info("peername") or ("",))[0])
        self._pending = b""
        self._paused = False
        self._request: Brief | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._request is not None

    def take(self, data: bytes, done: Callable[[bytes], None]) -> bool:
        """Whether it is a request for us, or comes while one is under way; `done` then hears what came meanwhile."""
        if self._transport.is_closing():
            return True  # what follows what closes the connection may be the rest of what was refused
        if self._request is not None:
            self._keep(self._request.content.feed(data))
            return True
        found = self._heads.find(data)
        if found is None:
            return False
        self._request = request = Brief(found, self._transport, self._remote)
        if found.size:
            self._keep(request.content.feed(data[found.body :]))
        self._task = asyncio.get_running_loop().create_task(self._run(request, found, done))
        return True

    def leave(self) -> None:
        """The client has left. What may change something is finished all the same."""
        if self._request is not None and self._task is not None:
            self._request.content.lose()
            if self._request.method == "GET":
                self._task.cancel()

    def _keep(self, data: bytes) -> None:
        if data:
            self._pending += data
            if len(self._pending) > WAITING:
                if self._request is None or self._request.method == "GET":
                    self._transport.abort()
                else:  # the next body, of which nothing has to be waited for
                    self._paused = True
                    self._transport.pause_reading()

    async def _run(self, request: Brief, found: Found, done: Callable[[bytes], None]) -> None:
        try:
            status, data, close = await self._answer(cast("web.BaseRequest", request))
            if status < 400:
                self._heads.keep(found)
            transport = self._transport
            if transport.is_closing():
                return
            transport.write(data)
            if transport.get_write_buffer_size() > WAITING:
                transport.abort()
                return
            if not request.content.is_eof():
                close |= not await request.content.drop(self._linger)
            if close:
                transport.close()
        finally:
            self._request = self._task = None
            pending, self._pending = self._pending, b""
            if self._paused and not self._transport.is_closing():
                self._transport.resume_reading()
            self._paused = False
            done(pending)
