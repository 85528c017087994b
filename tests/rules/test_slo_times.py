"""How soon an objective's alerts come and go, over hours and days: promtool's own tests, of which docs/slos.md has its times."""

import subprocess
from pathlib import Path

import pytest

from tests.servers.generations import generation

FOLDER = Path(__file__).parent / "promtool"
# Each takes 2 to 4 s, and is all sums: one generation will do, so long as each has its turn.
RUNS = [("slo", "trixie"), ("slo_tickets", "system"), ("slo_month", "trixie")]


@pytest.mark.debian
@pytest.mark.parametrize(("file", "name"), RUNS)
def test_objectives_alert_at_the_times_that_are_documented(file: str, name: str) -> None:
    command = [generation(name).promtool, "test", "rules", str(FOLDER / f"{file}.yml")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert said.returncode == 0, said.stdout + said.stderr


def test_each_file_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("slo*.yml")} == {file for file, _ in RUNS}
