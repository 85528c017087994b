"""One HTTP/1.1 response on a connection of its own, read as it comes."""

import asyncio

import httptools

from exporter.probe import Down
from exporter.probes._body import Body
from exporter.probes._net import failure

HEAD = 65536
"""Bytes of status line and headers; more is no answer but an attack."""


class Exchange(asyncio.Protocol):
    """Headers by lower-case name, several of a name joined by a comma."""

    def __init__(self, where: str, limit: int, *, keep: bool = False, headers_only: bool = False) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body: Body | None = None
        self._where = where
        self._limit = limit
        self._keep = keep
        self._headers_only = headers_only  # the answer to HEAD and CONNECT, whatever length it claims
        self._headed = False
        self._told = False  # that the headers are here
        self._complete = False
        self._error: Down | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._received = 0
        self._parser = httptools.HttpResponseParser(self)

    async def head(self) -> None:
        """Wait for the headers. Raises Down."""
        while not self._headed and self._error is None:
            await self._wait()
        if self._error is not None and not self._headed:
            raise self._error

    async def end(self) -> bytes:
        """Wait for the body; its bytes if they are kept. Raises Down."""
        while not self._complete and self._error is None:
            await self._wait()
        if self._error is not None:
            raise self._error
        return self.body.end() if self.body is not None else b""

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    def data_received(self, data: bytes) -> None:
        if self._error is not None or self._complete:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete = True  # 101: the rest is no HTTP
        except httptools.HttpParserError as error:
            if not self._complete:  # bytes after the end are no concern of a connection that is closed now
                self._fail(Down("protocol", f"{self._where}: not HTTP/1.1: {error}"[:200]))
        if not self._headed and self._received > HEAD:
            self._fail(Down("protocol", f"{self._where}: more than {HEAD} bytes of headers"))
        # Chunks of one byte take six; extensions and trailers can be endless.
        elif self._received > HEAD + 8 * self._limit:
            self._fail(Down("body_too_large", f"{self._where}: {self._received} bytes without an end"))
        if self._complete or self._error is not None or (self._headed and not self._told):
            self._told = self._headed
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._complete and self._error is None:
            if exc is None and self._headed and not self._framed:
                self._complete = True  # a body without a length ends with the connection
            else:
                self._fail(self._lost(exc))
        vars(self).pop("_parser", None)  # it holds us: a ring that only the garbage collector would undo
        self._wake()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # what comes later is a trailer
            name = name.lower()
            self.headers[name] = value if name not in self.headers else self.headers[name] + b", " + value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # 103 Early Hints: the response is yet to come
            self.headers.clear()
            return
        self.status = status
        self._headed = True
        if self._headers_only:
            self._complete = True
            return
        try:
            encoding = self.headers.get(b"content-encoding")
            self.body = Body(encoding.decode("latin-1") if encoding else "", self._limit, self._where, keep=self._keep)
        except Down as down:
            self._fail(down)

    def on_body(self, data: bytes) -> None:
        if self._error is None and not self._complete and self.body is not None:
            try:
                self.body.feed(data)
            except Down as down:
                self._fail(down)

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True

    @property
    def _framed(self) -> bool:
        return b"content-length" in self.headers or b"transfer-encoding" in self.headers

    def _lost(self, exc: Exception | None) -> Down:
        if exc is None and self._headed:
            size = self.body.size if self.body is not None else 0
            return Down("closed", f"{self._where} closed the connection in the body, after {size} bytes of it")
        return failure(exc, self._where)

    def _fail(self, down: Down) -> None:
        if self._error is None:
            self._error = down

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
