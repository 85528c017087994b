"""From where logs are read, in what pieces, what is kept over a restart, and that nobody waits for it."""

import asyncio
import os
import resource
import threading
import time
from pathlib import Path

import pytest

from exporter.probes import _log_names, logs
from exporter.probes._log_count import Counts
from exporter.probes._log_lines import CAP, Cutter
from exporter.probes._log_source import CHUNK
from tests.mounts import mounted
from tests.probes.following import append, following
from tests.probing import Memory, component, out, readings
from tests.servers.process import wait_until


def test_existing_files_are_followed_from_their_end_and_later_ones_from_their_start(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"old\nolder\nERROR begun")
    with following(f"{tmp_path}/*.log") as it:
        append(tmp_path / "a.log", b" and ended\n")
        it.wait(1)
        assert it.counted() == {("app", "error", ""): 1}
        append(tmp_path / "b.log", b"one\ntwo\n")
        it.wait(3)


def test_a_line_of_100_mb_is_one_truncated_line_in_little_memory(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.touch()
    with following(log) as it:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with log.open("ab") as file:
            file.write(b"ERROR ")
            for _ in range(100):
                file.write(b"x" * 1_000_000)
            file.write(b"\nINFO next\n")
        wait_until(lambda: it.total() == 2, 20)
        assert it.counted() == {("app", "error", ""): 1, ("app", "info", ""): 1}
        assert it.counted("truncated_lines_total") == {("app",): 1}
        assert it.total("bytes_total") == log.stat().st_size
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


@pytest.mark.parametrize("size", [1, 2, 100, CAP - 1, CAP, CAP + 1, 3 * CAP])
def test_however_it_is_read_the_lines_are_the_same(size: int) -> None:
    expected = [b"a", b"", b"b" * CAP, b"c" * (CAP + 1), b"\r", b"d" * 3 * CAP, b"\xff"]
    data = b"\n".join(expected) + b"\nrest"
    if size < 100:  # a byte at a time takes long for a long line
        expected = [line for line in expected if len(line) < CAP]
        data = b"\n".join(expected) + b"\nrest"
    cutter, found = Cutter(), []
    for n in range(0, len(data), size):
        found += cutter.feed(data[n : n + size])
    assert found == [line[:CAP] for line in expected]
    assert cutter.pending == 4
    assert cutter.truncated == sum(len(line) > CAP for line in expected)
    assert cutter.finish() == [b"rest"]
    assert cutter.pending == 0


def test_a_line_that_is_too_long_and_never_ends_is_counted_when_its_file_is_finished(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, b"x" * (CAP + 5))
    with following(log, **{"from": "start"}) as it:
        it.settle()
        assert it.total() == 0
        log.unlink()
        it.wait(1)
        assert it.counted("truncated_lines_total") == {("app",): 1}
        assert it.total("bytes_total") == CAP + 5


def test_a_named_pipe_is_read_at_once_and_its_writers_may_come_and_go(tmp_path: Path, monkeypatch) -> None:
    pipe = tmp_path / "a.pipe"
    os.mkfifo(pipe)
    with following(pipe) as it:
        monkeypatch.setattr(logs, "POLL", 60.0)  # from here on only what comes wakes it
        it.settle()
        for n in range(3):
            with pipe.open("wb", buffering=0) as writer:
                writer.write(b"WARN a\nha")
                it.wait(1 + n * 2)
                writer.write(b"lf\n")
            it.wait(2 + n * 2)
        monkeypatch.undo()
        with pipe.open("wb") as writer:
            for _ in range(20_000):
                writer.write(b"a line of a flood that no pipe holds at once\n")
        it.wait(20_006)
        assert it.run().outcome == "healthy"


def test_a_pipe_without_a_writer_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pipe")
    append(tmp_path / "a.log", b"")
    with following(f"{tmp_path}/a.*") as it:
        append(tmp_path / "a.log", b"one\n")
        it.wait(1)
        (tmp_path / "a.pipe").unlink()
        it.settle()
        assert readings(it.run())['stack_logs_files{file="app"}'] == 1


def test_one_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "current.log").symlink_to(tmp_path / "app-live.log")
    append(tmp_path / "app-live.log", b"one\n")
    with following(f"{tmp_path}/*.log", **{"from": "start"}) as it:
        it.wait(1)


def test_a_link_that_is_set_on_another_file_is_followed_to_it(tmp_path: Path) -> None:
    for day in "ab":
        append(tmp_path / f"log_{day}", day.encode() * 9 + b"\n")
    link = tmp_path / "current.log"
    link.symlink_to(tmp_path / "log_a")
    with following(link, **{"from": "start"}) as it:
        it.wait(1)
        (tmp_path / "new").symlink_to(tmp_path / "log_b")
        (tmp_path / "new").rename(link)
        it.wait(2)
        append(tmp_path / "log_a", b"its last line\n")
        it.wait(3)


def test_silence_and_what_is_unread(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, b"one\n")
    os.utime(log, (time.time() - 500, time.time() - 500))
    with following(log) as it:
        found = readings(it.run())
        assert found['stack_logs_last_line_age_seconds{file="app"}'] == pytest.approx(500, abs=2)
        assert found['stack_logs_unread_bytes{file="app"}'] == 0
        append(log, b"two\n")
        it.wait(1)
        assert readings(it.run())['stack_logs_last_line_age_seconds{file="app"}'] < 2


def test_series_of_named_loggers_begin_at_0(tmp_path: Path) -> None:
    with following(tmp_path / "a.log", required=False, loggers=["api"]) as it:
        born = {labels for (name, labels), n in it.memory.counts.items() if name == "stack_logs_lines_total" and n == 0}
        assert ("app", "error", "api") in born
        assert it.memory.counts["stack_logs_unparsed_lines_total", ("app",)] == 0


def test_lines_are_parsed_beside_the_loop_a_slice_at_a_time(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "a.log"
    append(log, b'{"level": "info", "logger": "a", "message": "x"}\n' * 200_000)
    threads, taken, take = set(), [], Counts.take

    def spy(counts: Counts, lines: list[bytes]) -> None:
        threads.add(threading.current_thread().name)
        taken.append(len(lines))
        take(counts, lines)

    monkeypatch.setattr(Counts, "take", spy)
    with following(log, format="json", **{"from": "start"}) as it:
        seen = []
        wait_until(lambda: seen.append(it.total()) or seen[-1] == 200_000, 20)
    assert threads == {f"lane: reading {log}"}
    assert max(taken) <= 2 * CHUNK / 50
    assert len(set(seen)) > 3, "it was counted at once"


def test_a_hung_mount_holds_one_thread_and_no_loop(tmp_path: Path) -> None:
    with mounted(tmp_path / "m", "fuse", "hang") as path:

        async def main() -> None:
            it = component("logs", files={"app": {"path": str(path / "a.log")}})
            task = asyncio.create_task(it.probe.watch(out()))
            await asyncio.sleep(0.2)
            assert [t.name for t in threading.enumerate() if str(path) in t.name] == [f"lane: reading {path}/a.log"]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        began = time.monotonic()
        asyncio.run(main())
        assert time.monotonic() - began < 1


def test_files_beyond_the_most_that_are_followed_are_read_on_when_they_change(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_log_names, "MOST", 3)
    for n in range(6):
        append(tmp_path / f"{'abcdef'[n]}.log", b"old\n")
        os.utime(tmp_path / f"{'abcdef'[n]}.log", (n - 1e6 + time.time(),) * 2)
    with following(f"{tmp_path}/*.log") as it:
        assert it.run().outcome == "healthy"
        for n, name in enumerate("abcdef" * 2):
            append(tmp_path / f"{name}.log", b"new\n")
            it.wait(n + 1)
        assert readings(it.run())['stack_logs_files{file="app"}'] == 3


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for n in range(20):
        append(tmp_path / f"a{n}.log", b"one\n")
    with following(f"{tmp_path}/*.log") as it:
        assert len(os.listdir("/proc/self/fd")) >= before + 20
        for n in range(20):
            (tmp_path / f"a{n}.log").unlink()
        wait_until(lambda: len(os.listdir("/proc/self/fd")) < before + 10)
        append(tmp_path / "b.log", b"one\n")
        it.wait(1)
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)
