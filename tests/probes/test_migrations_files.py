"""Revisions of Alembic's as files: as people write them, as nobody should, as they change, and more than a run reads."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.probe import Down
from exporter.probes import _migrations_alembic as alembic
from exporter.probes import _migrations_files
from exporter.probes._migrations_files import Sources
from exporter.run import run_once
from tests.probing import Memory, component, probe


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("revision = 'z1'\ndown_revision = None", ""),
        ("revision: str = 'z1'\ndown_revision: str | None = None\ndepends_on = branch_labels = None", ""),
        ("revision = 'z1'", ""),
        ("revision = 'z1'; pattern = '\\d'", ""),
        ("revision = 'z1'\nbranch_labels = ('x',)\ndown_revision = ()", ""),
        ("revision = 'z1'\ndown_revision = ['gone']", "broken_code"),
        ("revision = 'z1'\ndepends_on = 'gone'", "broken_code"),
        ("revision = 'z1'\ndown_revision = 'z1'", "broken_code"),
        ("revision = name()", "unreadable_code"),
        ("revision = 7", "unreadable_code"),
        ("revision = 'z1'\ndown_revision = 7", "unreadable_code"),
        ("revision = 'z1'\ndown_revision = [7]", "unreadable_code"),
        ("rev = 'z1'", "unreadable_code"),
        ("revision = 'z1", "unreadable_code"),
        ("revision = 'z1'\0", "unreadable_code"),
        ("x = " + "(" * 5000, "unreadable_code"),
        ("revision = 'z1' # " + "x" * (1 << 20), "unreadable_code"),
    ],
)
def test_a_file_as_people_write_it_and_as_nobody_should(lines: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "__init__.py").touch()
    (tmp_path / "versions" / ".#lock.py").write_text("not python")
    (tmp_path / "versions" / "z1.py").write_text(lines)
    database(tmp_path / "x.db", "z1")
    found = probe("migrations", tool="alembic", path=str(tmp_path), dsn=f"sqlite:///{tmp_path}/x.db")
    assert (found.outcome, found.reason) == (("degraded", reason) if reason else ("healthy", "")), found.detail
    assert len(found.detail) <= 200


def database(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE alembic_version (version_num TEXT)")
        made.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


def test_a_file_is_parsed_again_when_it_changes(tmp_path: Path) -> None:
    for name, before in (("a1", "None"), ("a2", "'a1'"), ("b2", "'a1'"), ("c3", "('a2', 'b2')")):
        (tmp_path / f"{name}.py").write_text(f"revision = '{name}'\ndown_revision = {before}\n")
    database(tmp_path / "x.db", "a1")
    it = component("migrations", tool="alembic", path=str(tmp_path), dsn=f"sqlite:///{tmp_path}/x.db")

    def run() -> Any:
        memory = Memory()
        return asyncio.run(run_once(it, memory, memory))

    assert run().detail == "not applied: a2, b2, c3"
    (tmp_path / "c3.py").unlink()
    assert run().reason == "multiple_heads"
    (tmp_path / "b2.py").write_text("revision = 'b2'\ndown_revision = ['a2']\n")
    assert run().detail == "not applied: a2, b2"


def test_a_revision_that_is_in_two_files_is_refused() -> None:
    twice = [alembic.Revision(path, "a1", (), (), ()) for path in ("1.py", "2.py")]
    with pytest.raises(Down, match=r"a1 is in 1\.py and in 2\.py") as caught:
        alembic.history(twice)
    assert caught.value.reason == "broken_code"


def test_a_branch_may_be_depended_on_by_its_label() -> None:
    first = alembic.Revision("1.py", "a1", (), (), ("core",))
    history = alembic.history([first, alembic.Revision("2.py", "b1", (), ("core",), ())])
    assert alembic.standing(history, {"b1"}).pending == ()


def test_what_is_not_read_in_a_runs_time_is_read_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    sources = Sources(lambda path, tree: found.append(path))
    for number in range(4):
        (tmp_path / f"{number}.py").touch()
    paths = alembic.files([str(tmp_path)])
    clock = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(_migrations_files.time, "monotonic", lambda: next(clock, 0.0))
    with pytest.raises(Down, match="2 of 4 files are read; the next run goes on") as caught:
        sources.read(paths, 2.0)
    assert (caught.value.reason, found) == ("unreadable_code", paths[:2])
    sources.read(paths, 2.0)
    assert found == paths
