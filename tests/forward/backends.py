"""Back ends in the test's own loop that answer over HTTP as told, also as no real one does; and what they were sent."""

import asyncio
import contextlib
import gzip
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from backports import zstd

from exporter.forward.ports import Record, Reply, Signal
from exporter.values import Secret

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass(frozen=True)
class Peer:
    """What clients read of a target."""

    endpoint: str
    signal: Signal = "traces"
    headers: Mapping[str, Secret] = field(default_factory=dict)
    timeout: float = 5.0
    compression: str = "none"
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    protocol: str = "http"


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> bytes:
        """Its body, unpacked."""
        match self.headers.get("content-encoding"):
            case "gzip":
                return gzip.decompress(self.body)
            case "zstd":
                return zstd.decompress(self.body)
        return self.body


@dataclass
class Back:
    url: str = ""
    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    """The n-th request gets the n-th, later ones the last."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    conversing: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def bodies(self) -> list[bytes]:
        return [request.text for request in self.requests]

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer.transport):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                line, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append(Request(line, headers, body))
                await self.answers[min(len(self.requests), len(self.answers)) - 1](writer)
                await writer.drain()


@contextlib.asynccontextmanager
async def backend(*answers: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Back]:
    made = Back(answers=list(answers) or [says(200)])

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.conversing.append(asyncio.ensure_future(made.converse(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{made.port}/v1/traces"
    try:
        yield made
    finally:
        server.close()
        for task in made.conversing:
            task.cancel()
        await asyncio.gather(*made.conversing, return_exceptions=True)
        await asyncio.sleep(0)  # in which its transports end


def head(status: int, headers: Mapping[str, str], length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    if length is not None:
        lines.append(f"content-length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def says(status: int, body: bytes = b"", headers: Mapping[str, str] = PROTOBUF, *, length: int | None = None) -> Answer:
    """A whole answer; with a `length` that is not the body's it waits after it, or is wrong."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, headers, len(body) if length is None else length) + body)

    return answer


def hangs_up(data: bytes = b"") -> Answer:
    """Closes the connection after this."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()
        raise ConnectionAbortedError

    return answer


def answers_and_leaves(status: int = 200) -> Answer:
    """As a server does that keeps connections for a short while only."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, PROTOBUF, 0))
        await writer.drain()
        asyncio.get_running_loop().call_later(0.01, writer.close)

    return answer


async def mute(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def repeats(begin: bytes, then: bytes, every: float = 0.0) -> Answer:
    """Sends this, and then the rest over and over."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(every)

    return answer


@dataclass
class Seen:
    """An observer that remembers."""

    codes: list[str] = field(default_factory=list)
    sent_items: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)

    def answered(self, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.codes.append(code)

    def sent(self, items: int) -> None:
        assert items > 0
        self.sent_items += items

    def dropped(self, reason: str, items: int) -> None:
        assert items > 0
        self.lost[reason] = self.lost.get(reason, 0) + items

    def state_is(self, reply: Reply) -> None:
        self.replies.append(reply)


class Waits:
    """A queue in memory, without any bound."""

    durable, refusing, oldest = False, "", 0.0

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self.put_one = asyncio.Event()
        self.slow = 0.0
        """Seconds that `done` takes."""

    @property
    def items(self) -> int:
        return sum(record.items for record in self.records)

    @property
    def size(self) -> int:
        return sum(len(record.body) for record in self.records)

    async def put(self, body: bytes, items: int) -> None:
        self.records.append(Record(body, items, 0.0))
        self.put_one.set()

    async def some(self, most: int) -> list[Record]:
        while not self.records:
            self.put_one.clear()
            await self.put_one.wait()
        found: list[Record] = []
        for record in self.records:
            if found and sum(len(one.body) for one in found) + len(record.body) > most:
                break
            found.append(record)
        return found

    async def done(self, count: int) -> int:
        await asyncio.sleep(self.slow)
        return sum(self.records.popleft().items for _ in range(count))

    async def close(self, seconds: float) -> None:
        pass


async def until(true: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.002)
