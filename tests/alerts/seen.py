"""What a run of the faults has seen, as a table: docs/alerts-seen.md is one."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.alerts.wave import FACTOR, Told

HEAD = """# Alerts that were seen

Written by a run of tests/alerts/test_every_alert.py on {date}, on {cores} cores with a load of {load:.1f} (five minutes' mean, the run itself in it):
`ALERTS_SEEN=docs/alerts-seen.md make test-slow`. Each line is a real fault in a real component (or, where
that can't be made here, in an imitation that says what a real one would), which the daemon saw, on which a rule in Prometheus fired,
and which Alertmanager told to every receiver that the route has; then the fault was mended, and each was told that. Rules and routes are those that are
shipped, with every duration divided by {factor:g}: so the seconds are mostly those that `for`, ranges and `group_wait` are configured to wait.

"""


def table(told: Sequence[Told]) -> str:
    """One line for each alert and severity: the quickest, if several faults provoke it."""
    quickest: dict[str, Told] = {}
    for one in sorted(told, key=lambda one: one.firing, reverse=True):
        quickest[one.alert] = one
    rows = [
        f"| {one.alert} | {one.fault.name.replace('_', ' ')}{' (imitated)' * one.fault.imitated} | {one.firing:.1f} | {', '.join(sorted(one.receivers))} "
        f"| {f'{one.resolved:.1f}' if one.resolved > 0 else 'by itself'} |"
        for _, one in sorted(quickest.items())
    ]
    head = ["| alert | fault | told after, s | receivers | end told after, s |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def write(file: Path, told: Sequence[Told]) -> None:
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[1]
    alerts = len({one.alert for one in told})
    head = HEAD.format(date=date, cores=cores, load=load, factor=FACTOR)
    file.write_text(f"{head}{alerts} alerts (each severity counts):\n\n{table(told)}")
