"""How much storage holds, and when it will be full, counted as the alert StorageFullSoon does."""

from dashboards.source.looks import CRITICAL, WARNING
from dashboards.source.panels import Panel
from dashboards.source.query import ON, Query
from dashboards.source.tables import Column, table

OF = 'component=~"$component"'
CLOSER = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
FULL = ((0.9, WARNING), (0.95, CRITICAL))
SOON = ((0, CRITICAL), (21_600, WARNING), (86_400, "text"))


def _falling(left: str, ratio: str) -> str:
    left, ratio = f"{left}{{{OF}}}", f"{ratio}{{{OF}}}"
    return (
        f"({left} / -deriv({left}[6h])\n    and predict_linear({left}[6h], 86400) < 0\n"
        f"    and {left} offset 6h\n    and {ratio} > 0.5)"
    )


def _rising(used: str, quota: str, ratio: str) -> str:
    used, quota, ratio = f"{used}{{{OF}}}", f"{quota}{{{OF}}}", f"{ratio}{{{OF}}}"
    return (
        f"(({quota} - {used}) / deriv({used}[6h])\n    and predict_linear({used}[6h], 86400) > {quota}\n"
        f"    and {used} offset 6h\n    and {ratio} > 0.5 < 1)"
    )


_ENDS = (
    ("bytes", _falling("stack_disk_available_bytes", "stack_disk_used_ratio")),
    ("inodes", _falling("stack_disk_inodes_free", "stack_disk_inodes_used_ratio")),
    ("quota", _rising("stack_disk_quota_used_bytes", "stack_disk_quota_bytes", "stack_disk_quota_used_ratio")),
    ("quota", _rising("stack_s3_used_bytes", "stack_s3_quota_bytes", "stack_s3_used_ratio")),
)
SOONEST = "\n  or ".join(f'label_replace({expr}, "what", "{what}", "", "")' for what, expr in _ENDS)
"""Seconds until each is used up, of those that will be within a day."""


def filesystems(none: str) -> Panel:
    each = "max by (component)"
    left = f"stack_disk_available_bytes{{{OF}}}"
    grown = f"-deriv({left}[6h])"
    return table(
        "Each file system, and when it will be full",
        "Size, what is left for users other than root, and by how much it grew a day, by the line through the last 6 "
        "hours; `Full in` is left out where that is more than 30 days away. Look first at what is full soonest: find "
        "what writes there (runbook StorageFullSoon), and tell its owner.",
        Query(f"{each} (stack_disk_used_ratio{{{OF}}})"),
        Query(f"{each} (stack_disk_size_bytes{{{OF}}})"),
        Query(f"{each} (stack_disk_used_bytes{{{OF}}})"),
        Query(f"{each} ({left})"),
        Query(f"{each} ({grown} * 86400 and {left} offset 6h)"),
        Query(f"min by (component) ({left} / ({grown} > 0) and {left} offset 6h) < 2592000"),
        Query(f"{each} (stack_disk_read_only{{{OF}}})"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "Used", unit="percentunit", decimals=1, steps=FULL, color="bar", width=220),
            Column("Value #B", "Size", unit="bytes"),
            Column("Value #C", "In use", unit="bytes"),
            Column("Value #D", "Left", unit="bytes"),
            Column("Value #E", "Growth a day", unit="bytes"),
            Column("Value #F", "Full in", unit="s", decimals=0, steps=SOON, color="text"),
            Column("Value #G", "Read-only", words={"0": ("no", "green"), "1": ("yes", "red")}, color="text", width=100),
        ],
        height=6,
        sort="Used",
        none=none,
    )


def holdings() -> Panel:
    each = "max by (component, prefix)"

    def joined(disk: str, s3: str) -> Query:
        return Query(f"{each} (stack_disk_{disk}{{{OF}}} or stack_s3_{s3}{{{OF}}})")

    apart = f"stack_s3_used_bytes{{{OF}}} * 0 + on ({ON}) group_left () stack_s3_clock_skew_seconds"
    return table(
        "What directories and buckets hold",
        "By directory with a quota and by prefix of a bucket, as the last walk or scan counted; `Counted` is how long "
        "ago that was. `All of it: no` says that the figure is a lower bound: look for a directory that may not be "
        "read, or a scan beyond its budget (runbook StorageUsageUnknown). S3 refuses all requests with clocks 15 "
        "minutes apart.",
        joined("quota_used_ratio", "used_ratio"),
        joined("quota_used_bytes", "used_bytes"),
        joined("quota_bytes", "quota_bytes"),
        joined("quota_entries", "objects"),
        Query(
            f"time() - {each} (stack_disk_walk_timestamp_seconds{{{OF}}} or stack_s3_scan_timestamp_seconds{{{OF}}})"
        ),
        Query(f"min by (component, prefix) (stack_disk_walk_complete{{{OF}}} or stack_s3_scan_complete{{{OF}}})"),
        Query(f"{each} ({apart})"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("prefix", "Prefix"),
            Column("Value #A", "Quota in use", unit="percentunit", decimals=1, steps=FULL, color="bar", width=220),
            Column("Value #B", "Holds", unit="bytes"),
            Column("Value #C", "May hold", unit="bytes"),
            Column("Value #D", "Files or objects", unit="none", decimals=0),
            Column("Value #E", "Counted", unit="s", decimals=0),
            Column(
                "Value #F", "All of it", words={"1": ("yes", "green"), "0": ("no", "orange")}, color="text", width=90
            ),
            Column(
                "Value #G", "Clocks apart", unit="s", decimals=1, steps=((300, WARNING), (840, CRITICAL)), color="text"
            ),
        ],
        height=6,
        sort="Quota in use",
        none="no quota, and no component of the kind s3",
    )
