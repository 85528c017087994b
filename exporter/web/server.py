"""One listener: what it takes in is bounded in size and time, and nobody who is slow holds up another."""

import asyncio
import logging
import resource
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestHandler

from exporter.web import address, shortcut
from exporter.web.call import Refused
from exporter.web.shortcut_head import Heads
from exporter.web.wire import Written

log = logging.getLogger(__name__)

KEEPALIVE = 15.0
"""Seconds until a connection is cut that is idle, or whose headers are not complete."""
WRITE = 30.0
"""Seconds in which a response must have been taken."""
LINGER = 1.0
"""Seconds for which a body that nobody wanted is read, so that its sender sees the answer instead of a reset."""
HANDSHAKE, GOODBYE = 10.0, 2.0
"""Seconds for TLS to begin and to end."""
GRACE = 5.0
CUT = 0.25
"""The end of the grace: what is left is cancelled."""
CONNECTIONS = 2_000
RESPONSES, LARGE, PATIENCE = 40, 16 * 1024, 2.0
"""Responses of more than so many bytes that may be under way; one that takes so many seconds gives way to another."""


Brief = Callable[[web.BaseRequest], Awaitable[Written]]


class Site(Protocol):
    """What answers requests. No way raises."""

    async def __call__(self, request: web.BaseRequest) -> web.Response: ...
    async def brief(self, request: web.BaseRequest) -> Written: ...
    def refuse(self, refused: Refused, why: str) -> web.Response: ...


class Connection(RequestHandler):
    """One client's connection."""

    __slots__ = ("_closing", "_shortcut")
    _shortcut: shortcut.Shortcut | None
    _closing: bool

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        plain, manager = cast("asyncio.Transport", transport), cast("Listener", self._manager)
        self._shortcut, self._closing = shortcut.Shortcut(plain, manager.brief, manager.heads, LINGER), False
        # Drained then means that the kernel has all of it; for what stays with us a closing transport waits for ever.
        plain.set_write_buffer_limits(high=0)
        if len(manager.connections) > manager.most:
            plain.abort()

    def data_received(self, data: bytes) -> None:
        if self._shortcut is not None:
            if self._shortcut.take(data, self._proceed):
                self._next_keepalive_close_time = self._loop.time() + shortcut.BUSY
                return
            self._shortcut = None  # what aiohttp has begun to read it goes on with
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._shortcut is not None:
            self._shortcut.leave()
        super().connection_lost(exc)

    async def _drain_helper(self) -> None:
        """For what the kernel does not take at once: a timer for every response is a twentieth of a small one."""
        async with asyncio.timeout(WRITE):
            await super()._drain_helper()

    def close(self) -> None:
        """Once what is under way is answered."""
        if self._shortcut is not None and self._shortcut.busy:
            self._closing = True
        else:
            super().close()

    def _proceed(self, data: bytes) -> None:
        """The shortcut has answered; `data` came meanwhile."""
        self._next_keepalive_close_time = self._loop.time() + KEEPALIVE
        if self._closing:
            self.close()
            if self.transport is not None:
                self.transport.close()
        elif data:
            self.data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """What the parser refuses. Not logged, and its words, which quote the input, not passed on."""
        if request.writer.output_size > 0:
            raise ConnectionError("a response was begun already")
        if not isinstance(exc, BadHttpMessage | ConnectionError):
            log.error("a request could not be answered", exc_info=exc)
        response = cast("Listener", self._manager).site.refuse(Refused(400, "the request is malformed"), "malformed")
        response.force_close()
        return response


class Listener(web.Server):
    """aiohttp's low-level server with our Connection."""

    def __init__(self, site: Site, handler: Any, brief: Brief, most: int, **options: Any) -> None:
        super().__init__(handler, handler_cancellation=True, **options)
        self.site = site
        self.brief = brief
        self.heads = Heads()
        self.most = most
        self._options = options

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)


class Server:
    """Listens on `listen_address` and hands each request to `site`."""

    def __init__(self, listen_address: str, site: Site, *, tls: ssl.SSLContext | None = None) -> None:
        """Raises ValueError for what is not an address."""
        address.parse(listen_address)
        self.listen_address = listen_address
        self.site = site
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._listener: Listener | None = None
        self._in_flight = 0
        self._large: dict[int, tuple[web.BaseRequest, float]] = {}
        self._working: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self.port = 0
        """The port that was taken, once started."""

    @property
    def url(self) -> str:
        """Where a person on this machine opens it."""
        host = address.parse(self.listen_address)[0]
        host = "localhost" if host in ("", "0.0.0.0", "::") else host
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError, which names the address."""
        found = await address.sockets(self.listen_address)
        self.port = found[0].getsockname()[1]
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # A quarter of the descriptors for each of up to three listeners: the probes and the store need theirs.
        most = CONNECTIONS if soft == resource.RLIM_INFINITY else max(8, min(CONNECTIONS, soft // 4))
        self._listener = Listener(
            self.site,
            self._handle,
            self._brief,
            most,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE,
            lingering_time=LINGER,
            access_log=None,
        )
        loop = asyncio.get_running_loop()
        for listening in found:
            server = await loop.create_server(
                self._listener,
                sock=listening,
                backlog=address.BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE if self._tls else None,
                ssl_shutdown_timeout=GOODBYE if self._tls else None,
            )
            self._servers.append(server)

    async def stop(self, grace: float = GRACE) -> None:
        """Take no more, finish what is under way within `grace` seconds, cut the rest. May be called again."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # Requests that are being accepted right now begin before idle connections are closed.
        await asyncio.sleep(0)
        listener.pre_shutdown()
        self._rest()
        try:
            async with asyncio.timeout(max(0.0, grace - 2 * CUT)):
                await self._idle.wait()
        except TimeoutError:
            log.warning("requests were cut off at the end of the grace period", extra={"requests": self._in_flight})
        await listener.shutdown(CUT)
        for working in self._working:
            working.cancel()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._in_flight += 1
        self._idle.clear()
        try:
            response = await self._answered(request)
            if len(response.body or b"") > LARGE:  # type: ignore[arg-type] # ours are all bytes
                if self._crowded():
                    busy = Refused(503, "too many responses are on their way", headers={"Retry-After": "1"})
                    response = self.site.refuse(busy, "busy")
                else:
                    self._large[id(request)] = request, asyncio.get_running_loop().time()
            try:
                await response.prepare(request)
                await response.write_eof()
            except TimeoutError:
                _abort(request)
            return response
        finally:
            self._in_flight -= 1
            self._large.pop(id(request), None)
            self._rest()

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        """The response. What may change something is finished although its client has left: half of it counts wrong."""
        if request.method in ("GET", "HEAD"):
            return await self.site(request)
        working = asyncio.create_task(self.site(request))
        self._working.add(working)
        working.add_done_callback(self._finished)
        return await asyncio.shield(working)

    def _finished(self, working: asyncio.Task[Any]) -> None:
        self._working.discard(working)
        self._rest()

    async def _brief(self, request: web.BaseRequest) -> Written:
        """The response to what came by the shortcut, which sends it."""
        self._in_flight += 1
        self._idle.clear()
        if request.method != "GET":
            self._working.add(cast("asyncio.Task[Any]", asyncio.current_task()))
        try:
            return await self.site.brief(request)
        finally:
            self._in_flight -= 1
            self._finished(cast("asyncio.Task[Any]", asyncio.current_task()))

    def _crowded(self) -> bool:
        """Whether there is no room for one more large response, even when the slowest reader is cut."""
        if len(self._large) < RESPONSES:
            return False
        oldest, began = next(iter(self._large.values()))
        if asyncio.get_running_loop().time() - began < PATIENCE:
            return True
        del self._large[id(oldest)]
        _abort(oldest)
        return False

    def _rest(self) -> None:
        if not self._in_flight and not self._working:
            self._idle.set()


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
