"""`stack-exporter once`: runs probes now and shows what they found, as a table for people or as JSON."""

import asyncio
import json
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from exporter import drivers
from exporter.component import Component
from exporter.counting import Counting
from exporter.metric import Metric
from exporter.probe import Probe, Readings, Result, Unit
from exporter.quantity import moment, quantity, seconds
from exporter.run import run_once
from exporter.tally import Tallies

COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
MARKS = {"healthy": "●", "degraded": "▲", "unhealthy": "✖"}
READINGS_SHOWN = 4
IN_A_PIPE = 120
"""Columns of what has no width of its own, unless COLUMNS says otherwise."""
NARROW = 120
"""Columns below which a table shows no more than status, time and reason."""
BACKGROUND = (
    "What a kind reads in the background is not seen by once, but by the daemon: lines of logs, the usage of S3 and of "
    "disks with a quota, SQLite's checks, Celery's events."
)
_FEW = ("component", "status", "took", "reason")
_UNITS = re.compile(r"(_timestamp)?_(seconds|bytes|ratio)(?=(_total)?$)")
"""What the value says itself."""


class Nothing:
    """A Kept for a run that leaves nothing behind."""

    def get(self, key: str) -> Any:  # noqa: ARG002 - the protocol's
        return None

    def put(self, key: str, value: Any) -> None:
        pass


async def once(components: Sequence[Component], output: str) -> int:
    """Run each once, all at the same time; 1 when one is unhealthy, else 0."""
    # Before any clock runs: asyncpg alone takes 80 ms to import.
    await drivers.load(components)
    results = await _run(components, show=output == "table")
    for result in results:
        if result.error is not None:
            traceback.print_exception(result.error)
    if output == "json":
        json.dump([as_json(result) for result in results], sys.stdout, indent=2)
        print()  # noqa: T201 - the command's output
    else:
        console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else IN_A_PIPE)
        watched = {
            component.name: [limit.signal.metric for limit in component.limits if limit.signal.statistic == "last"]
            for component in components
        }
        console.print(table(results, watched, wide=console.width >= NARROW))
        if any(type(component.probe).watch is not Probe.watch for component in components):
            console.print(f"\n{BACKGROUND}", style="dim", highlight=False)
    return 1 if any(not result.up for result in results) else 0


async def _run(components: Sequence[Component], *, show: bool) -> list[Result]:
    tallies = Tallies()
    progress = Progress(
        TextColumn("probing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[waiting]}", style="dim"),
        console=Console(stderr=True),
        transient=True,
        disable=not show or not sys.stderr.isatty(),
    )
    waiting = [component.name for component in components]
    with progress:
        bar = progress.add_task("", total=len(components), waiting="")

        async def one(component: Component) -> Result:
            sink = Counting(tallies, component.name)
            watched = Readings(component.name, sink, Nothing())
            result = await run_once(component, sink, Nothing(), watched=watched.values)
            waiting.remove(component.name)
            progress.update(bar, advance=1, waiting="waiting for " + ", ".join(waiting[:3]) if waiting else "")
            return result

        return list(await asyncio.gather(*map(one, components)))


def as_json(result: Result) -> dict[str, Any]:
    """One result with everything it holds; durations in seconds."""
    return {
        "component": result.component,
        "kind": result.kind,
        "status": result.outcome,
        "reason": result.reason,
        "message": result.detail,
        "duration_seconds": result.duration,
        "phases": [{"name": p.name, "offset_seconds": p.offset, "duration_seconds": p.duration} for p in result.phases],
        "readings": [
            {"metric": metric.name, "labels": dict(zip(metric.labels[1:], labels, strict=True)), "value": value}
            for (metric, labels), value in result.values.items()
        ],
    }


def table(results: Sequence[Result], watched: Mapping[str, Sequence[Metric]], *, wide: bool) -> Table:
    """A row for each component, the broken ones first; `watched` by component, to show what has a threshold first."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("component", "kind", "status", "took", "readings", "reason") if wide else _FEW:
        fits = column not in ("readings", "reason")
        shown.add_column(column, justify="right" if column == "took" else "left", overflow="fold", no_wrap=fits)
    order = list(COLOURS)
    for result in sorted(results, key=lambda result: (-order.index(result.outcome), result.component)):
        colour = COLOURS[result.outcome]
        reason = Text(result.reason, style=colour)
        if result.detail:
            reason.append(f"  {result.detail}", style="dim")
        cells = {
            "component": Text(result.component, style="bold"),
            "kind": Text(result.kind),
            "status": Text(f"{MARKS[result.outcome]} {result.outcome}", style=colour),
            "took": Text(seconds(result.duration)),
            "readings": Text(_readings(result, watched[result.component]), style="dim"),
            "reason": reason,
        }
        shown.add_row(*(cells[str(column.header)] for column in shown.columns))
    return shown


def _readings(result: Result, watched: Sequence[Metric]) -> str:
    lines = []
    for (metric, labels), value in sorted(result.values.items(), key=lambda item: item[0][0] not in watched):
        if metric.type == "info":
            continue
        name = _UNITS.sub("", metric.name.removeprefix(f"stack_{result.kind}_"))
        lines.append(
            f"{name}{{{','.join(labels)}}} {_value(metric, value)}" if labels else f"{name} {_value(metric, value)}"
        )
    more = len(lines) - READINGS_SHOWN
    return "\n".join(lines[:READINGS_SHOWN]) + (f"\n… {more} more, see --output=json" if more > 0 else "")


def _value(metric: Metric, value: float) -> str:
    if metric.name.endswith("_timestamp_seconds"):
        return moment(value)
    return quantity(value, cast("Unit", metric.unit or "number"))
