"""The section slos: what share of requests, runs, operations or tasks is to be good, and what each objective is of."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from msgspec import Meta

from exporter.config.problem import Path, Report
from exporter.config.sections import Section
from exporter.nearest import suggestion
from exporter.values import Duration, Ratio

WINDOW = 30 * 86_400.0
"""Seconds: what the alert rules add up, which are written for it."""
NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,63}")
_COMPONENT = re.compile(r"[a-z0-9_-]{1,63}")
_SUBJECTS = ("component", "operation", "task")


class Slo(Section, frozen=True):
    """One objective; of HTTP requests, unless it names a component, an operation or a task."""

    objective: Annotated[Ratio, Meta(description="The share that is to be good.", examples=["99.9%"])] = 0.999
    window: Annotated[Duration, Meta(description="Over which it is to be reached; 30d, as the rules have it.")] = WINDOW
    latency: Annotated[
        Duration | None,
        Meta(description="What takes longer is not good either; by default any duration is.", examples=["500ms"]),
    ] = None
    service: Annotated[
        str, Meta(description="Of requests, an operation or a task; by default the file's `service`, else every one.")
    ] = ""
    route: Annotated[
        str, Meta(description="Of requests, such as /orders/{id}; * stands for any characters; by default all.")
    ] = ""
    method: Annotated[str, Meta(description="Of requests, such as GET; by default all.")] = ""
    component: Annotated[str, Meta(description="A component, whose runs are counted.", examples=["database"])] = ""
    operation: Annotated[str, Meta(description="An operation; * stands for any characters.")] = ""
    task: Annotated[str, Meta(description="A background task; * stands for any characters.")] = ""

    def __post_init__(self) -> None:
        wrong = []
        if not 0 < self.objective < 1:
            wrong.append("objective: expected more than 0% and less than 100%, such as 99.9%")
        if self.window != WINDOW:
            wrong.append("window: expected 30d: the alert rules are written for this window, and for no other")
        if self.latency is not None and self.latency <= 0:
            wrong.append("latency: expected more than 0s")
        if wrong:
            raise ValueError("\n".join(wrong))


def check(written: Mapping[str, Any], components: Collection[str] | None, report: Report) -> None:
    """Names and subjects, whatever else is wrong. `components`: those there are, None when files may bring others."""
    for name, fields in written.items():
        path: Path = ("slos", name)
        if not NAME.fullmatch(name):
            report.add(path, "a name has 1 to 63 letters, digits, _ . : / and -")
        if isinstance(fields, dict):
            _check_subject({key for key, value in fields.items() if value}, path, report)
            _check_component(fields.get("component"), components, (*path, "component"), report)


def _check_subject(given: Collection[str], path: Path, report: Report) -> None:
    first, *others = [key for key in _SUBJECTS if key in given] or [""]
    for key in others:
        report.add((*path, key), f"does not go with {first}: an objective is of one thing")
    for key in ("service", "route", "method"):
        if key in given and (first == "component" or (first and key != "service")):
            report.add((*path, key), f"does not go with {first}")


def _check_component(name: Any, components: Collection[str] | None, path: Path, report: Report) -> None:
    if not isinstance(name, str) or not name or components is None or name in components or report.blames(path):
        return
    # A component's name is no secret; what came from a variable may be one.
    shown = name if _COMPONENT.fullmatch(name) and not report.was_expanded(path) else "so"
    report.add(path, f"no component is named {shown}{suggestion(name, components)}")
