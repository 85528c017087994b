"""POSTs past aiohttp: what goes that way, what does not, and that nobody can tell."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from exporter.web import body, server, unpack
from tests.web.client import Reply, bearer, read, request
from tests.web.otlp_desk import JSON, PROTOBUF, Desk, desk
from tests.web.stand import TOKEN

TRACES = "POST /v1/traces"
EMPTY = b'{"resourceSpans":[]}'


def sent(text: bytes = EMPTY, *headers: str, target: str = TRACES) -> bytes:
    return request(target, *(headers or (JSON,)), body=text)


def blank(size: int) -> bytes:
    return EMPTY[:-1] + b" " * (size - len(EMPTY)) + EMPTY[-1:]


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def talk(here: Desk, *parts: bytes, answers: int, pause: float = 0.0) -> list[Reply]:
    """The answers to these parts on one connection; fewer when it is closed."""
    found = []
    async with talking(here.server.port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        try:
            while len(found) < answers:
                found.append(await read(reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        return found


def known(here: Desk) -> int:
    assert here.server._listener is not None
    return len(here.server._listener.heads)


WAYS: dict[str, tuple[bytes, int]] = {
    "taken": (sent(), 200),
    "zipped": (sent(gzip.compress(EMPTY), JSON, "Content-Encoding: gzip"), 200),
    "of 300 KB": (sent(blank(300_000)), 200),
    "protobuf": (sent(b"\x0a\x00", PROTOBUF), 200),
    "malformed": (sent(b"{"), 400),
    "no such type": (sent(EMPTY, "Content-Type: text/plain"), 415),
    "a coding that is not known": (sent(EMPTY, JSON, "Content-Encoding: lzma"), 415),
    "too large": (request(TRACES, JSON, body=b"")[:-5] + b"20000000\r\n\r\n{", 413),
    "from a web page": (sent(EMPTY, JSON, "Origin: https://example.com"), 403),
    "by a proxy": (sent(EMPTY, JSON, "X-Forwarded-For: 10.0.0.1"), 403),
    "nothing there": (sent(EMPTY, target="POST /v1/nothing"), 404),
    "an id of its own": (sent(EMPTY, JSON, "X-Request-ID: ours"), 200),
}


@pytest.mark.parametrize("way", WAYS)
async def test_both_ways_answer_alike(way: str) -> None:
    said, status = WAYS[way]
    async with desk() as here:
        (ours,) = await talk(here, said, answers=1)
        kept = known(here)
        _, theirs = await talk(here, request("GET /nothing") + said, answers=2)
    assert (ours.status, theirs.status) == (status, status)
    assert kept == (status < 400)
    varying = {"date", "x-request-id"}
    assert {name: value for name, value in ours.headers.items() if name not in varying} == {
        name: value for name, value in theirs.headers.items() if name not in varying
    }
    assert ours.headers.keys() == theirs.headers.keys()
    if ours.headers["content-type"] == "application/json" or status == 200:
        assert ours.body == theirs.body
    assert ("ours" in said.decode("latin-1")) == (ours.headers["x-request-id"] == "ours")


@pytest.mark.parametrize("cuts", [(20,), (-30,), (-20,), (-1,), tuple(range(-20, 0))], ids=str)
async def test_a_request_in_pieces_is_one_request(cuts: tuple[int, ...]) -> None:
    said, ends = sent(), (*cuts, None)
    parts = [said[begin:end] for begin, end in zip((None, *cuts), ends, strict=True)]
    async with desk() as here:
        found = await talk(here, *parts, *parts, answers=2, pause=0.005)
    assert [reply.status for reply in found] == [200, 200]


async def test_a_head_that_is_known_is_read_by_its_own_length() -> None:
    """What differs from one request to the next is the length alone: neither is read by the other's."""
    async with desk() as here:
        bodies = [EMPTY, blank(300), b"{", blank(40), blank(200_000), EMPTY]
        found = await talk(here, *map(sent, (text for text in bodies if text != b"{")), answers=5)  # all sent ahead
        assert [reply.status for reply in found] == [200] * 5
        assert known(here) == 1
        (cut, *others) = await talk(here, sent(b"{") + sent(), answers=2)
    # What follows what was refused may be the rest of it.
    assert (cut.status, others) == (400, [])


async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async with desk() as here:
        statuses = [sent() + sent(blank(50)), request("GET /nothing"), sent()]
        assert [reply.status for reply in await talk(here, *statuses, answers=4)] == [200, 200, 404, 200]


FOREIGN = {
    "two lengths": b"Content-Length: 20\r\nContent-Length: 20\r\n",
    "two lengths that differ": b"content-length: 3\r\nContent-Length: 20\r\n",
    "length and chunked": b"Content-Length: 20\r\nTransfer-Encoding: chunked\r\n",
    "a sign": b"Content-Length: +20\r\n",
    "hexadecimal": b"Content-Length: 0x14\r\n",
    "a list": b"Content-Length: 20, 20\r\n",
    "more digits than a number has": b"Content-Length: " + b"2" * 30 + b"\r\n",
    "a space before the colon": b"Content-Length : 20\r\n",
    "folded": b"X-A: a\r\n b\r\nContent-Length: 20\r\n",
    "bare LF": b"X-A: a\nContent-Length: 20\r\n",
    "an end of the head by bare LF": b"X-A: a\n\nContent-Length: 20\r\n",
    "a NUL": b"X-A: \x00\r\nContent-Length: 20\r\n",
    "two Hosts": b"Host: y\r\nContent-Length: 20\r\n",
    "two types": b"Content-Type: text/plain\r\nContent-Length: 20\r\n",
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_what_two_could_read_differently_is_refused_also_on_a_connection_that_was_good(kind: str) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + FOREIGN[kind] + b"\r\n"
    async with desk() as here:
        found = await talk(here, sent(), head + EMPTY + sent(), answers=3, pause=0.02)
        assert [reply.status for reply in found] == [200, 400]
        assert known(here) == 1


LATER = {
    "from a web page": (b"Origin: https://example.com\r\n", [200, 403, 200]),
    "by a proxy": (b"Via: 1.1 a\r\n", [200, 403, 200]),
    "chunked": (b"Transfer-Encoding: chunked\r\n", [200, 400]),
    "another length": (b"content-length: 1\r\n", [200, 400]),
    "another coding": (b"Content-Encoding: lzma\r\n", [200, 415, 200]),
    "asked for": (b"Expect: 100-continue\r\n", [200, 200, 200]),
}


@pytest.mark.parametrize("kind", LATER)
async def test_what_stands_behind_the_length_is_part_of_the_head(kind: str) -> None:
    header, statuses = LATER[kind]
    good, length = sent(), b"Content-Length: 20\r\n"
    other = good.replace(length, length + header)
    async with desk() as here:
        found = await talk(here, good, other, good, answers=len(statuses), pause=0.02)
        assert [reply.status for reply in found] == statuses
        assert known(here) == 1


async def test_without_a_host_nothing_is_taken() -> None:
    async with desk() as here:
        (reply,) = await talk(here, sent().replace(b"Host: localhost\r\n", b""), answers=1)
        assert (reply.status, known(here)) == (400, 0)


async def test_nothing_behind_what_was_refused_is_taken() -> None:
    async with desk() as here:
        assert len(await talk(here, sent(b"{") + sent() + sent(), answers=3)) == 1
        assert here.figures("stack_exporter_http_requests_total") == {("otlp_traces", "400"): 1}


async def test_a_wrong_token_is_asked_for_each_time_and_not_kept() -> None:
    async with desk(tokens=[TOKEN]) as here:
        wrong, right = sent(EMPTY, JSON, bearer("a-wrong-token")), sent(EMPTY, JSON, bearer(TOKEN))
        found = await talk(here, right, wrong, right, wrong, sent(), answers=5)
        assert [reply.status for reply in found] == [200, 401, 200, 401, 401]
        assert known(here) == 1
        here.use(config=here.services.config.__class__())
        assert [reply.status for reply in await talk(here, right, answers=1)] == [200]


async def test_who_may_not_send_is_answered_before_the_body_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LINGER", 0.2)
    async with desk(tokens=[TOKEN]) as here, talking(here.server.port) as (reader, writer):
        writer.write(sent(blank(1_000_000))[:-900_000])
        assert (await read(reader)).status == 401
        began = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - began < 2
        # What comes in time is listened to, so that the next request finds its beginning.
        found = await talk(here, sent(blank(1_000_000)), sent(EMPTY, JSON, bearer(TOKEN)), answers=2)
        assert [reply.status for reply in found] == [401, 200]


async def test_a_body_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (body, unpack):
        monkeypatch.setattr(module, "WITHIN", 0.2)
    monkeypatch.setattr(server, "LINGER", 0.1)
    async with desk() as here:
        for size in (100, 20_000):
            (reply,) = await talk(here, sent(blank(size))[:-5], answers=2)
            assert reply.status == 408
        assert here.counts() == {"invalid": 2}


async def test_who_leaves_within_a_body_is_counted_and_holds_nothing() -> None:
    async with desk() as here:
        for size in (100, 500_000):
            async with talking(here.server.port) as (_, writer):
                writer.write(sent(blank(size))[:-5])
                await writer.drain()
                await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            while here.counts() != {"invalid": 2} or here.server._working or here.site.room.taken:
                await asyncio.sleep(0.01)


async def test_bodies_without_room_are_429_and_give_back_what_they_held() -> None:
    async with desk() as here:
        here.site.room.most = 400_000
        found = await talk(here, sent(blank(300_000)), sent(blank(500_000)), answers=2)
        assert [reply.status for reply in found] == [200, 429]
        assert here.site.room.taken == 0


async def test_what_is_under_way_is_answered_at_the_end() -> None:
    async with desk() as here, talking(here.server.port) as (reader, writer):
        writer.write(sent(blank(50_000))[:-5])
        await asyncio.sleep(0.05)
        ending = asyncio.create_task(here.server.stop(3.0))
        await asyncio.sleep(0.05)
        writer.write(sent(blank(50_000))[-5:])
        assert (await read(reader)).status == 200
        assert await reader.read() == b""
        await ending
