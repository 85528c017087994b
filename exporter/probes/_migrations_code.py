"""What the code expects of the database: from its files, or as somebody tells it."""

import re
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from exporter.probe import Down
from exporter.probes import _migrations_alembic as alembic
from exporter.probes import _migrations_django as django
from exporter.probes._migrations_files import Sources, text
from exporter.probes._migrations_state import Standing

Tool = Literal["alembic", "django"]
Rows = Sequence[tuple[str, ...]]

AFRESH = 60.0
"""Seconds until folders of migrations are looked for anew: walking through a project costs more than all the rest."""
_REVISION = re.compile(r"\s*([^\s#]+)")
_MIGRATION = re.compile(r"\s*(?:\[[ X-]\]\s+)?(\w+\.\w+)")


class Code(Protocol):
    where: str
    """What is read, for people."""

    def read(self, until: float) -> int:
        """How many migrations are expected. Blocks until then at most; raises Down."""

    def standing(self, rows: Rows) -> Standing:
        """How the tool's table stands to what was read last. Raises Down."""


class Files:
    """The code itself."""

    def __init__(self, tool: Tool, paths: Sequence[str], apps: Sequence[str]) -> None:
        self.where = ", ".join(paths)
        self._tool = tool
        self._paths = paths
        self._apps = apps
        self._revisions = Sources(alembic.revision)
        self._history: dict[str, alembic.Revision] = {}
        self._sources: dict[str, Sources[django.Migration]] = {}
        self._labels: dict[str, Sources[str]] = {}
        self._migrations: dict[django.Name, django.Migration] = {}
        self._looked = 0.0

    def read(self, until: float) -> int:
        if self._tool == "alembic":
            self._history = alembic.history(self._revisions.read(alembic.files(self._paths), until))
            return len(self._history)
        if not self._sources or time.monotonic() - self._looked > AFRESH:
            self._look()
        found: dict[django.Name, django.Migration] = {}
        for folder, source in self._sources.items():
            app = django.app(folder, self._labels[folder], until)
            if not self._apps or app in self._apps:
                found.update({(app, one.name): one for one in source.read(django.files(folder), until)})
        if missing := set(self._apps) - {app for app, _ in found}:
            raise Down("no_code", f"no migrations of {', '.join(sorted(missing))} at {self.where}"[:200])
        if not found:
            raise Down("no_code", f"there are no migrations at {self.where}"[:200])
        self._migrations = found
        return len(found)

    def _look(self) -> None:
        folders = django.folders(self._paths)
        self._sources = {folder: self._sources.get(folder) or Sources(django.migration) for folder in folders}
        self._labels = {folder: self._labels.get(folder) or Sources(django.configured) for folder in folders}
        self._looked = time.monotonic()

    def standing(self, rows: Rows) -> Standing:
        if self._tool == "alembic":
            return alembic.standing(self._history, {row[0] for row in rows})
        return django.standing(self._migrations, [(row[0], row[1]) for row in rows])


class Told:
    """Names of what is expected."""

    def __init__(self, tool: Tool, names: Sequence[str], file: str) -> None:
        self.where = file or "what is expected"
        self._tool = tool
        self._names = tuple(sorted(set(names)))
        self._file = file

    def read(self, until: float) -> int:  # noqa: ARG002 - it is one file
        if self._file:
            form = _REVISION if self._tool == "alembic" else _MIGRATION
            found = {match[1] for line in text(self._file).splitlines() if (match := form.match(line))}
            self._names = tuple(sorted(found))
            if not found:
                raise Down("no_code", f"{self._file} names no migration"[:200])
        return len(self._names)

    def standing(self, rows: Rows) -> Standing:
        stored = {".".join(row) for row in rows}
        missing = tuple(name for name in self._names if name not in stored)
        if self._tool == "alembic":
            other = stored != set(self._names)
            # Of revisions alone nobody can tell which comes after which.
            ends = {"": tuple(sorted(stored))}, {"": self._names}
            return Standing(*ends, applied=None, pending=None if other else (), unknown=None, other=other)
        last = {name.partition(".")[0]: (name.partition(".")[2],) for name in self._names}
        there = {row[0]: (row[1],) for row in rows if row[0] in last}
        return Standing(there, last, applied=len(self._names) - len(missing), pending=missing, unknown=None)
