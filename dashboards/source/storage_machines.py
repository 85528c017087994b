"""Machines, their log files, and the network between them."""

from dashboards.source.looks import CRITICAL, WARNING
from dashboards.source.panels import timeseries
from dashboards.source.query import Query, alert_limits, component_limits, once, risen
from dashboards.source.tables import Column, table

OF = 'component=~"$component"'
CLOSER = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
NO_HOST = "no component of the kind host"
NO_LOGS = "no component of the kind logs"
EACH = "max by (component)"
USED = ((0.9, WARNING), (0.98, CRITICAL))


def _per_second(*counters: str, by: str = "component") -> str:
    return " + ".join(once(by, f"rate({name}{{{OF}}}[$__rate_interval])") for name in counters)


MACHINES = [
    timeseries(
        "Processors in use",
        "The used part of the processor time that the machine, or the container's limit, gives. Above the dashed "
        "lines HostCpuHigh fires: find the process that takes it, and ask what was deployed.",
        Query(f"{EACH} (stack_host_cpu_used_ratio{{{OF}}})", "{{component}}"),
        *component_limits("ratio", "cpu", kinds="host"),
        unit="percentunit",
        most=1,
        width=8,
        none=NO_HOST,
    ),
    timeseries(
        "Memory and swap in use",
        "The used part of memory, without what can be reclaimed, and of swap, where there is any. Above the dashed "
        "lines HostMemoryHigh fires: restart what leaks before the kernel kills something else.",
        Query(f"{EACH} (stack_host_memory_used_ratio{{{OF}}})", "{{component}} memory"),
        Query(f"{EACH} (stack_host_swap_used_ratio{{{OF}}})", "{{component}} swap"),
        *component_limits("ratio", "memory", kinds="host"),
        unit="percentunit",
        most=1,
        width=8,
        none=NO_HOST,
    ),
    timeseries(
        "Load by processors",
        "Tasks that run or want to, over 5 minutes, by the machine's processors: above 100% some wait. Above the "
        "dashed lines HostLoadHigh fires; with processors idle they wait for disks: see how busy those are.",
        Query(f"{EACH} (stack_host_load_ratio{{{OF}}})", "{{component}}"),
        *component_limits("ratio", "load", kinds="host"),
        unit="percentunit",
        width=8,
        none=NO_HOST,
    ),
    timeseries(
        "Network traffic",
        "Bytes a second over all of a machine's network devices. A sudden drop is an outage before the machine; a "
        "plateau is a full line, or a backup at the wrong hour.",
        Query(_per_second("stack_host_network_receive_bytes_total"), "{{component}} in"),
        Query(_per_second("stack_host_network_transmit_bytes_total"), "{{component}} out"),
        unit="Bps",
        width=8,
        none=NO_HOST,
    ),
    timeseries(
        "Network errors and drops",
        "Packets a second that a device received or sent wrongly, or threw away. None is normal; from 1 error or 10 "
        "drops a second on HostNetworkErrors or HostNetworkDrops fires: a cable, a driver, or a buffer that is too "
        "small.",
        Query(
            _per_second("stack_host_network_receive_errors_total", "stack_host_network_transmit_errors_total"),
            "{{component}} errors",
        ),
        Query(
            _per_second("stack_host_network_receive_drops_total", "stack_host_network_transmit_drops_total"),
            "{{component}} drops",
        ),
        unit="pps",
        decimals=0,
        width=8,
        none=NO_HOST,
    ),
    timeseries(
        "How busy devices are",
        "The part of the time in which a device had work. Near 100% for long (HostDiskSaturated) all that reads and "
        "writes there waits: find what does it, move it to another hour, or take a faster device.",
        Query(
            f"max by (component, device) (rate(stack_host_disk_io_seconds_total{{{OF}}}[$__rate_interval]))",
            "{{component}} {{device}}",
        ),
        unit="percentunit",
        most=1,
        width=8,
        none="no device is seen from here (a container has none)",
    ),
    timeseries(
        "Open files and tasks, by what is allowed",
        "Open files of the machine by what the kernel allows, and tasks by what the container's limit allows. Above "
        "the dashed lines HostDescriptorsHigh or HostPidsHigh fires: something leaks sockets or processes; restart "
        "it.",
        Query(f"{EACH} (stack_host_file_descriptors_used_ratio{{{OF}}})", "{{component}} open files"),
        Query(f"{EACH} (stack_host_pids_used_ratio{{{OF}}})", "{{component}} tasks"),
        *component_limits("ratio", "descriptors", kinds="host"),
        unit="percentunit",
        most=1,
        decimals=1,
        height=7,
        width=10,
        none=NO_HOST,
    ),
    table(
        "Each machine",
        "What it has and for how long it has been up; an uptime of minutes is a restart that somebody should know of. "
        "`Held back` is the part of the periods in which the container's processor limit stopped it (HostCpuThrottled "
        "from 25% on); `Killed` are processes that the kernel killed for want of memory within a day (runbook "
        "HostOomKill).",
        Query(f"{EACH} (stack_host_cpus{{{OF}}})"),
        Query(f"{EACH} (stack_host_memory_bytes{{{OF}}})"),
        Query(f"{EACH} (stack_host_uptime_seconds{{{OF}}})"),
        Query(f"{EACH} (stack_host_processes_running{{{OF}}})"),
        Query(f"{EACH} (stack_host_processes_blocked{{{OF}}})"),
        Query(
            f"{EACH} (rate(stack_host_cpu_throttled_periods_total{{{OF}}}[5m])"
            f" / rate(stack_host_cpu_periods_total{{{OF}}}[5m])) >= 0"
        ),
        Query(f"{EACH} (increase(stack_host_oom_kills_total{{{OF}}}[1d]))"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "CPUs", unit="none", decimals=1, width=60),
            Column("Value #B", "Memory", unit="bytes", width=90),
            Column("Value #C", "Up for", unit="s", decimals=0, width=90),
            Column("Value #D", "Running", unit="short", decimals=0, width=80),
            Column("Value #E", "Blocked", unit="short", decimals=0, width=80),
            Column(
                "Value #F",
                "Held back",
                unit="percentunit",
                decimals=0,
                steps=((0.25, WARNING),),
                color="text",
                width=90,
            ),
            Column("Value #G", "Killed", unit="short", decimals=0, steps=((0.5, CRITICAL),), color="text", width=70),
        ],
        height=7,
        width=14,
        sort="Up for",
        descending=False,
        none=NO_HOST,
    ),
]

LOGS = [
    timeseries(
        "Error lines in 5 minutes",
        "Lines of the levels error and critical in each followed file. Above the dashed line LogErrors fires: read "
        "the file's last lines, and see the Errors dashboard for the same minutes.",
        Query(
            f"""sum by (component, file) (
{risen(f'stack_logs_lines_total{{{OF}, level=~"error|critical"}}', "5m")}
)
or max by (component, file) (stack_logs_files{{{OF}}}) * 0""",
            "{{component}} {{file}}",
        ),
        *alert_limits("number", "log_errors"),
        unit="short",
        width=8,
        none=NO_LOGS,
    ),
    timeseries(
        "Growth of logs",
        "Bytes of new lines a second, by file. A file that grows much faster than usual fills its disk: look for a "
        "loop or a debug level; one that stopped may have lost its writer (LogSilent, where a threshold is set).",
        Query(_per_second("stack_logs_bytes_total", by="component, file"), "{{component}} {{file}}"),
        unit="Bps",
        width=8,
        none=NO_LOGS,
    ),
    timeseries(
        "Logs by what their policy allows",
        "Size, age and number of a log and its rotated files by the largest that its policy allows; a log without one "
        "is not shown. Above 100% LogPolicyBroken fires: rotation does not run, or keeps too much.",
        Query(
            f"max by (component, file, rule) (stack_logs_policy_used_ratio{{{OF}}})", "{{component}} {{file}} {{rule}}"
        ),
        *component_limits("ratio", "policy"),
        unit="percentunit",
        width=8,
        none="no log has a policy",
    ),
]

NETWORK = [
    timeseries(
        "Round trips",
        "The mean time that a host took to answer a ping. Above the dashed lines RoundTripSlow fires: the way there "
        "is full or longer than it was; compare with other hosts on the same way.",
        Query(f"{EACH} (stack_icmp_round_trip_mean_seconds{{{OF}}})", "{{component}}"),
        *component_limits("seconds", "round_trip"),
        unit="s",
        width=8,
        none="no component of the kind icmp",
    ),
    timeseries(
        "Packets lost over 5 minutes",
        "The part of the pings that were not answered. Above the dashed lines PacketLossHigh fires: a bad line, a "
        "full one, or a host that dies; all hosts at once is our own side.",
        Query(f"{EACH} (avg_over_time(stack_icmp_loss_ratio{{{OF}}}[5m]))", "{{component}}"),
        *component_limits("ratio", "loss"),
        unit="percentunit",
        most=1,
        width=8,
        none="no component of the kind icmp",
    ),
    timeseries(
        "How long name servers and ports take",
        "The 95th percentile of the time of DNS look-ups and of TCP connections. Above the dashed lines ComponentSlow "
        "fires: when a name server is slow, everything that opens connections is.",
        Query(
            "histogram_quantile(0.95, sum by (le, component) "
            f'(rate(stack_probe_duration_seconds_bucket{{{OF}, kind=~"dns|tcp"}}[$__rate_interval])))',
            "{{component}}",
        ),
        *component_limits("seconds", "latency", kinds="dns|tcp"),
        unit="s",
        width=8,
        none="no component of the kinds dns and tcp",
    ),
]
