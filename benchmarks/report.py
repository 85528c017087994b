"""Rows as a table for people (coloured in a terminal), as Markdown, or as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.row import Row

HEADINGS = ("row", "what", "ours", "peer", "the peer's", "ratio", "goal", "met")
_BYTES = ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def machine() -> str:
    """The day and what it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{date.today()}, {os.cpu_count()} cores of {model}, {system}, Python {platform.python_version()}"


def table(rows: Sequence[Row]) -> None:
    """To standard output."""
    console = Console(highlight=False, width=None if os.isatty(1) else 160)
    found = Table(*HEADINGS, title=machine(), title_justify="left", box=None if not console.is_terminal else None)
    for column in (2, 4, 5, 6):
        found.columns[column].justify = "right"
    for row in rows:
        *cells, met = cells_of(row)
        colour = {True: "green", False: "red", None: "yellow"}[row.met]
        found.add_row(*cells, f"[{colour}]{met}[/]")
    console.print(found)


def markdown(rows: Sequence[Row]) -> str:
    lines = [" | ".join(cells) for cells in (HEADINGS, ["---"] * len(HEADINGS), *map(cells_of, rows))]
    return "\n".join(f"| {line} |" for line in lines) + f"\n\n{machine()}\n"


def as_json(rows: Sequence[Row]) -> str:
    found = [asdict(row) | {"met": row.met} for row in rows]
    return json.dumps({"machine": machine(), "rows": found}, indent=2, ensure_ascii=False)


def cells_of(row: Row) -> tuple[str, ...]:
    if row.ratio is None or row.ours is None or row.peers is None:
        return row.name, row.what, "", row.peer, "", "", goal(row.most) if row.most else "", row.note
    met = "yes" if row.met else "no"
    return (
        row.name,
        row.what,
        amount(row.ours, row.unit),
        row.peer,
        amount(row.peers, row.unit),
        goal(row.ratio),
        goal(row.most),
        met,
    )


def goal(ratio: float) -> str:
    """A ratio as goals are worded: 1/6.9, or 0.80 and 3.1 where it is no small part."""
    if not ratio:
        return "0"
    return f"1/{1 / ratio:.3g}" if ratio <= 0.55 else f"{ratio:.3g}"


def amount(value: float, unit: str) -> str:
    if unit not in ("B", "s"):
        return f"{value:,.0f} {unit}".replace(" /", "/")
    scale = _BYTES if unit == "B" else _SECONDS
    size, name = next(((size, name) for size, name in scale if value >= size), scale[-1])
    return f"{value / size:.3g} {name}"
