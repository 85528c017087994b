"""From results to verdicts, and from verdicts to one score: pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from exporter.component import Component
from exporter.probe import Outcome, Result
from exporter.state import Record, Verdict

_RANK: dict[Outcome, int] = {"healthy": 0, "degraded": 1, "unhealthy": 2}
_WORTH: dict[str, float] = {"healthy": 1.0, "degraded": 0.5, "unhealthy": 0.0}


def judge(before: Verdict | None, component: Component, result: Result) -> Verdict:
    """The verdict after one more run.

    The first run decides alone, as in Envoy: there is nothing yet that a debounce could protect. After it, `fall` worse
    runs in a row make it worse, by as much as the mildest of them; `rise` better ones make it better, by as little as
    the worst of them.
    """
    ended = result.started + result.duration
    if before is None:
        return Verdict(result.outcome, ended)
    change = _RANK[result.outcome] - _RANK[before.health]
    if change == 0:
        return before if before.streak == 0 else replace(before, streak=0)
    worse = change > 0
    if (before.streak > 0) == worse and before.streak != 0:
        streak = before.streak + (1 if worse else -1)
        toward = (
            min(before.toward, result.outcome, key=_RANK.__getitem__)
            if worse
            else max(before.toward, result.outcome, key=_RANK.__getitem__)
        )
    else:
        streak, toward = (1 if worse else -1), result.outcome
    if streak >= component.fall or -streak >= component.rise:
        return Verdict(toward, ended)
    return replace(before, streak=streak, toward=toward)


@dataclass(frozen=True, slots=True)
class Overall:
    """The whole: `score` is 0 to 1, None while nothing is known; `failing` are the unhealthy ones that are critical."""

    status: Literal["healthy", "degraded", "unhealthy", "unknown"]
    score: float | None
    failing: tuple[str, ...]
    unhealthy: tuple[str, ...]
    degraded: tuple[str, ...]


def overall(records: Iterable[Record]) -> Overall:
    """Unhealthy when a critical component is, degraded when any is not healthy. Maintenance and unknown don't weigh."""
    known = [record for record in records if record.status in _WORTH]
    unhealthy = tuple(record.component.name for record in known if record.status == "unhealthy")
    degraded = tuple(record.component.name for record in known if record.status == "degraded")
    failing = tuple(
        record.component.name for record in known if record.status == "unhealthy" and record.component.critical
    )
    weight = sum(record.component.weight for record in known)
    score = sum(record.component.weight * _WORTH[record.status] for record in known) / weight if weight else None
    if failing:
        return Overall("unhealthy", score, failing, unhealthy, degraded)
    if unhealthy or degraded:
        return Overall("degraded", score, failing, unhealthy, degraded)
    return Overall("healthy" if known else "unknown", score, failing, unhealthy, degraded)
