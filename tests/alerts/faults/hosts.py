"""A machine short of everything, by a /proc of files: one can't make a real one so, and go on testing on it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.tree import ROOT

PROC = ROOT / "tests" / "fixtures" / "proc"
CGROUP = ROOT / "tests" / "fixtures" / "cgroup" / "v2_container"
MEMORY = "MemTotal: 1000 kB\nMemAvailable: {} kB\nSwapTotal: 1000 kB\nSwapFree: {} kB\n"


Components = dict[str, dict[str, Any]]


class Machine:
    """Its files; `busy`, `waiting` and the like are what its counters grow by with each write."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(shutil.copytree(PROC, folder))
        self.ticks = {"user": 0, "system": 0, "idle": 0, "iowait": 0, "steal": 0}
        self.kills = self.busy = self.wrong = 0

    def write(
        self, *, free: int = 800, swap: int = 800, files: int = 100, load: float = 0.5, blocked: int = 0, **ticks: int
    ) -> None:
        for mode, more in ({"user": 10, "idle": 90} | ticks).items():
            self.ticks[mode] += more
        t = self.ticks
        modes = f"{t['user']} 0 {t['system']} {t['idle']} {t['iowait']} 0 0 {t['steal']} 0 0"
        others = f"btime 1790000000\nprocs_running 1\nprocs_blocked {blocked}\n"
        disk = f"8 0 sda 100 5 2000 10 200 6 4000 20 0 {self.busy} 30 0 0 0 0 0 0\n"
        device = f"  eth0: 5 50 {self.wrong} {self.wrong} 0 0 0 0 7 70 {self.wrong} {self.wrong} 0 0 0 0\n"
        for name, text in {
            "stat": f"cpu {modes}\ncpu0 {modes}\n{others}",
            "meminfo": MEMORY.format(free, swap),
            "loadavg": f"{load} {load} {load} 3/456 7890\n",
            "vmstat": f"pswpin 1\noom_kill {self.kills}\n",
            "diskstats": disk,
            "net/dev": f"Inter-|\n face |\n{device}",
            "sys/fs/file-nr": f"{files}\t0\t1000\n",
        }.items():
            file = self.folder / name
            new = file.with_suffix(".new")
            new.write_text(text)
            new.replace(file)


class Container:
    """Its cgroup's files, version 2; `throttled` of its periods of a tenth of a second were cut short."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(shutil.copytree(CGROUP, folder))
        self.periods = self.throttled = 0

    def write(self, *, throttled: int = 0, tasks: int = 20) -> None:
        self.periods += 10
        self.throttled += throttled
        stat = f"usage_usec 5000000\nnr_periods {self.periods}\nnr_throttled {self.throttled}\nthrottled_usec 10\n"
        for name, text in {"cpu.stat": stat, "pids.current": f"{tasks}\n"}.items():
            new = self.folder / f"{name}.new"
            new.write_text(text)
            new.replace(self.folder / name)


def _machines(scene: Scene, *names: str) -> tuple[dict[str, Machine], Components]:
    machines = {name: Machine(scene.folder / name) for name in names}
    kind = {"kind": "host", "cgroup": "off"}
    return machines, {name: kind | {"procfs": str(one.folder)} for name, one in machines.items()}


def _steps(machines: dict[str, Machine], components: Components, worsen: Sequence[Callable[[], None]]) -> Steps:
    def all_is_well() -> None:
        for one in machines.values():
            one.write()

    def all_is_bad() -> None:
        for worse in worsen:
            worse()

    with repeating(all_is_well):
        yield {"components": components}
    with repeating(all_is_bad):
        yield None
    with repeating(all_is_well):
        yield None


FULL = ("HostCpuHigh", "HostLoadHigh", "HostMemoryHigh", "HostSwapHigh", "HostDescriptorsHigh")


@provokes(*(f"{alert}/{severity}" for alert in FULL for severity in ("warning", "critical")), imitated=True)
def machines_are_short_of_everything(scene: Scene) -> Steps:
    machines, components = _machines(scene, "machine_short", "machine_out")
    short, out = machines.values()
    # Else the warning of the one that is worse could be told before what is critical silences it.
    signals = ("cpu", "load", "memory", "swap", "descriptors")
    components["machine_out"] |= {"thresholds": {signal: {"warning": "off"} for signal in signals}}
    worsen = (
        lambda: short.write(free=80, swap=150, files=850, load=3, user=93, idle=7),
        lambda: out.write(free=20, swap=20, files=980, load=9, user=100, idle=0),
    )
    yield from _steps(machines, components, worsen)


@provokes(
    "HostOomKill/warning",
    "HostCpuWaiting/warning",
    "HostCpuStolen/warning",
    "HostDiskSaturated/warning",
    "HostTasksBlocked/warning",
    "HostNetworkErrors/warning",
    "HostNetworkDrops/warning",
    imitated=True,
)
def a_machine_has_bad_disks_and_neighbours(scene: Scene) -> Steps:
    machines, components = _machines(scene, "machine_bad")
    (bad,) = machines.values()

    def worsen() -> None:
        bad.kills += 1
        bad.busy += 1000
        bad.wrong += 20
        bad.write(blocked=9, user=10, idle=30, iowait=30, steal=30)

    yield from _steps(machines, components, (worsen,))


@provokes("HostCpuThrottled/warning", *twice("HostPidsHigh"), imitated=True)
def a_container_has_too_little(scene: Scene) -> Steps:
    machine, container = Machine(scene.folder / "machine"), Container(scene.folder / "cgroup")
    (machine.folder / "self" / "cgroup").write_text("0::/\n")
    fields = {"kind": "host", "procfs": str(machine.folder), "cgroupfs": str(container.folder)}
    with repeating(container.write):
        yield {"components": both("container", fields, {"pids": "80%"})}
    with repeating(lambda: container.write(throttled=8, tasks=79)):
        yield None
    with repeating(container.write):
        yield None
