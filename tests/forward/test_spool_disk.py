"""F41 and F42 on more disks: full from the start, with a limit for each file, and with a file that can't be read."""

import asyncio
import resource
from pathlib import Path

import pytest

from exporter.forward.spool_format import file_head, name_of, record_head
from tests.forward.spools import KILO, Told, drained, looped, segments, spool
from tests.forward.test_spool_faults import reason
from tests.mounts import mounted


@looped
async def test_a_spool_begins_on_a_full_disk_and_takes_once_there_is_space(tmp_path: Path) -> None:
    with mounted(tmp_path / "m", "tmpfs", "size=1m,nr_inodes=8") as mount:
        for number in range(7):
            (mount / f"filler{number}").touch()  # not even a folder can be made
        told = Told()
        async with spool(mount / "spool", told) as queue:
            assert await reason(queue, b"a") in ("full", "unavailable")
            for number in range(7):
                (mount / f"filler{number}").unlink()
            async with asyncio.timeout(5):
                while await reason(queue, b"b"):
                    await asyncio.sleep(0.05)
            assert await drained(queue) == [(b"b", 1)]
            assert (told.lost, told.corrupt, queue.refusing) == ([], 0, "")


@looped
async def test_a_limit_for_each_file_refuses_and_what_was_taken_comes(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = Told()
    async with spool(tmp_path, told) as queue:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            kept = 0
            while not (why := await reason(queue)):
                kept += 1
            assert (why, kept) == ("full", 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await reason(queue) == ""
        assert [body for body, _ in await drained(queue)] == [b"x" * 40_000] * 3
        assert (told.lost, told.corrupt) == ([], 0)


@looped
async def test_a_file_that_cannot_be_read_is_set_aside_and_what_is_behind_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.forward.spool.RECENT", 0)
    monkeypatch.setattr("exporter.forward.spool.READ_AGAIN", 0.01)
    told = Told()
    async with spool(tmp_path, told, size=64 * KILO) as queue:
        for number in range(10):
            await queue.put(b"%d" % number * 3000, 2)
        first, *others = segments(tmp_path)
        first.unlink()
        first.mkdir()  # read() of it is an error
        async with asyncio.timeout(5):
            found = await drained(queue)
        assert 0 < told.of("corrupt") < 20
        assert told.of("corrupt") + 2 * len(found) == 20
        assert found[-1] == (b"9" * 3000, 2)
        assert len(others) > 1
        assert first.with_name(first.name + ".corrupt").is_dir()


@looped
async def test_a_hundred_thousand_small_records_open_at_once(tmp_path: Path) -> None:
    """0.25 s on one core; in a daemon less than the five seconds that faults.md allows."""
    body, key = b"x" * 250, 7
    records = (record_head(body, 1, 1000.0, key) + body) * 25_000
    for number in range(1, 5):
        (tmp_path / name_of(number, key)).write_bytes(file_head() + records)
    async with asyncio.timeout(5):
        async with spool(tmp_path) as queue:
            assert queue.items == 100_000
            assert len(await queue.some(10**6)) == 4000
