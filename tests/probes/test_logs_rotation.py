"""Whatever is done to a log, each of its lines is counted once; over a restart too."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.probes import _log_book
from tests.probes.following import append, following, lines
from tests.probing import Memory


def renamed(log: Path) -> None:
    log.rename(f"{log}.1")


def renamed_by_date(log: Path) -> None:
    log.rename(log.with_name("app-20261122.log"))


def renamed_elsewhere(log: Path) -> None:
    (log.parent / "old").mkdir()
    log.rename(log.parent / "old" / "app.log-20261122")


def compressed(log: Path) -> None:
    with gzip.open(f"{log}.1.gz", "wb") as file:
        file.write(log.read_bytes())
    log.unlink()


def renamed_and_compressed(log: Path) -> None:
    renamed(log)
    rotated = log.with_name("app.log.1")
    with gzip.open(f"{rotated}.gz", "wb") as file:
        file.write(rotated.read_bytes())
    rotated.unlink()


def copied(log: Path) -> None:
    shutil.copyfile(log, f"{log}.1")
    os.truncate(log, 0)


def copied_with_its_time(log: Path) -> None:
    shutil.copy2(log, f"{log}.1")
    os.truncate(log, 0)


def copied_and_compressed(log: Path) -> None:
    with gzip.open(f"{log}.1.gz", "wb") as file:
        file.write(log.read_bytes())
    os.truncate(log, 0)


def compressed_in_two_members(log: Path) -> None:
    data = log.read_bytes()
    Path(f"{log}.1.gz").write_bytes(gzip.compress(data[:900]) + gzip.compress(data[900:]) + bytes(512))
    log.unlink()


WAYS = [renamed, renamed_by_date, compressed, renamed_and_compressed, copied, copied_with_its_time]
WAYS += [copied_and_compressed, compressed_in_two_members]


@pytest.mark.parametrize("rotate", [*WAYS, renamed_elsewhere])
def test_what_was_not_read_before_a_rotation_is_read_after_it(tmp_path: Path, rotate: Callable[[Path], None]) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 50))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        append(log, lines(50, 90))
        rotate(log)
        append(log, lines(90, 200))
        it.wait(200)
        append(log, lines(200, 210))
        it.wait(210)
        assert it.total("bytes_total") == len(lines(0, 210))


@pytest.mark.parametrize("rotate", WAYS)
@pytest.mark.parametrize("read", [0, 50, 90])
def test_what_was_rotated_between_two_lives_is_read_on(
    tmp_path: Path, rotate: Callable[[Path], None], read: int
) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, read))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(read)
    append(log, lines(read, 90))
    rotate(log)
    append(log, lines(90, 200))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(200)
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.settle()
        assert it.total() == 200


@pytest.mark.parametrize("rotate", WAYS)
def test_the_same_by_a_pattern_that_takes_in_what_is_rotated(tmp_path: Path, rotate: Callable[[Path], None]) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, 50))
    with following(f"{tmp_path}/app*", memory=memory, **{"from": "start"}) as it:
        it.wait(50)
        append(log, lines(50, 90))
        rotate(log)
        append(log, lines(90, 200))
        it.wait(200)
    with following(f"{tmp_path}/app*", memory=memory) as it:
        it.settle()
        assert it.total() == 200


def test_files_that_came_and_went_between_two_looks_are_read_whole(tmp_path: Path) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, 50))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(50)
    for number in (4, 3, 2):
        log.rename(f"{log}.{number}")
        append(log, lines(100 * number, 100 * number + 30))
    compressed(log)
    append(log, lines(900, 910))
    with following(log, memory=memory) as it:
        it.wait(50 + 90 + 10)


def test_a_short_file_that_nobody_saw_is_not_taken_for_a_copy_of_a_longer_one_that_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 50))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        log.unlink()
        append(log, lines(100, 101))
        it.wait(51)
        it.settle()
        it.settle()
        log.rename(f"{log}.2")
        append(log, lines(200, 230))
        log.rename(f"{log}.1")
        append(log, lines(300, 301))
        it.wait(51 + 31)


def test_old_rotated_files_are_not_read_whatever_becomes_of_them_later(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    for n in range(3):
        log.with_name(f"app.log.{n + 1}").write_bytes(lines(n * 100, n * 100 + 50))
    log.with_name("app.log.4.gz").write_bytes(gzip.compress(lines(900, 950)))
    append(log, lines(0, 50))
    with following(log) as it:
        for number in (4, 3, 2, 1):
            for path in log.parent.glob(f"app.log.{number}*"):
                path.rename(str(path).replace(f".{number}", f".{number + 1}"))
        log.rename(f"{log}.1")
        for number in (2, 3):
            path = log.with_name(f"app.log.{number}")
            Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        append(log, lines(50, 60))
        it.wait(10)


def test_a_line_that_is_finished_after_the_rename_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("ab", buffering=0) as file:
        file.write(lines(0, 10) + b"begun")
        with following(log, **{"from": "start"}) as it:
            it.wait(10)
            log.rename(f"{log}.1")
            append(log, lines(10, 20))
            it.wait(20)
            file.write(b" and ended\n" + lines(20, 30))
            it.wait(31)


def test_a_last_line_without_an_end_counts_when_its_file_is_finished(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 10) + b"never ended")
    with following(log, **{"from": "start"}) as it:
        it.wait(10)
        log.rename(f"{log}.1")
        it.wait(11)
        assert it.total("bytes_total") == len(lines(0, 10)) + 11


def test_a_truncated_log_is_read_from_its_start_even_when_it_is_longer_at_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 50))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        log.write_bytes(lines(50, 400))
        it.wait(400)
        log.write_bytes(lines(500, 510))
        it.wait(410)


def test_a_writer_that_does_not_append_leaves_a_hole_and_no_line_in_it(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("wb", buffering=0) as file:
        file.write(lines(0, 5000))
        with following(log, **{"from": "start", "format": "json"}) as it:
            it.wait(5000)
            copied(log)
            file.write(b'{"level": "error"}\n' * 3)
            it.wait(5003)
            assert it.counted()["app", "error", ""] == 3


def test_a_deleted_log_is_read_to_its_end_and_its_successor_from_its_start(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 50))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        monkeypatch.setattr(_log_book, "DELETED", 3.0)
        with log.open("ab", buffering=0) as file:
            file.write(lines(50, 60))
            log.unlink()
            append(log, lines(0, 10))
            it.wait(70)
            file.write(lines(60, 70))  # who writes opens the new one late
        it.wait(80)


def test_an_inode_that_is_given_again_is_another_file(tmp_path: Path) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, 50))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(50)
    # What a file system that gives inodes again shows: the same number, other content, as long as before.
    with log.open("r+b") as file:
        file.write(lines(100, 150))
    with following(log, memory=memory) as it:
        it.wait(100)
