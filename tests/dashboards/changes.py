"""Panels that have to look otherwise when the scenario is broken, and those for which it has nothing to show."""

from collections.abc import Callable, Sequence

from tests.dashboards.asked import Found

Panel = Sequence[Found]
"""What its queries gave, in their order."""
Change = Callable[[Panel, Panel], bool]


def more(before: Panel, after: Panel) -> bool:
    """The first query's values add up to more."""
    return after[0].total > before[0].total


def less(before: Panel, after: Panel) -> bool:
    return after[0].total < before[0].total


def rows(before: Panel, after: Panel) -> bool:
    """More series."""
    return sum(len(one.values) for one in after) > sum(len(one.values) for one in before)


def other(before: Panel, after: Panel) -> bool:
    """Whichever of its queries."""
    return any(a.values != b.values for a, b in zip(after, before, strict=True))


def highest(least: float, of: int = 0) -> Change:
    """A query's greatest value is at least so much, and was not."""

    def reached(before: Panel, after: Panel) -> bool:
        return max(after[of].values.values(), default=0) >= least > max(before[of].values.values(), default=0)

    return reached


def series(labels: str, change: Change = more) -> Change:
    """As if the first query had found the series with these labels alone."""

    def of_them(panel: Panel) -> Panel:
        return [Found({text: value for text, value in panel[0].values.items() if labels in text})]

    return lambda before, after: change(of_them(before), of_them(after))


CHANGED: dict[str, dict[str, Change]] = {
    "stack-overview": {
        "Down": more,
        "Critical alerts": more,
        "Warnings": more,
        "Health score": less,
        "What is broken, since when, and whose it is": rows,
        "Alerts that fire": rows,
        "Status of every component": series("component=website"),
        "Burn rate over an hour": series("slo=designs"),
        "Services: what their users get, and their errors": other,
        "Share of requests that failed": more,
        "Response time, 95 of 100": more,
        "Newest releases": other,
    },
    "stack-components": {
        "Down": more,
        "Runs that succeeded": less,
        "Components: status, since when, why, and whose": other,
        "Status over time": series("component=website"),
        "Runs that were not healthy, by reason": rows,
        "Runs that found the component up": series("component=website", less),
    },
    "stack-application": {
        "Most failures": more,
        "Slowest, 95 of 100 within": more,
        "Fewest tasks succeed": less,
        "Error rate, over 5 minutes": more,
        "Mean response time, over 5 minutes": more,
        "Routes: most failures": rows,
        "Routes: slowest": more,
        "Slow operations, in 15 minutes": more,
        "Share that failed: operations and files, in 15 minutes": more,
        "AI models: 95 of 100 calls within": more,
        "Calls of databases: share that failed, in 15 minutes": more,
        "Look-ups found in the cache": less,
        "Error lines, in 5 minutes": more,
    },
    "stack-errors": {
        "New": more,
        "Back after resolved": more,
        "Spiking": more,
        "Crash-free sessions, worst": less,
        "Where to look: each service's errors": more,
        "Errors in 5 minutes, by service": more,
        "Errors in 5 minutes, by severity": more,
        "By code": more,
        "New kinds, and kinds that are back, in an hour": more,
        "Newest releases": other,
    },
    "stack-workers": {
        "In trouble": more,
        "Workers missing": other,  # one, or nothing at all where the broker was too slow to be asked
        "Messages waiting": more,
        "What is wrong, since when, and whose it is": rows,
        "Health over time": more,
        "Messages that wait": more,
        "Workers that answer": less,
    },
    "stack-databases": {
        "In trouble": more,
        "Fullest connections": highest(0.8),
        "What is wrong, since when, and whose it is": rows,
        "Health over time": more,
        "Connections in use": highest(0.8),
        "Sessions that wait for a lock": more,
        "Look-ups in caches that found something": less,
        "Whether schemas are where the code expects them": other,
    },
    "stack-storage": {
        "Fullest quota": highest(0.9),
        "Quotas in use": highest(0.9),
        "Error lines in 5 minutes": more,
    },
    "stack-security": {
        "High and critical events, 1 h": more,
        "Failed logins, 5 minutes": more,
        "Compliance, 24 h": more,
        "First certificate ends in": less,
        "Failed logins in 5 minutes": more,
        "By type, in 10 minutes": rows,
        "Time left, by certificate": less,
        "Answers 401, 403 and 429 of the daemon": rows,
    },
    "stack-exporter": {
        "Configuration": less,
        "Events not taken, in 15 minutes": rows,
        "How long the oldest has waited": more,
        "Back ends, and what waits for them": other,
        "Answers of back ends, by code": rows,
    },
}
REPLICA = "a replica is in the whole scenario alone, as it takes long to start"
RABBITMQ = "a RabbitMQ is in the whole scenario alone, as it takes a quarter of a minute to start"
EMPTY: dict[str, dict[str, str]] = {
    "stack-databases": {"Furthest replica behind": REPLICA, "How far replicas are behind, in bytes": REPLICA},
    "stack-storage": {"Full first": "no file system here fills up within a day"},
    "stack-workers": {
        "Each node": RABBITMQ,
        "Messages a second": RABBITMQ,
        "How full nodes are": RABBITMQ,
        "Free disk of nodes": RABBITMQ,
    },
    "stack-exporter": {
        "Readings without a series of their own, in 10 minutes": "it takes ten thousand series of a family",
        "Runs left out, or left behind, in 15 minutes": "none is, unless the machine is busy with something else",
    },
}
"""Panels that the scenario has nothing for, and why: not even when it is broken."""
