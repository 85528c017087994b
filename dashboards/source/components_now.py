"""What the first row of a dashboard says of components of some kinds: how many are in trouble, which, why and whose."""

from dashboards.source.looks import CODES, CRITICAL, NAMES, status_code
from dashboards.source.panels import Panel, stat, timeline
from dashboards.source.query import ON, THING, Query
from dashboards.source.tables import Column, table

CLOSER = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
"""Where a click on a component's name leads."""


FEW = "Nothing here: of more than three components only those in trouble are drawn"
"""What panels of `near` say when they are empty."""


def states(here: str, status: str = ".+") -> str:
    """How long each component's verdict is what it is, with whose it is, and why. `here`: label matchers."""
    since = f"time() - max by ({ON}, kind) (stack_component_verdict_since_timestamp_seconds{{{here}}})"
    since += f"\nor on ({ON}) max by ({ON}, kind) (stack_component_info{{{here}}}) * 0"  # no verdict yet
    now = f'max by ({ON}, status) (stack_component_status{{{here}, status=~"{status}"}} == 1)'
    owner = f"max by ({ON}, team, critical) (stack_component_info)"
    found = f"({since})\n* on ({ON}) group_left (status) {now}\n* on ({ON}) group_left (team, critical) {owner}"
    runs = f'sum by ({ON}, reason) (increase(stack_probe_runs_total{{{here}, result!="healthy"}}[5m]))'
    why = f"(topk by ({ON}) (1, {runs} > 0) * 0 + 1)"
    # Without a failed run in five minutes, as of a job that is late, there is no reason, but the line.
    return f"{found}\n* on ({ON}) group_left (reason) {why}\nor on ({ON})\n{found}"


def near(here: str, most: int = 3) -> str:
    """Something for each of up to `most` components; of more, for those in trouble: too many lines say nothing."""
    chosen = f"count by (component) (stack_component_info{{{here}}})"
    troubled = f'stack_component_status{{{here}, status=~"degraded|unhealthy"}} == 1'
    return f"({chosen} and on () count({chosen}) <= {most} or max by (component) ({troubled}))"


def trouble(about: str, here: str, width: int = 4) -> Panel:
    """How many."""
    return stat(
        "In trouble",
        f"{about} that are degraded or unhealthy now. If it is not 0, the table below says which, why, since when and "
        "whose; each has a runbook in its alert.",
        Query(f'sum(max by ({THING}) (stack_component_status{{{here}, status=~"degraded|unhealthy"}}))', "in trouble"),
        unit="none",
        steps_=[(1, CRITICAL)],
        colored="background",
        width=width,
        none="none watched",
    )


def troubles(here: str, width: int = 12, height: int = 8) -> Panel:
    """Which."""
    return table(
        "What is wrong, since when, and whose it is",
        "Every component here that is degraded or unhealthy, with the reason of most of its failing runs of the last "
        "five minutes. An empty table is good; otherwise click the name that is wrong longest: its dashboard has all "
        "that is known of it.",
        Query(f"max by ({THING}, kind, status, reason, team) (\n{states(here, 'degraded|unhealthy')}\n)"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("status", "Status", words=NAMES, color="text", width=95),
            Column("reason", "Reason"),
            Column("Value", "For", unit="s", decimals=0, width=110),
            Column("team", "Team", width=110),
            Column("kind", "Kind", width=90),
        ],
        width=width,
        height=height,
        sort="For",
        none="Nothing is wrong",
    )


def healths(here: str, about: str, width: int = 12, height: int = 8) -> Panel:
    """Since when, as a picture."""
    return timeline(
        "Health over time",
        f"{about} What turned at the same moment often has one cause: look at what else changed then, and at the "
        "marks of alerts.",
        Query(status_code(here), "{{component}}"),
        words=CODES,
        width=width,
        height=height,
        none="none watched",
    )
