"""What is under way when the daemon stops, or a back end is configured otherwise, is neither lost nor counted twice."""

import asyncio
from typing import Any

from exporter.config.onward import Waiting
from exporter.forward.memory import Memory
from exporter.forward.patience import Patience
from exporter.forward.ports import Reply
from tests.forward.backends import Seen, Waits, until
from tests.forward.test_delivery import TAKEN, Scripted, deliver, working


def begin(*replies: Reply | None, **about: Any) -> tuple[Waits, Scripted, Seen, Any]:
    queue, client, seen = Waits(), Scripted(*replies), Seen()
    return queue, client, seen, deliver(queue, client, seen, **about)


def test_a_flush_sends_all_without_waiting_for_more() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin(gather=60.0)
        async with working(delivery):
            for body in (b"a" * 600, b"b" * 600, b"c"):
                await queue.put(body, 1)
                await asyncio.sleep(0)
            async with asyncio.timeout(1):
                await delivery.flush()
            assert (queue.items, seen.sent_items, len(client.bodies)) == (0, 3, 2)
            await queue.put(b"d", 1)
            async with asyncio.timeout(1):
                await delivery.flush()
                await delivery.flush()
            assert (client.bodies[2:], seen.sent_items) == ([b"d"], 4)

    asyncio.run(go())


def test_work_goes_on_after_a_flush() -> None:
    async def go() -> None:
        queue, client, _, delivery = begin()
        async with working(delivery):
            await delivery.flush()
            await queue.put(b"a", 1)
            await until(lambda: not queue.items)
            await asyncio.gather(*(delivery.flush() for _ in range(3)))
            await queue.put(b"b", 1)
            await until(lambda: not queue.items)
            assert client.bodies == [b"a", b"b"]

    asyncio.run(go())


def test_a_flush_does_not_wait_for_a_pause_to_end_and_ends_with_the_first_refusal() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin(Reply("later", "unreachable"), patience=Patience(30.0))
        async with working(delivery):
            await queue.put(b"a", 1)
            await until(lambda: bool(seen.replies))
            async with asyncio.timeout(1):
                await delivery.flush()
            assert (client.bodies, queue.items) == ([b"a"] * 2, 1)
            client.replies = (TAKEN,)
            await delivery.flush()
            assert (client.bodies, queue.items, seen.sent_items) == ([b"a"] * 3, 0, 1)

    asyncio.run(go())


def test_a_back_end_that_wants_to_be_left_alone_is_also_in_a_flush() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin(Reply("later", "503", 60.0))
        async with working(delivery):
            await queue.put(b"a", 1)
            await until(lambda: bool(seen.replies))
            await delivery.flush()
            assert (client.bodies, queue.items) == ([b"a"], 1)

    asyncio.run(go())


def test_a_request_under_way_outlives_the_work_that_began_it_and_the_flush_that_waited_for_it() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin(None, TAKEN)
        await queue.put(b"a", 1)
        for waits in (delivery.work(lambda: None), delivery.flush(), delivery.flush()):
            task = asyncio.create_task(waits)
            await until(lambda: bool(client.bodies))
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await queue.put(b"b", 1)
        client.released.set()
        await delivery.flush()
        assert (client.bodies, seen.sent_items, seen.codes, queue.items) == ([b"a", b"b"], 2, ["200", "200"], 0)
        await delivery.close()

    asyncio.run(go())


def test_what_is_given_up_before_its_answer_waits_and_is_not_counted() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin(None, TAKEN)
        await queue.put(b"a", 1)
        async with working(delivery):
            await until(lambda: bool(client.bodies))
        assert (queue.items, seen.codes, seen.sent_items, client.under_way) == (1, [], 0, 0)
        await delivery.close()
        await delivery.flush()
        assert (queue.items, seen.sent_items) == (0, 1)

    asyncio.run(go())


def test_what_was_answered_is_counted_once_however_slow_the_queue_and_whoever_is_cancelled() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin()
        queue.slow = 0.1
        await queue.put(b"a", 1)
        async with working(delivery):
            await until(lambda: bool(seen.codes))
            flush = asyncio.create_task(delivery.flush())
            await asyncio.sleep(0.01)
            flush.cancel()
        assert (client.bodies, queue.items, seen.sent_items) == ([b"a"], 0, 1)

    asyncio.run(go())


def test_an_error_of_the_queue_ends_the_work_and_the_next_begins_anew() -> None:
    async def go() -> None:
        queue, client, seen, delivery = begin()
        done, queue.done = queue.done, _fails  # type: ignore[method-assign]
        await queue.put(b"a", 1)
        work = asyncio.create_task(delivery.work(lambda: None))
        await asyncio.wait({work}, timeout=1)
        assert isinstance(work.exception(), OSError)
        queue.done = done  # type: ignore[method-assign]
        async with working(delivery):
            await until(lambda: not queue.items)
        assert (client.bodies, seen.sent_items) == ([b"a", b"a"], 1)

    asyncio.run(go())


async def _fails(count: int) -> None:
    raise OSError(count)


def test_what_the_queue_drops_while_it_is_under_way_is_counted_once() -> None:
    async def go() -> None:
        lost: list[int] = []
        queue = Memory(Waiting(size=64 * 1024), lambda _, items: lost.append(items))
        client, seen = Scripted(None, TAKEN), Seen()
        delivery = deliver(queue, client, seen, most=30_000)
        async with working(delivery):
            for _ in range(3):
                await queue.put(bytes(10_000), 5)
            await until(lambda: bool(client.bodies))
            for _ in range(5):
                await queue.put(bytes(10_000), 5)
            client.released.set()
            await until(lambda: not queue.items)
        assert (client.bodies[0], len(client.bodies)) == (bytes(30_000), 3)
        assert (seen.sent_items, sum(lost)) == (30, 10)
        await queue.close(1.0)

    asyncio.run(go())
