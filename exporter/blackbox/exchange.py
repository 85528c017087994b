"""One HTTP/1 response on a connection of its own, read as it comes, with the times that its phases are made of."""

import asyncio
import time

import httptools

from exporter.blackbox.run import Failed
from exporter.probe import Down
from exporter.probes._body import Body

HEAD = 262_144
"""Bytes of status line and headers."""
SLICE = 4_096
"""Bytes that are decompressed at once: a thousand times as many may come of them."""
WITHOUT_BODY = {204, 304}


class Response:
    """What came; `headers` in order, their names in lower case. What HTTP/1 and HTTP/2 have in common."""

    def __init__(self, body: Body, *, compressed: bool, method: str) -> None:
        self.status = 0
        self.version = "HTTP/1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = body
        self.began = 0.0
        """When the first byte came, on time.monotonic's clock; 0 before."""
        self.headed = False
        self.complete = False
        self.error = ""
        self._method = method
        self._compressed = compressed
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> None:
        """Wait for the headers. Raises Failed."""
        while not self.headed and not self.error:
            await self._wait()
        if not self.headed:
            raise Failed("Error for HTTP request", err=self.error)

    async def end(self) -> bytes:
        """Wait for the body; its bytes if they are kept. Raises Failed."""
        while not self.complete and not self.error:
            await self._wait()
        if not self.error:
            try:
                return self.body.end()
            except Down as down:
                self.error = down.detail
        raise Failed("Failed to read HTTP response body", err=self.error)

    def values(self, name: bytes) -> list[str]:
        """All of a header's values; `name` is in lower case."""
        return [value.decode("latin-1") for found, value in self.headers if found == name]

    @property
    def content_length(self) -> int:
        """As Go's ContentLength: -1 when it is not known."""
        if self.status in WITHOUT_BODY:
            return 0
        chunked = any("chunked" in value.lower() for value in self.values(b"transfer-encoding"))
        given = self.values(b"content-length")
        return int(given[0]) if given and given[0].isascii() and given[0].isdigit() and not chunked else -1

    @property
    def empty(self) -> bool:
        """Whether there is no body, whatever the headers say."""
        return self._method == "HEAD" or self.status in WITHOUT_BODY

    def take(self, data: bytes) -> None:
        """A part of the body."""
        if self.error or self.complete:
            return
        try:
            if not self._compressed:
                self.body.feed(data)
            else:
                for at in range(0, len(data), SLICE):
                    self.body.feed(data[at : at + SLICE])
        except Down as down:
            self.fail(down.detail)

    def fail(self, error: str) -> None:
        if not self.complete and not self.error:
            self.error = error
        self.wake()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter


class Exchange(asyncio.Protocol):
    """Fills a Response."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._told = False

    def data_received(self, data: bytes) -> None:
        response = self.response
        if response.complete or response.error:
            return
        if not response.began:
            response.began = time.monotonic()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            response.complete = True  # 101: the rest is no HTTP
        except httptools.HttpParserError as error:
            response.fail(f"malformed HTTP response: {error}"[:200])
        if not response.headed:
            self._received += len(data)
            if self._received > HEAD:
                response.fail(f"more than {HEAD} bytes of headers")
        if response.complete or response.error:
            self._free()
            response.wake()
        elif response.headed and not self._told:
            self._told = True
            response.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        response = self.response
        if not response.complete and not response.error:
            if exc is None and response.headed and response.content_length < 0 and not self._chunked():
                response.complete = True  # a body without a length ends with the connection
                response.wake()
            else:
                response.fail(str(exc) if exc is not None else "unexpected EOF" if response.headed else "EOF")
        self._free()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.response.headed:  # what comes later is a trailer
            self.response.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        response, status = self.response, self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # 103 Early Hints: the response is yet to come
            response.headers.clear()
            return
        response.status = status
        response.version = f"HTTP/{self._parser.get_http_version()}"
        response.headed = True
        if response.empty:
            response.complete = True

    def on_body(self, data: bytes) -> None:
        self.response.take(data)

    def on_message_complete(self) -> None:
        if self.response.headed:
            self.response.complete = True

    def _free(self) -> None:
        """Drop the parser, which holds us: a ring that only the garbage collector would undo."""
        vars(self).pop("_parser", None)

    def _chunked(self) -> bool:
        return any("chunked" in value.lower() for value in self.response.values(b"transfer-encoding"))


class Early(asyncio.Protocol):
    """Keeps what comes between a handshake and the choice of a protocol, which the handshake makes."""

    def __init__(self) -> None:
        self._data = b""
        self._lost: tuple[Exception | None] | None = None

    def data_received(self, data: bytes) -> None:
        self._data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = (exc,)

    def give(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Have the protocol take over."""
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._data:
            protocol.data_received(self._data)
        if self._lost is not None:
            protocol.connection_lost(self._lost[0])
