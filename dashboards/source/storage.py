"""Storage and host: whether something is full or will be, and how the machines, their logs and the network do."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.components_now import healths, trouble, troubles
from dashboards.source.looks import CRITICAL, WARNING
from dashboards.source.panels import stat, timeseries
from dashboards.source.query import ON, Query, component_limits
from dashboards.source.storage_full import SOONEST, filesystems, holdings
from dashboards.source.storage_machines import LOGS, MACHINES, NETWORK

KINDS = "disk|s3|host|logs|icmp|dns|tcp"
OF = 'component=~"$component"'
HERE = f'{OF}, kind=~"{KINDS}"'
NO_DISK = "no component of the kind disk"
NO_QUOTA = "no quota is configured"

FIRST = [
    trouble("Disks, buckets, machines, logs and network checks", HERE),
    stat(
        "Fullest disk",
        "The used part of the fullest file system, as df counts. From 90% on clear it or enlarge it (runbook "
        "DiskFull): at 100% nothing can be written.",
        Query(f"max(stack_disk_used_ratio{{{OF}}})"),
        unit="percentunit",
        decimals=0,
        steps_=[(0.9, WARNING), (0.95, CRITICAL)],
        none="no disk",
    ),
    stat(
        "Fullest quota",
        "The used part of the fullest quota, of directories and of buckets' prefixes. From 90% on delete what is old, "
        "or raise the quota (runbook StorageQuota): at 100% uploads are refused.",
        Query(f"max(stack_disk_quota_used_ratio{{{OF}}} or stack_s3_used_ratio{{{OF}}})"),
        unit="percentunit",
        decimals=0,
        steps_=[(0.9, WARNING), (1, CRITICAL)],
        none="no quota",
    ),
    stat(
        "Full first",
        "Time until the first disk, quota or number of inodes is used up, by the line through the last 6 hours; shown "
        "within a day of it and with half used, as the alert StorageFullSoon counts. Stop what writes so much, or "
        "make room.",
        Query(f"min({SOONEST})"),
        unit="s",
        decimals=0,
        steps_=[(0, CRITICAL), (21_600, WARNING)],
        none="none within a day",
    ),
    stat(
        "Mounted read-only",
        "File systems that nothing can be written to, though they should be writable. The kernel does this after an "
        "error in a file system's data: the device may be failing (runbook DiskReadOnly).",
        Query(
            f"count(max by (component) ((stack_disk_read_only{{{OF}}} == 1) and on ({ON}) stack_disk_used_ratio))\n"
            f"or 0 * count(stack_disk_read_only{{{OF}}})",
            "read-only",
        ),
        unit="none",
        steps_=[(1, CRITICAL)],
        none="no disk",
    ),
    stat(
        "Fullest memory",
        "The used part of the memory of the machine, or container, that has least left; what can be reclaimed is not "
        "used. From 90% on find what takes it (runbook HostMemoryHigh): at 100% the kernel kills processes.",
        Query(f"max(stack_host_memory_used_ratio{{{OF}}})"),
        unit="percentunit",
        decimals=0,
        steps_=[(0.9, WARNING), (0.95, CRITICAL)],
        none="no host",
    ),
    troubles(HERE),
    healths(HERE, "The status of each disk, bucket, machine, log and network check at each time."),
]

DISKS = [
    timeseries(
        "How full file systems are",
        "Used by used and available bytes, as df counts: without what is reserved for root. Above the dashed lines "
        "the alert DiskFull fires: delete logs, dumps and old releases, or enlarge the volume.",
        Query(f"max by (component) (stack_disk_used_ratio{{{OF}}})", "{{component}}"),
        *component_limits("ratio", "used", kinds="disk"),
        unit="percentunit",
        most=1,
        none=NO_DISK,
    ),
    timeseries(
        "Inodes in use",
        "The used part of the files that a file system can have; those without a fixed number (btrfs, ZFS) are not "
        "shown. At 100% no file can be created though bytes are free: look for millions of small ones (runbook "
        "DiskInodesFull).",
        Query(f"max by (component) (stack_disk_inodes_used_ratio{{{OF}}})", "{{component}}"),
        *component_limits("ratio", "inodes"),
        unit="percentunit",
        most=1,
        none=NO_DISK,
    ),
    filesystems(NO_DISK),
]

HELD = [
    timeseries(
        "Quotas in use",
        "What directories and buckets' prefixes hold, by what they may. Above the dashed lines StorageQuota fires: "
        "ask the owner what can go, or raise the quota; at 100% uploads fail.",
        Query(
            f"max by (component, prefix) (stack_disk_quota_used_ratio{{{OF}}} or stack_s3_used_ratio{{{OF}}})",
            "{{component}} {{prefix}}",
        ),
        *component_limits("ratio", "quota"),
        unit="percentunit",
        none=NO_QUOTA,
    ),
    timeseries(
        "How long storage takes to answer",
        "The 95th percentile of the runs' time, of disks (a canary file is written, synced and read, where that is "
        "on) and of buckets. When it rises, uploads are slow too: look at the busy devices below, or at the "
        "provider's status.",
        Query(
            "histogram_quantile(0.95, sum by (le, component) "
            f'(rate(stack_probe_duration_seconds_bucket{{{OF}, kind=~"disk|s3"}}[$__rate_interval])))',
            "{{component}}",
        ),
        *component_limits("seconds", "latency", kinds="disk|s3"),
        unit="s",
        none="no component of the kinds disk and s3",
    ),
    holdings(),
]

BOARD = Board(
    "stack-storage",
    "Storage and host",
    "Is something full, or will it be? Are the machines, their logs and the network in order?",
    variables=[variables.team(), variables.component(KINDS)],
    rows=[
        Row("", FIRST),
        Row("File systems", DISKS),
        Row("Quotas and buckets", HELD),
        Row("Machines: processors, memory, load, network, devices", MACHINES, folded=True),
        Row("Log files: error lines, growth, policy", LOGS, folded=True),
        Row("Network: round trips, losses, names and ports", NETWORK, folded=True),
    ],
    alerts=HERE,
)
