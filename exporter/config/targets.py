"""One component for each of `targets`: what is written once for several servers of a kind."""

import re
import zlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from exporter import catalogue
from exporter.config.problem import Path, Report
from exporter.probe import Probe

ADDRESSES = ("url", "address", "dsn", "host", "server", "target", "path")
"""What kinds call where their component is."""
MOST = 1000
LONGEST = 63


@dataclass(frozen=True, slots=True)
class Spread:
    """Components by name, as they are written; and the names that each group became."""

    components: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def address(cls: type[Probe]) -> str:
    """The field that an entry of `targets` is put into; '' for a kind whose components are at no single place."""
    required = [one.encode_name for one in msgspec.structs.fields(cls) if one.required]
    return next((name for name in required if name in ADDRESSES), "")


def spread(written: Mapping[str, Any], report: Report) -> Spread:
    """`written` with each component that has `targets` in as many parts. What is wrong goes to `report`."""
    whole = Spread()
    for name, fields in written.items():
        if not isinstance(fields, dict) or "targets" not in fields:
            whole.components[name] = fields
            continue
        add(whole, name, fields, ("components", name), report, written)
    return whole


def add(
    whole: Spread, name: str, fields: Mapping[str, Any], at: Path, report: Report, taken: Container[str] = ()
) -> None:
    """Add what a group becomes that is written at `at`; none of its parts gets a name that is `taken`."""
    rest = {key: value for key, value in fields.items() if key != "targets"}
    key = _address(rest, (*at, "targets"), report)
    if not key:
        return
    if key in rest:
        report.add((*at, key), f"is in each of targets: one of {key} and targets")
        return
    parts = _parts(name, fields["targets"], (*at, "targets"), report)
    for part, (step, target) in parts.items():
        if part in taken or part in whole.components:
            told = f"its name would be {part}, which another has; give names: {{NAME: TARGET}}"
            report.add((*at, "targets", step), told)
            continue
        whole.components[part] = {**rest, key: target}
        report.same(("components", part), at)
        report.same(("components", part, key), (*at, "targets", step))
    whole.groups[name] = tuple(parts)


def name_of(target: str) -> str:
    """A component's name for a target: its host, port and path, without credentials, query and scheme.

    '' where it can't be told what is host and what password: to a URL's reader redis://:12/ss@host has the port 12.
    """
    credentials, _, place = target.rpartition("@")
    if "://" in target:
        try:
            url = urlsplit(target)
            clear = not credentials or "@" in url.netloc or ":" not in url.netloc
            place = f"{url.hostname or ''}{f'-{url.port}' if url.port else ''}-{url.path}" if clear else ""
        except ValueError:
            place = ""
    elif "?" in credentials:
        place = ""
    else:
        place = place.partition("?")[0]
    return re.sub(r"[^a-z0-9_]+", "-", place.lower()).strip("-")


def joined(*parts: str) -> str:
    """A name of these parts; one that would be too long is cut, and told apart by its checksum."""
    name = "-".join(part for part in parts if part)
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{zlib.crc32(name.encode()):08x}"


def _address(fields: Mapping[str, Any], path: Path, report: Report) -> str:
    """The key that the targets take the place of; '' when the kind is unknown, which is told elsewhere, or has none."""
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in catalogue.kinds():
        report.add(path, "needs a kind that is known")
        return ""
    key = address(catalogue.load(kind))
    if not key:
        report.add(path, f"the kind {kind} has no targets: write each component out")
    return key


def _parts(group: str, targets: Any, path: Path, report: Report) -> dict[str, tuple[str | int, str]]:
    """By name: the key or index of the target, and the target."""
    pairs: Iterable[tuple[str | int, Any]]
    if isinstance(targets, dict):
        pairs = targets.items()
    elif isinstance(targets, list):
        pairs = enumerate(targets)
    else:
        report.add(path, "expected a list, or a mapping from names")
        return {}
    parts: dict[str, tuple[str | int, str]] = {}
    for step, target in pairs:
        if not isinstance(target, str) or not target:
            report.add((*path, step), "expected a text")
            continue
        # What a variable holds may be a secret in any part of it: such a target is called by its number.
        shown = name_of(target) if isinstance(step, int) and (*path, step) not in report.expanded else str(step)
        name = joined(group, shown or str(step))
        if name in parts:
            report.add((*path, step), f"its name would be {name}, which another has; give names: {{NAME: TARGET}}")
            continue
        parts[name] = (step, target)
        if len(parts) > MOST:
            report.add(path, f"more than {MOST} targets")
            break
    return parts
