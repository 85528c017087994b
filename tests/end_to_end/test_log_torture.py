"""5,000 lines a second, rotated in every way at random, through a restart and a kill: each line is counted once."""

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests import servers
from tests.servers.exporters import Daemon

WRITER = Path(__file__).parent / "programs" / "log_writer.py"
LEVELS = ("debug", "info", "warning", "error")
LOGGERS = ("api", "performance", "security", "ai", "errors", "access")
SETTLE = 1.6
"""Seconds in which places reach the disk: written once a second, committed within 0.2 s."""


class Torture:
    """What is written by one process and counted by another, over restarts of that."""

    def __init__(self, daemon: Daemon, writer: "subprocess.Popen[str]") -> None:
        self.daemon, self.writer = daemon, writer
        self.before: dict[str, float] = {}
        """What earlier daemons counted."""

    def say(self, word: str) -> None:
        self.writer.stdin.write(word + "\n")
        self.writer.stdin.flush()

    def counted(self) -> dict[str, float]:
        """Lines by level and logger, of all daemons."""
        found = dict(self.before)
        for series, value in self.daemon.metrics().items():
            if series.startswith("stack_logs_lines_total{"):
                found[series] = found.get(series, 0) + value
        return found

    def total(self) -> float:
        return sum(self.counted().values())

    def hear(self, word: str) -> str:
        """The answer that begins so; what the writer asks meanwhile is answered."""
        while True:
            said = self.writer.stdout.readline().strip()
            assert said, "the writer ended"
            if said.startswith("seen "):
                self.wait(int(said.removeprefix("seen ")))
                self.say("go")
            elif said.startswith(word):
                return said.removeprefix(word).strip()

    def wait(self, lines: int) -> None:
        ends = time.monotonic() + 30
        while (total := self.total()) < lines:
            assert time.monotonic() < ends, f"{lines} lines were written, {total} are counted"
            time.sleep(0.02)

    def write_for(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(0.05)
            self.say("tell")
            self.hear("told")

    def pause(self) -> int:
        """Let the counts come to rest: what is written so far is what is counted."""
        self.say("pause")
        written = int(self.hear("paused"))
        self.wait(written)
        time.sleep(0.6)
        assert self.total() == written
        return written

    def restart(self, *, kill: bool) -> None:
        self.pause()
        time.sleep(SETTLE if kill else 0)
        self.before = self.counted()
        if kill:
            self.daemon.kill()
        else:
            assert self.daemon.stop(8.0) == 0
        self.say("careful")
        self.say("resume")
        time.sleep(2.0)
        self.daemon.start()
        self.pause()  # all of it is read, before the writer deletes old files again
        self.say("careless")
        self.say("resume")


@contextmanager
def torture(folder: Path, seed: int) -> Iterator[Torture]:
    config = f"""
components:
  shop:
    kind: logs
    files: {{app: {{path: "{folder}/app.log", format: json, from: start}}}}
"""
    command = [sys.executable, str(WRITER), str(folder), str(seed)]
    with servers.daemon(config) as daemon:
        writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert writer.stdout.readline() == "ready\n"
            yield Torture(daemon, writer)
        finally:
            writer.kill()
            writer.communicate()


def test_six_seconds_of_rotation_and_a_restart_lose_no_line_and_count_none_twice(tmp_path: Path) -> None:
    _torture(tmp_path, seed=1, parts=(2.0, 1.0), kills=(False,))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [11])
def test_a_minute_of_rotation_two_restarts_and_a_kill_lose_no_line_and_count_none_twice(
    tmp_path: Path, seed: int
) -> None:
    _torture(tmp_path, seed=seed, parts=(16.0, 14.0, 14.0, 16.0), kills=(False, True, False))


def _torture(folder: Path, *, seed: int, parts: tuple[float, ...], kills: tuple[bool, ...]) -> None:
    with torture(folder, seed) as it:
        for part, kill in zip(parts, (*kills, None), strict=True):
            it.write_for(part)
            if kill is not None:
                it.restart(kill=kill)
        cpu = psutil.Process(it.daemon.pid).cpu_times()
        written = it.pause()
        it.say("end")
        done = ast.literal_eval(it.hear("end").partition(" ")[2])
        assert it.counted() == expected(written)
        print(f"\n{written} lines, {done}, {cpu.user + cpu.system:.1f} s of CPU in the last daemon")


def expected(written: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for n in range(12):
        labels = f'component="shop",file="app",level="{LEVELS[n % 4]}",logger="{LOGGERS[n % 6]}"'
        found[f"stack_logs_lines_total{{{labels}}}"] = (written - n + 11) // 12
    return found
