"""The command stack-exporter in a process of its own: with pipes, or in a terminal."""

import os
import pty
import struct
import subprocess
import sys
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from tests.tree import ROOT


def command(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """Run it with pipes. Its environment is `env` and what Python needs, nothing else."""
    program = [sys.executable, "-m", "exporter", *args]
    options = {"env": environment(env), "cwd": cwd, "timeout": timeout}
    return subprocess.run(program, capture_output=True, text=True, **options)


def in_terminal(*args: str, env: Mapping[str, str] | None = None, columns: int = 160) -> tuple[int, str]:
    """Run it in a terminal; gives the exit status and all that it shows, escapes and all."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", *args],
        env=environment({"TERM": "xterm-256color", **(env or {})}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while data := _read(ours):
            shown += data
        return process.wait(30), shown.decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that nobody writes any more
        return b""
