"""A component that a project's files suggest, and which of several suggestions are taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.config import expand, resolve
from exporter.config.problem import Report
from exporter.config.sections import Defaults
from exporter.init import secret

DATABASES = ("postgres", "mysql", "sqlite")


@dataclass(frozen=True, slots=True)
class Proposal:
    """`fields` are YAML keys without `kind`, secrets as ${NAME}; `place` tells whether two are the same component."""

    name: str
    kind: str
    fields: Mapping[str, Any]
    origin: str
    place: str = ""
    note: str = ""
    """What the reader should do, or may want to know."""
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What was found and could not become a component; `text` shows no secret."""

    text: str


def chosen(found: Iterable[Proposal | Remark], environ: Mapping[str, str]) -> tuple[list[Proposal], list[Remark]]:
    """Each component once, by a name of its own, and only what the configuration will accept; the rest is remarked."""
    kept: list[Proposal] = []
    remarks: list[Remark] = []
    places: set[tuple[str, str]] = set()
    names: set[str] = set()
    for one in found:
        if isinstance(one, Remark):
            remarks += [one] if one not in remarks else []
            continue
        place = (one.kind, one.place or one.name)
        if place in places:
            continue
        safe = _without_secrets(one)
        problem = _problem(safe, environ) if safe is not None else "a password stands in its query"
        if safe is None or problem:
            remarks.append(Remark(f"{one.origin}: {one.kind} left out: {problem}"))
            continue
        places.add(place)
        name = safe.name
        number = 2
        while name in names:
            name = f"{safe.name}_{number}"
            number += 1
        names.add(name)
        kept.append(replace(safe, name=name))
    first = next((one for one in kept if one.kind in DATABASES), None)
    return [replace(one, critical=one is first) for one in kept], remarks


def _without_secrets(one: Proposal) -> Proposal | None:
    """A password that stands in a project's file becomes a variable; None where it can't be told from the rest."""
    variable = f"{one.name.upper().replace('-', '_')}_PASSWORD" if one.kind != "celery" else "BROKER_PASSWORD"
    fields, asked = dict(one.fields), False
    for key, value in one.fields.items():
        if not isinstance(value, str):
            continue
        safe = secret.without(value, variable)
        if safe is None:
            return None
        fields[key] = safe[0]
        asked = asked or safe[1]
    if not asked:
        return replace(one, fields=fields)
    note = f"set {variable}: the password stands in the file"
    return replace(one, fields=fields, note="; ".join(filter(None, (one.note, note))))


def _problem(one: Proposal, environ: Mapping[str, str]) -> str:
    report = Report({})
    fields = expand.expand({"kind": one.kind, **one.fields}, environ, report)
    resolve.resolve({one.name: fields}, Defaults(), report)
    return report.problems[0].message if report.problems else ""
