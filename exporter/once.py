"""`stack-exporter once`: runs probes now and shows what they found, as a table for people or as JSON."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from exporter.component import Component
from exporter.probe import Readings, Result
from exporter.run import run_once
from exporter.tally import Counting, Tallies

COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
MARKS = {"healthy": "●", "degraded": "▲", "unhealthy": "✖"}
READINGS_SHOWN = 4
IN_A_PIPE = 240


class Nothing:
    """A Kept for a run that leaves nothing behind."""

    def get(self, key: str) -> Any:  # noqa: ARG002 - the protocol's
        return None

    def put(self, key: str, value: Any) -> None:
        pass


async def once(components: Sequence[Component], output: str) -> int:
    """Run each once, all at the same time; 1 when one is unhealthy, else 0."""
    results = await _run(components, show=output == "table")
    if output == "json":
        json.dump([as_json(result) for result in results], sys.stdout, indent=2)
        print()  # noqa: T201 - the command's output
    else:
        # A pipe has no width of its own, and what reads it wants a row in a line.
        Console(width=None if sys.stdout.isatty() else IN_A_PIPE).print(table(results))
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


def table(results: Sequence[Result]) -> Table:
    """A row for each component, the broken ones first."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("component", "kind", "status", "took", "phases", "readings", "reason"):
        shown.add_column(column, justify="right" if column == "took" else "left", overflow="fold")
    order = list(COLOURS)
    for result in sorted(results, key=lambda result: (-order.index(result.outcome), result.component)):
        colour = COLOURS[result.outcome]
        reason = Text(result.reason, style=colour)
        if result.detail:
            reason.append(f"  {result.detail}", style="dim")
        shown.add_row(
            Text(result.component, style="bold"),
            result.kind,
            Text(f"{MARKS[result.outcome]} {result.outcome}", style=colour),
            _time(result.duration),
            Text("  ".join(f"{phase.name} {_time(phase.duration)}" for phase in result.phases), style="dim"),
            Text(_readings(result), style="dim"),
            reason,
        )
    return shown


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _readings(result: Result) -> str:
    lines = []
    for (metric, labels), value in result.values.items():
        if metric.type == "info":
            continue
        name = metric.name.removeprefix(f"stack_{result.kind}_")
        shown = f"{value / 2**30:.1f} GiB" if metric.unit == "bytes" and value >= 2**28 else f"{value:g}"
        lines.append(f"{name}{{{','.join(labels)}}} {shown}" if labels else f"{name} {shown}")
    more = len(lines) - READINGS_SHOWN
    return "\n".join(lines[:READINGS_SHOWN]) + (f"\n… {more} more, see --output=json" if more > 0 else "")
