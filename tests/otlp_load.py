"""Load over OTLP/HTTP from a client of our own: requests of spans that are numbered, each answer noted."""

import asyncio
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

TRACES, SPANS = 20, 100


@dataclass
class Sent:
    """What became of requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Seconds from when a request was due, so that a server that stalls can't hide."""

    def quantile(self, q: float) -> float:
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(q * len(self.latencies)))]


class Numbered(Sequence[bytes]):
    """`count` requests like this one, made when they are asked for: the ids of their spans count on from `first`."""

    def __init__(self, template: bytes, count: int, first: int = 0) -> None:
        groups = TracesData.FromString(template).resource_spans
        ids = [span.span_id for group in groups for scope in group.scope_spans for span in scope.spans]
        self._template, self._count, self._first = template, count, first
        self._places = [template.index(b"\x12\x08" + id_) + 2 for id_ in ids]

    @property
    def spans(self) -> int:
        return len(self._places) * self._count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        body = bytearray(self._template)
        for number, at in enumerate(self._places, self._first + index * len(self._places) + 1):
            struct.pack_into(">Q", body, at, number)
        return bytes(body)


def request() -> bytes:
    """SPANS spans of a server, of TRACES traces in turn."""
    message = TracesData()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    scope = group.scope_spans.add()
    now = time.time_ns()
    for number in range(SPANS):
        span = scope.spans.add(
            trace_id=(number % TRACES + 1).to_bytes(16), span_id=(number + 1).to_bytes(8), name="GET /orders/{id}",
            kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=now - 5_000_000, end_time_unix_nano=now,
        )  # fmt: skip
        told = {
            "http.request.method": "GET",
            "http.route": "/orders/{id}",
            "url.path": "/orders/7",
            "url.scheme": "https",
        }
        for key, text in told.items():
            span.attributes.add(key=key).value.string_value = text
        span.attributes.add(key="http.response.status_code").value.int_value = 200
    return message.SerializeToString()


async def send(port: int, bodies: Sequence[bytes], *, rate: float, connections: int = 4) -> Sent:
    """Each body once, `rate` a second. Raises what a connection raises that breaks."""
    sent = Sent()
    began = time.monotonic() + 0.01

    async def work(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(first, len(bodies), connections):
            body, due = bodies[number], began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            head = (
                "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            sent.statuses[await _answer(reader)] += 1
            sent.latencies.append(time.monotonic() - due)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*map(work, range(connections)))
    return sent


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0))
    return int(head.split()[1])
