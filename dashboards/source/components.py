"""Components: any component's status, its reasons, how long its runs take, and whatever its kind measures."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.components_now import CLOSER, states
from dashboards.source.components_readings import READINGS
from dashboards.source.components_runs import DURATIONS, RUNS
from dashboards.source.looks import CODES, CRITICAL, GOOD, UNKNOWN, WARNING, status_code
from dashboards.source.panels import stat, timeline
from dashboards.source.query import ON, THING, Query
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'


def _count(status: str) -> str:
    return f'sum(max by ({THING}) (stack_component_status{{{OURS}, status="{status}"}}))'


RANGE = f"stack_probe_runs_total{{{OURS}}}[$__range]"
SUCCEEDED = f'stack_probe_runs_total{{{OURS}, result!="unhealthy"}}[$__range]'
LATEST = f"max by (component) (stack_probe_last_run_timestamp_seconds{{{OURS}}})"
P95 = f"histogram_quantile(0.95, sum by (le, component) (rate(stack_probe_duration_seconds_bucket{{{OURS}}}[5m])))"

PLANNED = f'unless on ({ON}) (stack_component_status{{{OURS}, status="maintenance"}} == 1)'
RUN = f"stack_probe_last_run_timestamp_seconds{{{OURS}}}"
LATE = f"""(time() - {RUN})
    > on ({ON}) group_left () 4 * stack_probe_interval_seconds
  unless on ({ON}) (changes({RUN}[5m]) > 0)
  {PLANNED}"""
"""As the alert ProbeStale counts."""
BAR = [(0, CRITICAL), (0.9, WARNING), (0.99, GOOD)]

FIRST = [
    stat(
        "Down",
        "Components whose verdict is unhealthy: several runs in a row failed. The table below names each with its "
        "reason and its team; the runbook is ComponentDown.",
        Query(_count("unhealthy"), "down"),
        unit="none",
        steps_=[(1, CRITICAL)],
        colored="background",
        none="none watched",
    ),
    stat(
        "Degraded",
        "Components that answer, but not as they should: a reading is beyond its threshold, or they say so. See which "
        "below, and put it right before it is down (runbook ComponentDegraded).",
        Query(_count("degraded"), "degraded"),
        unit="none",
        steps_=[(1, WARNING)],
        colored="background",
        none="none watched",
    ),
    stat(
        "Unknown",
        "Components that have no verdict yet: they were added just now, or have never been run to an end. For longer "
        "than a few intervals that is a fault of the daemon or of the network (runbook ComponentUnknown).",
        Query(_count("unknown"), "unknown"),
        unit="none",
        steps_=[(1, UNKNOWN)],
        none="none watched",
    ),
    stat(
        "In maintenance",
        "Components in a window of maintenance: they are measured, and their alerts are silent. If one should not be "
        "here any more, end its window in the configuration.",
        Query(_count("maintenance"), "in maintenance"),
        unit="none",
        first="blue",
        none="none watched",
    ),
    stat(
        "Runs that succeeded",
        "The share of all runs in the time shown that found the component up; degraded is up, and those in "
        "maintenance are left out. Well below 100% with nothing down now means that something comes and goes: see the "
        "reasons below.",
        Query(f"sum(increase({SUCCEEDED}) {PLANNED}) / sum(increase({RANGE}) {PLANNED})", "succeeded"),
        unit="percentunit",
        decimals=1,
        first=CRITICAL,
        steps_=[(0.9, WARNING), (0.99, GOOD)],
        none="no run yet",
    ),
    stat(
        "Run too late",
        "Components whose last run is more than four of their intervals ago. What is shown of them is old, whatever "
        "its colour: look at the daemon itself (runbook ProbeStale).",
        Query(f"count(\n  {LATE}\n) or 0 * count({RUN})", "too late"),
        unit="none",
        steps_=[(1, WARNING)],
        none="no run yet",
    ),
    table(
        "Components: status, since when, why, and whose",
        "Every component that is chosen above. “Reason” is that of most failing runs of the last five minutes; “For” "
        "is how long the verdict has been what it is; “changes” says how often it went up or down in the time shown "
        "(more than a few: ComponentFlapping). Click a name to choose it alone.",
        Query(f"max by (component, kind, team, critical, reason) (\n{states(OURS)}\n)"),
        Query(f"sum by (component) (increase({SUCCEEDED})) / (sum by (component) (increase({RANGE})) > 0)"),
        Query(f"max by (component) (changes(stack_component_up{{{OURS}}}[$__range]))"),
        Query(f"{P95} >= 0"),
        Query(f"time() - {LATEST}"),
        Query(status_code(OURS)),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #F", "Status", words=CODES, color="background", width=110),
            Column("Value #A", "For", unit="s", decimals=0, width=110),
            Column("reason", "Reason"),
            Column("team", "Team", width=120),
            Column("kind", "Kind", width=100),
            Column("critical", "Critical", words={"true": ("yes", UNKNOWN), "false": ("no", UNKNOWN)}, width=75),
            Column("Value #B", "Succeeded", unit="percentunit", decimals=1, steps=BAR, color="bar", width=150),
            Column("Value #C", "Changes", unit="none", decimals=0, width=80),
            Column("Value #D", "p95", unit="s", width=85),
            Column("Value #E", "Run ago", unit="s", decimals=0, width=85),
        ],
        height=11,
        sort="Status",
        none="No component is configured",
    ),
    timeline(
        "Status over time",
        "The status of each component at each time. What turned at the same moment often has one cause: look for what "
        "the components share, a host, a network or a deploy.",
        Query(status_code(OURS), "{{component}}"),
        words=CODES,
        height=12,
        none="no component is configured",
    ),
]

BOARD = Board(
    "stack-components",
    "Components",
    "Any component: its status, since when, why and whose; how long its runs take; whatever its kind measures.",
    variables=[variables.team(), variables.kind(), variables.component(chosen_kinds=True)],
    rows=[
        Row("", FIRST),
        Row("Why runs fail", RUNS),
        Row("How long runs take", DURATIONS),
        Row("What its kind measures", READINGS),
    ],
    alerts='component=~"$component"',
)
