"""Where a server listens, and how it stops."""

import asyncio
import errno
import socket
import time

import pytest

from exporter.web import address, server
from tests.web.client import ask, bearer, raw, request
from tests.web.stand import ANSWERS, TOKEN, component, stand

OK = request("GET /livez")


async def test_stop_finishes_what_is_under_way_and_takes_no_more() -> None:
    async with stand() as s:
        going = ANSWERS["a"] = asyncio.Event()
        s.add(component("a", interval=3600.0, timeout=30.0), scheduled=True)
        cycle = asyncio.create_task(ask(s.port, "POST /api/v1/cycle", bearer(TOKEN)))
        idle, writer = await asyncio.open_connection("127.0.0.1", s.port)
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(s.server.stop(3.0))
        await asyncio.sleep(0.1)
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", s.port)
        assert not stopping.done()
        going.set()
        assert (await cycle).status == 200
        began = time.monotonic()
        await stopping
        assert time.monotonic() - began < 0.5
        assert await idle.read() == b""
        writer.close()
        await s.server.stop()


async def test_stop_cuts_what_does_not_end_within_the_grace() -> None:
    async with stand() as s:
        ANSWERS["a"] = asyncio.Event()
        s.add(component("a", interval=3600.0, timeout=30.0), scheduled=True)
        cycle = asyncio.create_task(ask(s.port, "POST /api/v1/cycle", bearer(TOKEN)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await s.server.stop(1.0)
        assert time.monotonic() - began < 1.3
        with pytest.raises(EOFError):
            await cycle


async def test_an_address_in_use_is_one_clear_error() -> None:
    async with stand() as s:
        other = server.Server(f"127.0.0.1:{s.port}", s.site)
        with pytest.raises(OSError, match=rf"can't listen on 127\.0\.0\.1:{s.port}: Address already in use") as caught:
            await other.start()
        assert caught.value.errno == errno.EADDRINUSE


async def test_an_empty_host_listens_on_both_families_at_one_port() -> None:
    async with stand(":0") as s:
        assert (await raw(s.port, OK)).status == 200
        if socket.has_ipv6:
            assert (await raw(s.port, OK, host="::1")).status == 200
        assert s.server.url == f"http://localhost:{s.port}"


@pytest.mark.parametrize(("listen", "host"), [("[::1]:0", "::1"), ("localhost:0", "127.0.0.1")])
async def test_an_address_of_one_family_listens_there(listen: str, host: str) -> None:
    async with stand(listen) as s:
        assert (await raw(s.port, OK, host=host)).status == 200


@pytest.mark.parametrize(
    "text", ["9676", "", "localhost", "::1:9676", "[::1]", "127.0.0.1:99999", "a b:1", "http://x:1", ":-1"]
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a listen address"):
        address.parse(text)


async def test_a_host_that_is_not_ours_is_one_clear_error() -> None:
    async with stand() as s:
        with pytest.raises(OSError, match=r"can't listen on 192\.0\.2\.1:0: Cannot assign"):
            await server.Server("192.0.2.1:0", s.site).start()
