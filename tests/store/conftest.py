"""The two stores, each empty for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.databases import Postgres
from tests.store.place import Place

_numbers = itertools.count(1)


@pytest.fixture
def in_postgres(tmp_path: Path, postgres_server: Postgres) -> Iterator[Place]:
    name = f"store_{next(_numbers)}"
    postgres_server.sql(f"CREATE DATABASE {name}")
    yield Place(tmp_path, postgres_server.dsn(name))
    postgres_server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    return request.getfixturevalue(f"in_{request.param}")
