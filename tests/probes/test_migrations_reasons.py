"""Every reason of the kind migrations, and what provokes it; and configurations that are refused."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from exporter.probes.migrations import Migrations
from tests import hostile, probing
from tests.mounts import mounted
from tests.probes import unanswered
from tests.probing import component, probe, readings

pytestmark = pytest.mark.xdist_group("migrations_reasons")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with unanswered.postgres() as server:
        yield server


def alembic(tmp: Path, *revisions: str, stored: str = "a") -> dict[str, Any]:
    """Fields of a component with revisions `id<before` in files, and a database at one of them."""
    (tmp / "versions").mkdir(exist_ok=True)
    for number, text in enumerate(revisions):
        id_, _, before = text.partition("<")
        (tmp / "versions" / f"{number}.py").write_text(f"revision = {id_!r}\ndown_revision = {before or None!r}\n")
    with closing(sqlite3.connect(tmp / "x.db")) as made, made:
        made.execute("CREATE TABLE alembic_version (version_num TEXT)")
        if stored:
            made.execute("INSERT INTO alembic_version VALUES (?)", (stored,))
    return {"tool": "alembic", "dsn": f"sqlite:///{tmp}/x.db", "path": str(tmp / "versions")}


def told(provoke: unanswered.Provoke) -> unanswered.Provoke:
    """The same for a component that asks for Django's rows in the table `revisions`, and is told what to expect."""

    @contextmanager
    def fields(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with provoke(server, tmp) as given:
            yield {"tool": "alembic", "expected": "a", "table": "revisions"} | given

    return fields


def here(make: Callable[[Path], dict[str, Any]]) -> unanswered.Provoke:
    return lambda _, tmp: contextlib.nullcontext(make(tmp))


@contextmanager
def hung_code(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
    given = alembic(tmp, "a")
    with mounted(tmp / "m", "fuse", "hang") as path:
        yield given | {"path": str(path), "timeout": 1.0}


def barred(tmp: Path) -> dict[str, Any]:
    given = alembic(tmp, "a")
    (tmp / "versions" / "0.py").write_text("revision = 'a")
    return given


TABLE = {reason: told(provoke) for reason, provoke in unanswered.TABLE.items()} | {
    "not_migrated": here(lambda tmp: alembic(tmp, "a", stored="")),
    "pending": here(lambda tmp: alembic(tmp, "a", "b<a")),
    "ahead": here(lambda tmp: alembic(tmp, "a", stored="b")),
    "other_revision": here(lambda tmp: alembic(tmp) | {"path": "", "expected": "b"}),
    "multiple_heads": here(lambda tmp: alembic(tmp, "a", "b<a", "c<a")),
    "no_code": here(lambda tmp: alembic(tmp)),
    "unreadable_code": here(barred),
    "broken_code": here(lambda tmp: alembic(tmp, "a", "b<c")),
}
DEGRADED = {"pending", "ahead", "other_revision", "multiple_heads", "no_code", "unreadable_code", "broken_code"}


@pytest.mark.parametrize("reason", TABLE)
def test_a_reason_is_given_for_what_provokes_it(reason: str, server: Any, tmp_path: Path) -> None:
    with TABLE[reason](server, tmp_path) as fields:
        for loop in (asyncio.run, uvloop.run):
            result = loop(probing.run("migrations", **fields))
            expected = "degraded" if reason in DEGRADED else "unhealthy"
            assert (result.outcome, result.reason) == (expected, reason), result.detail
            assert len(result.detail) <= 200
            assert result.detail.isprintable()


def test_each_declared_reason_is_provoked() -> None:
    assert set(TABLE) == set(Migrations.reasons)


def test_code_on_a_mount_that_hangs_leaves_time_to_ask_the_database(tmp_path: Path) -> None:
    with hung_code(None, tmp_path) as fields:
        result = probe("migrations", **fields)
        assert (result.outcome, result.reason) == ("degraded", "hung")
        assert [(phase.name, phase.duration < 0.8) for phase in result.phases] == [("code", True), ("query", True)]
        result = probe("migrations", **fields | {"dsn": "sqlite:////nowhere.db"})
        assert (result.outcome, result.reason) == ("unhealthy", "missing")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_mute_server_is_a_timeout_and_what_is_expected_is_still_told(scheme: str, tmp_path: Path) -> None:
    with hostile.serving(hostile.mute, ask=False) as found:
        fields = alembic(tmp_path, "a", "b<a") | {"dsn": f"{scheme}://u@{found.address}/x"}
        result = probe("migrations", timeout=0.3, **fields)
    assert (result.outcome, result.reason) == ("unhealthy", "timeout")
    assert readings(result) == {"stack_migrations_expected": 2}


def test_a_database_that_was_never_migrated_has_nothing_applied(tmp_path: Path) -> None:
    fields = alembic(tmp_path, "a", "b<a", stored="")
    everything = {
        "stack_migrations_up_to_date": 0,
        "stack_migrations_applied": 0,
        "stack_migrations_expected": 2,
    }
    assert readings(probe("migrations", **fields)) == everything
    result = probe("migrations", **fields, table="other")
    assert (result.reason, result.detail) == ("not_migrated", "the table other is empty, or not there")
    assert readings(result) == everything


@pytest.mark.parametrize("path", ["versions", "versions/0.py", "versions/0.py/x"])
def test_a_path_that_is_not_there_or_no_folder(path: str, tmp_path: Path) -> None:
    fields = alembic(tmp_path, "a")
    result = probe("migrations", **fields | {"path": f"{tmp_path}/{path}/more"})
    assert (result.outcome, result.reason) == ("degraded", "no_code")


def test_an_expected_file_that_names_nothing(tmp_path: Path) -> None:
    fields = alembic(tmp_path, "a")
    del fields["path"]
    file = tmp_path / "expected"
    for text in (None, "", "\n# none\n"):
        if text is not None:
            file.write_text(text)
        result = probe("migrations", **fields, expected_file=str(file))
        assert (result.outcome, result.reason) == ("degraded", "no_code"), text
    result = probe("migrations", **fields, expected_file=str(tmp_path))
    assert (result.outcome, result.reason) == ("degraded", "unreadable_code")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dsn": "oracle://x"}, "dsn: expected a URL such as"),
        ({"dsn": "sqlite:///x.db"}, "dsn: a SQLite file's path is absolute"),
        ({"dsn": "postgresql://u@h/x?sslmode=maybe"}, "dsn: sslmode is one of"),
        ({"dsn": "mysql://h/x"}, "dsn: the URL names no user"),
        ({"path": ""}, "path: expected one of path, expected and expected_file"),
        ({"expected": "a"}, "path: expected one of path, expected and expected_file"),
        ({"path": "versions"}, "path: expected an absolute path"),
        ({"path": "", "expected_file": "heads"}, "expected_file: expected an absolute path"),
        ({"table": "x; DROP TABLE y"}, "table: expected a name such as"),
        ({"table": 'x"y'}, "table: expected a name such as"),
        ({"apps": ["orders"]}, "apps: only what Django's path holds"),
        ({"tool": "django", "path": "", "expected": "a1"}, "expected: a migration of Django's is app.name"),
        ({"tool": "django", "multiple_heads": True}, "multiple_heads: is Alembic's alone"),
        ({"tool": "flyway"}, "Invalid enum value"),
    ],
)
def test_a_configuration_that_is_refused(fields: dict[str, Any], message: str) -> None:
    good = {"dsn": "sqlite:////x.db", "tool": "alembic", "path": "/versions"}
    component("migrations", **good)
    with pytest.raises(msgspec.ValidationError, match=message):
        component("migrations", **good | fields)
