"""A way past most of aiohttp for GET /probe, of which one Prometheus sends hundreds a second, all alike.

What it takes is one whole request and nothing more, on a connection that has brought nothing else: no body, no
credentials, no upgrade. Whatever differs goes to aiohttp, and the connection stays with it. Checks, routes and answers
are the Site's as ever; aiohttp's parser reads each request once, and what it said of those bytes is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from multidict import CIMultiDictProxy
from yarl import URL

BEGINS, ENDS = b"GET /probe?", b"\r\n\r\n"
LONGEST = 8_192
KNOWN = 500
"""Requests whose bytes are known."""
WAITING = 65_536
"""Bytes that a client may send ahead, or leave unread, before it is cut."""
BUSY = 150.0
"""Seconds for which a connection with a probe under way is not idle: more than any probe takes."""
_FOREIGN = ("Authorization", "Content-Length", "Transfer-Encoding", "Upgrade", "Expect", "Connection")


class Brief:
    """A request, as far as a Site looks at it."""

    __slots__ = ("headers", "rel_url", "remote", "transport", "version")
    method = "GET"
    content_length = None
    body_exists = False

    def __init__(self, headers: CIMultiDictProxy[str], rel_url: URL, version: Any) -> None:
        self.headers = headers
        self.rel_url = rel_url
        self.version = version
        self.remote = ""
        self.transport: asyncio.Transport | None = None


class Shortcut:
    """Of one connection."""

    __slots__ = ("_answer", "_close", "_pending", "_remote", "_task", "_transport", "busy")

    def __init__(
        self, transport: asyncio.Transport, answer: Callable[[web.BaseRequest], Awaitable[web.Response]]
    ) -> None:
        self._transport = transport
        self._answer = answer
        self._remote = str((transport.get_extra_info("peername") or ("",))[0])
        self._pending = b""
        self._task: asyncio.Task[None] | None = None
        self.busy = False

    def take(self, data: bytes, done: Callable[[bytes], None]) -> bool:
        """Whether it is a request for us, or comes while one is under way; `done` then hears what came meanwhile."""
        if self.busy:
            self._pending += data
            if len(self._pending) > WAITING:
                self._transport.abort()
            return True
        known = _KNOWN.get(data) or _read(data)
        if known is None:
            return False
        request = Brief(*known)
        request.remote, request.transport = self._remote, self._transport
        self.busy = True
        self._task = asyncio.get_running_loop().create_task(self._run(request, done))
        return True

    def cancel(self) -> None:
        """The client has left."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, request: Brief, done: Callable[[bytes], None]) -> None:
        try:
            response = await self._answer(cast("web.BaseRequest", request))
            transport = self._transport
            if transport.is_closing():
                return
            transport.write(_bytes(response))
            if transport.get_write_buffer_size() > WAITING:
                transport.abort()
            elif response.keep_alive is False:
                transport.close()
        finally:
            self.busy, self._task = False, None
            pending, self._pending = self._pending, b""
            done(pending)


_KNOWN: dict[bytes, tuple[CIMultiDictProxy[str], URL, Any]] = {}


def _read(data: bytes) -> tuple[CIMultiDictProxy[str], URL, Any] | None:
    """What aiohttp's parser makes of it; None for what is not meant for us."""
    if not data.startswith(BEGINS) or not data.endswith(ENDS) or len(data) > LONGEST:
        return None
    loop = asyncio.get_running_loop()
    try:
        messages, upgraded, tail = HttpRequestParser(cast("Any", asyncio.Protocol()), loop, 2**16).feed_data(data)
    except HttpProcessingError:
        return None
    if len(messages) != 1 or upgraded or tail:
        return None
    message = messages[0][0]
    if message.version < (1, 1) or message.should_close or any(name in message.headers for name in _FOREIGN):
        return None
    if len(_KNOWN) >= KNOWN:
        _KNOWN.clear()
    _KNOWN[bytes(data)] = found = message.headers, message.url, message.version
    return found


def _bytes(response: web.Response) -> bytes:
    body = cast("bytes", response.body or b"")
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.keep_alive is False:
        lines.append("Connection: close")
    lines.append(f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n")
    return "\r\n".join(lines).encode() + body
