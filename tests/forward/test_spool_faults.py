"""F41: a disk that takes nothing costs no more than what is put meanwhile; and kill -9 costs nothing."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from exporter.ingest.ports import Refusing
from tests.forward.spools import KILO, Told, drained, looped, segments, spool
from tests.mounts import mounted


async def reason(queue, body: bytes = b"x" * 40_000) -> str:
    begun = time.monotonic()
    try:
        await queue.put(body, 1)
    except Refusing as refusing:
        return refusing.reason
    finally:
        assert time.monotonic() - begun < 1.2
    return ""


@looped
async def test_a_full_disk_refuses_and_takes_again_when_there_is_space(tmp_path) -> None:
    with mounted(tmp_path / "m", "tmpfs", "size=2m") as mount:
        told = Told()
        async with spool(mount / "spool", told) as queue:
            (mount / "filler").write_bytes(bytes(1_700_000))
            kept = 0
            while not (why := await reason(queue)):
                kept += 1
            assert (why, queue.refusing, queue.items) == ("full", "full", kept)
            assert await reason(queue) == "full"
            (mount / "filler").unlink()
            begun = time.monotonic()
            while queue.refusing:
                await asyncio.sleep(0.05)
            assert time.monotonic() - begun < 2
            assert await reason(queue) == ""
            assert len(await drained(queue)) == kept + 1
            assert (told.lost, told.corrupt) == ([], 0)


@looped
async def test_a_folder_taken_away_is_made_anew(tmp_path) -> None:
    folder, told = tmp_path / "spool", Told()
    async with spool(folder, told) as queue:
        await queue.put(b"a", 5)
        shutil.rmtree(folder)
        await queue.put(b"b", 1)
        assert told.lost == [("corrupt", 5)]
        assert len(segments(folder)) == 1
        assert await drained(queue) == [(b"b", 1)]


@looped
async def test_a_failing_fdatasync_acknowledges_nothing(tmp_path, monkeypatch) -> None:
    """A real disk gives EIO here, which can't be had in a test."""
    async with spool(tmp_path) as queue:
        await queue.put(b"a", 1)
        real = os.fdatasync

        def failing(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", failing)
        assert [await reason(queue), await reason(queue)] == ["unavailable"] * 2
        monkeypatch.setattr(os, "fdatasync", real)
        assert await reason(queue, b"b") == ""
        assert await drained(queue) == [(b"a", 1), (b"b", 1)]


@looped
async def test_a_disk_that_hangs_refuses_in_time_and_the_loop_goes_on(tmp_path, monkeypatch) -> None:
    real, told = os.fdatasync, Told()

    def hanging(file: int) -> None:
        time.sleep(1.2)
        real(file)

    async with spool(tmp_path, told) as queue:
        await queue.put(b"a", 1)
        monkeypatch.setattr(os, "fdatasync", hanging)
        assert await reason(queue, b"b") == "unavailable"
        assert (await reason(queue, b"c"), queue.refusing) == ("unavailable", "unavailable")
        assert [record.body for record in await queue.some(10)] == [b"a"]
        monkeypatch.setattr(os, "fdatasync", real)
        while queue.refusing:
            await asyncio.sleep(0.05)
        await queue.put(b"d", 1)
        assert [body for body, _ in await drained(queue)] == [b"a", b"d"]


@looped
async def test_the_oldest_make_room_and_are_counted(tmp_path) -> None:
    told = Told()
    async with spool(tmp_path, told, size=64 * KILO) as queue:
        for number in range(200):
            await queue.put(b"%04d" % number * 250, 3)
            taken = sum(path.stat().st_blocks * 512 for path in (tmp_path, *tmp_path.iterdir()))
            assert taken <= 64 * KILO
        given = await queue.some(1000)
        for _ in range(60):
            await queue.put(b"x" * 1000, 3)
        before, left = queue.items, queue.items
        await queue.done(len(given))
        assert queue.items == before
        assert told.lost[0][0] == "full"
        assert told.of("full") + left == 260 * 3
        assert len(await drained(queue)) == left // 3
        with pytest.raises(Refusing, match="full"):
            await queue.put(b"x" * 70_000, 1)


@looped
async def test_refuse_takes_nothing_until_there_is_room(tmp_path) -> None:
    told = Told()
    async with spool(tmp_path, told, size=64 * KILO, full="refuse") as queue:
        kept = 0
        while not await reason(queue, b"x" * 1000):
            kept += 1
        assert (queue.refusing, told.lost, kept > 15) == ("full", [], True)
        assert len(await drained(queue)) == kept
        assert await reason(queue, b"x" * 1000) == ""
        assert queue.refusing == ""


@looped
async def test_what_is_too_old_is_dropped(tmp_path) -> None:
    told = Told()
    async with spool(tmp_path, told, age=10.0) as queue:
        await queue.put(b"a", 2)
        told.now += 6
        await queue.put(b"b", 3)
        told.now += 6
        assert [record.body for record in await queue.some(100)] == [b"b"]
        assert (told.lost, queue.items) == ([("expired", 2)], 3)


WRITER = """
import asyncio, sys, pathlib
from exporter.config.onward import Waiting
from exporter.forward.spool import Spool
async def main():
    queue = Spool(pathlib.Path(sys.argv[1]), Waiting(), lambda *_: None, lambda _: None)
    queue.open()
    async def go(first):
        for number in range(first, 10**6, 4):
            await queue.put(b"%d " % number + b"x" * (number * 7919 % 50000), 1)
            sys.stdout.write("%d\\n" % number)
            sys.stdout.flush()
    await asyncio.gather(*map(go, range(int(sys.argv[2]), int(sys.argv[2]) + 4)))
asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path) -> None:
    acknowledged: list[int] = []
    for turn in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "spool"), str(turn * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            acknowledged.append(int(process.stdout.readline()))
            time.sleep(random.uniform(0.0, 0.05))
            process.kill()
            acknowledged += [
                int(line) for line in process.stdout.read().splitlines(keepends=True) if line[-1:] == b"\n"
            ]

    @looped
    async def check() -> None:
        async with spool(tmp_path / "spool", age=1e12) as queue:
            numbers = [int(body.split()[0]) for body, _ in await drained(queue)]
            assert set(acknowledged) <= set(numbers)
            assert len(set(numbers)) == len(numbers)
            for first in range(4):
                mine = [number for number in numbers if number % 4 == first]
                assert mine == sorted(mine)

    check()
