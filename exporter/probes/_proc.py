"""The machine's figures from Linux' /proc (proc(5)): parsed to values, in base units."""

import os
import re
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
DEVICES = 40
"""At most so many disks and so many interfaces: each is a label's value."""

# No partitions, whose figures their disk has as well, and no loop, ram, floppy or optical devices.
_PASSED_OVER_DISKS = re.compile(r"(z?ram|loop|fd|sr)\d+|([hsv]|xv)d[a-z]+\d+|(nvme\d+n|mmcblk)\d+p\d+|mmcblk\d+boot\d+")
# Interfaces that come and go with containers and virtual machines, and those that repeat another's traffic.
_PASSED_OVER_NETWORKS = re.compile(
    r"lo|(veth|cali|lxc|br-|flannel|cilium|tap|vnet|virbr|nodelocaldns|podman|azv).*"
    r"|(docker|cni|ifb|dummy|tunl|kube-ipvs|sit|gre|gretap|erspan)\d+"
)


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: dict[str, float]
    """Seconds by mode."""
    cpus: int
    running: int
    blocked: int
    boot: int
    memory: int
    available: int
    swap: int
    swap_free: int
    oom_kills: int | None
    load: tuple[float, float, float] | None
    files: tuple[int, int] | None
    """Open ones, and how many may be."""
    disks: dict[str, tuple[float, ...]]
    """Reads, bytes read, writes, bytes written, busy seconds by device."""
    networks: dict[str, tuple[float, ...]]
    """Bytes, errors, drops received, then sent, by device."""


def read(procfs: str) -> Machine:
    """Raises OSError, ValueError or LookupError for what every Linux has; what gVisor or LXC leave out is empty."""
    cpu, cpus, others = _stat(content(f"{procfs}/stat"))
    memory = _pairs(content(f"{procfs}/meminfo"))
    return Machine(
        cpu=cpu,
        cpus=cpus,
        running=others[b"procs_running"],
        blocked=others[b"procs_blocked"],
        boot=others[b"btime"],
        memory=memory[b"MemTotal"] * 1024,
        available=memory[b"MemAvailable"] * 1024,
        swap=memory[b"SwapTotal"] * 1024,
        swap_free=memory[b"SwapFree"] * 1024,
        oom_kills=_oom_kills(optional(f"{procfs}/vmstat")),
        load=_load(optional(f"{procfs}/loadavg")),
        files=_files(optional(f"{procfs}/sys/fs/file-nr")),
        disks=_disks(optional(f"{procfs}/diskstats")),
        networks=_networks(optional(f"{procfs}/net/dev")),
    )


def content(path: str) -> bytes:
    """The file's bytes, by bare system calls: pathlib and io would double the cost of a small file of the kernel's."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = b""
        while more := os.read(file, 65536):
            found += more
        return found
    finally:
        os.close(file)


def optional(path: str) -> bytes:
    """The same, or nothing when it can't be read."""
    try:
        return content(path)
    except OSError:
        return b""


def _stat(text: bytes) -> tuple[dict[str, float], int, dict[bytes, int]]:
    lines = text.splitlines()
    ticks = lines[0].split()[1 : len(MODES) + 1]
    cpu = {mode: int(value) / TICKS for mode, value in zip(MODES, ticks, strict=False)}
    # The first line is all processors; guest time is in user time already, and would count twice.
    cpus = sum(line.startswith(b"cpu") for line in lines) - 1
    others = {}
    for line in lines[cpus + 1 :]:
        name, _, value = line.partition(b" ")
        if name in (b"btime", b"procs_running", b"procs_blocked"):
            others[name] = int(value)
    return cpu, max(cpus, 1), others


def _pairs(text: bytes) -> dict[bytes, int]:
    """The few lines of meminfo that are wanted, in kB (which are KiB)."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if name in (b"MemTotal", b"MemAvailable", b"SwapTotal", b"SwapFree"):
            found[name] = int(value.split()[0])
            if len(found) == 4:
                break
    return found


def _oom_kills(text: bytes) -> int | None:
    at = text.find(b"\noom_kill ")  # since Linux 4.13
    return int(text[at + 10 :].split(None, 1)[0]) if at >= 0 else None


def _load(text: bytes) -> tuple[float, float, float] | None:
    if not text:
        return None
    one, five, fifteen = (float(word) for word in text.split()[:3])
    return one, five, fifteen


def _files(text: bytes) -> tuple[int, int] | None:
    words = text.split()
    return (int(words[0]), int(words[2])) if len(words) == 3 and int(words[2]) else None


def _disks(text: bytes) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for line in text.splitlines():
        words = line.split()
        name = words[2].decode("ascii", "replace")
        if len(words) < 13 or _PASSED_OVER_DISKS.fullmatch(name) or len(found) == DEVICES:
            continue
        # Sectors here are 512 bytes whatever the device's own (Documentation/admin-guide/iostats.rst).
        reads, read, writes, written, busy = (int(words[at]) for at in (3, 5, 7, 9, 12))
        found[name] = (reads, read * 512, writes, written * 512, busy / 1000)
    return found


def _networks(text: bytes) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for line in text.splitlines()[2:]:
        label, _, values = line.partition(b":")
        name = label.strip().decode("ascii", "replace")
        if _PASSED_OVER_NETWORKS.fullmatch(name) or len(found) == DEVICES:
            continue
        words = values.split()
        found[name] = tuple(int(words[at]) for at in (0, 2, 3, 8, 10, 11))
    return found
