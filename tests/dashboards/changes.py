"""Panels that have to look otherwise when the scenario is broken, and those for which it has nothing to show."""

from collections.abc import Callable, Sequence

from tests.dashboards.asked import Found

Change = Callable[[Sequence[Found], Sequence[Found]], bool]


def more(before: Sequence[Found], after: Sequence[Found]) -> bool:
    """The first query's values add up to more."""
    return after[0].total > before[0].total


def less(before: Sequence[Found], after: Sequence[Found]) -> bool:
    return after[0].total < before[0].total


def rows(before: Sequence[Found], after: Sequence[Found]) -> bool:
    """More series."""
    return sum(len(one.values) for one in after) > sum(len(one.values) for one in before)


def fewer(before: Sequence[Found], after: Sequence[Found]) -> bool:
    return sum(len(one.values) for one in after) < sum(len(one.values) for one in before)


CHANGED: dict[str, dict[str, Change]] = {
    "stack-overview": {
        "Down": more,
        "Degraded": more,
        "Critical alerts": more,
        "Health score": less,
        "What is broken, since when, and whose it is": rows,
        "Alerts that fire": rows,
        "Status of every component": more,
        "Error budget left": less,
        "Share of requests that failed": more,
        "Response time, 95 of 100": more,
    },
}
EMPTY: dict[str, dict[str, str]] = {}
"""By title, and why."""
