"""What the machine has and uses: processor, memory, swap, disks, network, files; in a container its cgroup counts.

Read from /proc itself: psutil takes about twice the CPU for what it covers, and reads no cgroup.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import counter, gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _cgroup, _proc
from exporter.probes._threads import HUNG, Lane

CPU = counter("stack_host_cpu_seconds_total", "Processor time of the machine by mode.", "component", "mode")
CPU_RATIO = gauge(
    "stack_host_cpu_used_ratio", "Used part of the usable processor time since the last run.", "component"
)
CPUS = gauge("stack_host_cpus", "Usable processors: the container's limit, else the machine's number.", "component")
THROTTLED = counter(
    "stack_host_cpu_throttled_seconds_total", "Time that the cgroup's limit held the container.", "component"
)
THROTTLED_PERIODS = counter("stack_host_cpu_throttled_periods_total", "Periods that the limit cut short.", "component")
PERIODS = counter("stack_host_cpu_periods_total", "Periods in which the cgroup's limit was enforced.", "component")
LOAD1 = gauge("stack_host_load1", "Load average over 1 minute, of the machine.", "component")
LOAD5 = gauge("stack_host_load5", "Load average over 5 minutes, of the machine.", "component")
LOAD15 = gauge("stack_host_load15", "Load average over 15 minutes, of the machine.", "component")
LOAD_RATIO = gauge("stack_host_load_ratio", "Load average over 5 minutes by processors of the machine.", "component")
MEMORY = gauge(
    "stack_host_memory_bytes", "Usable memory: the container's limit, else the machine's memory.", "component"
)
MEMORY_USED = gauge("stack_host_memory_used_bytes", "Used memory, without what can be reclaimed.", "component")
MEMORY_AVAILABLE = gauge("stack_host_memory_available_bytes", "Memory that can still be taken.", "component")
MEMORY_RATIO = gauge("stack_host_memory_used_ratio", "Used memory by usable memory.", "component")
OOM_KILLS = counter("stack_host_oom_kills_total", "Processes killed for want of memory.", "component")
SWAP = gauge("stack_host_swap_bytes", "Swap space of the machine.", "component")
SWAP_USED = gauge("stack_host_swap_used_bytes", "Used swap space.", "component")
SWAP_RATIO = gauge("stack_host_swap_used_ratio", "Used swap space by all; absent without swap.", "component")
DISK_READS = counter("stack_host_disk_reads_total", "Reads that the device completed.", "component", "device")
DISK_READ = counter("stack_host_disk_read_bytes_total", "Bytes read from the device.", "component", "device")
DISK_WRITES = counter("stack_host_disk_writes_total", "Writes that the device completed.", "component", "device")
DISK_WRITTEN = counter("stack_host_disk_written_bytes_total", "Bytes written to the device.", "component", "device")
DISK_BUSY = counter("stack_host_disk_io_seconds_total", "Time the device was busy.", "component", "device")
RECEIVED = counter("stack_host_network_receive_bytes_total", "Bytes received.", "component", "device")
RECEIVE_ERRORS = counter("stack_host_network_receive_errors_total", "Receive errors.", "component", "device")
RECEIVE_DROPS = counter("stack_host_network_receive_drops_total", "Received, then dropped.", "component", "device")
SENT = counter("stack_host_network_transmit_bytes_total", "Bytes sent.", "component", "device")
SEND_ERRORS = counter("stack_host_network_transmit_errors_total", "Send errors.", "component", "device")
SEND_DROPS = counter("stack_host_network_transmit_drops_total", "Dropped on sending.", "component", "device")
FILES = gauge("stack_host_file_descriptors", "Open files of the whole machine.", "component")
FILES_LIMIT = gauge(
    "stack_host_file_descriptors_limit", "Open files that the kernel allows (fs.file-max).", "component"
)
FILES_RATIO = gauge("stack_host_file_descriptors_used_ratio", "Open files by those allowed.", "component")
RUNNING = gauge("stack_host_processes_running", "Tasks that run or want to.", "component")
BLOCKED = gauge("stack_host_processes_blocked", "Tasks that wait for input or output.", "component")
PIDS = gauge("stack_host_pids", "Tasks in the container, where its cgroup limits them.", "component")
PIDS_LIMIT = gauge("stack_host_pids_limit", "Tasks that the container's cgroup allows.", "component")
PIDS_RATIO = gauge("stack_host_pids_used_ratio", "Tasks in the container by those allowed.", "component")
BOOT = gauge("stack_host_boot_time_seconds", "When the machine started, in Unix time.", "component")
UPTIME = gauge("stack_host_uptime_seconds", "Time since the machine started.", "component")
LIMITED = gauge(
    "stack_host_cgroup_limited", "Whether a cgroup's limit counts in place of the machine's.", "component", "resource"
)

# In the order of _proc's figures.
DISK = (DISK_READS, DISK_READ, DISK_WRITES, DISK_WRITTEN, DISK_BUSY)
NETWORK = (RECEIVED, RECEIVE_ERRORS, RECEIVE_DROPS, SENT, SEND_ERRORS, SEND_DROPS)

SPAN = 1.0
"""Seconds that a usage ratio covers at least: the kernel counts in hundredths of a second."""


class Host(Probe, kw_only=True, frozen=True):
    reasons: ClassVar[Mapping[str, str]] = {
        "unreadable": "/proc can't be read, or not understood: nothing is known of the machine.",
        "hung": HUNG,
    }
    # Ours, the requirements name no figure (AR-3): chosen to stay silent on a machine that is merely busy (FH-10).
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("cpu", CPU_RATIO, "ratio", "Used part of the usable processor time.", warning=0.9, critical=0.98),
        Signal("load", LOAD_RATIO, "ratio", "Load over 5 minutes by processors.", warning=2.0, critical=5.0),
        Signal("memory", MEMORY_RATIO, "ratio", "Used part of the usable memory.", warning=0.9, critical=0.95),
        Signal("swap", SWAP_RATIO, "ratio", "Used part of the swap space.", warning=0.8, critical=0.95),
        Signal("descriptors", FILES_RATIO, "ratio", "Open files by those allowed.", warning=0.8, critical=0.95),
        Signal("pids", PIDS_RATIO, "ratio", "Tasks in the container by those allowed.", warning=0.8, critical=0.95),
    )

    procfs: Annotated[
        str, Meta(description="Where the proc file system is; /host/proc for the host's, mounted so.")
    ] = "/proc"
    cgroupfs: Annotated[str, Meta(description="Where the cgroup file system is.")] = "/sys/fs/cgroup"
    cgroup: Annotated[
        _cgroup.Counts,
        Meta(
            description="Whose limits count: auto, a container's if this is one; own, those of any cgroup; off, none."
        ),
    ] = "auto"

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    @cached_property
    def _last(self) -> dict[str, tuple[float, float, float | None]]:
        """The sample that the next ratio begins at: used and possible seconds, and the last ratio."""
        return {}

    async def run(self, out: Readings) -> None:
        machine, group = await self._lane.call(out.deadline, f"reading {self.procfs}", self._read)
        self._processor(machine, group, out)
        self._memory(machine, group, out)
        for metrics, by_device in ((DISK, machine.disks), (NETWORK, machine.networks)):
            for device, values in by_device.items():
                for metric, value in zip(metrics, values, strict=True):
                    out.set(metric, value, device)
        if machine.files is not None:
            used, limit = machine.files
            out.set(FILES, used)
            out.set(FILES_LIMIT, limit)
            out.set(FILES_RATIO, used / limit)
        if group.pids is not None and group.pids_limit:
            out.set(PIDS, group.pids)
            out.set(PIDS_LIMIT, group.pids_limit)
            out.set(PIDS_RATIO, group.pids / group.pids_limit)
        out.set(RUNNING, machine.running)
        out.set(BLOCKED, machine.blocked)
        out.set(BOOT, machine.boot)
        out.set(UPTIME, time.time() - machine.boot)

    def _read(self) -> tuple[_proc.Machine, _cgroup.Cgroup]:
        try:
            machine = _proc.read(self.procfs)
        except OSError as error:
            raise Down("unreadable", f"{error.filename}: {error.strerror}"[:200]) from None
        except (ValueError, LookupError) as error:
            raise Down("unreadable", f"{self.procfs} is not understood: {error}"[:200]) from None
        return machine, _cgroup.read(self.procfs, self.cgroupfs, self.cgroup)

    def _processor(self, machine: _proc.Machine, group: _cgroup.Cgroup, out: Readings) -> None:
        for mode, seconds in machine.cpu.items():
            out.set(CPU, seconds, mode)
        limited = group.cpu_limit is not None and group.cpu_limit < machine.cpus
        out.set(LIMITED, float(limited), "cpu")
        cpus = group.cpu_limit if limited and group.cpu_limit is not None else float(machine.cpus)
        out.set(CPUS, cpus)
        if limited and group.cpu_seconds is not None:
            ratio = self._ratio("cgroup", group.cpu_seconds, time.monotonic() * cpus)
        else:
            idle = machine.cpu["idle"] + machine.cpu.get("iowait", 0.0)
            possible = sum(machine.cpu.values())
            ratio = self._ratio("machine", possible - idle, possible)
        if ratio is not None:
            out.set(CPU_RATIO, ratio)
        for metric, value in (
            (THROTTLED, group.throttled_seconds),
            (THROTTLED_PERIODS, group.throttled_periods),
            (PERIODS, group.periods),
        ):
            if value is not None:
                out.set(metric, value)
        if machine.load is not None:
            for metric, value in zip((LOAD1, LOAD5, LOAD15), machine.load, strict=True):
                out.set(metric, value)
            out.set(LOAD_RATIO, machine.load[1] / machine.cpus)

    def _ratio(self, what: str, used: float, possible: float) -> float | None:
        """Used by possible since the sample before; the same again within SPAN, None at first."""
        before = self._last.get(what)
        if before is None or possible < before[1] or used < before[0]:
            self._last[what] = (used, possible, None)
            return None
        if possible - before[1] < SPAN:
            return before[2]
        ratio = (used - before[0]) / (possible - before[1])
        self._last[what] = (used, possible, ratio)
        return ratio

    def _memory(self, machine: _proc.Machine, group: _cgroup.Cgroup, out: Readings) -> None:
        size, used = machine.memory, machine.memory - machine.available
        kills = machine.oom_kills
        limited = group.memory_limit is not None and group.memory_limit < size
        out.set(LIMITED, float(limited), "memory")
        if limited and group.memory_limit is not None and group.memory_used is not None:
            size, used, kills = group.memory_limit, group.memory_used, group.oom_kills
        out.set(MEMORY, size)
        out.set(MEMORY_USED, used)
        out.set(MEMORY_AVAILABLE, max(size - used, 0))
        out.set(MEMORY_RATIO, used / size if size else 1.0)
        if kills is not None:
            out.set(OOM_KILLS, kills)
        out.set(SWAP, machine.swap)
        out.set(SWAP_USED, machine.swap - machine.swap_free)
        if machine.swap:
            out.set(SWAP_RATIO, 1 - machine.swap_free / machine.swap)
