"""Overview: what is broken, since when, whose it is and why; which alerts fire; what users get."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.looks import CODES, CRITICAL, GOOD, NAMES, UNKNOWN, WARNING, status_code
from dashboards.source.overview_services import ROWS
from dashboards.source.panels import Panel, stat, timeline
from dashboards.source.query import ON, THING, Query
from dashboards.source.shares import filled
from dashboards.source.tables import Column, table

OURS = 'component=~"$component", instance=~"$instance"'
FIRING = 'alertstate="firing", subject!="", alertname!="Watchdog", team=~"$team"'
COMPONENTS = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
ABOUT = ("instance", "slo", "service", "component")
"""Labels that say what an alert is about; the last that it has is shown."""


def _in_status(status: str) -> str:
    """Of what nothing is known there is no sum: a daemon that is away is not shown as 0."""
    return f'sum(max by ({THING}) (stack_component_status{{{OURS}, status="{status}"}}))'


def _broken() -> str:
    since = f"time() - max by ({ON}, kind) (stack_component_verdict_since_timestamp_seconds{{{OURS}}})"
    status = f'max by ({ON}, status) (stack_component_status{{{OURS}, status=~"degraded|unhealthy"}} == 1)'
    found = f"({since})\n* on ({ON}) group_left (status) {status}\n"
    found += f"* on ({ON}) group_left (team, critical) max by ({ON}, team, critical) (stack_component_info)"
    runs = f'sum by ({ON}, reason) (increase(stack_probe_runs_total{{{OURS}, result!="healthy"}}[5m]))'
    why = f"(topk by ({ON}) (1, {runs} > 0) * 0 + 1)"
    # Without a run in five minutes, as with a heartbeat that is late, there is no reason, and the line is there still.
    known = f"{found}\n* on ({ON}) group_left (reason) {why}\nor on ({ON})\n{found}"
    away = "absent(stack_component_status) * 0"
    for label, value in {"status": "unknown", "component": "no daemon", "reason": "nothing is scraped"}.items():
        away = f'label_replace({away}, "{label}", "{value}", "", "")'
    line = f"max by ({THING}, status, reason, team, critical) (\n{known}\n)"
    return f"{filled(line, 'reason', 'team')}\nor {away}"


def _severity(severity: str) -> str:
    found = f'ALERTS{{{FIRING}, severity="{severity}"}}'
    if severity == "critical":
        return found
    # As Alertmanager does: a warning says nothing new while the same is critical.
    return f'{found} unless ignoring (severity) ALERTS{{{FIRING}, severity="critical"}}'


def _firing() -> str:
    alerts = f"({_severity('critical')} or {_severity('warning')})"
    found = f'(time() - ALERTS_FOR_STATE{{subject!=""}}) and ignoring (alertstate) {alerts}'
    for label in ABOUT:
        found = f'label_replace({found}, "about", "$1", "{label}", "(.+)")'
    return filled(found, "about", "team")


def _alerts(severity: str) -> str:
    """0 only where the rules are loaded."""
    return f'count({_severity(severity)})\nor 0 * count(ALERTS{{alertname="Watchdog"}})'


def _numbers() -> list[Panel]:
    return [
        stat(
            "Down",
            "Components whose verdict is unhealthy: runs in a row failed. The table below names each with its reason "
            "and team; follow its name to what it measures, and the runbook ComponentDown.",
            Query(_in_status("unhealthy"), "down"),
            unit="none",
            first=CRITICAL,
            steps_=[(0, GOOD), (1, CRITICAL)],
            colored="background",
            none="no daemon",
        ),
        stat(
            "Degraded",
            "Components that answer, but not as they should: a reading is beyond its threshold, or they say so "
            "themselves. They may go down next; the runbook is ComponentDegraded.",
            Query(_in_status("degraded"), "degraded"),
            unit="none",
            first=CRITICAL,
            steps_=[(0, GOOD), (1, WARNING)],
            colored="background",
            none="no daemon",
        ),
        stat(
            "Critical alerts",
            "Alerts that page somebody, firing now. Each is in the table below with a link to its runbook. “no rules” "
            "means that this Prometheus has not loaded alert_rules/, so nobody would be told.",
            Query(_alerts("critical"), "critical"),
            unit="none",
            first=WARNING,
            steps_=[(0, GOOD), (1, CRITICAL)],
            colored="background",
            none="no rules",
        ),
        stat(
            "Warnings",
            "Alerts that can wait for the morning, firing now. If one grows while you look, read its runbook now.",
            Query(_alerts("warning"), "warnings"),
            unit="none",
            first=WARNING,
            steps_=[(0, GOOD), (1, WARNING)],
            colored="background",
            none="no rules",
        ),
        stat(
            "Health score",
            "The weighted health of all components, degraded ones count half; of several daemons, the lowest. Below "
            "80 % much is broken at once: look for what the broken ones share, a host or a network (HealthScoreLow).",
            Query('min(stack_health_score{instance=~"$instance"})', "score"),
            unit="percentunit",
            first=CRITICAL,
            steps_=[(0.501, WARNING), (0.801, GOOD)],
            decimals=0,
            none="no daemon",
        ),
        stat(
            "Least error budget left",
            "Of the objective that has least left of what may fail in 30 days. At 0 the objective is missed: stop "
            "risky changes (SloBudgetSpent). The table of objectives says which one, and how fast it burns.",
            Query('min(slo:stack_slo_error_budget:remaining_ratio{slo=~"$slo"})', "left"),
            unit="percentunit",
            first=CRITICAL,
            steps_=[(0, WARNING), (0.1, GOOD)],
            decimals=0,
            none="none",
        ),
    ]


def _what_is_broken() -> Panel:
    return table(
        "What is broken, since when, and whose it is",
        "Each component that is down or degraded: since when, why (the reason of most of its bad runs in five "
        "minutes; docs/metrics.md says what each means), and the team that owns it. Begin with what is marked "
        "critical, and with what broke first: the rest often follows from it. Its name leads to all that is known of "
        "it.",
        # Lines that are equal in the sorted column stand in reverse: what is broken longest comes first.
        Query(f"sort({_broken()})"),
        columns=[
            Column("status", "Status", words=NAMES, color="background", width=95),
            Column("component", "Component", url=COMPONENTS),
            Column("reason", "Why"),
            Column("Value", "For", unit="s", decimals=0, width=85),
            Column("team", "Team", width=110),
            Column(
                "critical", "Critical", words={"true": ("critical", CRITICAL), "false": ("", UNKNOWN)}, color="text"
            ),
        ],
        sort="Status",
        width=12,
        height=10,
        none="Nothing is broken",
    )


def _what_fires() -> Panel:
    return table(
        "Alerts that fire",
        "Every alert of this project's rules that fires, what it is about, whose it is, and since when its condition "
        "holds. The alert's name leads to its runbook: what to check, and what to do.",
        Query(f"sort_desc({_firing()})"),
        columns=[
            Column("severity", "Severity", words=NAMES, color="background", width=90),
            Column("alertname", "Alert", url="${exporter_url}/runbooks/${__value.text}"),
            Column("about", "About"),
            Column("Value", "For", unit="s", decimals=0, width=85),
            Column("team", "Team", width=110),
        ],
        sort="Severity",
        descending=False,
        width=12,
        height=10,
        none="No alert fires",
    )


def _status() -> Panel:
    return timeline(
        "Status of every component",
        "Green is healthy, orange degraded, red down, blue planned maintenance, grey not known yet. What turned red "
        "first is most often the cause; what turned at the same time has something in common. A gap is a time without "
        "the daemon.",
        Query(status_code(OURS), "{{component}}"),
        words=CODES,
        height=13,
    )


BOARD = Board(
    uid="stack-overview",
    title="Stack: overview",
    about="What is broken, since when, whose it is, why, and what users notice of it. Begin here.",
    variables=[
        variables.team(),
        variables.component(),
        variables.service(),
        variables.slo(),
        variables.instance(),
    ],
    rows=[Row("", [*_numbers(), _what_is_broken(), _what_fires(), _status()]), *ROWS],
    alerts='team=~"$team"',
)
