"""Config and load: the text of exporter.yaml as values, or every problem in it at once."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from exporter.blackbox.probing import Probing
from exporter.component import Component
from exporter.config import component_files, document, expand, fit, modules, resolve, sending, slo, targets, thresholds
from exporter.config.application import (
    Alerting,
    Class,
    Grouping,
    Ingest,
    Measuring,
    Owner,
    Price,
    Retention,
    Scrub,
    Slow,
)
from exporter.config.component_files import Fingerprint
from exporter.config.document import Document
from exporter.config.file import File
from exporter.config.maintenance import Window
from exporter.config.onward import Forward
from exporter.config.problem import ConfigError, Enough, Problem, Report
from exporter.config.sections import Defaults, Tracing, Web
from exporter.nearest import suggestion
from exporter.thresholds import BY_NAME, DEFAULTS, AlertLimit
from exporter.values import Secret

__all__ = ["Config", "ConfigError", "Problem", "build", "load", "read"]


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration. Equal texts give equal values, and equal components need not be touched by a reload."""

    service: str = ""
    environment: str = ""
    components: tuple[Component, ...] = ()
    maintenance: tuple[Window, ...] = ()
    forward: Forward = field(default_factory=Forward)
    tracing: Tracing = field(default_factory=Tracing)
    web: Web = field(default_factory=Web)
    probing: Probing | None = None
    ingest: Ingest = field(default_factory=Ingest)
    services: Mapping[str, Measuring] = field(default_factory=dict)
    thresholds: tuple[AlertLimit, ...] = DEFAULTS
    operations: Mapping[str, Slow] = field(default_factory=dict)
    slos: Mapping[str, slo.Slo] | None = None
    classes: Mapping[str, Class] = field(default_factory=dict)
    owners: tuple[Owner, ...] = ()
    grouping: tuple[Grouping, ...] = ()
    scrub: Scrub = field(default_factory=Scrub)
    ai_prices: Mapping[str, Price] = field(default_factory=dict)
    alertmanager: Alerting = field(default_factory=Alerting)
    retention: Retention = field(default_factory=Retention)
    store: Path | None = None
    """The file of the embedded store, where another than the storage folder's is wanted."""
    database: Secret | None = None
    """PostgreSQL's URL, when errors and events are kept there."""
    concurrency: int = 50
    component_files: tuple[str, ...] = ()
    """Patterns of files that hold components, absolute."""
    files_seen: Fingerprint = field(default=(), compare=False)
    """Those files as they were just before they were read."""
    files_read: Fingerprint = field(default=(), compare=False)
    """The file itself and those that it names, such as by ${file:…}, as they were when they were read."""


def load(text: str | None, *, source: str, environ: Mapping[str, str]) -> Config:
    """The configuration in `text`; None or nothing but comments is the default one. Raises ConfigError."""
    if text is None:
        return Config()
    return build(document.parse(text, source=source), source=source, environ=environ)


def read(path: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Config:
    """The configuration in a file of at most 1 MiB. Raises ConfigError, also when the file can't be read."""
    if path is None:
        return Config()
    source = os.fspath(path)
    itself = component_files.stats([source])  # before it is read: what changes meanwhile is seen later
    config = load(document.text(source), source=source, environ=environ)
    return replace(config, files_read=(*itself, *config.files_read))


def build(parsed: Document, *, source: str, environ: Mapping[str, str]) -> Config:
    """The configuration in a parsed document. Raises ConfigError."""
    report = Report(parsed.lines)
    with suppress(Enough):
        config = _config(parsed, environ, report, Path(source).absolute().parent)
    if report.problems:
        raise ConfigError(report.problems, source)
    return config


def _config(parsed: Document, environ: Mapping[str, str], report: Report, folder: Path) -> Config:
    # `web:` with all its keys commented out is as good as no `web:`.
    values = {key: value for key, value in parsed.values.items() if value is not None}
    values = expand.expand(values, environ, report)
    components = values.get("components", {})
    rest = {key: value for key, value in values.items() if key != "components" or not isinstance(value, dict)}
    file = fit.fit(File, rest, (), report) or File()
    sending.check(rest, report)
    defaults = fit.fit(Defaults, rest.get("defaults", {}), ("defaults",), Report({})) or Defaults()
    if (
        isinstance(rest.get("defaults"), dict)
        and "timeout" in rest["defaults"]
        and defaults.timeout > defaults.interval
    ):
        report.add(("defaults", "timeout"), "timeout is longer than the interval")
    spread = targets.spread(components if isinstance(components, dict) else {}, report)
    resolved = resolve.resolve(spread.components, defaults, report)
    globs = component_files.patterns(file.component_files, folder)
    seen = component_files.fingerprint(globs)
    more = component_files.read(file.component_files, folder, defaults, environ, spread.components)
    report.problems += more.problems
    resolve.check_families((*resolved, *more.components), report)
    groups = spread.groups | more.groups
    known = {one.name for one in (*resolved, *more.components)} | spread.components.keys() | groups.keys()
    # What files hold comes and goes, and must not make the configuration wrong by that.
    if isinstance(components, dict) and not globs:
        _check_windows(values.get("maintenance"), known | components.keys(), report)
    if isinstance(rest.get("slos"), dict):
        slo.check(rest["slos"], None if globs else {one.name for one in resolved} | spread.components.keys(), report)
    limits = thresholds.read(rest.get("thresholds"), BY_NAME, ("thresholds",), report)
    store, database = _store(file.store, report)
    for path, first in parsed.repeated.items():
        report.add(path, f"is written twice; the first is on line {first}")
    return Config(
        service=file.service,
        environment=file.environment,
        components=(*resolved, *more.components),
        maintenance=tuple(_spread(window, groups) for window in file.maintenance),
        forward=file.forward,
        tracing=file.tracing,
        web=file.web,
        probing=modules.read(file.probe, folder, report) if file.probe is not None else None,
        ingest=file.ingest,
        services=file.services,
        thresholds=tuple(AlertLimit(*one) for one in limits),
        operations=file.operations,
        slos=file.slos,
        classes=file.classes,
        owners=file.owners,
        grouping=file.grouping,
        scrub=file.scrub,
        ai_prices=file.ai_prices,
        alertmanager=file.alertmanager,
        retention=file.retention,
        store=store,
        database=database,
        concurrency=file.concurrency,
        component_files=globs,
        files_seen=seen,
        files_read=tuple(sorted(report.files | more.read)),
    )


def _store(given: Secret | None, report: Report) -> tuple[Path | None, Secret | None]:
    if given is None or report.blames(("store",)):
        return None, None
    scheme, _, path = given.reveal().partition(":")
    if scheme in ("postgresql", "postgres"):
        return None, given
    if scheme != "sqlite" or not path or path.startswith("//"):
        report.add(
            ("store",),
            "expected sqlite:PATH, such as sqlite:/var/lib/stack-exporter/stack-exporter.db, or postgresql://…",
        )
    return Path(path), None


def _spread(window: Window, groups: Mapping[str, tuple[str, ...]]) -> Window:
    """With the components of a group in place of its name."""
    if isinstance(window.components, str):
        return window
    names = (part for name in window.components for part in groups.get(name, (name,)))
    return structs.replace(window, components=tuple(names))


def _check_windows(windows: Any, components: Collection[str], report: Report) -> None:
    """Whether components of these names are written, right or wrong."""
    for number, window in enumerate(windows if isinstance(windows, list) else ()):
        names = window.get("components") if isinstance(window, dict) else None
        for index, name in enumerate(names if isinstance(names, list) else ()):
            path = ("maintenance", number, "components", index)
            if not isinstance(name, str) or name in components:
                continue
            # A component's name is no secret; what came from a variable may be one.
            shown = name if resolve.NAME.fullmatch(name) and path not in report.expanded else "so"
            if not report.blames(path):
                report.add(path, f"no component is named {shown}{suggestion(name, components)}")
