"""What the cgroup of a container grants and has used, version 2 or 1; nothing where the machine's own figures count."""

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from exporter.probes._proc import optional

Counts = Literal["auto", "own", "off"]

# The cgroup's name when the container was given no cgroup namespace: Docker, Podman, Kubernetes, LXC, ECS, nspawn.
_ENGINES = re.compile(r"docker|libpod|kubepods|cri-?o|containerd|lxc|/ecs/|machine\.slice|buildkit|garden")
UNLIMITED = 1 << 60
"""Version 1 says 2^63 less a page for `no limit`; no machine has an exbibyte."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Bytes, CPUs and seconds. None is: no limit, or not told."""

    memory_limit: int | None = None
    memory_used: int | None = None
    """Without the page cache that is cheap to drop (inactive_file), as kubelet counts the working set."""
    oom_kills: int | None = None
    cpu_limit: float | None = None
    cpu_seconds: float | None = None
    throttled_seconds: float | None = None
    throttled_periods: int | None = None
    periods: int | None = None
    pids_limit: int | None = None
    pids: int | None = None


def read(procfs: str, cgroupfs: str, counts: Counts) -> Cgroup:
    """The limits that count for this process.

    `auto` is those of a container: a process at the root of its cgroup namespace, or in a cgroup that an engine
    named. The unit of a system service is none: it limits the exporter, not the host. `own` is whatever holds.
    """
    if counts == "off":
        return Cgroup()
    paths = _paths(procfs)
    unified = paths.get("", "/")
    if os.access(f"{cgroupfs}/cgroup.controllers", os.F_OK):
        return _version_2(_levels(cgroupfs, unified)) if _contained(unified, counts) else Cgroup()
    found = Cgroup()
    for controller, reader in _VERSION_1.items():
        path = paths.get(controller)
        if path is not None and _contained(path, counts):
            found = reader(_levels(f"{cgroupfs}/{controller}", path), found)
    return found


def _contained(path: str, counts: Counts) -> bool:
    return counts == "own" or path == "/" or _ENGINES.search(path) is not None


def _paths(procfs: str) -> dict[str, str]:
    """Path by controller from /proc/self/cgroup; '' is version 2's (cgroups(7))."""
    found = {}
    for line in _text(f"{procfs}/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _levels(root: str, path: str) -> list[str]:
    """The cgroup and those above it, whose limits hold as well; only the root when the container sees no more."""
    names = path.strip("/").split("/")
    if path == "/" or ".." in names or not os.access(f"{root}{path}", os.F_OK):
        return [root]
    return [*("/".join([root, *names[:depth]]) for depth in range(len(names), 0, -1)), root]


def _version_2(levels: list[str]) -> Cgroup:
    limit, level = _least(levels, "memory.max")
    used = None
    if level is not None and (current := _number(f"{level}/memory.current")) is not None:
        used = current - _fields(f"{level}/memory.stat").get("inactive_file", 0)
    quotas = [
        (quota, at) for at, each in enumerate(levels) if (quota := _cpu_max(_text(f"{each}/cpu.max"))) is not None
    ]
    cpu_limit, at = min(quotas, default=(None, 0))
    cpu = _fields(f"{levels[at]}/cpu.stat") if quotas else {}
    pids_limit, pids_level = _least(levels, "pids.max")
    return Cgroup(
        memory_limit=limit,
        memory_used=used,
        oom_kills=_fields(f"{level}/memory.events").get("oom_kill") if level else None,
        cpu_limit=cpu_limit,
        cpu_seconds=cpu["usage_usec"] / 1e6 if "usage_usec" in cpu else None,
        throttled_seconds=cpu["throttled_usec"] / 1e6 if "throttled_usec" in cpu else None,
        throttled_periods=cpu.get("nr_throttled"),
        periods=cpu.get("nr_periods"),
        pids_limit=pids_limit,
        pids=_number(f"{pids_level}/pids.current") if pids_level else None,
    )


def _memory_1(levels: list[str], found: Cgroup) -> Cgroup:
    limit, level = _least(levels, "memory.limit_in_bytes")
    if level is None:
        return found
    usage = _number(f"{level}/memory.usage_in_bytes")
    used = None if usage is None else usage - _fields(f"{level}/memory.stat").get("total_inactive_file", 0)
    kills = _fields(f"{level}/memory.oom_control").get("oom_kill")
    return replace(found, memory_limit=limit, memory_used=used, oom_kills=kills)


def _cpu_1(levels: list[str], found: Cgroup) -> Cgroup:
    quotas = []
    for at, level in enumerate(levels):
        quota, period = _number(f"{level}/cpu.cfs_quota_us"), _number(f"{level}/cpu.cfs_period_us")
        if quota is not None and period and quota > 0:  # -1 is no limit
            quotas.append((quota / period, at))
    if not quotas:
        return found
    limit, at = min(quotas)
    stat = _fields(f"{levels[at]}/cpu.stat")
    below = levels[at].removeprefix(levels[-1])
    usage = _number(f"{levels[-1]}acct{below}/cpuacct.usage")  # of the same cgroup, in the controller beside: cpuacct
    return replace(
        found,
        cpu_limit=limit,
        cpu_seconds=None if usage is None else usage / 1e9,
        throttled_seconds=stat["throttled_time"] / 1e9 if "throttled_time" in stat else None,
        throttled_periods=stat.get("nr_throttled"),
        periods=stat.get("nr_periods"),
    )


def _pids_1(levels: list[str], found: Cgroup) -> Cgroup:
    limit, level = _least(levels, "pids.max")
    return replace(found, pids_limit=limit, pids=_number(f"{level}/pids.current") if level else None)


_VERSION_1: dict[str, Callable[[list[str], Cgroup], Cgroup]] = {
    "memory": _memory_1,
    "cpu": _cpu_1,
    "pids": _pids_1,
}


def _least(levels: list[str], file: str) -> tuple[int | None, str | None]:
    """The tightest limit, and the level that has it: its usage is what the limit is held against."""
    numbers = [_number(f"{level}/{file}") for level in levels]
    limits = [(limit, at) for at, limit in enumerate(numbers) if limit is not None and limit < UNLIMITED]
    if not limits:
        return None, None
    limit, at = min(limits)
    return limit, levels[at]


def _cpu_max(text: str) -> float | None:
    """CPUs in version 2's `quota period`, such as 150000 100000; None for `max 100000`."""
    quota, _, period = text.strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _number(path: str) -> int | None:
    with contextlib.suppress(ValueError):  # `max`, or no such file
        return int(_text(path))
    return None


def _fields(path: str) -> dict[str, int]:
    found = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        if value.isdigit():
            found[name] = int(value)
    return found


def _text(path: str) -> str:
    """The file's text, '' when it can't be read: which files there are differs by kernel and container engine."""
    return optional(path).decode("ascii", "replace")
