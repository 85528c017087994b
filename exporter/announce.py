"""What a person reads when the daemon starts: what was found, what is probed, and the addresses to open."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import fields

from exporter import __version__
from exporter.config import Config
from exporter.config.application import Retention
from exporter.config.schema import written
from exporter.plan import Plan

if TYPE_CHECKING:
    from rich.text import Text

log = logging.getLogger(__name__)

STYLES = ("cyan", "", "dim")
"""Of the columns."""


def announce(
    plan: Plan, urls: Mapping[str, str], state: str, *, console: bool, configured: bool = False, onward: str = ""
) -> None:
    """Print it for a person at a console; else log it, a line each.

    `urls` of the listeners: web, ingest, health; `configured`: there is a configuration file; `onward`: what is sent
    to which back ends.
    """
    if not console:
        _log(plan, urls, state)
        if onward:
            log.info("forwarding", extra={"onward": onward})
        return
    from rich.console import Console  # noqa: PLC0415 - 30 ms that a daemon without a console need not wait
    from rich.text import Text  # noqa: PLC0415

    # Lines of the terminal's own: a path or an address that is broken by us can't be copied.
    out = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    out.print(Text.assemble(("stack-exporter", "bold"), f" {__version__}"))
    if plan.found:
        out.print("\nfound in the environment", style="bold")
        out.print(_rows([(one.variable, one.kind, one.note) for one in plan.found]))
    out.print("\nprobing", style="bold")
    rows = [
        (c.name, c.kind, f"every {c.interval:g} s" + (", critical" if c.critical else ""))
        for c in plan.config.components
    ]
    out.print(_rows(rows) if rows else Text(_nothing(plan.unread), style="yellow"))
    out.print("\nopen", style="bold")
    web = urls["web"]
    addresses = [("status page", f"{web}/"), ("metrics", f"{web}/metrics"), ("health", f"{web}/health")]
    if "ingest" in urls:
        says = "stack-exporter dsn says how to send"
        addresses.append(("ingest", f"{urls['ingest']} ({taken(plan.config)}; {says})"))
    addresses.append(("admin API", admin(plan.config)))
    addresses.append(("state", state))
    addresses.append(("kept", kept(plan.config)))
    if onward:
        addresses.append(("onward", onward))
    out.print(_rows(addresses))
    more = "" if configured else " To name your components in a file: --config.file=FILE, such as exporter.yaml."
    out.print(f"\nCtrl-C ends it.{more}\n", style="dim")


def _rows(rows: Sequence[tuple[str, ...]]) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    widths = [*(max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]), 0]
    lines = []
    for row in rows:
        cells = [Text(cell.ljust(width), style) for cell, width, style in zip(row, widths, STYLES, strict=False)]
        lines.append(Text("  ").join((Text(""), *cells)))
    return Text("\n").join(lines)


def _nothing(unread: Sequence[str]) -> str:
    more = f"; {', '.join(unread)} in the environment would be without a file" if unread else ""
    return f"  nothing: no component is configured{more}"


def taken(config: Config) -> str:
    """Whose errors and events are taken in."""
    many, tokens = len(config.ingest.projects), len(config.ingest.tokens)
    projects = (
        f"{many} project{'' if many == 1 else 's'}" if many else "no projects: any key from this machine is taken"
    )
    bearers = f"{tokens} token{'' if tokens == 1 else 's'}" if tokens else "from this machine alone"
    return f"{projects}; OTLP and JSON events {'with ' if tokens else ''}{bearers}"


def admin(config: Config) -> str:
    many = len(config.web.admin_tokens)
    return f"open to {many} token{'' if many == 1 else 's'}" if many else "closed: web.admin_tokens opens it"


def kept(config: Config) -> str:
    """How long, and how much at most."""
    said = {field.name: written(field.type, getattr(config.retention, field.name)) for field in fields(Retention)}
    return f"errors {said['errors']}, events {said['events']}, alerts {said['alerts']}, {said['size']} at most"


def _log(plan: Plan, urls: Mapping[str, str], state: str) -> None:
    for one in plan.found:
        log.info("found in the environment", extra={"variable": one.variable, "kind": one.kind, "note": one.note})
    names = [component.name for component in plan.config.components]
    unread = {"not_looked_for": list(plan.unread)} if plan.unread else {}
    log.info("probing", extra={"components": len(names), "names": names[:50], **unread})
    log.info("listening", extra={**urls, "state": state})
    config = plan.config
    ingest = taken(config) if {"ingest", "otlp-grpc"} & urls.keys() else "off"
    log.info("taking in", extra={"ingest": ingest, "admin_api": admin(config), "retention": kept(config)})
