"""Components in files of their own, by glob: mappings as in `components`, or lists as Prometheus' file_sd has them."""

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from exporter.component import Component
from exporter.config import document, expand, resolve, targets
from exporter.config.problem import ConfigError, Enough, Problem, Report, Stat
from exporter.config.sections import ComponentFiles, Defaults

MOST_FILES = 500
LABELS = ("kind", "team", "component")
"""Labels of a file_sd group that mean something here; what else it has is for Prometheus."""

Fingerprint = tuple[Stat, ...]


@dataclass(slots=True)
class Found:
    """What the files hold, and what is wrong with them."""

    components: list[Component] = field(default_factory=list)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    read: set[Stat] = field(default_factory=set)
    """What their ${file:…} read."""


def patterns(entries: Sequence[str | ComponentFiles], folder: File) -> tuple[str, ...]:
    """The entries' globs, absolute; relative ones are taken from the configuration's folder."""
    written = [one for entry in entries for one in ((entry,) if isinstance(entry, str) else entry.files)]
    return tuple(str(folder / one) for one in written)


def fingerprint(globs: Sequence[str]) -> Fingerprint:
    """What tells whether a file came, went or changed."""
    return stats(_matching(globs))


def stats(names: Iterable[str]) -> Fingerprint:
    """The same of files by their names; those that are not there are left out."""
    found = []
    for name in names:
        with suppress(OSError):
            stat = os.stat(name)  # noqa: PTH116 - follows the symbolic links of a mounted ConfigMap
            found.append((name, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def read(
    entries: Sequence[str | ComponentFiles],
    folder: File,
    defaults: Defaults,
    environ: Mapping[str, str],
    taken: Mapping[str, Any],
) -> Found:
    """All of them; `taken` are the names that the configuration itself gives away."""
    found = Found()
    owners = dict.fromkeys(taken, "the configuration itself")
    for entry in entries:
        template = ComponentFiles(files=(entry,)) if isinstance(entry, str) else entry
        names = _matching(patterns((entry,), folder))
        if len(names) > MOST_FILES:
            found.problems.append(Problem(0, "component_files", f"more than {MOST_FILES} files match"))
            return found
        for name in names:
            try:
                _read(name, template, defaults, environ, owners, found)
            except ConfigError as error:
                found.problems += [Problem(one.line, one.path, one.message, name) for one in error.problems]
    return found


def _read(
    name: str,
    template: ComponentFiles,
    defaults: Defaults,
    environ: Mapping[str, str],
    owners: dict[str, str],
    found: Found,
) -> None:
    parsed = document.parse(document.text(name), source=name, listed=True)
    report = Report(parsed.lines)
    with suppress(Enough):
        values = expand.expand(parsed.values, environ, report)
        for path, first in parsed.repeated.items():
            report.add(path, f"is written twice; the first is on line {first}")
        spread = _discovered(values, template, report) if document.LIST in values else _written(values, report)
        mine: dict[str, Any] = {}
        for one, fields in spread.components.items():
            if one in owners:
                report.add(("components", one), f"another component has this name, in {owners[one]}")
            else:
                mine[one], owners[one] = fields, File(name).name
        found.components += resolve.resolve(mine, defaults, report)
        found.groups |= spread.groups
    found.read |= report.files
    if report.problems:
        raise ConfigError(report.problems, name)


def _written(values: Mapping[str, Any], report: Report) -> targets.Spread:
    for key in values:
        if key != "components":
            report.add((key,), "unknown key: such a file has components, or is a list as Prometheus' file_sd has it")
    components = values.get("components") or {}
    if not isinstance(components, dict):
        report.add(("components",), "expected a mapping")
        return targets.Spread()
    return targets.spread(components, report)


def _discovered(values: Mapping[str, Any], template: ComponentFiles, report: Report) -> targets.Spread:
    """Groups of `targets` and `labels` as components (prometheus.io/docs: file_sd_config)."""
    spread = targets.Spread()
    for number, group in enumerate(values[document.LIST]):
        at = (document.LIST, number)
        labels = group.get("labels", {}) if isinstance(group, dict) else None
        if not isinstance(group, dict) or not isinstance(labels, dict) or set(group) - {"targets", "labels"}:
            report.add(at, "expected targets and labels, as Prometheus' file_sd has them")
            continue
        told = {label: str(labels[label]) for label in LABELS if labels.get(label)}
        base = told.pop("component", "")
        fields = {**template.fields, **({"kind": template.kind} if template.kind else {}), **told}
        if "kind" not in fields:
            report.add(at, "has no kind: give one beside files, or as the label kind")
            continue
        targets.add(spread, base, {**fields, "targets": group.get("targets", [])}, at, report)
    spread.groups.pop("", None)
    return spread


def _matching(globs: Sequence[str]) -> list[str]:
    return sorted({name for one in globs for name in glob.glob(one, recursive=True) if File(name).is_file()})  # noqa: PTH207
