"""What a case can't say, as promtool's own tests: pauses of Prometheus, new instances, spikes that are none."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.rules.cases import RULES
from tests.servers.generations import NAMES, generation

# slo*.yml are run by test_slo_times.py.
FILES = sorted(path for path in Path(__file__).parent.glob("promtool/*.yml") if not path.stem.startswith("slo"))


@pytest.mark.debian
# The older generation, which takes as long again, in make test-slow.
@pytest.mark.parametrize("name", [pytest.param(NAMES[0], marks=pytest.mark.slow), NAMES[1]])
@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_promtools_own_tests_hold(file: Path, name: str, tmp_path: Path) -> None:
    command = [generation(name).promtool, "test", "rules", str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=110, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


@pytest.mark.debian
@pytest.mark.parametrize("name", NAMES)
def test_each_generation_takes_the_rules(name: str) -> None:
    files = sorted(str(path) for path in RULES.glob("*.yml"))
    done = subprocess.run(
        [generation(name).promtool, "check", "rules", *files], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.count("SUCCESS")) == (0, len(files)), done.stderr
