"""What is committed is what the code writes."""

from dashboards.source.written import written
from tests.dashboards.shown import FOLDER


def test_the_dashboards_are_as_they_are_written_anew() -> None:
    made = written()
    there = {path.name: path.read_text() for path in FOLDER.glob("stack-*.json")}
    assert sorted(made) == sorted(there)
    assert [name for name in made if made[name] != there[name]] == [], "make dashboards writes them"
