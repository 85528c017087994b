"""A component that a project's files suggest, and which of several suggestions are taken."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.config import expand, resolve
from exporter.config.problem import Report
from exporter.config.sections import Defaults

_PASSWORD = re.compile(r"(://[^/@:\s]*):(?!\0)[^@/\s]+@")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
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
        one = _without_secrets(one)  # noqa: PLW2901 - what follows must not see them
        if problem := _problem(one, environ):
            remarks.append(Remark(f"{one.origin}: {one.kind} left out: {problem}"))
            continue
        places.add(place)
        name = one.name
        number = 2
        while name in names:
            name = f"{one.name}_{number}"
            number += 1
        names.add(name)
        kept.append(replace(one, name=name))
    first = next((one for one in kept if one.kind in DATABASES), None)
    return [replace(one, critical=one is first) for one in kept], remarks


def _without_secrets(one: Proposal) -> Proposal:
    """A password that stands in a project's file becomes a variable; in a variable's default it is left out."""
    variable = f"{one.name.upper().replace('-', '_')}_PASSWORD" if one.kind != "celery" else "BROKER_PASSWORD"
    fields, asked = dict(one.fields), False
    for key, value in one.fields.items():
        if not isinstance(value, str):
            continue
        held = _PLACEHOLDER.findall(value)
        bare = _PLACEHOLDER.sub("\0", value)  # what stands in a ${…} is no password, but a name or a default
        if _PASSWORD.search(bare):
            bare, asked = _PASSWORD.sub(rf"\1:${{{variable}:-}}@", bare), True
        for placeholder in held:
            bare = bare.replace("\0", _PASSWORD.sub(r"\1@", placeholder), 1)
        fields[key] = bare
    if not asked:
        return replace(one, fields=fields)
    note = f"set {variable}: the password stands in the file"
    return replace(one, fields=fields, note="; ".join(filter(None, (one.note, note))))


def _problem(one: Proposal, environ: Mapping[str, str]) -> str:
    report = Report({})
    fields = expand.expand({"kind": one.kind, **one.fields}, environ, report)
    resolve.resolve({one.name: fields}, Defaults(), report)
    return report.problems[0].message if report.problems else ""
