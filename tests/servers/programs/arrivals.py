"""A back end that answers every request at once and works out only when it is asked which spans came, and how.

`python -m tests.servers.programs.arrivals HTTP_PORT GRPC_PORT`. Ids of spans are numbers of eight bytes.
"""

import asyncio
import gzip
import json
import sys
import time
from collections import Counter

import grpc
import grpc.aio
import httptools
import uvloop
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Arrived:
    """What came. Bodies wait to be read until somebody asks."""

    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, bool]] = []
        self.requests = self.again = self.disorder = 0
        self.at_once = self.most_at_once = 0
        self.seconds: Counter[int] = Counter()
        self._ids: set[bytes] = set()
        self._newest: dict[bytes, bytes] = {}

    def begin(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

    def end(self, body: bytes, *, packed: bool = False) -> None:
        self.at_once -= 1
        if body:
            self.requests += 1
            self.seconds[int(time.monotonic())] += 1
            self.bodies.append((body, packed))

    def told(self) -> dict[str, int]:
        """`disorder`: spans that came for the first time after one of the same trace with a higher number."""
        bodies, self.bodies = self.bodies, []
        for body, packed in bodies:
            self._read(gzip.decompress(body) if packed else body)
        return {
            "spans": len(self._ids),
            "again": self.again,
            "disorder": self.disorder,
            "requests": self.requests,
            "most_at_once": self.most_at_once,
            "most_a_second": max(self.seconds.values(), default=0),
        }

    def _read(self, body: bytes) -> None:
        for group in TracesData.FromString(body).resource_spans:
            for span in (span for scope in group.scope_spans for span in scope.spans):
                id_, trace = span.span_id, span.trace_id
                if id_ in self._ids:
                    self.again += 1
                    continue
                self._ids.add(id_)
                self.disorder += id_ < self._newest.get(trace, b"")
                self._newest[trace] = max(id_, self._newest.get(trace, b""))


class Taking(asyncio.Protocol):
    """One connection."""

    def __init__(self, arrived: Arrived) -> None:
        self.arrived = arrived
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.parts: list[bytes] = []
        self.packed = False
        self.arrived.begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.packed |= name.lower() == b"content-encoding" and value == b"gzip"

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.arrived.end(b"".join(self.parts), packed=self.packed)
        if self.parser.get_method() == b"GET":
            told = json.dumps(self.arrived.told()).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
        else:
            self.transport.write(TAKEN)


class Calls(grpc.GenericRpcHandler):
    def __init__(self, arrived: Arrived) -> None:
        self.arrived = arrived

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return grpc.unary_unary_rpc_method_handler(self.take) if details.method == EXPORT else None

    async def take(self, body: bytes, _: object) -> bytes:
        self.arrived.begin()
        self.arrived.end(body)
        return b""


async def serve(port: int, grpc_port: int) -> None:
    arrived = Arrived()
    await asyncio.get_running_loop().create_server(lambda: Taking(arrived), "127.0.0.1", port)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 2**20), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Calls(arrived),))
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
