"""What runs of the faults have seen, as a table: docs/alerts-seen.md is one.

`python -m tests.alerts.seen FILE OTHER...` takes into the first what the others have, the last winning.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.alerts.fault import found
from tests.alerts.wave import FACTOR, Told

TEXT = """# Alerts that were seen

Written by tests/alerts/test_every_alert.py (`ALERTS_SEEN=docs/alerts-seen.md make test-slow`), on {cores} cores. Each line is a real fault in a real
component (or, where that can't be made here, in an imitation that says what a real one would), which the daemon saw, on which a rule in Prometheus fired,
and which Alertmanager told to every receiver that the route has; then the fault was mended, and each was told that. Rules and routes are those that are
shipped, with every duration divided by {factor:g} or what the line says: so the seconds are mostly those that `for`, ranges and `group_wait` are configured to wait. A run writes
the lines of the faults that passed, and leaves those of others as they were: the last column says when each was seen, and under which load of the machine
(five minutes' mean). What can't be provoked here, and why not, is in tests/alerts/unprovoked.py.

{alerts} alerts (each severity counts), {ended} of them with their end; {real} provoked in real components:

"""
HEAD = [
    "| alert | fault | told after, s | receivers | end told after, s | seen (UTC), load |",
    "|---|---|---|---|---|---|",
]
IMITATED = " (imitated)"
NOT_WAITED_FOR = "not waited for: "


def table(told: Sequence[Told]) -> str:
    return _joined(_rows(told))


def write(file: Path, told: Sequence[Told]) -> None:
    """With what is there already of other alerts."""
    merge(file, _rows(told))


def merge(file: Path, newer: Mapping[str, str]) -> None:
    """Puts rows, by their alert, in place of those that are there; those of alerts that nothing provokes any more go."""
    provoked = {alert for fault in found() for alert in fault.expects}
    rows = {alert: row for alert, row in (read(file) | newer).items() if alert in provoked}
    text = TEXT.format(
        cores=len(os.sched_getaffinity(0)),
        factor=FACTOR,
        alerts=len(rows),
        ended=sum(NOT_WAITED_FOR not in row for row in rows.values()),
        real=sum(IMITATED not in row for row in rows.values()),
    )
    file.write_text(text + _joined(rows))


def read(file: Path) -> dict[str, str]:
    """The rows of such a page by their alert, NAME/SEVERITY; none where there is none."""
    lines = file.read_text().splitlines() if file.exists() else []
    return {_alert(line): line for line in lines if "/" in _alert(line)}


def _rows(told: Sequence[Told]) -> dict[str, str]:
    """One for each alert and severity: the quickest, if several faults provoke it."""
    seen = f"{datetime.now(UTC):%Y-%m-%d %H:%M}, {os.getloadavg()[1]:.1f}"
    quickest = {one.alert: one for one in sorted(told, key=lambda one: one.firing, reverse=True)}
    return {alert: _row(one, seen) for alert, one in quickest.items()}


def _row(one: Told, seen: str) -> str:
    divided = "" if one.factor == FACTOR else f" (divided by {one.factor:g})"
    fault = one.fault.name.replace("_", " ") + IMITATED * one.fault.imitated + divided
    end = (
        NOT_WAITED_FOR + one.fault.endless
        if one.resolved is None
        else f"{one.resolved:.1f}"
        if one.resolved
        else "by itself"
    )
    return f"| {one.alert} | {fault} | {one.firing:.1f} | {', '.join(sorted(one.receivers))} | {end} | {seen} |"


def _alert(line: str) -> str:
    """Its name and severity; anything else of a line that is no row."""
    return line.removeprefix("| ").partition(" |")[0] if line.startswith("| ") else ""


def _joined(rows: dict[str, str]) -> str:
    return "\n".join([*HEAD, *(rows[alert] for alert in sorted(rows))]) + "\n"


if __name__ == "__main__":
    first, *others = map(Path, sys.argv[1:])
    merge(first, {alert: row for other in others for alert, row in read(other).items()})
