"""Which components does the environment name? Shows nothing of their values but host and port."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from exporter import catalogue
from exporter.config import Config
from exporter.config.problem import Report
from exporter.config.resolve import resolve
from exporter.config.sections import Defaults
from exporter.config.variables import HTTP, KINDS, Found, names_something, read

# The order decides which variable names a component that several of them mean.
FIRST = ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "PGHOST", "REDIS_URL", "VALKEY_URL", "CACHE_URL")
PRIMARY, DATABASES = FIRST[:4], ("postgres", "mysql", "sqlite")
"""Where the application's own database is named: the first found is critical, as without it nothing works."""


def found(environ: Mapping[str, str]) -> list[Found]:
    """What the environment names, one for each target, with those that can't be probed."""
    built = catalogue.kinds()
    targets: dict[tuple[str, ...], Found] = {}
    names: set[str] = set()
    for variable in sorted(environ, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        if not environ[variable] or not names_something(variable):
            continue
        for target, one in read(variable, environ):
            if target in targets:
                known = targets[target]
                targets[target] = replace(known, variable=f"{known.variable}, {variable}")
                continue
            name = _free(one.name, names)
            names.add(name)
            unknown = one.probed and one.kind not in built
            targets[target] = replace(_skipped(one, f"there is no kind {one.kind}") if unknown else one, name=name)
    return list(targets.values())


def schemes() -> list[tuple[str, list[str], bool]]:
    """Kind, the schemes by which it is known, and whether it is built."""
    built = catalogue.kinds()
    kinds = dict.fromkeys(KINDS.values())
    found = [(kind, [scheme for scheme, of in KINDS.items() if of == kind], kind in built) for kind in kinds]
    found += [(kind, ["http", "https"], kind in built) for kind in dict.fromkeys(HTTP.values())]
    return [("celery", ["redis", "rediss", "amqp", "amqps"], "celery" in built), *found]


def always(state: Path | None, listen: str, *, tls: bool = False) -> dict[str, dict[str, Any]]:
    """Fields of what is there on every machine: the host, a disk, the state file, our own listener (host:port)."""
    port = listen.rpartition(":")[2]
    host = listen.rpartition(":")[0]
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    built = catalogue.kinds()
    fields: dict[str, dict[str, Any]] = {"host": {"kind": "host"}}
    # Without a folder for state nothing is written, and the root may be read-only, as in a container.
    fields["disk"] = (
        {"kind": "disk", "path": str(state.parent)} if state else {"kind": "disk", "path": "/", "writable": False}
    )
    if state:
        fields["state"] = {"kind": "sqlite", "path": str(state)}
    if port == "0":
        pass  # which it will be is known once it listens
    elif "http" in built and not tls:
        fields["listener"] = {"kind": "http", "url": f"http://{host}:{port}/livez"}
    else:
        fields["listener"] = {"kind": "tcp", "address": f"{host}:{port}"}
    return {name: one for name, one in fields.items() if one["kind"] in built}


def configuration(
    environ: Mapping[str, str], *, state: Path | None, listen: str, tls: bool = False
) -> tuple[Config, list[Found]]:
    """The configuration of a start without a file, and what was found; what is found and not valid is not probed."""
    components = list(resolve(always(state, listen, tls=tls), Defaults(), Report({})))
    taken = {component.name for component in components}
    seen: list[Found] = []
    primary = ""
    for named in found(environ):
        one = replace(named, name=_free(named.name, taken))
        if not primary and one.probed and one.kind in DATABASES and one.variable.split(",")[0] in PRIMARY:
            primary = one.name
            one = replace(one, fields={**one.fields, "critical": True})
        taken.add(one.name)
        report = Report({})
        if one.probed:
            components += resolve({one.name: one.fields}, Defaults(), report)
        seen.append(_skipped(one, report.problems[0].message) if report.problems else one)
    return Config(components=tuple(components)), seen


def _free(name: str, taken: set[str]) -> str:
    return next(free for free in chain((name,), (f"{name}_{number}" for number in count(2))) if free not in taken)


def _skipped(one: Found, why: str) -> Found:
    if "expected a URL" in why:
        # The kind's own words name its whole form, which here, in a table, hides the usual cause.
        note = "not probed: not a URL (a special character must be percent-encoded)"
    else:
        note = f"{one.note}: not probed, {why}"
    return replace(one, fields={}, note=note)
