"""What a person reads when the daemon starts: what was found, what is probed, and the addresses to open."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.plan import Plan

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger(__name__)

IN_A_FILE = 160


def announce(plan: Plan, urls: Mapping[str, str], state: str, *, console: bool) -> None:
    """Print it for a person at a console; else log it, a line each. `urls` of the listeners: web, ingest, health."""
    if not console:
        _log(plan, urls, state)
        return
    from rich.console import Console  # noqa: PLC0415 - 30 ms that a daemon without a console need not wait
    from rich.text import Text  # noqa: PLC0415

    # A file has no width of its own.
    out = Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else IN_A_FILE)
    out.print(Text.assemble(("stack-exporter", "bold"), f" {__version__}"))
    if plan.found:
        out.print("\nfound in the environment", style="bold")
        out.print(_rows([(one.variable, one.kind, one.note) for one in plan.found]))
    out.print("\nprobing", style="bold")
    rows = [
        (c.name, c.kind, f"every {c.interval:g} s" + (", critical" if c.critical else ""))
        for c in plan.config.components
    ]
    out.print(_rows(rows) if rows else Text("  nothing: no component is configured", style="yellow"))
    out.print("\nopen", style="bold")
    web = urls["web"]
    addresses = [("status page", f"{web}/"), ("metrics", f"{web}/metrics"), ("health", f"{web}/health/detailed")]
    if "ingest" in urls:
        addresses.append(("ingest", f"{urls['ingest']}/livez (takes nothing in yet)"))
    addresses.append(("state", state))
    out.print(_rows(addresses))
    out.print("\nCtrl-C ends it. A page of YAML says more: --config.file=exporter.yaml\n", style="dim")


def _rows(rows: Sequence[tuple[str, ...]]) -> "Table":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for style in ("cyan", "", "dim")[: len(rows[0])]:
        table.add_column(style=style, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _log(plan: Plan, urls: Mapping[str, str], state: str) -> None:
    for one in plan.found:
        log.info("found in the environment", extra={"variable": one.variable, "kind": one.kind, "note": one.note})
    names = [component.name for component in plan.config.components]
    log.info("probing", extra={"components": len(names), "names": ", ".join(names[:50])})
    log.info("listening", extra={**urls, "state": state})
