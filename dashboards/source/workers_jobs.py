"""Row of Workers and queues: jobs that report when they ran, and whether a report is missing."""

from dataclasses import replace

from dashboards.source.components_now import CLOSER
from dashboards.source.looks import CRITICAL
from dashboards.source.panels import timeseries
from dashboards.source.query import Query, component_limits
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'


def _ago(state: str) -> str:
    seen = f'max by (component) (stack_heartbeat_last_timestamp_seconds{{{OURS}, state="{state}"}} > 0)'
    return f"time() - {seen}"


HEARTBEATS = [
    table(
        "Jobs: when they ran, and when they should",
        "Each job that reports here: how long ago it succeeded and failed, in how long its next report is due (less "
        "than 0: it is late), how long its last run took, and how often it was missed in the time shown. Late: see "
        "whether its machine and its scheduler run (HeartbeatMissed); failed: its own log (HeartbeatFailed).",
        Query(f"max by (component) (stack_heartbeat_due_timestamp_seconds{{{OURS}}}) - time()"),
        Query(_ago("success")),
        Query(_ago("failure")),
        Query(f"max by (component) (stack_heartbeat_last_duration_seconds{{{OURS}}})"),
        Query(f"max by (component) (stack_heartbeat_running_seconds{{{OURS}}})"),
        Query(f"max by (component) (increase(stack_heartbeat_missed_total{{{OURS}}}[$__range]))"),
        columns=[
            Column("component", "Job", url=CLOSER),
            Column("Value #A", "Due in", unit="s", decimals=0, width=110),
            Column("Value #B", "Succeeded ago", unit="s", decimals=0, width=120),
            Column("Value #C", "Failed ago", unit="s", decimals=0, width=110),
            Column("Value #D", "Last took", unit="s", width=100),
            Column("Value #E", "Running for", unit="s", width=100),
            Column("Value #F", "Missed", unit="none", decimals=0, steps=[(0.5, CRITICAL)], color="text", width=80),
        ],
        sort="Due in",
        descending=False,
        height=6,
        none="No job reports here",
    ),
    timeseries(
        "How late reports are",
        "How long the report of a job has been due; 0 when none is. A line that climbs is a job that did not run: "
        "start it by hand when its work is needed, then find out why (HeartbeatLate, HeartbeatMissed).",
        Query(f"max by (component) (stack_heartbeat_late_seconds{{{OURS}}})", "{{component}}"),
        *component_limits("seconds", "late"),
        unit="s",
        none="no job reports here",
    ),
    timeseries(
        "How long jobs take",
        "How long the last run took, and how long the one under way has been running. A job that takes ever longer "
        "will run into its next one (HeartbeatSlow, HeartbeatOverrun).",
        Query(f"max by (component) (stack_heartbeat_last_duration_seconds{{{OURS}}})", "{{component}} last"),
        Query(f"max by (component) (stack_heartbeat_running_seconds{{{OURS}}} > 0)", "{{component}} running"),
        *component_limits("seconds", "duration"),
        replace(component_limits("seconds", "running")[0], legend="warning from, while it runs"),
        unit="s",
        none="no job has run yet",
    ),
]
