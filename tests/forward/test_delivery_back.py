"""A back end that is away and comes back, or wants to be left alone."""

import asyncio

from exporter.forward.http import HttpClient
from exporter.forward.patience import Patience
from exporter.forward.ports import Record, Reply
from tests.forward.backends import Peer, Seen, Waits, backend, says, until
from tests.forward.test_delivery import TAKEN, Scripted, deliver, working


def test_ten_thousand_spans_are_there_in_their_order_soon_after_a_back_end_is_back() -> None:
    """Ten minutes in the time of a second: all pauses are a thousand times shorter."""
    asked: list[float] = []

    async def go() -> list[bytes]:
        port = 0
        async with backend() as back:
            port = back.port
        queue, seen = Waits(), Seen()
        client = HttpClient(Peer(f"http://127.0.0.1:{port}/v1/traces"))
        for number in range(1000):
            await queue.put(b"%04d" % number + bytes(396), 10)
        made = deliver(queue, client, seen, most=40_000, patience=Patience(0.001, 0.02))
        async with working(made):
            await asyncio.sleep(0.6)
            assert set(seen.codes) == {"unreachable"}
            assert 2 < len(seen.codes) < 100, "it is left alone in between"
            async with backend(port=port) as back:
                began = asyncio.get_running_loop().time()
                await until(lambda: bool(back.requests))
                asked.append(asyncio.get_running_loop().time() - began)
                await until(lambda: not queue.items)
                asked.append(asyncio.get_running_loop().time() - began)
                assert (seen.sent_items, seen.lost) == (10_000, {})
                await client.close()
                return back.bodies

    bodies = asyncio.run(go())
    assert b"".join(bodies) == b"".join(b"%04d" % number + bytes(396) for number in range(1000))
    assert len(bodies) == 10
    assert asked[0] < 0.5
    assert asked[1] < 5


def test_a_wish_to_be_left_alone_is_honoured() -> None:
    async def go() -> float:
        async with backend(says(503, headers={"retry-after": "1"}), says(200)) as back:
            queue, client = Waits(), HttpClient(Peer(back.url))
            async with working(deliver(queue, client, Seen(), patience=Patience(0.01, 0.01))):
                await queue.put(b"a", 1)
                await until(lambda: len(back.requests) == 1)
                began = asyncio.get_running_loop().time()
                await until(lambda: len(back.requests) == 2)
                took = asyncio.get_running_loop().time() - began
            await client.close()
            return took

    assert 0.95 <= asyncio.run(go()) < 1.6


def test_the_queue_that_tests_use_gives_the_same_until_it_is_done() -> None:
    async def go() -> None:
        queue = Waits()
        for body in (b"a", b"b", b"c"):
            await queue.put(body, 1)
        assert [record.body for record in await queue.some(2)] == [b"a", b"b"]
        await queue.done(1)
        assert [record.body for record in await queue.some(0)] == [b"b"]
        assert (queue.items, queue.size) == (2, 2)
        assert isinstance((await queue.some(9))[0], Record)

    asyncio.run(go())


def test_pauses_begin_anew_once_it_has_answered() -> None:
    low: list[float] = []

    def uniform(least: float, _: float) -> float:
        low.append(round(least, 3))
        return 0.0

    later = Reply("later", "503")

    async def go() -> None:
        queue, client = Waits(), Scripted(later, later, TAKEN, later, Reply("rejected", "500"), later, TAKEN)
        async with working(deliver(queue, client, Seen(), patience=Patience(1.0, 20.0, uniform))):
            for _ in range(3):
                await queue.put(b"a", 1)
                await until(lambda: not queue.items)

    asyncio.run(go())
    assert low == [0.8, 1.6, 0.8, 0.8]
