"""The file of `probe.modules`: the modules in blackbox_exporter's configuration, or every problem in it."""

import importlib.util
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path as File
from typing import Any

import msgspec
from msgspec import Struct

from exporter.blackbox.access import Access, network
from exporter.blackbox.probing import Probing
from exporter.blackbox.settings import Module
from exporter.config import document, fit
from exporter.config.problem import ConfigError, Enough, Path, Problem, Report
from exporter.config.sections import Probing as Section
from exporter.nearest import suggestion

DRIVERS = {"dns": "dns", "grpc": "h2"}
"""What a prober imports; the extra that brings it has the prober's name."""


def read(section: Section, folder: File, report: Report) -> Probing | None:
    """The modules and whom they may ask; None with the reasons in `report`. A relative file is taken from `folder`."""
    for number, entry in enumerate(section.allow):
        if network(entry) is None and (not entry or "/" in entry or ":" in entry or entry.replace(".", "").isdigit()):
            report.add(("probe", "allow", number), "is neither a network (CIDR), nor an address, nor a host name")
    try:
        with (folder / section.modules).open("rb") as file:
            report.read(str(folder / section.modules), os.fstat(file.fileno()))
            content = file.read(document.LARGEST + 1)
        text = content.decode()
    except OSError as error:
        report.add(("probe", "modules"), f"can't be read: {error.strerror}")
        return None
    except UnicodeDecodeError:
        report.add(("probe", "modules"), "is not UTF-8")
        return None
    try:
        return Probing(modules(text, section.modules), Access(section.allow))
    except ConfigError as error:
        report.problems += [Problem(one.line, one.path, one.message, error.source) for one in error.problems]
        return None


def modules(text: str, source: str) -> Mapping[str, Module]:
    """The modules by name. Raises ConfigError."""
    parsed = document.parse(text, source=source, foreign=True)
    report = Report(parsed.lines)
    # Go's YAML makes of a scalar what its field wants: 220 is a text where one is expected.
    report.plain.update(parsed.plain)
    found: dict[str, Module] = {}
    with suppress(Enough):
        for path, first in parsed.repeated.items():
            report.add(path, f"is written twice; the first is on line {first}")
        for key in parsed.values.keys() - {"modules"}:
            report.add((key,), f"unknown key{suggestion(key, ('modules',))}")
        written = parsed.values.get("modules") or {}
        if not isinstance(written, dict):
            report.add(("modules",), "expected a mapping of modules by name")
            written = {}
        for name, fields in written.items():
            if (module := _module(fields, ("modules", name), report)) is not None:
                found[name] = module
    if report.problems:
        raise ConfigError(report.problems, source)
    return found


def _module(fields: Any, path: Path, report: Report) -> Module | None:
    if not isinstance(fields, dict):
        report.add(path, "expected a mapping with a prober")
        return None
    fields = _without_nothing(fields)
    prober = fields.get("prober")
    if isinstance(prober, str) and (why := Module.unsupported.get(prober)):
        report.add((*path, "prober"), why)
        return None
    if isinstance(prober, str) and prober in DRIVERS and importlib.util.find_spec(DRIVERS[prober]) is None:
        report.add((*path, "prober"), f"needs {DRIVERS[prober]}: pip install 'stack-exporter[{prober}]'")
    return fit.fit(Module, _supported(Module, fields, path, report), path, report)


def _without_nothing(value: Any) -> Any:
    """A key without a value is as good as no key, as in Go's YAML."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value


def _supported(wanted: Any, value: Any, path: Path, report: Report) -> Any:
    """The value without what blackbox has and we have not, each of which is reported."""
    for member in fit.members(wanted):
        if isinstance(value, dict) and isinstance(member, type) and issubclass(member, Struct):
            refused: Mapping[str, str] = getattr(member, "unsupported", {})
            fields = {field.encode_name: field.type for field in msgspec.structs.fields(member)}
            for key in refused.keys() & value.keys():
                report.add((*path, key), refused[key])
            return {
                key: _supported(fields.get(key, Any), item, (*path, key), report)
                for key, item in value.items()
                if key not in refused
            }
    return value
