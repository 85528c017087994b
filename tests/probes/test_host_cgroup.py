"""In a container its cgroup's limits count, version 2 or 1; a system service's unit is no container."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from exporter.probes._cgroup import Cgroup, read
from exporter.schedule import run_once
from tests.probing import Memory, component, readings
from tests.tree import ROOT

FIXTURES = ROOT / "tests" / "fixtures"

LIMITS = {"memory_limit": 400_000_000, "memory_used": 200_000_000, "oom_kills": 2}
PROCESSOR = {
    "cpu_limit": 0.5, "cpu_seconds": 5.0, "throttled_seconds": 2.5, "throttled_periods": 7, "periods": 100,
}  # fmt: skip
TASKS = {"pids_limit": 80, "pids": 20}
ALL = Cgroup(**LIMITS, **PROCESSOR, **TASKS)
V1 = "\n".join(f"{n}:{name}:{{path}}" for n, name in enumerate(("memory", "cpu,cpuacct", "pids"), 1))
POD = "/kubepods.slice/pod1.slice/cri-containerd-ab.scope"
POD_LIMITS = Cgroup(
    500_000_000, 200_000_000, 2, cpu_limit=1.5, cpu_seconds=7.0, throttled_periods=1, periods=2, pids_limit=100, pids=20
)


@pytest.fixture
def procfs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "proc", tmp_path / "proc"))


@pytest.mark.parametrize(
    ("tree", "cgroup", "counts", "expected"),
    [
        ("v2_container", "0::/", "auto", ALL),
        ("v2_container", "0::/", "off", Cgroup()),
        ("v2_unlimited", "0::/", "auto", Cgroup()),
        ("v2_unit", "0::/system.slice/x.service", "auto", Cgroup()),
        ("v2_unit", "0::/system.slice/x.service", "own", ALL),
        ("v2_unit", "0::/", "auto", Cgroup()),
        ("v2_pod", f"0::{POD}", "auto", POD_LIMITS),
        ("v2_container", "0::/../../docker/ab", "auto", ALL),
        ("v1_docker", V1.format(path="/docker/0123"), "auto", ALL),
        ("v1_docker", V1.format(path="/"), "auto", ALL),
        ("v1_docker", V1.format(path="/user.slice"), "auto", Cgroup()),
        ("v1_unlimited", V1.format(path="/"), "auto", Cgroup()),
        ("v1_docker", "", "auto", Cgroup()),
        ("no_such_tree", "0::/", "auto", Cgroup()),
    ],
)
def test_the_limits_that_count(tree: str, cgroup: str, counts: str, expected: Cgroup, procfs: Path) -> None:
    (procfs / "self" / "cgroup").write_text(cgroup + "\n" if cgroup else "")
    found = read(str(procfs), str(FIXTURES / "cgroup" / tree), counts)
    assert found == expected


@pytest.mark.parametrize(("tree", "cgroup"), [("v2_container", "0::/"), ("v1_docker", V1.format(path="/docker/ab"))])
def test_a_container_shows_its_own_memory_processors_and_tasks(tree: str, cgroup: str, procfs: Path) -> None:
    (procfs / "self" / "cgroup").write_text(cgroup)

    async def main() -> dict[str, float]:
        it, memory = component("host", procfs=str(procfs), cgroupfs=str(FIXTURES / "cgroup" / tree)), Memory()
        return readings(await run_once(it, memory, memory))

    found = {name.removeprefix("stack_host_"): value for name, value in asyncio.run(main()).items()}
    assert {name: found[name] for name in found if name.startswith(("cgroup", "memory", "oom", "pids", "cpu_thr", "cpu_p", "cpus"))} == {
        'cgroup_limited{resource="cpu"}': 1.0, 'cgroup_limited{resource="memory"}': 1.0,
        "memory_bytes": 400_000_000, "memory_used_bytes": 200_000_000, "memory_available_bytes": 200_000_000,
        "memory_used_ratio": 0.5, "oom_kills_total": 2, "cpus": 0.5,
        "cpu_throttled_seconds_total": 2.5, "cpu_throttled_periods_total": 7, "cpu_periods_total": 100,
        "pids": 20, "pids_limit": 80, "pids_used_ratio": 0.25,
    }  # fmt: skip


def test_processor_usage_is_the_containers_part_of_its_limit(
    procfs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is a fake: 10 s pass between the runs, in which the container uses 4 of its 5 s."""
    tree = Path(shutil.copytree(FIXTURES / "cgroup" / "v2_container", tmp_path / "cgroup"))
    monkeypatch.setattr("exporter.probes.host.time.monotonic", clock := Clock())

    async def main() -> list[float | None]:
        it, memory, found = component("host", procfs=str(procfs), cgroupfs=str(tree)), Memory(), []
        for usage in (5_000_000, 9_000_000):
            (tree / "cpu.stat").write_text(f"usage_usec {usage}\n")
            values = readings(await run_once(it, memory, memory))
            found.append(values.get("stack_host_cpu_used_ratio"))
            clock.ahead += 10
        return found

    assert asyncio.run(main()) == [None, pytest.approx(0.8, abs=0.01)]


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0
        self._time = time.monotonic

    def __call__(self) -> float:
        return self._time() + self.ahead


def test_a_limit_above_the_machine_is_none(procfs: Path, tmp_path: Path) -> None:
    tree = Path(shutil.copytree(FIXTURES / "cgroup" / "v2_container", tmp_path / "cgroup"))
    (tree / "memory.max").write_text("99000000000\n")
    (tree / "cpu.max").write_text("400000 100000\n")

    async def main() -> dict[str, float]:
        it, memory = component("host", procfs=str(procfs), cgroupfs=str(tree)), Memory()
        return readings(await run_once(it, memory, memory))

    found = asyncio.run(main())
    assert (found["stack_host_memory_bytes"], found["stack_host_cpus"]) == (8_192_000_000, 2.0)
    assert (
        found['stack_host_cgroup_limited{resource="memory"}']
        == found['stack_host_cgroup_limited{resource="cpu"}']
        == 0.0
    )
