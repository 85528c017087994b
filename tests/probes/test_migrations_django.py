"""What the kind migrations sees of schemas that real Django made, on SQLite, PostgreSQL and MariaDB."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.probes.migrating import Django
from tests.probing import Found, probe, readings
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.xdist_group("mariadb")


def steps(folder: Path) -> Django:
    """Three migrations of orders, one of accounts, and databases at each step; then orders' first two squashed."""
    project = Django.made(folder)
    project.model("billing", "sum")
    project.model("orders", "a")
    project.run("makemigrations orders accounts -v0", "migrate -v0 --database one")
    shutil.copy(folder / "one.db", folder / "two.db")
    project.model("orders", "a", "b")
    project.run("makemigrations orders -v0 -n second", "migrate -v0 --database two")
    shutil.copytree(folder / "orders", folder / ".before")
    project.model("orders", "a", "b", "c")
    project.run("makemigrations orders -v0 -n third", "squashmigrations orders 0001 0002 --no-input -v0")
    return project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Django:
    return steps(tmp_path_factory.mktemp("django"))


@pytest.fixture
def project(made: Django, tmp_path: Path) -> Django:
    shutil.copytree(made.folder, tmp_path / "p")
    return Django(tmp_path / "p")


def looked(project: Django, database: str, **fields: Any) -> tuple[str, str, str, Found]:
    given = {"tool": "django", "path": str(project.folder), "dsn": f"sqlite:///{project.folder}/{database}"} | fields
    if "expected" in given or "expected_file" in given:
        del given["path"]
    result = probe("migrations", **given)
    return result.outcome, result.reason, result.detail, readings(result)


def at(app: str, current: str, expected: str) -> dict[str, float]:
    return {f'stack_migrations_info{{tool="django",app="{app}",current="{current}",expected="{expected}"}}': 1}


def figures(applied: int, expected: int, pending: int, unknown: int = 0) -> dict[str, float]:
    return {
        "stack_migrations_up_to_date": float(not pending and not unknown),
        "stack_migrations_applied": applied,
        "stack_migrations_expected": expected,
        "stack_migrations_pending": pending,
        "stack_migrations_unknown": unknown,
    }


ACCOUNTS = at("accounts", "0001_initial", "0001_initial")
SQUASHED = "0001_initial_squashed_0002_second"


def pending(names: str) -> str:
    """As the probe lists what Django plans."""
    return f"not applied: {', '.join(sorted(names.split()))}"


def test_a_squashed_migration_counts_as_django_counts_it(project: Django) -> None:
    """Replaced ones applied in part, then all of them, then none: what is pending is what Django would apply."""
    assert looked(project, "empty.db")[:2] == ("unhealthy", "missing")
    printed = project.run("plan one", "plan two", "migrate -v0 accounts --database empty", "plan empty")
    planned = [pending(line) for line in printed.splitlines()]
    assert looked(project, "one.db") == (
        "degraded",
        "pending",
        "not applied: orders.0002_second, orders.0003_third",
        figures(2, 5, 2) | at("orders", "0001_initial", "0003_third") | ACCOUNTS,
    )
    assert looked(project, "two.db") == (
        "degraded",
        "pending",
        "not applied: orders.0003_third",
        figures(3, 5, 1) | at("orders", SQUASHED, "0003_third") | ACCOUNTS,
    )
    assert looked(project, "empty.db") == (
        "degraded",
        "pending",
        f"not applied: orders.{SQUASHED}, orders.0003_third",
        figures(1, 5, 2) | at("orders", "", "0003_third") | ACCOUNTS,
    )
    assert [looked(project, f"{name}.db")[2] for name in ("one", "two", "empty")] == planned


def test_the_replaced_files_may_be_gone(project: Django) -> None:
    for name in ("0001_initial", "0002_second"):
        (project.folder / "orders" / "migrations" / f"{name}.py").unlink()
    before = looked(project, "two.db")[2]
    assert before == pending(project.run("plan two", "migrate -v0 --database two")) == "not applied: orders.0003_third"
    assert looked(project, "two.db") == (
        "healthy",
        "",
        "",
        figures(5, 3, 0) | at("orders", "0003_third", "0003_third") | ACCOUNTS,
    )


def test_code_that_was_rolled_back_is_behind_its_database(project: Django) -> None:
    project.run("migrate -v0 --database two")
    shutil.rmtree(project.folder / "orders")
    shutil.move(project.folder / ".before", project.folder / "orders")
    assert looked(project, "two.db") == (
        "degraded",
        "ahead",
        f"not in the code: orders.{SQUASHED}, orders.0003_third",
        figures(5, 3, 0, 2) | at("orders", f"0002_second,{SQUASHED},0003_third", "0002_second") | ACCOUNTS,
    )


def test_migrations_that_nobody_merged_are_a_fault(project: Django) -> None:
    folder = project.folder / "orders" / "migrations"
    shutil.copy(folder / "0003_third.py", folder / "0003_other.py")
    outcome, reason, detail, found = looked(project, "two.db")
    assert (outcome, reason, detail) == ("degraded", "multiple_heads", "several heads: orders")
    assert found.items() >= at("orders", SQUASHED, "0003_other,0003_third").items()


@pytest.mark.debian
def test_on_mariadb(project: Django, mariadb_server: MariaDB) -> None:
    mariadb_server.sql("DROP DATABASE IF EXISTS by_django", "CREATE DATABASE by_django")
    dsn = mariadb_server.dsn("by_django")
    project.run("migrate -v0 accounts", url=dsn)
    assert looked(project, "", dsn=dsn)[2] == f"not applied: orders.{SQUASHED}, orders.0003_third"
    project.run("migrate -v0", url=dsn)
    assert looked(project, "", dsn=dsn)[:2] == ("healthy", "")


def test_on_postgresql(project: Django) -> None:
    """With Django's rows as they are in SQLite: its driver for PostgreSQL is no wheel that is needed elsewhere."""
    with closing(sqlite3.connect(project.folder / "two.db")) as database:
        rows = database.execute("SELECT id, app, name, applied FROM django_migrations").fetchall()
    with servers.postgres() as server:
        server.sql(
            "CREATE TABLE django_migrations (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, app varchar(255),"
            " name varchar(255), applied timestamptz)"
        )
        assert looked(project, "", dsn=server.url)[:2] == ("unhealthy", "not_migrated")
        server.sql(f"INSERT INTO django_migrations VALUES {', '.join(map(str, rows))}")
        assert looked(project, "", dsn=server.url) == looked(project, "two.db")


def test_what_showmigrations_prints_is_a_file_of_what_is_expected(project: Django) -> None:
    file = project.folder / "expected"
    file.write_text(project.run("showmigrations --plan --database two"))
    found = looked(project, "two.db", expected_file=str(file))
    # What the squashed one replaces is not in the list; `migrate` will record it as applied.
    assert found[:3] == ("degraded", "pending", f"not applied: orders.{SQUASHED}, orders.0003_third")
    assert found[3]["stack_migrations_expected"] == 5
    project.run("migrate -v0 --database two")
    assert looked(project, "two.db", expected_file=str(file))[:2] == ("healthy", "")


def test_a_sidecar_is_told_what_must_be_applied(project: Django) -> None:
    assert looked(project, "two.db", expected="orders.0002_second") == (
        "healthy",
        "",
        "",
        {
            "stack_migrations_up_to_date": 1,
            "stack_migrations_applied": 1,
            "stack_migrations_expected": 1,
            "stack_migrations_pending": 0,
        }
        | at("orders", "0002_second", "0002_second"),
    )
    found = looked(project, "two.db", expected=["orders.0003_third", "accounts.0001_initial"])
    assert found[:3] == ("degraded", "pending", "not applied: orders.0003_third")


def test_only_apps_that_are_asked_for_count(project: Django) -> None:
    assert looked(project, "two.db", apps=["accounts"])[:2] == ("healthy", "")
    assert looked(project, "two.db", apps=["accounts", "auth"])[:3] == (
        "degraded",
        "no_code",
        f"no migrations of auth at {project.folder}",
    )
    found = looked(project, "two.db", path=[str(project.folder / "billing" / "migrations")])
    assert (found[0], found[3]["stack_migrations_expected"]) == ("healthy", 1)


def test_what_others_installed_is_not_the_projects(project: Django) -> None:
    for name in ("venv/lib", "lib/site-packages", ".hidden", "node_modules", "lib/__pycache__"):
        shutil.copytree(project.folder / "orders" / "migrations", project.folder / name / "foreign" / "migrations")
    (project.folder / "alembics" / "migrations").mkdir(parents=True)  # no package: Flask-Migrate's folder, say
    (project.folder / "alembics" / "migrations" / "env.py").touch()
    assert looked(project, "two.db")[3]["stack_migrations_expected"] == 5


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("class Migration: dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]", "pending"),
        ("class Migration: dependencies: list = [('orders', '0001_initial')]", "multiple_heads"),
        ("class Migration: dependencies = [('orders', '0000_gone')]", "broken_code"),
        ("class Migration: dependencies = others()", "unreadable_code"),
        ("class Migration: dependencies = ['orders']", "unreadable_code"),
        ("class Migration: replaces = [('orders', NAME)]", "unreadable_code"),
        ("class Other: pass", "unreadable_code"),
        ("class Migration(", "unreadable_code"),
    ],
)
def test_a_file_as_people_write_it_and_as_nobody_should(lines: str, reason: str, project: Django) -> None:
    (project.folder / "billing" / "migrations" / "_private.py").write_text("not python")
    (project.folder / "orders" / "migrations" / "0004_x.py").write_text(lines)
    result = looked(project, "two.db")
    assert result[:2] == ("degraded", reason if reason != "pending" else "multiple_heads"), result[2]
