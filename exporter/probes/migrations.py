"""Is the database's schema at the revision that the code expects? For Alembic and Django.

The code is parsed and never imported, or told by what it expects, as a sidecar does not see the application's files.
"""

import re
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.metric import gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _migrations_code, _sql_database
from exporter.probes._migrations_state import Standing, label
from exporter.probes._sql_database import Database
from exporter.probes._threads import Lane
from exporter.values import Secret

UP_TO_DATE = gauge(
    "stack_migrations_up_to_date", "Whether the database is exactly where the code expects it: 1 or 0.", "component"
)
APPLIED = gauge("stack_migrations_applied", "Migrations that are applied, of those that the code knows.", "component")
EXPECTED = gauge("stack_migrations_expected", "Migrations that the code has, or that are expected.", "component")
PENDING = gauge("stack_migrations_pending", "Migrations of the code that the database has not.", "component")
UNKNOWN = gauge("stack_migrations_unknown", "Migrations in the database that the code does not know.", "component")
INFO = info(
    "stack_migrations_info",
    "Where the database is and where the code expects it: revisions, or with Django the last migration of each app.",
    "component",
    "tool",
    "app",
    "current",
    "expected",
)

ROWS = 20_000
"""Rows that are read of Django's table, which has one for each migration ever applied."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}(\.[A-Za-z_][A-Za-z0-9_$]{0,62})?")


class Migrations(Probe, kw_only=True, frozen=True):
    """Is the database's schema at the revision that the code expects? For Alembic and Django."""

    reasons: ClassVar[Mapping[str, str]] = {
        **{word: says for word, says in _sql_database.REASONS.items() if word not in ("no_table", "write")},
        "not_migrated": "Nothing was ever migrated: the tool's table is not there, or is empty.",
        "pending": "The code has migrations that the database has not.",
        "ahead": "The database has migrations that the code does not know: newer code was there, or this is older.",
        "other_revision": "The database is at another revision than the expected one; which is newer is not known.",
        "multiple_heads": "The code's history has branches that were never merged: the tool refuses to migrate.",
        "no_code": "There is nothing at path, or at expected_file, that tells what is expected.",
        "unreadable_code": "A file of the code can't be read, or only by running it; or not all are read in time yet.",
        "broken_code": "The code's history has a hole, a circle, or a revision twice: the tool refuses it.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("pending", PENDING, "number", "Migrations of the code that the database has not."),
    )
    example: ClassVar[str] = """\
dsn: ${DATABASE_URL}
tool: alembic
path: /srv/shop/migrations
"""
    drivers: ClassVar[tuple[str, ...]] = ("asyncpg", "pymysql")

    dsn: Annotated[
        Secret,
        Meta(
            description="postgresql://user:password@host/database, mysql://… or sqlite:////path, "
            "also as Django or SQLAlchemy have it.",
            examples=["postgresql://database/shop"],
        ),
    ]
    password: Annotated[Secret, Meta(description="The password; it wins over one in the DSN.")] = Secret("")
    tool: Annotated[Literal["alembic", "django"], Meta(description="What migrates.", examples=["alembic"])]
    path: Annotated[
        str | tuple[str, ...],
        Meta(
            description="Where the code's migrations are: Alembic's `versions` folder, or the one that holds it; for "
            "Django a project's root, or folders of `migrations`. Several when they are in several places."
        ),
    ] = ()
    expected: Annotated[
        str | tuple[str, ...],
        Meta(
            description="In place of path what is expected: revisions of Alembic's heads; for Django migrations that "
            "must be applied, as app.name."
        ),
    ] = ()
    expected_file: Annotated[
        str,
        Meta(
            description="A file that tells it, one a line, read at each run: what `alembic heads` prints, or "
            "`manage.py showmigrations --plan`."
        ),
    ] = ""
    apps: Annotated[
        tuple[str, ...], Meta(description="Django: the labels of the apps that count; by default all found at path.")
    ] = ()
    table: Annotated[
        str, Meta(description="The tool's table, also schema.table; by default alembic_version or django_migrations.")
    ] = ""
    multiple_heads: Annotated[bool, Meta(description="Alembic: several heads are meant (`upgrade heads`).")] = False

    def __post_init__(self) -> None:
        try:
            _sql_database.database(self.dsn.reveal(), self.password.reveal())
        except ValueError as error:
            raise ValueError(f"dsn: {error}") from None
        if sum(map(bool, (self.path, self.expected, self.expected_file))) != 1:
            raise ValueError("path: expected one of path, expected and expected_file")
        for field, places in (("path", _several(self.path)), ("expected_file", _several(self.expected_file))):
            if not all(place.startswith("/") for place in places):
                raise ValueError(f"{field}: expected an absolute path, such as /srv/shop")
        if self.table and not _NAME.fullmatch(self.table):
            raise ValueError("table: expected a name such as alembic_version or shop.alembic_version")
        if self.tool == "django" and not all(re.fullmatch(r"\w+\.\w+", one) for one in _several(self.expected)):
            raise ValueError("expected: a migration of Django's is app.name, such as orders.0004_refund")
        if self.apps and (self.tool != "django" or not self.path):
            raise ValueError("apps: only what Django's path holds can be narrowed down")
        if self.multiple_heads and self.tool != "alembic":
            raise ValueError("multiple_heads: is Alembic's alone")

    @cached_property
    def _database(self) -> Database:
        return _sql_database.database(self.dsn.reveal(), self.password.reveal())

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    @cached_property
    def _code(self) -> _migrations_code.Code:
        if self.path:
            return _migrations_code.Files(self.tool, _several(self.path), self.apps)
        return _migrations_code.Told(self.tool, _several(self.expected), self.expected_file)

    @property
    def _table(self) -> str:
        return self.table or {"alembic": "alembic_version", "django": "django_migrations"}[self.tool]

    @property
    def needs(self) -> tuple[str, ...]:
        return self._database.drivers

    async def run(self, out: Readings) -> None:
        problem = None
        try:
            began = time.monotonic()
            # Half of the time at most: what the database has to say is worth as much.
            half = (out.deadline - began) / 2
            what = f"reading {self._code.where}"
            with out.phase("code"):
                expected = await self._lane.call(began + half, what, self._code.read, began + half * 0.8)
            out.set(EXPECTED, expected)
        except Down as down:
            problem = down
        rows = await self._rows(out)
        if not rows:
            out.set(UP_TO_DATE, 0)
            out.set(APPLIED, 0)
            raise Down("not_migrated", f"the table {self._table} is empty, or not there")
        if problem is not None:
            out.degraded(problem.reason, problem.detail)
            return
        try:
            standing = self._code.standing(rows)
        except Down as down:
            out.degraded(down.reason, down.detail)
            return
        self._report(standing, out)

    async def _rows(self, out: Readings) -> list[tuple[str, ...]]:
        quote = self._database.quote
        name = ".".join(f"{quote}{part}{quote}" for part in self._table.split("."))
        wanted = "version_num" if self.tool == "alembic" else "app, name"
        order = "" if self.tool == "alembic" else " ORDER BY id"
        try:
            query = f"SELECT {wanted} FROM {name}{order}"  # noqa: S608 - a name that __post_init__ has checked
            answer = await self._database.ask(out, query, ROWS, self)
        except Down as down:
            if down.reason != "no_table":
                raise
            return []
        return [tuple(map(str, row)) for row in answer.rows]

    def _report(self, standing: Standing, out: Readings) -> None:
        branched = () if self.multiple_heads else standing.branched
        right = not (standing.unknown or standing.pending or standing.other)
        out.set(UP_TO_DATE, float(right))
        if standing.unknown is not None:
            out.set(UNKNOWN, len(standing.unknown))
        if standing.applied is not None:
            out.set(APPLIED, standing.applied)
        if standing.pending is not None:
            out.set(PENDING, len(standing.pending))
        for app in sorted({*standing.heads, *standing.current}):
            out.set(INFO, 1, self.tool, app, label(standing.current.get(app, ())), label(standing.heads.get(app, ())))
        if standing.unknown:
            out.degraded("ahead", f"not in the code: {_listed(standing.unknown)}")
        if standing.other:
            current, heads = (label(there.get("", ())) for there in (standing.current, standing.heads))
            out.degraded("other_revision", f"the database is at {current}, expected is {heads}"[:200])
        if branched:
            where = _listed(branched) or _listed(standing.heads.get("", ()))
            out.degraded("multiple_heads", f"several heads: {where}")
        if standing.pending:
            out.degraded("pending", f"not applied: {_listed(standing.pending)}")


def _several(written: str | tuple[str, ...]) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) and written else tuple(written)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more"[:170] if len(names) > 3 else shown[:170]
