"""Exporter: whether the monitoring itself is alive, on time, and loses nothing."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.exporter_alerts import ALERTS, WATCHERS
from dashboards.source.exporter_flow import ANSWERED, FORWARDED, TAKEN_IN
from dashboards.source.looks import CRITICAL, WARNING, YES_NO
from dashboards.source.panels import bars, stat, timeseries
from dashboards.source.query import ON, Query, alert_limits, risen
from dashboards.source.tables import Column, table

OF = 'instance=~"$instance"'
AT = "cluster, namespace, job, instance"
EACH = "max by (instance)"
LAG = f"histogram_quantile(0.99, sum by (le, {AT}) (rate(stack_exporter_loop_lag_seconds_bucket{{{OF}}}[5m])))"
OURS = f'on ({AT}) (up{{job=~".*stack-exporter.*"}} or last_over_time(stack_exporter_build_info[1d]))'
BEATEN = f"stack_exporter_task_heartbeat_timestamp_seconds{{{OF}}}"
STUCK = f"""(time() - {BEATEN})
    > on ({AT}, task) group_left () 3 * stack_exporter_task_heartbeat_interval_seconds
  unless on ({AT}, task) changes({BEATEN}[2m]) > 0"""
RUN = f"stack_probe_last_run_timestamp_seconds{{{OF}}}"
STALE = f"""(time() - {RUN})
    > on ({ON}) group_left () 4 * stack_probe_interval_seconds
  unless on ({ON}) (changes({RUN}[5m]) > 0)
  unless on ({ON}) (stack_component_status{{status="maintenance"}} == 1)"""
NOT_TAKEN = risen(f'stack_exporter_ingest_events_total{{{OF}, outcome=~"limited|invalid|refused"}}', "15m")
DROPPED = risen(f"stack_exporter_forward_dropped_total{{{OF}}}", "15m")
NOUGHT = f"0 * count(stack_exporter_build_info{{{OF}}})"
"""Where nothing was counted and a daemon is there to count."""
NONE = "no daemon is scraped"

FIRST = [
    stat(
        "Daemons that do not answer",
        "Those that Prometheus can't scrape, of the chosen ones. While it is not 0, what they watch can fail without "
        "an alert, and errors sent there are lost: start them again (runbook ExporterDown).",
        Query(f"count((up{{{OF}}} == 0) and {OURS}) or 0 * count(up{{{OF}}} and {OURS})"),
        unit="none",
        first=CRITICAL,
        steps_=[(0, "green"), (1, CRITICAL)],
        colored="background",
        none=NONE,
    ),
    stat(
        "Configuration",
        "Whether the last reload was taken. If it was refused the daemon runs on with the one from before, and a "
        "restart would fail: its log names the line (runbook ExporterReloadFailed).",
        Query(f"min(stack_exporter_config_last_reload_successful{{{OF}}})"),
        unit="none",
        words={"1": ("taken", "green"), "0": ("refused", "red")},
        none=NONE,
    ),
    stat(
        "Tasks that are stuck",
        "Background tasks that missed three of their beats. /livez then answers 503, and the daemon has to be "
        "restarted where nobody asks there; its log has the tasks' stacks (runbook ExporterTaskStuck).",
        Query(f"count(\n  {STUCK}\n) or {NOUGHT}"),
        unit="none",
        steps_=[(1, CRITICAL)],
        none=NONE,
    ),
    stat(
        "Components probed too late",
        "Those whose last run is more than four of their intervals ago: what is shown of them is old. Look which "
        "below, and at the loop's lag; raise `concurrency` where all places are taken (runbooks ProbeStale, "
        "ProbesSkipped).",
        Query(f"count(\n  {STALE}\n) or {NOUGHT}"),
        unit="none",
        steps_=[(1, WARNING)],
        none=NONE,
    ),
    stat(
        "How late the loop is (p99)",
        "By how much the daemon's event loop woke late, over 5 minutes. From 100 ms on every latency that it measures "
        "is too high by as much (runbook ExporterLoopLag): give it more processor time, or fewer components.",
        Query(f"max({LAG})"),
        unit="s",
        steps_=[(0.1, WARNING), (1, CRITICAL)],
        none=NONE,
    ),
    stat(
        "Lost or refused, 15 minutes",
        "Events that were limited, invalid or refused by the store, and spans, log records and data points that were "
        "dropped on their way to back ends. Each is something that somebody will look for and not find: see the rows "
        "below.",
        Query(f"(sum(\n{NOT_TAKEN}\n) or {NOUGHT})\n+ (sum(\n{DROPPED}\n) or {NOUGHT})"),
        unit="none",
        decimals=0,
        steps_=[(0.5, WARNING)],
        none=NONE,
    ),
    table(
        "Each daemon",
        "Its version, for how long it has been up, since when its configuration is in force, and what it uses. An "
        "uptime of minutes that nobody knows of is a crash, or memory that ran out (runbook ExporterRestarting).",
        Query(f"max by (instance, version, python) (stack_exporter_build_info{{{OF}}})"),
        Query(f"min by (instance) (up{{{OF}}} and {OURS})"),
        Query(f"time() - {EACH} (process_start_time_seconds{{{OF}}} and on ({AT}) stack_exporter_build_info)"),
        Query(f"min by (instance) (stack_exporter_config_last_reload_successful{{{OF}}})"),
        Query(f"time() - {EACH} (stack_exporter_config_last_reload_success_timestamp_seconds{{{OF}}})"),
        Query(f"{EACH} (process_resident_memory_bytes{{{OF}}} and on ({AT}) stack_exporter_build_info)"),
        Query(f"{EACH} (rate(process_cpu_seconds_total{{{OF}}}[5m]) and on ({AT}) stack_exporter_build_info)"),
        Query(f"{EACH} (process_open_fds{{{OF}}} / process_max_fds and on ({AT}) stack_exporter_build_info)"),
        Query(f"count by (instance) (stack_component_info{{{OF}}})"),
        Query(f"{EACH} (stack_exporter_probes_running{{{OF}}})"),
        Query(f"{EACH} (stack_exporter_otlp_series{{{OF}}})"),
        columns=[
            Column("instance", "Daemon"),
            Column("Value #B", "Answers", words=YES_NO, color="text", width=90),
            Column("Value #C", "Up for", unit="s", decimals=0, width=100),
            Column("Value #D", "Configuration taken", words=YES_NO, color="text", width=150),
            Column("Value #E", "In force for", unit="s", decimals=0, width=110),
            Column("Value #I", "Components", unit="short", decimals=0, width=110),
            Column("Value #J", "Runs under way", unit="short", decimals=0, width=140),
            Column("Value #K", "OTLP series", unit="short", decimals=0, width=100),
            Column("Value #F", "Memory", unit="bytes", width=100),
            Column("Value #G", "Processors", unit="short", decimals=2, width=100),
            Column(
                "Value #H",
                "Open files",
                unit="percentunit",
                steps=((0.8, WARNING),),
                color="text",
                decimals=1,
                width=100,
            ),
            Column("version", "Version", width=90),
            Column("python", "Python", width=90),
        ],
        height=5,
        sort="Up for",
        descending=False,
        none=NONE,
    ),
]

ON_TIME = [
    timeseries(
        "How late the event loop is (p99)",
        "Over 5 minutes, as the alert ExporterLoopLag counts. Above the dashed lines answers and probes are late by "
        "as much and runs may time out: look for a burst of events, or a neighbour that takes the processor.",
        Query(f"{EACH} ({LAG})", "{{instance}}"),
        *alert_limits("seconds", "loop_lag"),
        unit="s",
        width=8,
        none=NONE,
    ),
    timeseries(
        "Runs of probes, by result",
        "Runs a second over all components. The sum stays the same as long as the configuration does: if it falls, "
        "runs are late or left out; if unhealthy ones grow, see the Overview.",
        Query(f"sum by (result) (rate(stack_probe_runs_total{{{OF}}}[$__rate_interval]))", "{{result}}"),
        unit="ops",
        stacked=True,
        width=8,
        none=NONE,
    ),
    timeseries(
        "Runs left out, or left behind, in 15 minutes",
        "Left out: the run before had not ended, or all places (`concurrency`) were taken (ProbesSkipped, from 3 on). "
        "Left behind: it ignored its deadline, and may hold a socket or a thread (ProbeAbandoned). Look at that "
        "component.",
        Query(f"sum by (component) (increase(stack_probe_skipped_total{{{OF}}}[15m])) > 0", "{{component}} left out"),
        Query(
            f"sum by (component) (increase(stack_exporter_probes_abandoned_total{{{OF}}}[15m])) > 0",
            "{{component}} left behind",
        ),
        unit="short",
        width=8,
        none="every run was made, and ended",
    ),
    bars(
        "Background tasks: beats since the last sign of life",
        "Time since a task last showed that it lives, by the time within which it promises to. Up to 1 is normal; at "
        "3 it is stuck, /livez answers 503, and the daemon has to be restarted (ExporterTaskStuck).",
        Query(
            f"round(max by (instance, task) ((time() - {BEATEN})"
            f" / on ({AT}, task) stack_exporter_task_heartbeat_interval_seconds), 0.1)",
            "{{task}}",
        ),
        unit="none",
        most=3,
        steps_=[(2, WARNING), (3, CRITICAL)],
        width=12,
        height=7,
        none=NONE,
    ),
    timeseries(
        "Background tasks that died, in 30 minutes",
        "Tasks that ended in an error and were started again. Above the dashed line ExporterTaskRestarting fires: "
        "that is a defect of stack-exporter, whose traceback is in its log; report it.",
        Query(f"sum by (instance, task) (increase(stack_exporter_task_restarts_total{{{OF}}}[30m]))", "{{task}}"),
        Query("vector(2)", "warning above", "warning"),
        unit="short",
        width=12,
        height=7,
        none=NONE,
    ),
]

BOARD = Board(
    "stack-exporter",
    "Exporter",
    "Is the monitoring itself alive, on time, and does it lose nothing?",
    variables=[variables.instance()],
    rows=[
        Row("", FIRST),
        Row("Is it on time", ON_TIME),
        Row("What it takes in and keeps: events, and the store", TAKEN_IN, folded=True),
        Row("What it sends on: back ends, and what waits for them", FORWARDED, folded=True),
        Row("What it answers and shows: requests, memory, readings left out", ANSWERED, folded=True),
        Row("Alerts, and how good they are", ALERTS, folded=True),
        Row("Prometheus and Alertmanager: those who decide and tell", WATCHERS, folded=True),
    ],
    alerts='subject=~"exporter|ingest|forwarding|monitoring|probes|prometheus"',
)
