"""Every query of every dashboard, asked of the scenario's Prometheus; and what came of it, as a table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashboards.source.reading import annotations, queries, substituted
from tests.dashboards.scenario import Scenario
from tests.dashboards.shown import UIDS, Json

POINTS = 6
"""Moments of a window at which what is drawn over time is asked for."""
LONGEST = 240
"""Characters of a query on the page."""
HEAD = """# Panel by panel

<!-- Written by a run of tests/dashboards with DASHBOARDS_PANELS=docs/dashboards-panels.md; not by hand. -->

Each query of each panel, asked of a real Prometheus that scraped the real daemon, which watched real servers and heard
three services: while all was well, and after most of it had been broken ([how](dashboards.md#how-they-were-checked)).
A result is the newest value, or how many series there are and between what their newest values lie. A panel that is empty
says so in words, which stand here in quotes; `nothing` is what one query of several found, such as a threshold that is
not set. Long queries are cut; the dashboards have them in full.
"""


@dataclass(frozen=True)
class Found:
    """Of one query: the newest value of each series, by its labels."""

    values: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def total(self) -> float:
        return sum(value for value in self.values.values() if value == value)

    def __str__(self) -> str:
        if not self.values:
            return self.error or "nothing"
        shown = sorted(self.values.values())
        if len(shown) == 1:
            return f"{shown[0]:.4g}"
        return f"{len(shown)} series, {shown[0]:.4g} to {shown[-1]:.4g}"


@dataclass(frozen=True)
class Key:
    uid: str
    title: str
    ref: str


def ask(scenario: Scenario, boards: Mapping[str, Json], window: tuple[float, float]) -> dict[Key, Found]:
    """What all panels, and the marks in them, show at the window's end."""
    found: dict[Key, Found] = {}
    start, end = window
    span = {"rate": scenario.rate_interval, "span": f"{end - start:.0f}s", "step": "1s"}
    for uid, board in boards.items():
        for one in queries(board):
            expr = substituted(one.expr, scenario.variables, **span)
            found[Key(uid, one.panel["title"], one.ref)] = _asked(scenario, expr, start, end, instant=one.instant)
        for name, expr in annotations(board):
            found[Key(uid, "", name)] = _asked(scenario, substituted(expr, scenario.variables, **span), start, end)
    return found


def _asked(scenario: Scenario, expr: str, start: float, end: float, *, instant: bool = False) -> Found:
    values: dict[str, float] = {}
    try:
        if instant:
            answer = scenario.query(expr, end)
        else:
            answer = scenario.query_range(expr, start, end, (end - start) / POINTS)
    except AssertionError as error:
        return Found(error=str(error))
    for series in answer:
        labels = ",".join(f"{name}={value}" for name, value in sorted(series.get("metric", {}).items()))
        samples = series.get("values") or [series["value"]]
        values[labels] = float(samples[-1][1])
    return Found(values)


def words(panel: Json) -> str:
    """What it says when it is empty."""
    said: str = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
    return said


def page(boards: Mapping[str, Json], healthy: Mapping[Key, Found], broken: Mapping[Key, Found]) -> str:
    """In Markdown."""
    lines = [HEAD]
    for uid in UIDS:
        lines += [f"## {boards[uid]['title']}", "", "| panel | query | healthy | broken |", "|---|---|---|---|"]
        last = ""
        for one in queries(boards[uid]):
            title, none = one.panel["title"], words(one.panel)
            shown = []
            for found in (healthy, broken):
                empty = not any(found[key].values for key in found if (key.uid, key.title) == (uid, title))
                shown.append(f"“{none}”" if empty and none else str(found[Key(uid, title, one.ref)]))
            query = re.sub(r"\s+", " ", one.expr)
            if len(query) > LONGEST:
                query = query[:LONGEST].rpartition(" ")[0] + " …"
            query = query.replace("|", "\\|")
            lines.append(f"| {title if title != last else ''} | `{query}` | {shown[0]} | {shown[1]} |")
            last = title
        lines.append("")
    return "\n".join(lines)


def write(file: Path, boards: Mapping[str, Json], healthy: Mapping[Key, Found], broken: Mapping[Key, Found]) -> None:
    file.write_text(page(boards, healthy, broken))
