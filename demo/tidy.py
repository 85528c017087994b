"""Leaves nothing behind: one folder for everything temporary, and an end for every process, however early Ctrl-C comes."""

import ctypes
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans among our descendants become our children, as those of a PostgreSQL that was killed."""
GRACE, LONG = 5.0, 50


@contextmanager
def tidy() -> Iterator[Path]:
    """A folder in which everything temporary is made. When the block ends, it and every process started in it are gone.

    Within it SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once: what is being cleaned up is left to end.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = tempfile.tempdir
    # The path of a socket, of which S3 makes some deep below, has 107 bytes at most (unix(7)).
    short = None if len(tempfile.gettempdir()) < LONG else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="stack-exporter-demo-", dir=short))
    try:
        tempfile.tempdir = str(folder)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        yield folder
    finally:
        ignore_signals()
        end_children(GRACE)
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def end_children(grace: float = 0.0) -> None:
    """Every process below this one, at once; those that are not gone after so many seconds are killed."""
    children = psutil.Process().children(recursive=True)
    for child in children if grace else ():
        _signal(child, signal.SIGTERM)
    _, left = psutil.wait_procs(children, timeout=grace) if grace else ((), children)
    for child in left:
        _signal(child, signal.SIGKILL)
    psutil.wait_procs(left, timeout=10)


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _signal(child: psutil.Process, number: int) -> None:
    try:
        child.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _interrupted(number: int, frame: FrameType | None) -> None:
    ignore_signals()
    os.write(2, b"\nending, which takes some seconds\n")
    raise KeyboardInterrupt
