"""Application, the last row: what services and log files say, and whether the files are written and read."""

from dashboards.source.looks import CRITICAL, WARNING
from dashboards.source.panels import Panel, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import NONE, counted
from dashboards.source.tables import Column, table

LOGS = 'component=~"$component"'
FILE = "component, file"


def log_panels() -> list[Panel]:
    sent = counted('stack_logged_lines_total{service=~"$service", level=~"error|fatal"}', "5m")
    written = counted(f'stack_logs_lines_total{{{LOGS}, level=~"error|critical"}}', "5m")
    slow = f"rate(stack_logs_request_duration_seconds_bucket{{{LOGS}}}[5m])"
    return [
        timeseries(
            "Error lines, in 5 minutes",
            "Lines of the level error and worse, that services sent and that stand in the log files that are "
            "followed. From the dashed line on ServiceLogErrors or LogErrors fires: read the lines themselves, in the "
            "log or in its back end.",
            Query(f"sum by (service) {sent}", "{{service}}"),
            Query(f"sum by (component, file) {written}", "{{component}} {{file}}"),
            *alert_limits("number", "log_errors"),
            unit="short",
            decimals=0,
            none="no log lines",
        ),
        table(
            "Log files",
            "The files that are followed: how long ago their last line came (LogSilent), what is written and not yet "
            "read (LogUnread), lines a second, what they and their rotated files take, how much of their policy that "
            "is (LogPolicyBroken), and how long the requests in access logs took (LogRequestsSlow).",
            Query(f"max by ({FILE}) (stack_logs_last_line_age_seconds{{{LOGS}}})"),
            Query(f"max by ({FILE}) (stack_logs_unread_bytes{{{LOGS}}})"),
            Query(f"sum by ({FILE}) (rate(stack_logs_lines_total{{{LOGS}}}[5m]))"),
            Query(f"max by ({FILE}) (stack_logs_stored_bytes{{{LOGS}}})"),
            Query(f"max by ({FILE}) (stack_logs_policy_used_ratio{{{LOGS}}})"),
            Query(f"histogram_quantile(0.95, sum by (le, {FILE}) ({slow})) > 0"),
            columns=[
                Column("component", "Component", width=100),
                Column("file", "File"),
                Column("Value #A", "Last line", unit="s", decimals=0, width=85),
                Column("Value #B", "Unread", unit="bytes", decimals=0, width=80),
                Column("Value #C", "Lines", unit="cps", decimals=1, width=85),
                Column("Value #D", "Stored", unit="bytes", decimals=0, width=85),
                Column(
                    "Value #E",
                    "Policy",
                    "percentunit",
                    0,
                    steps=((0.9, WARNING), (1, CRITICAL)),
                    color="text",
                    width=70,
                ),
                Column("Value #F", "p95", unit="s", decimals=2, width=80),
            ],
            sort="Last line",
            width=12,
            none=NONE,
        ),
    ]
