import asyncio
import os
import stat

import pytest

from exporter.forward.ports import Record
from exporter.forward.spool import InUse
from exporter.forward.spool_format import RECORD_HEAD
from exporter.ingest.ports import Refusing
from tests.forward.spools import KILO, Told, drained, looped, segments, spool


@looped
async def test_records_come_in_their_order_until_they_are_done(tmp_path) -> None:
    async with spool(tmp_path / "a") as queue:
        assert (queue.items, queue.oldest, queue.refusing, queue.durable) == (0, 0.0, "", True)
        for number in range(5):
            await queue.put(b"%d" % number, 10 + number)
        first = [Record(b"0", 10, 1000.0), Record(b"1", 11, 1000.0)]
        assert await queue.some(2) == first
        assert await queue.some(2) == first
        assert (queue.items, queue.oldest) == (60, 1000.0)
        await queue.done(1)
        assert queue.items == 50
        await queue.done(2)
        assert queue.items == 39
        assert [record.body for record in await queue.some(1000)] == [b"2", b"3", b"4"]
        assert await drained(queue) == [(b"2", 12), (b"3", 13), (b"4", 14)]
        assert (queue.items, queue.oldest) == (0, 0.0)


@looped
async def test_a_record_larger_than_what_is_asked_for_comes_alone(tmp_path) -> None:
    async with spool(tmp_path) as queue:
        for body in (b"a" * 100, b"b", b"c" * 100):
            await queue.put(body, 1)
        assert [len(record.body) for record in await queue.some(10)] == [100]
        assert [len(record.body) for record in await queue.some(101)] == [100, 1]


@looped
async def test_what_waits_wakes_the_one_who_asks(tmp_path) -> None:
    async with spool(tmp_path) as queue:
        asking = asyncio.create_task(queue.some(1000))
        await asyncio.sleep(0.02)
        assert not asking.done()
        await queue.put(b"a", 1)
        assert await asking == [Record(b"a", 1, 1000.0)]


@pytest.mark.parametrize("done", [0, 1, 7, 39, 40])
@looped
async def test_what_is_not_done_comes_again_after_a_restart(tmp_path, done) -> None:
    """Over several segments of 8 KiB, read from disk and not from memory."""
    bodies = [(bytes([number]) * 1000, number) for number in range(1, 41)]
    async with spool(tmp_path, size=64 * KILO) as queue:
        for body, items in bodies:
            await queue.put(body, items)
        for _ in range(done):
            await queue.some(1)
            await queue.done(1)
    for _ in range(2):
        async with spool(tmp_path, size=64 * KILO) as queue:
            assert queue.items == sum(items for _, items in bodies[done:])
            if done < 40:
                assert [record.items for record in await queue.some(3000)] == list(range(done + 1, min(done + 4, 41)))
    async with spool(tmp_path, size=64 * KILO) as queue:
        assert await drained(queue, 2500) == bodies[done:]
        await queue.put(b"x", 1)
        assert await drained(queue) == [(b"x", 1)]
    async with spool(tmp_path, size=64 * KILO) as queue:
        assert queue.items == 0
        assert not segments(tmp_path)


@looped
async def test_a_lost_or_broken_cursor_means_again_and_never_less(tmp_path) -> None:
    for content in (None, b"", b"x" * 36, b"x" * 10_000, "flip"):
        folder = tmp_path / f"{content!r:.8}"
        async with spool(folder) as queue:
            for number in range(4):
                await queue.put(b"%d" % number, 1)
            await queue.some(2)
            await queue.done(2)
        cursor = folder / "cursor"
        if content == "flip":
            data = bytearray(cursor.read_bytes())
            data[-8] ^= 1
            cursor.write_bytes(data)
        elif content is None:
            cursor.unlink()
        else:
            cursor.write_bytes(content)
        async with spool(folder) as queue:
            assert [body for body, _ in await drained(queue)] == [b"0", b"1", b"2", b"3"]


@looped
async def test_a_folder_has_one_daemon_and_no_reader_but_its_owner(tmp_path) -> None:
    async with spool(tmp_path / "deep" / "a") as queue:
        await queue.put(b"a", 1)
        with pytest.raises(InUse, match=r"a is in use by another stack-exporter: one daemon for each spool$"):
            async with spool(tmp_path / "deep" / "a"):
                pass
        folder = tmp_path / "deep" / "a"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    async with spool(tmp_path / "deep" / "a") as queue:
        assert queue.items == 1


@looped
async def test_a_backlog_is_read_from_disk_and_then_from_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("exporter.forward.spool.RECENT", 3000)
    async with spool(tmp_path, size=1000 * KILO) as queue:
        bodies = [(os.urandom(1000), 1) for _ in range(30)]
        await asyncio.gather(*(queue.put(*one) for one in bodies))
        assert await drained(queue, 4500) == bodies
        await queue.put(b"a", 2)
        assert await drained(queue) == [(b"a", 2)]


@looped
async def test_a_put_that_is_given_up_does_no_harm(tmp_path) -> None:
    async with spool(tmp_path) as queue:
        puts = [asyncio.create_task(queue.put(b"%d" % number, 1)) for number in range(3)]
        await asyncio.sleep(0)
        puts[1].cancel()
        await asyncio.gather(*puts, return_exceptions=True)
        asking = asyncio.create_task(queue.some(10))
        asking.cancel()
        bodies = [body for body, _ in await drained(queue)]
        assert bodies == [b"0", b"1", b"2"]


@looped
async def test_after_close_it_refuses_and_closes_again(tmp_path) -> None:
    async with spool(tmp_path) as queue:
        putting = asyncio.create_task(queue.put(b"a", 1))
        await asyncio.sleep(0)
        await queue.close(5)
        await putting
        await queue.close(5)
        with pytest.raises(Refusing, match="unavailable"):
            await queue.put(b"b", 1)
        assert queue.refusing == "unavailable"
    told = Told()
    async with spool(tmp_path, told) as queue:
        assert await drained(queue) == [(b"a", 1)]
        assert told.lost == []


def test_a_head_takes_28_bytes() -> None:
    assert RECORD_HEAD == 28
