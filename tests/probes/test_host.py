"""The host, from a /proc of files for exact figures, and from this machine's own."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import psutil
import pytest

from exporter.probe import Result
from exporter.probes.host import Host
from exporter.schedule import run_once
from tests.mounts import mounted
from tests.probing import Memory, component, probe, readings
from tests.tree import ROOT

FIXTURES = ROOT / "tests" / "fixtures"


def asked(**fields: str) -> dict[str, float]:
    result = probe("host", **fields)
    assert result.outcome in ("healthy", "degraded"), result
    return {name.removeprefix("stack_host_"): value for name, value in readings(result).items()}


@pytest.fixture
def procfs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "proc", tmp_path / "proc"))


def missing(tmp: Path) -> Result:
    return probe("host", procfs=str(tmp / "no"))


def hung(tmp: Path) -> Result:
    with mounted(tmp / "m", "fuse", "hang") as path:
        return probe("host", procfs=str(path), timeout=0.3)


PROVOKED = {"unreadable": missing, "hung": hung}


def test_every_declared_reason_is_provoked() -> None:
    assert set(PROVOKED) == set(Host.reasons)


@pytest.mark.parametrize("reason", PROVOKED)
def test_reason(reason: str, tmp_path: Path) -> None:
    result = PROVOKED[reason](tmp_path)
    assert (result.outcome, result.reason) == ("unhealthy", reason)
    assert str(tmp_path) in result.detail


@pytest.mark.parametrize(
    ("file", "text"), [("stat", ""), ("stat", "cpu x y\n"), ("stat", "cpu 1 2 3 4\n"), ("meminfo", "MemTotal: 1 kB\n")]
)
def test_a_proc_that_is_not_understood_is_unreadable(file: str, text: str, procfs: Path) -> None:
    (procfs / file).write_text(text)
    result = probe("host", procfs=str(procfs))
    assert (result.outcome, result.reason) == ("unhealthy", "unreadable")


def test_a_machine_gives_all_its_readings_in_base_units(procfs: Path) -> None:
    found = asked(procfs=str(procfs), cgroupfs="/nonexistent")
    assert found.pop("uptime_seconds") == pytest.approx(time.time() - 1790000000, abs=60)
    modes = {"user": 10, "nice": 0.5, "system": 5, "idle": 80, "iowait": 2, "irq": 0.1, "softirq": 0.4, "steal": 2}
    assert found == {
        **{f'cpu_seconds_total{{mode="{mode}"}}': seconds for mode, seconds in modes.items()},
        "cpus": 2.0, "load1": 0.5, "load5": 1.0, "load15": 2.0, "load_ratio": 0.5,
        'cgroup_limited{resource="cpu"}': 0.0, 'cgroup_limited{resource="memory"}': 0.0,
        "memory_bytes": 8_192_000_000, "memory_used_bytes": 2_048_000_000, "memory_available_bytes": 6_144_000_000,
        "memory_used_ratio": 0.25, "oom_kills_total": 4,
        "swap_bytes": 2_048_000_000, "swap_used_bytes": 512_000_000, "swap_used_ratio": 0.25,
        'disk_reads_total{device="sda"}': 100, 'disk_read_bytes_total{device="sda"}': 1_024_000,
        'disk_writes_total{device="sda"}': 200, 'disk_written_bytes_total{device="sda"}': 2_048_000,
        'disk_io_seconds_total{device="sda"}': 1.5,
        'disk_reads_total{device="nvme0n1"}': 1, 'disk_read_bytes_total{device="nvme0n1"}': 4096,
        'disk_writes_total{device="nvme0n1"}': 2, 'disk_written_bytes_total{device="nvme0n1"}': 8192,
        'disk_io_seconds_total{device="nvme0n1"}': 0.25,
        'network_receive_bytes_total{device="eth0"}': 5000, 'network_receive_errors_total{device="eth0"}': 1,
        'network_receive_drops_total{device="eth0"}': 2, 'network_transmit_bytes_total{device="eth0"}': 7000,
        'network_transmit_errors_total{device="eth0"}': 3, 'network_transmit_drops_total{device="eth0"}': 4,
        "file_descriptors": 2000, "file_descriptors_limit": 100_000, "file_descriptors_used_ratio": 0.02,
        "processes_running": 3, "processes_blocked": 1, "boot_time_seconds": 1790000000,
    }  # fmt: skip


def test_what_a_kernel_leaves_out_is_left_out(procfs: Path) -> None:
    for file in ("vmstat", "loadavg", "diskstats", "net/dev", "sys/fs/file-nr", "self/cgroup"):
        (procfs / file).unlink()
    found = asked(procfs=str(procfs), cgroupfs="/nonexistent")
    assert {name.partition("{")[0] for name in found} == {
        "cpu_seconds_total", "cpus", "cgroup_limited", "memory_bytes", "memory_used_bytes", "memory_available_bytes",
        "memory_used_ratio", "swap_bytes", "swap_used_bytes", "swap_used_ratio", "processes_running",
        "processes_blocked", "boot_time_seconds", "uptime_seconds",
    }  # fmt: skip


def test_no_more_devices_become_labels_than_are_bounded(procfs: Path) -> None:
    (procfs / "diskstats").write_text("".join(f" 8 0 dm-{n} 1 2 3 4 5 6 7 8 9 10 11\n" for n in range(500)))
    head = (procfs / "net" / "dev").read_text().splitlines(keepends=True)[:2]
    (procfs / "net" / "dev").write_text("".join(head + [f"wan{n}: {'1 ' * 16}\n" for n in range(500)]))
    found = asked(procfs=str(procfs), cgroupfs="/nonexistent")
    assert sum("device=" in name for name in found) == 40 * 5 + 40 * 6


async def twice(procfs: Path, before: str, after: str) -> list[float | None]:
    """The CPU ratio of three runs of one component, whose /proc/stat goes from `before` to `after`."""
    it, memory, found = component("host", procfs=str(procfs), cgroupfs="/nonexistent"), Memory(), []
    rest = (procfs / "stat").read_text().partition("\n")[2]
    for line in (before, after, after):
        (procfs / "stat").write_text(f"cpu  {line}\n{rest}")
        values = readings(await run_once(it, memory, memory))
        found.append(values.get("stack_host_cpu_used_ratio"))
    return found


@pytest.mark.parametrize(
    ("before", "after", "ratios"),
    [
        ("100 0 100 800 0 0 0 0", "200 0 150 1000 50 0 0 0", [None, 150 / 400, 150 / 400]),
        ("100 0 100 800 0 0 0 0", "110 0 100 840 0 0 0 0", [None, None, None]),  # half a second of processor time
        ("100 0 100 800 0 0 0 0", "10 0 10 80 0 0 0 0", [None, None, None]),  # counters begin anew
    ],
)
def test_cpu_usage_is_that_since_the_run_before(
    before: str, after: str, ratios: list[float | None], procfs: Path
) -> None:
    assert asyncio.run(twice(procfs, before, after)) == pytest.approx(ratios)


def test_this_machine_agrees_with_psutil() -> None:
    found, memory, swap = asked(cgroup="off"), psutil.virtual_memory(), psutil.swap_memory()
    assert found["memory_bytes"] == memory.total
    assert found["memory_available_bytes"] == pytest.approx(memory.available, rel=0.2)
    assert found["swap_bytes"] == swap.total
    assert found["cpus"] == psutil.cpu_count()
    assert found["boot_time_seconds"] == pytest.approx(psutil.boot_time(), abs=2)
    assert found['cpu_seconds_total{mode="user"}'] == pytest.approx(psutil.cpu_times().user, rel=0.1)
    assert found["load1"] == pytest.approx(os.getloadavg()[0], abs=1)
    disks, nets = psutil.disk_io_counters(perdisk=True), psutil.net_io_counters(pernic=True)
    for name, value in found.items():
        device = name.partition('device="')[2][:-2]
        if name.startswith("disk_read_bytes"):
            assert value == pytest.approx(disks[device].read_bytes, rel=0.1)
        if name.startswith("network_receive_bytes"):
            assert value == pytest.approx(nets[device].bytes_recv, rel=0.1)
