"""Bodies of the ingest listener: compressed in every way, cut, corrupt, bombs, too many at once; F23 and F24."""

import asyncio
import contextlib
import functools
import gzip
import random
import time
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
from backports import zstd

from exporter.web.call import Answer, Call
from exporter.web.routes import PROBES, Route
from exporter.web.server import Server
from exporter.web.site import Site
from exporter.web.unpack import LARGEST, STREAM, chunks, unpacked
from tests.web.client import Reply, ask, raw, request
from tests.web.stand import Stand, stand

TEXT = b"all is well " * 1000
Body = bytes | Callable[[], bytes]
"""Those that take long to make are made by the test, not by each worker that collects it."""
NOISE = random.Random(1).randbytes(200_000)


@functools.cache
def bomb() -> bytes:
    """1 MB that unpacks to 1 GiB."""
    return gzip.compress(bytes(64 << 20), 9) * 16


async def whole(call: Call) -> Answer:
    body = await unpacked(call)
    return Answer(data={"size": len(body), "crc": zlib.crc32(body), "room": call.room.taken})


async def streamed(call: Call) -> Answer:
    size = 0
    async for part in chunks(call):
        size += len(part)
    return Answer(data={"size": size, "room": call.room.taken})


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[Stand, int, Site]]:
    async with stand() as s:
        mine = (Route("POST", "/whole", "whole", whole, "ingest"), Route("POST", "/a/{x}/z/", "z", streamed, "ingest"))
        site = Site((*PROBES, *mine), s.site.services)
        server = Server("127.0.0.1:0", site)
        await server.start()
        try:
            yield s, server.port, site
        finally:
            await server.stop(1.0)


def raw_deflate(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush()


async def post(port: int, coding: str, body: bytes, path: str = "/whole") -> Reply:
    lines = [f"Content-Encoding: {coding}"] if coding else []
    return await raw(port, request(f"POST {path}", *lines, body=body))


WAYS = {
    "plain": ("", TEXT, TEXT),
    "identity": ("identity", TEXT, TEXT),
    "gzip": ("gzip", gzip.compress(TEXT), TEXT),
    "in capitals": ("GZIP", gzip.compress(TEXT), TEXT),
    "x-gzip of two members": ("x-gzip", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), TEXT),
    "deflate": ("deflate", zlib.compress(TEXT), TEXT),
    "raw deflate": ("deflate", raw_deflate(TEXT), TEXT),
    "br": ("br", brotli.compress(TEXT), TEXT),
    "zstd": ("zstd", zstd.compress(TEXT), TEXT),
    "nothing at all": ("gzip", b"", b""),
    "what hardly compresses": ("gzip", gzip.compress(NOISE), NOISE),
    "much in little, within the limit": ("br", brotli.compress(bytes(LARGEST), quality=5), bytes(LARGEST)),
}


async def test_every_coding_is_undone_and_the_room_is_free_again() -> None:
    async with listening() as (_, port, site):
        for name, (coding, body, text) in WAYS.items():
            reply = await post(port, coding, body)
            assert reply.status == 200, (name, reply.text)
            assert reply.json["data"] == {"size": len(text), "crc": zlib.crc32(text), "room": len(text)}, name
            assert (await post(port, coding, body, "/a/b/z/")).json["data"] == {"size": len(text), "room": 0}, name
        assert site.room.taken == 0


REFUSED = {
    "gzip cut short": ("gzip", gzip.compress(NOISE)[:-9], 400),
    "br cut short": ("br", lambda: brotli.compress(NOISE)[:-5], 400),
    "zstd cut short": ("zstd", zstd.compress(NOISE)[:-5], 400),
    "deflate cut short": ("deflate", zlib.compress(NOISE)[:-5], 400),
    "gzip garbage": ("gzip", NOISE, 400),
    "br garbage": ("br", b"\xff" * 100, 400),
    "zstd garbage": ("zstd", NOISE, 400),
    "a changed byte": ("gzip", gzip.compress(TEXT)[:-6] + b"\0\0\0\0\0\0", 400),
    "more behind it": ("deflate", zlib.compress(TEXT) + b"more", 400),
    "more behind zstd": ("zstd", zstd.compress(TEXT) + b"more", 400),
    "20,000 members": ("gzip", gzip.compress(b"") * 20_000, 400),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), 415),
    "unknown": ("compress", TEXT, 415),
    "gzip bomb": ("gzip", bomb, 413),
    "br bomb": ("br", lambda: brotli.compress(bytes(256 << 20), quality=5), 413),
    "zstd bomb": ("zstd", lambda: zstd.compress(bytes(1 << 30)), 413),
    "one byte too much": ("br", brotli.compress(bytes(LARGEST + 1), quality=5), 413),
    "too large on the wire": ("", bytes(LARGEST + 1), 413),
}


@pytest.mark.parametrize(("coding", "body", "status"), REFUSED.values(), ids=REFUSED)
async def test_what_is_corrupt_unknown_or_too_large_is_refused_and_holds_up_nobody(
    coding: str, body: Body, status: int
) -> None:
    content = body() if callable(body) else body
    async with listening() as (_, port, site):
        sent = asyncio.create_task(post(port, coding, content))
        slowest = 0.0
        while not sent.done():
            began = time.monotonic()
            assert (await ask(port, "GET /livez")).status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert (await sent).status == status, (await sent).text
        assert site.room.taken == 0
        assert slowest < 2.0  # the bound that counts, 250 ms, is measured where the machine is quiet


async def test_a_bomb_to_an_unknown_path_is_not_unpacked() -> None:
    async with listening() as (_, port, _site):
        began = time.process_time()
        replies = [await post(port, "gzip", bomb(), "/nothing/here") for _ in range(5)]
        assert {reply.status for reply in replies} == {404}
        assert time.process_time() - began < 1.0


async def test_what_is_thrown_away_may_be_larger_and_is_bounded_too() -> None:
    async with listening() as (_, port, _site):
        much = gzip.compress(bytes(40 << 20), 1)
        assert (await post(port, "gzip", much, "/a/b/z/")).json["data"] == {"size": 40 << 20, "room": 0}
        assert (await post(port, "gzip", gzip.compress(bytes(STREAM + 1), 1), "/a/b/z/")).status == 413


async def test_without_room_a_body_is_refused_and_the_room_comes_back() -> None:
    async with listening() as (_, port, site):
        site.room.most = 3 * len(TEXT)
        held: list[asyncio.StreamWriter] = []
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("POST /whole", body=TEXT + b"x")[:-1])  # all but the last byte
            await writer.drain()
            held.append(writer)
        while site.room.taken < 3 * len(TEXT):
            await asyncio.sleep(0.01)
        reply = await post(port, "", TEXT)
        assert (reply.status, reply.headers["retry-after"]) == (429, "1")
        for writer in held:
            writer.close()
        while site.room.taken:
            await asyncio.sleep(0.01)
        assert (await post(port, "", TEXT)).status == 200


async def test_a_length_that_lies_is_refused_before_a_byte_is_read() -> None:
    async with listening() as (_, port, _site):
        sent = b"POST /whole HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
        reply = await raw(port, sent)
        assert (reply.status, reply.headers["connection"]) == (413, "close")
