"""Sends over OTLP/HTTP: protobuf by POST, on a connection that is kept."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
from isal import igzip_lib
from multidict import CIMultiDict
from yarl import URL

from exporter import __version__
from exporter.decoding import zstd
from exporter.forward import reply
from exporter.forward.peer import Peer, context, hidden, unfit
from exporter.forward.ports import Reply
from exporter.forward.reply import LARGEST, Answer
from exporter.redact import quoted

KEPT = 60.0
"""Seconds for which an unused connection is kept."""
AT_ONCE = 1024 * 1024
"""Bytes that are compressed on the loop: gzip takes 1.3 ms for them, zstd 1.9. More goes to a thread."""
PIECE = 256 * 1024
_OURS = ("content-type", "content-encoding", "content-length", "transfer-encoding")


class HttpClient:
    """Of one back end. Belongs to the loop of its first request."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._url = URL(peer.endpoint, encoded=True)
        self._hidden = hidden(peer)
        self._headers = _headers(peer)
        self._wrong = unfit(peer.headers, re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+"))
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def send(self, body: bytes) -> Reply:
        """Never raises but CancelledError."""
        if self._wrong:
            return Reply("later", "unreachable", detail=self._wrong)
        way = _Way()
        try:
            async with asyncio.timeout(self._peer.timeout):
                packed = await _packed(body, self._peer.compression)
                await self._exchange(packed, way)
        except TimeoutError:
            failed = Reply("later", "timeout", detail=f"no answer within {self._peer.timeout:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, what was to be sent is kept and sent again
            failed = Reply("later", "unreachable", detail=quoted(why(error), self._hidden))
        else:
            return reply.http(way.answer, self._hidden, time.time())
        self._tls = None  # the files may be others now
        if way.answer.status:
            # The rest of the answer is missing. Its status counts: what was taken would be there twice.
            return reply.http(way.answer, self._hidden, time.time())
        return failed

    async def close(self) -> None:
        """A further request opens it again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, packed: bytes, way: "_Way") -> None:
        if self._url.scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(context, self._peer)
        try:
            await self._post(packed, way)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not way.reused or way.answer.status:
                raise
            # It had closed the connection while nothing was sent, and that is no failure.
            await self._post(packed, way)

    async def _post(self, packed: bytes, way: "_Way") -> None:
        way.reused = False
        if self._session is None:
            self._session = _session()
        headers = self._headers.copy()
        headers["Content-Length"] = str(len(packed))
        async with self._session.post(
            self._url,
            data=packed if len(packed) <= PIECE else _pieces(packed),
            headers=headers,
            allow_redirects=False,
            ssl=self._tls or True,
            trace_request_ctx=way,
        ) as response:
            head = response.headers
            way.answer = Answer(response.status, head.get("Content-Type", ""), head.get("Retry-After", ""))
            body = bytearray()
            while part := await response.content.read(LARGEST + 1 - len(body)):
                body += part
            way.answer = way.answer._replace(body=bytes(body[:LARGEST]), larger=len(body) > LARGEST)
            if way.answer.larger:
                response.close()


class _Way:
    """What is known of a request that is under way."""

    def __init__(self) -> None:
        self.reused = False
        self.answer = Answer(0)


def why(error: Exception) -> str:
    """Why there was no answer. What a back end sent in place of one is not repeated."""
    cause: BaseException = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}; ca_file names what to trust"
    if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS: is it http://?"
    if isinstance(cause, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return "its answer is not HTTP/1.1: is it protocol: grpc?"
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer; over TLS it may want a client certificate (cert_file)"
    if isinstance(cause, ConnectionRefusedError):
        return "it refuses connections"  # asyncio's own words repeat the address
    if isinstance(cause, OSError) and cause.filename:
        return f"{cause.filename}: {cause.strerror}"
    if isinstance(cause, OSError) and cause.strerror:
        return f"{type(cause).__name__}: {cause.strerror}"
    return type(cause).__name__


def _session() -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()

    async def reused(_: aiohttp.ClientSession, sought: SimpleNamespace, __: Any) -> None:
        sought.trace_request_ctx.reused = True

    tracing.on_connection_reuseconn.append(reused)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=2, keepalive_timeout=KEPT),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=LARGEST,
        trace_configs=[tracing],
    )


def _headers(peer: Peer) -> "CIMultiDict[str]":
    found: CIMultiDict[str] = CIMultiDict()
    found["User-Agent"] = f"stack-exporter/{__version__}"
    found["Accept-Encoding"] = "identity"
    for name, value in peer.headers.items():
        if name.lower() not in _OURS:
            found[name] = value.reveal().strip()
    found["Content-Type"] = "application/x-protobuf"
    if peer.compression != "none":
        found["Content-Encoding"] = peer.compression
    return found


async def _packed(body: bytes, compression: str) -> bytes:
    if compression == "none":
        return body
    pack = _gzip if compression == "gzip" else _zstd
    return pack(body) if len(body) <= AT_ONCE else await asyncio.to_thread(pack, body)


def _gzip(body: bytes) -> bytes:
    return igzip_lib.compress(body, 1, flag=igzip_lib.COMP_GZIP)


def _zstd(body: bytes) -> bytes:
    packed: bytes = zstd().compress(body, 1)
    return packed


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    """So that a large body is copied piece by piece, as fast as it goes."""
    for begin in range(0, len(body), PIECE):
        yield memoryview(body)[begin : begin + PIECE]
