import asyncio

import pytest

from exporter.config.onward import Waiting
from exporter.forward.memory import Memory
from exporter.forward.ports import Record
from exporter.ingest.ports import Refusing
from tests.forward.spools import Told, looped


def memory(told: Told, **limits: object) -> Memory:
    return Memory(Waiting(**limits), lambda reason, items: told.lost.append((reason, items)), lambda: told.now, 2000)


@looped
async def test_the_oldest_make_room_and_done_counts_only_what_was_given() -> None:
    told = Told()
    queue = memory(told)
    asking = asyncio.create_task(queue.some(400))
    await asyncio.sleep(0)
    for number in range(4):
        await queue.put(b"%d" % number * 200, number + 1)
    assert (await asking, queue.durable) == ([Record(b"0" * 200, 1, 1000.0), Record(b"1" * 200, 2, 1000.0)], False)
    await queue.put(b"4" * 200, 5)
    assert told.lost == [("full", 1)]
    await queue.done(2)
    assert (queue.items, queue.size, queue.oldest) == (12, 3 * 456, 1000.0)
    assert [record.items for record in await queue.some(1)] == [3]
    await queue.close(1)
    assert (told.lost, queue.items, queue.refusing) == ([("full", 1), ("stopped", 12)], 0, "unavailable")
    with pytest.raises(Refusing, match="unavailable"):
        await queue.put(b"", 1)


@looped
async def test_refuse_takes_nothing_until_there_is_room_or_all_is_too_old() -> None:
    told = Told()
    queue = memory(told, full="refuse", age=10.0)
    await queue.put(b"a" * 1000, 1)
    for size in (1000, 5000):
        with pytest.raises(Refusing, match="full"):
            await queue.put(b"b" * size, 1)
    assert queue.refusing == "full"
    told.now += 11
    await queue.put(b"c" * 1000, 2)
    assert (told.lost, queue.items, queue.refusing) == ([("expired", 1)], 2, "")
    assert [record.items for record in await queue.some(1)] == [2]
    await queue.done(1)
    assert (queue.items, queue.oldest) == (0, 0.0)
