"""What a panel asks Prometheus for: data, and the thresholds that are drawn beside it."""

from dataclasses import dataclass
from typing import Literal

ON = "cluster, namespace, job, instance, component"
"""What makes a component one, wherever the daemon runs: joins are on these."""
THING = "cluster, namespace, job, component"
"""A component, however many Pods or replicas watch it: what they all see is counted once."""
Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called. `limit`: it is a threshold and is drawn as one."""

    expr: str
    legend: str = ""
    limit: Severity | None = None
    exemplars: bool = False


def component_limits(unit: str, signal: str, *, above: bool = True, kinds: str = "") -> tuple[Query, Query]:
    """A signal's thresholds, of the components shown, or of those of `kinds`; where they differ, the strictest."""
    of = f' and on ({ON}) stack_component_info{{kind=~"{kinds}"}}' if kinds else ""
    return _limits(f"stack_threshold_{unit}", f'signal="{signal}", component=~"$component"', above, of)


def alert_limits(unit: str, signal: str, *, above: bool = True) -> tuple[Query, Query]:
    """A signal's thresholds, of what belongs to no component (`thresholds:` of the configuration)."""
    return _limits(f"stack_alert_threshold_{unit}", f'signal="{signal}"', above)


def _limits(metric: str, labels: str, above: bool, of: str = "") -> tuple[Query, Query]:
    strictest = "min" if above else "max"
    severities: tuple[Severity, Severity] = ("warning", "critical")
    first, second = (
        Query(f'{strictest}({metric}{{{labels}, severity="{severity}"}}{of})', f"{severity} from", severity)
        for severity in severities
    )
    return first, second


def once(by: str, expr: str, added: str = "sum") -> str:
    """What several daemons measure of one thing: added up within each of them, and the largest of these."""
    return f"max by ({by}) ({added} by (cluster, namespace, job, instance, {by}) ({expr}))"


def risen(counter: str, span: str) -> str:
    """By how much it rose, as the alert rules count: a series that was only born counts, unless Prometheus was away."""
    away = f"process_start_time_seconds > scalar(min_over_time(vector(time())[{span}:1m]))"
    born = f"{counter} unless {counter} offset {span}"
    return (
        f"(\n  {born}\n  and on (cluster, namespace, job, instance) (\n    up offset {span} == 1 or {away}\n  )\n)"
        f"\nor increase({counter}[{span}])"
    )
