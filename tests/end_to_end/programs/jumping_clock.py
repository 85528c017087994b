"""The daemon where the wall clock is off by as many seconds as the file `offset` in its folder says."""

import time
from contextlib import suppress
from pathlib import Path

true = time.time


def jumping() -> float:
    with suppress(FileNotFoundError, ValueError):
        return true() + float(Path("offset").read_text())
    return true()


time.time = jumping

from exporter.cli import main

main()
