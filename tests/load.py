"""Load from a client of our own: Sentry envelopes at a steady rate over a few connections, each answer noted.

Latency is counted from when an event was due, not from when it got its turn, so that a stalled server can't hide.
"""

import asyncio
import gzip
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import brotli

KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Sent:
    """What became of what was sent."""

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    """Ids of events that were answered 200."""
    latencies: list[float] = field(default_factory=list)
    """Seconds."""

    def quantile(self, q: float) -> float:
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(q * len(self.latencies)))]


def event(number: int, *, large: bool = False, kinds: int = 20) -> dict[str, Any]:
    """An error of one of `kinds` kinds, about 2 KB, or 40 KB with the variables of every frame."""
    kind = number % kinds
    frame = {"in_app": True, "lineno": 10, "context_line": "    return charge(order)", "pre_context": ["a"] * 3}
    variables = {f"name_{i}": f"value {number} {i} " + "x" * 60 for i in range(12 if large else 1)}
    frames = [
        {**frame, "module": f"shop.part{kind}", "filename": f"shop/part{kind}.py", "function": f"step_{i}"}
        | {"vars": variables}
        for i in range(30 if large else 6)
    ]
    return {
        "event_id": uuid.uuid4().hex,
        "timestamp": time.time(),
        "platform": "python",
        "level": "error",
        "environment": "production",
        "release": "shop@1.0",
        "transaction": f"/orders/{kind}",
        "user": {"id": str(number % 50), "email": f"u{number}@example.com"},
        "exception": {
            "values": [
                {
                    "type": f"Refused{kind}",
                    "value": f"order {number} of {uuid.uuid4()} was refused",
                    "stacktrace": {"frames": frames},
                }
            ]
        },
        "breadcrumbs": {"values": [{"category": "query", "message": f"SELECT {i}", "level": "info"} for i in range(8)]},
    }


def envelope(event: dict[str, Any], coding: str) -> tuple[str, bytes]:
    """An envelope of one event, compressed; its id."""
    item = json.dumps(event).encode()
    header = json.dumps({"event_id": event["event_id"], "sent_at": "2026-01-01T00:00:00Z"}).encode()
    body = b"\n".join([header, b'{"type":"event","length":%d}' % len(item), item, b""])
    return event["event_id"], {"gzip": gzip.compress, "br": lambda b: brotli.compress(b, quality=4)}[coding](body)


def mixed(numbers: Sequence[int]) -> list[tuple[str, str, bytes]]:
    """(id, coding, body) of events, every tenth a large one, gzip and br by turns."""
    found = []
    for number in numbers:
        coding = "br" if number % 2 else "gzip"
        found.append((*envelope(event(number, large=number % 10 == 0), coding), coding))
    return [(id_, coding, body) for id_, body, coding in found]


async def send(
    port: int,
    bodies: Sequence[tuple[str, str, bytes]],
    *,
    rate: float,
    project: int = 1,
    key: str = KEY,
    connections: int = 8,
    down: Callable[[], bool] = lambda: False,
) -> Sent:
    """Send them, `rate` a second. What can't be sent or is not answered has the status 0. Ends when `down` says so."""
    sent = Sent()
    due: asyncio.Queue[tuple[float, str, str, bytes] | None] = asyncio.Queue()

    async def work() -> None:
        reader = writer = None
        while (item := await due.get()) is not None:
            at, id_, coding, body = item
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                lines = (
                    f"POST /api/{project}/envelope/ HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: {coding}\r\n"
                    f"X-Sentry-Auth: Sentry sentry_key={key}, sentry_version=7\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                writer.write(lines.encode() + body)
                status, closing = await _answer(reader)
                if closing:
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError):
                if writer is not None:
                    writer.close()
                status, writer = 0, None
            sent.statuses[status] += 1
            sent.latencies.append(time.monotonic() - at)
            if status == 200:
                sent.acknowledged.append(id_)
        if writer is not None:
            writer.close()

    workers = [asyncio.create_task(work()) for _ in range(connections)]
    began = time.monotonic()
    for number, body in enumerate(bodies):
        if down():
            break
        at = began + number / rate
        if (wait := at - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((at, *body))
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return sent


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
    await reader.readexactly(length)
    return int(head.split()[1]), "connection: close" in head
