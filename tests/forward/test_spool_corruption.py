"""F42: whatever became of the files, a spool starts, and gives all that can be read."""

import os
import shutil

import pytest

from exporter.forward.spool_format import FILE_HEAD, RECORD_HEAD, file_head, name_of
from exporter.forward.spool_log import Log
from exporter.config.onward import Waiting
from tests.forward.spools import Told, drained, looped, segments, spool

BODIES = [b"first", b"the second one", b"third of them"]
ENDS = [FILE_HEAD + sum(RECORD_HEAD + len(one) for one in BODIES[: count + 1]) for count in range(3)]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A folder with three records in one segment."""
    folder = tmp_path_factory.mktemp("three")

    @looped
    async def fill() -> None:
        async with spool(folder) as queue:
            for number, body in enumerate(BODIES):
                await queue.put(body, number + 1)

    fill()
    return folder


def found(folder, told):
    """What the log gives, without a loop around it."""
    log = Log(folder, Waiting(), lambda why, items: told.lost.append((why, items)), told.add, lambda: 1000.0)
    log.open()
    bodies = []
    while log.front < log.tail:
        for place, record in log.read(1000):
            bodies.append(record.body)
            log.advance(place)
    log.close()
    return bodies


def test_any_byte_may_flip_and_all_other_records_come(three, tmp_path) -> None:
    [segment] = segments(three)
    good = segment.read_bytes()
    assert len(good) == ENDS[2]
    for offset in range(len(good)):
        folder, told = tmp_path / str(offset), Told()
        folder.mkdir()
        data = bytearray(good)
        data[offset] ^= 0x55
        (folder / segment.name).write_bytes(data)
        bad = next((number for number in range(3) if FILE_HEAD <= offset < ENDS[number]), None)
        assert found(folder, told) == [body for number, body in enumerate(BODIES) if number != bad], offset
        assert told.corrupt == 1, offset
        [aside] = folder.glob("*.corrupt")
        assert data[offset : offset + 1] == aside.read_bytes()[offset : offset + 1]
        # What is lost is told once; of a head that can't be read only when it is not the last.
        assert told.of("corrupt") in ((0,) if bad is None else (0, bad + 1)), offset
        shutil.rmtree(folder)


def test_a_file_may_end_anywhere_and_all_whole_records_come(three, tmp_path) -> None:
    [segment] = segments(three)
    good = segment.read_bytes()
    for size in range(len(good)):
        folder, told = tmp_path / str(size), Told()
        folder.mkdir()
        (folder / segment.name).write_bytes(good[:size])
        assert found(folder, told) == [body for number, body in enumerate(BODIES) if ENDS[number] <= size], size
        assert told.corrupt == (size not in (FILE_HEAD, *ENDS)), size
        assert found(folder, told) == [], size
        shutil.rmtree(folder)


@pytest.mark.parametrize("at", [0, FILE_HEAD, *ENDS])
def test_garbage_between_records_is_passed_over(three, tmp_path, at) -> None:
    [segment] = segments(three)
    good = segment.read_bytes()
    (tmp_path / segment.name).write_bytes(good[:at] + b"\xf5SPr garbage \xf5SPr" * 2000 + good[at:])
    told = Told()
    assert found(tmp_path, told) == BODIES
    assert told.corrupt == 1


def test_a_record_cut_out_of_the_middle_takes_no_other_with_it(three, tmp_path) -> None:
    [segment] = segments(three)
    good = segment.read_bytes()
    (tmp_path / segment.name).write_bytes(good[: ENDS[0] + RECORD_HEAD + 3] + good[ENDS[1] :])
    assert found(tmp_path, Told()) == [BODIES[0], BODIES[2]]


def test_what_is_not_ours_is_set_aside_and_never_followed_or_deleted(three, tmp_path) -> None:
    [segment] = segments(three)
    folder, other = tmp_path / "spool", tmp_path / "other"
    shutil.copytree(three, folder)
    other.write_bytes(segment.read_bytes())
    names = [name_of(number, number) for number in range(10, 17)]
    (folder / names[0]).symlink_to(other)
    (folder / names[1]).mkdir()
    os.mkfifo(folder / names[2])
    (folder / names[3]).write_bytes(b"")
    (folder / names[4]).write_bytes(b"somebody's letters" * 100)
    (folder / names[5]).write_bytes(file_head(2) + b"what the future brings")
    (folder / names[6]).write_bytes(bytes(5000))
    (folder / "notes.txt").write_text("mine")
    (folder / "notes.corrupt").write_text("mine")
    (folder / "cursor").unlink()
    (folder / "cursor").symlink_to(other)
    told = Told()
    assert found(folder, told) == BODIES
    assert told.corrupt == 7
    left = {path.name for path in folder.iterdir()}
    assert left == {
        *(names[number] + ".foreign.corrupt" for number in (0, 1, 2, 4, 5)),
        *(names[number] + ".corrupt" for number in (3, 6)),
        *("notes.txt", "notes.corrupt", "cursor", "lock", "cursor.foreign.corrupt", segment.name),
    } - {segment.name} | ({segment.name} & left)
    assert other.read_bytes() == (three / segment.name).read_bytes()
    assert found(folder, told) == []
    assert told.corrupt == 7


def test_what_was_set_aside_is_told_once_and_bounded(three, tmp_path) -> None:
    [segment] = segments(three)
    data = bytearray(segment.read_bytes())
    data[ENDS[0]] ^= 1
    (tmp_path / segment.name).write_bytes(data)
    told = Told()
    for _ in range(2):
        log = Log(tmp_path, Waiting(), lambda *_: None, told.add, lambda: 1000.0)
        log.open()
        log.close()
    assert told.corrupt == 1
    for number in range(5, 15):
        (tmp_path / name_of(number, 1)).write_bytes(bytes(3 << 20))
    log = Log(tmp_path, Waiting(), lambda *_: None, told.add, lambda: 1000.0)
    log.open()
    log.close()
    assert told.corrupt == 11
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.glob("*.corrupt")) <= 16 << 20
    assert (tmp_path / (name_of(14, 1) + ".corrupt")).exists()


@looped
async def test_a_byte_that_flips_while_it_runs_costs_its_record_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("exporter.forward.spool.RECENT", 0)
    told = Told()
    async with spool(tmp_path, told) as queue:
        for number, body in enumerate(BODIES):
            await queue.put(body, number + 1)
        [segment] = segments(tmp_path)
        with segment.open("r+b") as file:
            file.seek(ENDS[0] + 2)
            file.write(b"\xff")
        for _ in range(2):
            assert [record.body for record in await queue.some(1000)] == [BODIES[0], BODIES[2]]
        assert await drained(queue) == [(BODIES[0], 1), (BODIES[2], 3)]
        await queue.put(b"x", 1)
        assert await drained(queue) == [(b"x", 1)]
    assert told.corrupt == 1
