"""Each item that a spool took is sent, dropped by one reason, or waits: never two of them, whatever comes together."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from exporter.config.onward import Waiting
from exporter.forward.delivery import Delivery
from exporter.forward.patience import Patience
from exporter.forward.ports import Reply
from exporter.forward.spool import Spool
from exporter.ingest.ports import Refusing
from tests.forward.backends import Seen
from tests.forward.spools import KILO, Told, drained, looped, segments, spool

ANSWERS = [Reply("later", "503"), Reply("rejected", "400"), Reply("taken", "200", partial=5)]
ANSWERS += [Reply("taken", "200")] * 9


class Moody:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    async def send(self, body: bytes) -> Reply:
        await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.005)))
        return self._chance.choice(ANSWERS)

    async def close(self) -> None: ...


@pytest.mark.parametrize("limits", [{}, {"age": 0.2}, {"full": "refuse"}], ids=str)
@looped
async def test_all_that_is_taken_is_sent_or_dropped_once_or_waits(tmp_path: Path, limits: dict[str, object]) -> None:
    chance, told, seen = random.Random(4), Told(), Seen()
    taken, until = 0, time.monotonic() + 0.5

    async def put() -> None:
        nonlocal taken
        while time.monotonic() < until:
            items = chance.randrange(1, 9)
            try:
                await queue.put(bytes(chance.randrange(100, 6000)), items)
            except Refusing:
                await asyncio.sleep(0.005)
            else:
                taken += items
            await asyncio.sleep(chance.choice((0, 0, 0.002, 0.01)))

    queue = Spool(
        tmp_path, Waiting(size=64 * KILO, **limits), lambda *lost: told.lost.append(lost), told.add, time.time
    )  # fmt: skip
    queue.open()
    about = {"name": "0", "address": "", "signal": "traces", "most": 20_000, "patience": Patience(0.02, 0.1)}
    delivery = Delivery(queue, Moody(chance), seen, gather=0.0, **about)
    work = asyncio.create_task(delivery.work(lambda: None))
    await asyncio.gather(*(put() for _ in range(4)))
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await delivery.close()
    await asyncio.sleep(0.1)
    dropped = sum(items for _, items in told.lost) + sum(seen.lost.values())
    assert taken == seen.sent_items + dropped + queue.items
    assert seen.sent_items > 50
    assert bool(told.lost) == (limits != {"full": "refuse"})
    await queue.close(2)


@looped
async def test_what_was_told_of_a_hole_is_not_told_again_when_the_rest_is_dropped(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("exporter.forward.spool.RECENT", 0)
    told = Told()
    async with spool(tmp_path, told, size=64 * KILO) as queue:
        for _ in range(5):
            await queue.put(b"x" * 1000, 7)
        [segment] = segments(tmp_path)
        data = bytearray(segment.read_bytes())
        data[1500] ^= 1  # in the body of the second
        segment.write_bytes(data)
        assert len(await queue.some(10_000)) == 4
        assert told.of("corrupt") == 7
        await queue.done(1)
        for _ in range(60):
            await queue.put(b"y" * 1000, 1)
        assert not segment.exists()
        assert told.of("full") == 3 * 7 + (60 - queue.items)
        assert len(await drained(queue)) == 60 - (told.of("full") - 21)


@looped
async def test_a_limit_that_was_lowered_drops_the_oldest_and_what_was_set_aside(tmp_path: Path) -> None:
    told = Told()
    async with spool(tmp_path, told, size=1024 * KILO) as queue:
        for number in range(300):
            await queue.put(b"%03d" % number * 300, 2)
    for number in range(10):
        (tmp_path / f"{number:016}-00000000.spool.corrupt").write_bytes(bytes(20 * KILO))
    async with spool(tmp_path, told, size=128 * KILO) as queue:
        assert sum(path.stat().st_blocks * 512 for path in (tmp_path, *tmp_path.iterdir())) <= 128 * KILO
        assert 0 < queue.items < 600
        assert told.lost
        assert told.of("full") + queue.items == 600
        await queue.put(b"new", 2)
        assert (await drained(queue))[-1] == (b"new", 2)


@looped
async def test_a_limit_that_was_lowered_drops_nothing_where_it_is_to_refuse(tmp_path: Path) -> None:
    told = Told()
    async with spool(tmp_path, told, size=1024 * KILO, full="refuse") as queue:
        for _ in range(300):
            await queue.put(b"x" * 900, 2)
    async with spool(tmp_path, told, size=64 * KILO, full="refuse") as queue:
        with pytest.raises(Refusing, match="full"):
            await queue.put(b"new", 2)
        assert (len(await drained(queue)), told.lost) == (300, [])
        await queue.put(b"new", 2)
        assert await drained(queue) == [(b"new", 2)]


@looped
async def test_a_spool_of_which_all_is_done_leaves_no_file_of_records(tmp_path: Path) -> None:
    async with spool(tmp_path) as queue:
        await queue.put(b"x", 1)
        await drained(queue)
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "cursor"}
    async with spool(tmp_path) as queue:
        await queue.put(b"y", 1)
        assert await drained(queue) == [(b"y", 1)]


@looped
async def test_what_waits_for_the_disk_is_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("exporter.forward.spool.WAITING", 10_000)
    async with spool(tmp_path) as queue:
        done = await asyncio.gather(*(queue.put(b"x" * 4000, 1) for _ in range(5)), return_exceptions=True)
        assert [str(error) for error in done if error] == ["slow"] * 3
        assert queue.items == 2
