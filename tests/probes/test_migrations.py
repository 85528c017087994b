"""What the kind migrations sees of schemas that real Alembic made, on SQLite, PostgreSQL and MariaDB."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.probes.migrating import Alembic
from tests.probing import Found, probe, readings
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.xdist_group("mariadb")

HISTORY = (
    "revision -m first --rev-id a1",
    "revision -m second --rev-id a2",
    "upgrade a1",
    "revision -m other --rev-id b2 --head a1 --splice",
    "merge -m both --rev-id c3 a2 b2",
    "revision -m own --rev-id e1 --head base --branch-label extra --depends-on b2",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of four revisions and a branch of its own; a database at the first."""
    folder = tmp_path_factory.mktemp("alembic")
    Alembic.made(folder).run(*HISTORY, url=f"sqlite:///{folder}/x.db")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Alembic:
    """Its merged part alone, and its database."""
    shutil.copytree(made, tmp_path / "p")
    next((tmp_path / "p" / "script" / "versions").glob("e1*")).unlink()
    return Alembic(tmp_path / "p")


def looked(project: Alembic, **fields: Any) -> tuple[str, str, str, Found]:
    given = {"tool": "alembic", "path": str(project.versions), "dsn": f"sqlite:///{project.folder}/x.db"} | fields
    if "expected" in given or "expected_file" in given:
        del given["path"]
    result = probe("migrations", **given)
    return result.outcome, result.reason, result.detail, readings(result)


def where(current: str, expected: str) -> dict[str, float]:
    return {f'stack_migrations_info{{tool="alembic",app="",current="{current}",expected="{expected}"}}': 1}


UP_TO_DATE = {
    "stack_migrations_up_to_date": 1,
    "stack_migrations_applied": 4,
    "stack_migrations_expected": 4,
    "stack_migrations_pending": 0,
    "stack_migrations_unknown": 0,
} | where("c3", "c3")


def test_what_is_not_applied_is_pending_until_alembic_applies_it(project: Alembic) -> None:
    assert looked(project) == (
        "degraded",
        "pending",
        "not applied: a2, b2, c3",
        {
            "stack_migrations_up_to_date": 0,
            "stack_migrations_applied": 1,
            "stack_migrations_expected": 4,
            "stack_migrations_pending": 3,
            "stack_migrations_unknown": 0,
        }
        | where("a1", "c3"),
    )
    project.run("upgrade head", url=f"sqlite:///{project.folder}/x.db")
    assert looked(project) == ("healthy", "", "", UP_TO_DATE)
    assert looked(project, path=[str(project.script)]) == ("healthy", "", "", UP_TO_DATE)


def test_on_postgresql_in_a_schema_of_its_own(project: Alembic) -> None:
    with servers.postgres() as server:
        assert looked(project, dsn=server.url)[:3] == (
            "unhealthy",
            "not_migrated",
            "the table alembic_version is empty, or not there",
        )
        server.sql(project.run("upgrade heads --sql"))
        assert looked(project, dsn=server.url) == ("healthy", "", "", UP_TO_DATE)
        server.sql("CREATE SCHEMA shop; ALTER TABLE alembic_version SET SCHEMA shop; DELETE FROM shop.alembic_version")
        server.sql("INSERT INTO shop.alembic_version VALUES ('a2'), ('b2')")
        assert looked(project, dsn=server.url)[1] == "not_migrated"
        found = looked(project, dsn=server.url, table="shop.alembic_version")
        assert found[:3] == ("degraded", "pending", "not applied: c3")
        assert found[3].items() >= where("a2,b2", "c3").items()
        of_its_schema = f"{server.url}?options=-csearch_path%3Dshop"
        assert looked(project, dsn=of_its_schema)[1] == "pending"


@pytest.mark.debian
def test_on_mariadb_with_a_table_of_another_name(project: Alembic, mariadb_server: MariaDB) -> None:
    mariadb_server.sql("DROP DATABASE IF EXISTS by_alembic", "CREATE DATABASE by_alembic")
    dsn = mariadb_server.dsn("by_alembic")
    project.run("upgrade head", url=dsn.replace("mysql:", "mysql+pymysql:"), TABLE="revision")
    assert looked(project, dsn=dsn, table="revision") == ("healthy", "", "", UP_TO_DATE)
    assert looked(project, dsn=dsn)[1] == "not_migrated"


def test_a_database_that_newer_code_migrated_is_ahead_after_a_rollback(project: Alembic) -> None:
    project.run("upgrade head", url=f"sqlite:///{project.folder}/x.db")
    next(project.versions.glob("c3*")).unlink()
    found = looked(project, multiple_heads=True)
    assert found == (
        "degraded",
        "ahead",
        "not in the code: c3",
        {"stack_migrations_up_to_date": 0, "stack_migrations_expected": 3, "stack_migrations_unknown": 1}
        | where("c3", "a2,b2"),
    )


def test_heads_that_nobody_merged_are_a_fault_unless_they_are_meant(made: Path) -> None:
    project = Alembic(made)
    assert looked(project)[:3] == ("degraded", "multiple_heads", "several heads: c3, e1")
    assert looked(project, multiple_heads=True)[:3] == ("degraded", "pending", "not applied: a2, b2, c3 and 1 more")


def test_what_a_revision_depends_on_counts_as_applied_with_it(made: Path, tmp_path: Path) -> None:
    """Alembic itself keeps no row of b2 once e1, which depends on it, is applied."""
    shutil.copytree(made, tmp_path / "p")
    project = Alembic(tmp_path / "p")
    url = f"sqlite:///{project.folder}/x.db"
    project.run("upgrade extra@head", url=url)
    found = looked(project, multiple_heads=True)
    assert found[2] == "not applied: a2, c3"
    assert found[3].items() >= where("e1", "c3,e1").items()
    project.run("upgrade heads", url=url)
    assert looked(project, multiple_heads=True)[:3] == ("healthy", "", "")


def test_nothing_of_the_code_is_run(project: Alembic) -> None:
    first = next(project.versions.glob("a1*"))
    first.write_text(first.read_text() + f"\nopen({str(project.folder / 'ran')!r}, 'w')\nraise SystemExit(3)\n")
    assert looked(project)[1] == "pending"
    assert not (project.folder / "ran").exists()


@pytest.mark.parametrize("expected", ["a1", ["a1"], ["a1", "a1"]])
def test_a_sidecar_is_told_what_is_expected(expected: Any, project: Alembic) -> None:
    found = looked(project, expected=expected)
    assert found == (
        "healthy",
        "",
        "",
        {"stack_migrations_up_to_date": 1, "stack_migrations_expected": 1, "stack_migrations_pending": 0}
        | where("a1", "a1"),
    )
    assert looked(project, expected=["c3"])[:3] == (
        "degraded",
        "other_revision",
        "the database is at a1, expected is c3",
    )


def test_what_alembic_prints_of_its_heads_is_a_file_of_what_is_expected(project: Alembic) -> None:
    url = f"sqlite:///{project.folder}/x.db"
    file = project.folder / "heads"
    file.write_text("# by the build\n\n" + project.run("heads", url=url))
    assert "c3 (head)" in file.read_text()
    assert looked(project, expected_file=str(file))[1] == "other_revision"
    project.run("upgrade head", url=url)
    assert looked(project, expected_file=str(file))[:2] == ("healthy", "")
