"""What a process has used: CPU time and resident memory."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil


def cpu(pid: int) -> float:
    """Seconds of CPU, user and system, of all its threads, those that have ended too.

    The process's own clock (clock_getcpuclockid(3)) counts nanoseconds; /proc/PID/stat shows the same in hundredths.
    """
    return time.clock_gettime(~pid << 3 | 2)


def resident(pids: Iterable[int]) -> float:
    """Bytes of memory that these processes and their children hold: proportional shares, so that shared pages count once."""
    total = 0
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    return float(total)


def own_resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
