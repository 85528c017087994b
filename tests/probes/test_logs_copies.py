"""Copies and compressed files beside a log: what is in them is counted once, whoever made them and however slowly."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from exporter.probes import _log_match
from exporter.probes._log_names import look
from exporter.probes._log_source import Plain
from exporter.probes._log_track import compared, new_source, new_track
from tests.probes.following import append, following, lines
from tests.probing import Memory
from tests.servers.process import wait_until


def test_a_copy_that_takes_long_is_not_taken_for_a_log_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 2000))
    with following(log, **{"from": "start"}) as it:
        it.wait(2000)
        data = log.read_bytes()
        with open(f"{log}.1", "wb", buffering=0) as copy:
            for part in (data[:100], data[100:300], data[300:30_000], data[30_000:]):
                copy.write(part)
                it.settle()
        os.truncate(log, 0)
        append(log, lines(2000, 2010))
        it.wait(2010)


def test_a_copy_that_has_only_begun_is_not_judged(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 2000))
    with following(log, **{"from": "start"}) as it:
        it.wait(2000)
        monkeypatch.setattr(_log_match, "SETTLED", 2.0)
        with open(f"{log}.1", "wb", buffering=0) as copy:
            copy.write(lines(0, 1))  # too little to be told from another log
            it.settle()
            copy.write(lines(1, 2000))
            it.settle()
        monkeypatch.undo()
        os.truncate(log, 0)
        append(log, lines(2000, 2010))
        it.wait(2010)


def test_a_copy_over_an_older_one_is_not_read_again(tmp_path: Path) -> None:
    """As `cp app.log app.log.1; : > app.log` does: the copy has the inode that the one before had."""
    log = tmp_path / "app.log"
    with following(log, required=False) as it:
        for n in range(4):
            append(log, lines(n * 100, n * 100 + 80))
            it.wait(n * 100 + 80)
            append(log, lines(n * 100 + 80, n * 100 + 100))
            shutil.copyfile(log, f"{log}.1")
            os.truncate(log, 0)
            it.wait(n * 100 + 100)


def test_a_compressed_file_is_read_as_it_grows(tmp_path: Path) -> None:
    data = os.urandom(30_000).hex().encode()
    text = b"".join(data[n : n + 60] + b"\n" for n in range(0, len(data), 60))
    packed = gzip.compress(text)
    with following(f"{tmp_path}/*.gz") as it:
        with (tmp_path / "a.gz").open("wb", buffering=0) as file:
            file.write(packed[: len(packed) // 2])
            it.settle()
            assert 400 < it.total() < 600
            file.write(packed[len(packed) // 2 :])
        it.wait(1000)


def test_compressed_files_that_the_pattern_gives_are_read_once(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "a.gz").write_bytes(gzip.compress(lines(0, 100)))
    with following(f"{tmp_path}/*.gz", memory=memory, **{"from": "start"}) as it:
        it.wait(100)
    (tmp_path / "b.gz").write_bytes(gzip.compress(lines(100, 150)))
    with following(f"{tmp_path}/*.gz", memory=memory, **{"from": "start"}) as it:
        it.wait(150)


def test_a_kept_original_beside_its_compressed_form_is_counted_once(tmp_path: Path) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, 2000))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(2000)
        log.rename(f"{log}.1")
        append(log, lines(2000, 2010))
        Path(f"{log}.1.gz").write_bytes(gzip.compress(lines(0, 2000)))
        it.wait(2010)
        Path(f"{log}.1").unlink()
        it.settle()
        it.settle()
        it.wait(2010)
    with following(log, memory=memory) as it:
        it.wait(2010)


def test_what_is_compressed_before_it_is_judged_is_counted_once(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 50))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        monkeypatch.setattr(_log_match, "SETTLED", 0.5)
        log.rename(f"{log}.2")
        append(log, lines(50, 80))
        log.rename(f"{log}.1")
        append(log, lines(80, 90))
        it.wait(60)  # what nobody saw before its rename is not yet judged
        Path(f"{log}.1.gz").write_bytes(gzip.compress(lines(50, 80)))
        Path(f"{log}.1").unlink()
        wait_until(lambda: it.total() > 60)
        for _ in range(5):
            it.wait(90)


@pytest.mark.parametrize("count", [1, 30, 3000])
def test_a_compression_under_way_at_a_restart_makes_no_second_log_of_one(tmp_path: Path, count: int) -> None:
    log, memory = tmp_path / "app.log", Memory()
    append(log, lines(0, 50))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(50)
    log.rename(f"{log}.2")
    append(log, lines(80, 90))
    Path(f"{log}.1").write_bytes(lines(100, 100 + count))
    Path(f"{log}.1.gz").write_bytes(gzip.compress(lines(100, 100 + count)))
    with following(log, memory=memory) as it:
        it.wait(60 + count)
        Path(f"{log}.1").unlink()
        for _ in range(3):
            it.wait(60 + count)


def test_a_path_that_is_another_files_by_the_time_it_is_opened_is_left_for_the_next_look(tmp_path: Path) -> None:
    append(tmp_path / "app.log", b"one\n")
    (seen,) = look(str(tmp_path / "app.log"), "", ()).live
    (tmp_path / "app.log").rename(tmp_path / "app.log.1")
    append(tmp_path / "app.log", b"two\n")
    with pytest.raises(FileNotFoundError):
        new_source(seen)


@pytest.mark.parametrize("after", [0, 300])
def test_a_log_truncated_before_it_was_read_is_not_known_by_its_old_beginning(tmp_path: Path, after: int) -> None:
    log = tmp_path / "app.log"
    append(log, lines(0, 100))
    (seen,) = look(str(log), "", ()).live
    track = new_track(seen)
    try:
        track.begin()
        assert compared(track.place, track.source) == "same"
        shutil.copyfile(log, f"{log}.1")
        os.truncate(log, 0)
        append(log, lines(200, 200 + after))
        track.read(0.0)
        copy = Plain(f"{log}.1")
        assert compared(track.place, copy) == "other"
        copy.close()
    finally:
        track.close()


def test_of_a_short_copy_nothing_is_read_again(tmp_path: Path) -> None:
    """Lines that come between the copy and the truncation are read from the log, and not in the copy."""
    log = tmp_path / "app.log"
    append(log, lines(0, 100))
    with following(log, **{"from": "start"}) as it:
        it.wait(100)
        shutil.copyfile(log, f"{log}.1")
        append(log, lines(100, 120))
        it.wait(120)
        os.truncate(log, 0)
        append(log, lines(120, 130))
        it.wait(130)


def test_logs_that_begin_with_the_same_long_banner_are_told_apart(tmp_path: Path) -> None:
    banner = b"".join(b"* banner %d ***************************************\n" % n for n in range(40))
    log = tmp_path / "app.log"
    append(log, banner + lines(0, 10))
    with following(log, **{"from": "start"}) as it:
        it.wait(50)
        log.rename(f"{log}.2")
        append(log, banner + lines(10, 40))
        log.rename(f"{log}.1")
        append(log, banner + lines(40, 45))
        it.wait(50 + 70 + 45)
        Path(f"{log}.3.gz").write_bytes(gzip.compress(banner + lines(60, 90)))
        it.wait(50 + 70 + 45 + 70)


def test_of_copies_of_a_log_with_a_hole_only_its_lines_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("wb", buffering=0) as file, following(log, **{"from": "start"}) as it:
        total = 0
        for n in range(4):
            file.write(lines(n * 1000, n * 1000 + 900))
            if n % 2:
                it.wait(total + 900)
            shutil.copyfile(log, f"{log}.{9 - n}")
            os.truncate(log, 0)
            total += 900
        it.wait(total)
        assert it.counted() == {("app", "info", ""): total}
