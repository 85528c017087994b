"""How long rules and routes wait as they are shipped: what of a notification's way is configured, not slow."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.alerts.engines import ROUTES, RULES
from tests.tree import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
DEFAULTS = {"group_wait": "30s", "group_interval": "5m"}
"""Alertmanager's own, of a route that says nothing."""


@dataclass(frozen=True)
class Rule:
    file: Path
    waits: str
    """Its `for`, as it is written."""
    runbook: Path


@cache
def rule(alert: str, severity: str) -> Rule:
    """The shipped one. Raises LookupError."""
    for file in sorted(RULES.glob("*.yml")):
        text = file.read_text()
        if f"alert: {alert}\n" not in text:
            continue
        for group in yaml.safe_load(text)["groups"]:
            for one in group["rules"]:
                if one.get("alert") == alert and one["labels"]["severity"] == severity:
                    return Rule(file, one.get("for", "0s"), RUNBOOKS / f"{alert}.md")
    raise LookupError(f"{alert}, {severity}")


@cache
def routed(receiver: str) -> dict[str, str]:
    """What the route to a receiver waits for, with what it takes from those above. Raises LookupError."""
    found = _below(yaml.safe_load(ROUTES.read_text())["route"], DEFAULTS, receiver)
    if found is None:
        raise LookupError(receiver)
    return found


def _below(route: dict[str, Any], above: dict[str, str], receiver: str) -> dict[str, str] | None:
    waits = {name: route.get(name, above[name]) for name in above}
    for one in route.get("routes", ()):
        if (found := _below(one, waits, receiver)) is not None:
            return found
    return waits if route.get("receiver") == receiver else None


def said(name: str, written: str, factor: float) -> str:
    """'for: 1m / 60'; nothing where nothing is waited for."""
    if not written.strip("0smh"):
        return ""
    return f"{name}: {written}" + ("" if factor == 1 else f" / {factor:g}")
