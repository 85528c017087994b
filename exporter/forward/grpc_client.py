"""Sends over OTLP/gRPC: one Export call at a time, of messages that are bytes already.

By gRPC's own threads, not by grpc.aio: that compresses in the loop's, which a megabyte holds for 26 ms.
"""

import asyncio
import importlib
import os
import re
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from exporter import __version__
from exporter.decoding import decoder
from exporter.forward import reply
from exporter.forward.peer import Peer, hidden, pem, unfit
from exporter.forward.ports import Reply, Signal
from exporter.forward.reply import LARGEST
from exporter.redact import quoted

_EXPORT = "/opentelemetry.proto.collector.{}.v1.{}/Export"
METHODS: dict[Signal, str] = {
    "traces": _EXPORT.format("trace", "TraceService"),
    "metrics": _EXPORT.format("metrics", "MetricsService"),
    "logs": _EXPORT.format("logs", "LogsService"),
}
AT_ONCE = 32 * 1024
"""Bytes that are given to gRPC on the loop: its zlib takes half a millisecond for them. More goes to a thread."""
LATE = 0.5
"""Seconds after the deadline in which gRPC says itself that it has passed."""
_STATUS = "grpc-status-details-bin"
_GZIP = b"\x1f\x8b"
_OPTIONS = (
    ("grpc.primary_user_agent", f"stack-exporter/{__version__}"),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    # A connection of our own, and none that others have found to be broken: with it goes their back-off.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.max_send_message_length", -1),
    # Unpacked, 64 KiB may be 64 MiB.
    ("grpc.per_message_decompression", 0),
    ("grpc.max_metadata_size", LARGEST),
    ("grpc.absolute_max_metadata_size", LARGEST),
)


class GrpcClient:
    """Of one back end. Belongs to the loop of its first request."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._hidden = hidden(peer)
        self._metadata = tuple(_metadata(peer))
        self._wrong = unfit(peer.headers, re.compile(r"[0-9a-z_.-]+"), ascii_only=True)
        self._channel: Any = None
        self._export: Any = None
        self._grpc: Any = None

    async def send(self, body: bytes) -> Reply:
        """Never raises but CancelledError."""
        if self._wrong:
            # gRPC would answer INTERNAL itself, which does not allow to send it again.
            return Reply("later", "unreachable", detail=self._wrong)
        try:
            async with asyncio.timeout(self._peer.timeout + LATE):
                return await self._call(body)
        except TimeoutError:
            failed = Reply("later", "timeout", detail=f"no answer within {self._peer.timeout:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, what was to be sent is kept and sent again
            said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__
            failed = Reply("later", "unreachable", detail=quoted(said, self._hidden))
        await self.close()
        return failed

    async def close(self) -> None:
        """A further request opens it again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    async def _call(self, body: bytes) -> Reply:
        if self._channel is None:
            await self._open()
        call = await self._begun(body)
        code = call.code()
        if code is self._grpc.StatusCode.OK:
            return reply.taken(_unpacked(call.result()), self._hidden)
        trailers = dict(call.trailing_metadata() or ())
        # What is before it says only that there is an error.
        said = (call.details() or "").rpartition("last error: ")[2].removeprefix("UNKNOWN: ")
        made = reply.grpc(code.name, said, trailers.get(_STATUS, b""), self._hidden)
        if made.result == "later":
            # Its certificate and ours are read again, and its own back-off of up to 2 minutes begins anew.
            await self.close()
        return made

    async def _begun(self, body: bytes) -> Any:
        """The call, once it has ended."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def begin() -> Any:
            made = self._export.future(body, timeout=self._peer.timeout, metadata=self._metadata)
            made.add_done_callback(partial(_tell, loop, ended))
            return made

        if len(body) <= AT_ONCE:
            call = begin()
        else:
            beginning = asyncio.ensure_future(asyncio.to_thread(begin))
            try:
                call = await asyncio.shield(beginning)
            except asyncio.CancelledError:
                beginning.add_done_callback(_give_up)
                raise
        try:
            await ended.wait()
        finally:
            call.cancel()
        return call

    async def _open(self) -> None:
        if self._grpc is None:
            self._grpc = await asyncio.to_thread(_library)
        grpc, peer = self._grpc, self._peer
        packing = grpc.Compression.Gzip if peer.compression == "gzip" else grpc.Compression.NoCompression
        where = _where(peer.endpoint)
        if urlsplit(peer.endpoint).scheme == "https":
            credentials = grpc.ssl_channel_credentials(*await asyncio.to_thread(pem, peer))
            self._channel = grpc.secure_channel(where, credentials, _OPTIONS, packing)
        else:
            self._channel = grpc.insecure_channel(where, _OPTIONS, packing)
        self._export = self._channel.unary_unary(METHODS[peer.signal])


def _library() -> Any:
    # It would write into our log, line by line, what it thinks of a back end.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    return importlib.import_module("grpc")


def _tell(loop: asyncio.AbstractEventLoop, ended: asyncio.Event, _: object) -> None:
    """In a thread of gRPC's."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(ended.set)


def _give_up(beginning: "asyncio.Future[Any]") -> None:
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().cancel()


def _where(endpoint: str) -> str:
    url = urlsplit(endpoint)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"dns:///{host}:{url.port or (443 if url.scheme == 'https' else 4317)}"


def _metadata(peer: Peer) -> list[tuple[str, str | bytes]]:
    found: list[tuple[str, str | bytes]] = []
    for name, value in peer.headers.items():
        key, text = name.lower(), value.reveal().strip()
        found.append((key, text.encode() if key.endswith("-bin") else text))
    return found


def _unpacked(answer: bytes) -> bytes:
    """A response as it was before it was compressed; without what can't be, or is too much."""
    if answer[:2] != _GZIP:
        return answer
    undo = decoder("gzip")
    assert undo is not None  # noqa: S101 - for the type checker
    try:
        return undo.decode(answer, LARGEST)[0]
    except ValueError:
        return b""
