"""A component that a project's files suggest, and which of several suggestions are taken."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from exporter.config import expand, resolve
from exporter.config.problem import Report
from exporter.config.sections import Defaults
from exporter.config.variables import PORTS
from exporter.init import secret

DATABASES = ("postgres", "mysql", "sqlite")
UNKNOWN = "unknown"
"""Stands for a name that only a variable tells, which is not set here: `check` needs some text."""
_GUESSED = re.compile(r"\$\{(\w+):-([^}]*)\}")


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
    places: set[tuple[str, ...]] = set()
    names: set[str] = set()
    for one in found:
        if isinstance(one, Remark):
            remarks += [one] if one not in remarks else []
            continue
        safe = _without_secrets(one)
        if safe is None:
            remarks.append(Remark(f"{one.origin}: {one.kind} left out: a password stands in its query"))
            continue
        report = Report({})
        fields = expand.expand({"kind": safe.kind, **safe.fields}, environ, report)
        resolve.resolve({safe.name: fields}, Defaults(), report)
        here = {(one.kind, one.place or one.name), (one.kind, *_place(one.kind, fields))}
        if here & places:
            continue
        if report.problems:
            remarks.append(Remark(f"{one.origin}: {one.kind} left out: {report.problems[0].message}"))
            continue
        places |= here
        safe = _asking(safe, environ)
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


def _asking(one: Proposal, environ: Mapping[str, str]) -> Proposal:
    """With a note of the variables that stand in for what is not known here: unset, a default of ours would count."""
    texts = " ".join(value for value in one.fields.values() if isinstance(value, str))
    wanted = [name for name, default in _GUESSED.findall(texts) if not environ.get(name) and default in ("", UNKNOWN)]
    named = [name for name in dict.fromkeys(wanted) if f"set {name}:" not in one.note]
    note = f"set {', '.join(named)}" if named else ""
    return replace(one, note="; ".join(filter(None, (one.note, note))))


def _place(kind: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What two proposals for one server have in common, whichever variable or file says it."""
    text = next(
        (fields[key] for key in ("url", "dsn", "address", "host", "path") if isinstance(fields.get(key), str)), ""
    )
    try:
        url = urlsplit(text)
        port = str(url.port or PORTS.get(kind) or "")
    except ValueError:
        return (text,)
    if "://" not in text:
        return (text.replace("127.0.0.1", "localhost"),)
    host = (url.hostname or "localhost").replace("127.0.0.1", "localhost")
    # Databases of one Redis, and queues of one broker, share all that is measured.
    return (host, port, "" if kind in ("redis", "celery", "rabbitmq", "mongodb") else url.path)
