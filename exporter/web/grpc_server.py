"""OTLP/gRPC: the three Export calls, behind which is what OTLP/HTTP has behind it.

Messages come as bytes and still compressed: gRPC's core would unpack 16 MiB to 16 GiB before it looked at the size.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]

from exporter.decoding import decoder
from exporter.metric import counter
from exporter.web import address, auth
from exporter.web.auth import Guard
from exporter.web.call import Refused, Room, Services
from exporter.web.otlp import Otlp
from exporter.web.otlp_reply import Signal, Taken, code, details, response
from exporter.web.sender import sending
from exporter.web.unpack import LARGEST, PIECE

log = logging.getLogger(__name__)

GRPC_REQUESTS = counter(
    "stack_exporter_grpc_requests_total", "OTLP/gRPC requests that were answered.", "signal", "code"
)
_EXPORT = "/opentelemetry.proto.collector.{}.v1.{}/Export"
SIGNALS: dict[str, Signal] = {
    _EXPORT.format("trace", "TraceService"): "traces",
    _EXPORT.format("metrics", "MetricsService"): "metrics",
    _EXPORT.format("logs", "LogsService"): "logs",
}
AT_ONCE = 100
"""Calls under way on a connection; further ones wait in the client."""
IDLE = 300_000
"""Milliseconds after which a connection without calls is closed."""
_CODES = {each.value[0]: each for each in grpc.StatusCode}
_GZIP, _ZLIB = b"\x1f\x8b", b"\x78"
_OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST),
    ("grpc.per_message_decompression", 0),
    ("grpc.max_concurrent_streams", AT_ONCE),
    ("grpc.max_connection_idle_ms", IDLE),
    ("grpc.max_metadata_size", 16 * 1024),
    # With it a second daemon would share the port and take half of what comes.
    ("grpc.so_reuseport", 0),
)


class GrpcServer:
    """Listens on `listen_address`, without TLS."""

    def __init__(
        self, listen_address: str, otlp: Otlp, services: Callable[[], Services], guard: Guard, room: Room
    ) -> None:
        """Raises ValueError for what is not an address. `services`: those in force."""
        self._host, self._port = address.parse(listen_address)
        self.listen_address = listen_address
        self._otlp = otlp
        self._services = services
        self._guard = guard
        self._room = room
        self._server: Any = None
        self.port = 0
        """The port that was taken, once started."""

    @property
    def url(self) -> str:
        """Where a client on this machine sends to."""
        host = "localhost" if self._host in ("", "0.0.0.0", "::") else self._host
        return f"grpc://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError, which names the address."""
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Calls(self.export),))
        # gRPC says no more of why it can't have an address than that it can't.
        for socket in await address.sockets(f"{self.listen_address.rpartition(':')[0]}:{self._port}"):
            self._port = socket.getsockname()[1]
            socket.close()
        host = f"[{self._host}]" if ":" in self._host else self._host or "[::]"
        try:
            self.port = server.add_insecure_port(f"{host}:{self._port}")
        except RuntimeError:
            raise OSError(None, f"can't listen on {self.listen_address}") from None
        await server.start()
        self._server = server

    async def stop(self, grace: float) -> None:
        """Take no more, finish what is under way within `grace` seconds, cut the rest. May be called again."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace)

    async def export(self, signal: Signal, message: bytes, context: Any) -> bytes:
        """Answer one call."""
        services = self._services()
        held = [0]
        taking: asyncio.Future[Taken] | None = None
        try:
            remote, tokens = _remote(context.peer()), services.config.ingest.tokens
            forwarded = auth.forwarded({key for key, _ in context.invocation_metadata() or ()})
            of = sending(tokens, self._guard, remote, _authorization(context), forwarded=forwarded)
            body = await self._unpacked(message, held)
            taking = asyncio.ensure_future(self._otlp.take(signal, body, of, services))
            # Finished although its client has left: what the store has must be counted.
            taken = await asyncio.shield(taking)
        except Refused as refused:
            await self._abort(signal, context, refused)
        except Exception:
            log.exception("an OTLP/gRPC request failed")
            await self._abort(signal, context, Refused(500, "internal error; its cause is in the log"))
        else:
            self._count(signal, grpc.StatusCode.OK)
            return response(taken, signal, json=False)
        finally:
            if taking is None or taking.done():
                self._room.free(held[0])
            else:
                taking.add_done_callback(lambda _: self._room.free(held[0]))
        raise AssertionError("an aborted call went on")

    async def _unpacked(self, message: bytes, held: list[int]) -> bytes:
        """The message as it was before it was compressed; `held` is what of the room it has taken. Raises Refused.

        By its first bytes, as gRPC does not say how it came: no OTLP message begins with those of gzip or zlib.
        """
        self._hold(len(message), held)
        coding = "gzip" if message[:2] == _GZIP else "deflate" if message[:1] == _ZLIB else ""
        undo = decoder(coding)
        if undo is None:
            return message
        parts: list[bytes] = []
        left, size = message, 0
        while left or not undo.ended:
            try:
                text, rest = undo.decode(left, PIECE)
            except ValueError:
                raise Refused(400, "the compressed message is corrupt") from None
            if not text and len(rest) == len(left):
                raise Refused(400, "the compressed message ends before its end")
            left, size = rest, size + len(text)
            if size > LARGEST:
                raise Refused(413, f"the message is larger than {LARGEST} bytes")
            self._hold(len(text), held)
            parts.append(text)
            await asyncio.sleep(0)
        return b"".join(parts)

    def _hold(self, size: int, held: list[int]) -> None:
        self._room.take(size)
        held[0] += size

    async def _abort(self, signal: Signal, context: Any, refused: Refused) -> None:
        """End the call with gRPC's code and, where it may be sent again, RetryInfo (OTLP/gRPC Throttling)."""
        number = code(refused.status)
        retry = int(refused.headers.get("Retry-After", 0))
        status = details(number, refused.message, retry)
        self._count(signal, _CODES[number])
        await context.abort(_CODES[number], refused.message, (("grpc-status-details-bin", status),))

    def _count(self, signal: Signal, status: grpc.StatusCode) -> None:
        name = status.name.lower()
        self._services().state.tallies.child(GRPC_REQUESTS, signal, name).add()


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds what answers a method; gRPC itself answers UNIMPLEMENTED to others."""

    def __init__(self, export: Callable[[Signal, bytes, Any], Awaitable[bytes]]) -> None:
        self._methods = {
            method: grpc.unary_unary_rpc_method_handler(partial(export, signal)) for method, signal in SIGNALS.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._methods.get(handler_call_details.method)


def _remote(peer: str) -> str:
    """The address in gRPC's `ipv4:127.0.0.1:49278` or `ipv6:%5B::1%5D:49278`."""
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
    return host.removeprefix("::ffff:") if "." in host else host


def _authorization(context: Any) -> str | None:
    found = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    if len(found) > 1:
        raise Refused(400, "the metadata authorization came twice")
    return str(found[0]) if found else None
