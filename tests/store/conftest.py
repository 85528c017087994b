"""The two stores, each empty for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.store import commits
from tests.servers.databases import Postgres
from tests.store.disks import PAUSE
from tests.store.place import Place

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure."""
    monkeypatch.setattr(commits, "PAUSE", PAUSE)


@pytest.fixture
def in_postgres(tmp_path: Path, postgres_server: Postgres) -> Iterator[Place]:
    name = f"store_{next(_numbers)}"
    postgres_server.sql(f"CREATE DATABASE {name}")
    yield Place(tmp_path, postgres_server.dsn(name))
    postgres_server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def store_database(postgres_server: Postgres) -> Iterator[str]:
    """The DSN of a database for one test after the other."""
    postgres_server.sql("CREATE DATABASE store")
    yield postgres_server.dsn("store")
    postgres_server.sql("DROP DATABASE store WITH (FORCE)")


@pytest.fixture
def emptied_postgres(tmp_path: Path, postgres_server: Postgres, store_database: str) -> Place:
    """Making and dropping a database takes longer than most of the tests in it."""
    postgres_server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", dsn=store_database)
    return Place(tmp_path, store_database)


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    return request.getfixturevalue({"sqlite": "in_sqlite", "postgres": "emptied_postgres"}[request.param])
