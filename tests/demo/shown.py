"""The demo in a process of its own, as `make demo` starts it: what it shows, and what it leaves behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import psutil

from tests.servers.process import wait_until
from tests.tree import ROOT

PATIENCE = 110.0
DEMO = (sys.executable, "-m", "demo")


class Demo:
    """`folder` is what it has as /tmp; `seen` are the processes that were below it when somebody looked."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, output: Path) -> None:
        self.process = process
        self.folder = folder
        self._output = output
        self.seen: set[psutil.Process] = set()

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Until it has shown it."""

        def there() -> bool:
            self.look()
            assert text in self.output or self.process.poll() is None, self.output
            return text in self.output

        wait_until(there, PATIENCE, text)

    def look(self) -> None:
        """Remember what runs below it."""
        try:
            self.seen.update(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return

    def send(self, number: int) -> None:
        """To it and all below it, as a terminal does it; SIGTERM to it alone."""
        self.look()
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit status."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.look()
            time.sleep(0.1)
        return self.process.wait(1)

    def left(self) -> list[str]:
        """Processes and files that are still there."""
        running = [one.name() for one in self.seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        return running + [str(path) for path in self.folder.iterdir()]


@contextmanager
def demo(output: Path, *args: str, command: Sequence[str] = DEMO) -> Iterator[Demo]:
    """It runs, what it shows in a file; what it might have left is killed by process id when the block ends."""
    # Not below pytest's own, whose path is too long for sockets.
    with tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as made, output.open("wb") as file:
        yield from _running(Path(made), file, output, [*command, *args])


def _running(folder: Path, file: BinaryIO, output: Path, command: Sequence[str]) -> Iterator[Demo]:
    env = os.environ | {"TMPDIR": str(folder), "COLUMNS": "100"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=file, stderr=file, cwd=ROOT, env=env, start_new_session=True
    )
    started = Demo(process, folder, output)
    try:
        yield started
    finally:
        assert process.stdin
        process.stdin.close()
        started.look()
        for one in started.seen:
            if one.is_running():
                one.kill()
        process.kill()
        process.wait(10)
