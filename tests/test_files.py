"""What no file of the repository may be: too long, bound to one machine, unlocked."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from exporter import config
from tests.tree import LONGEST, ROOT, lengths, texts

# Written in parts, so that this file does not find itself.
MACHINES = re.compile(r"/(?:Users|work|root)" + r"/\w|/tmp/" + r"bash_jobs")
REGISTRIES = re.compile(
    r"(?:pypi|pythonhosted|npmjs|yarnpkg)" + r"\.(?:org|com)|--(?:extra-)?index" + r"-url|--find" + r"-links"
)


def test_no_file_is_longer_than_300_lines() -> None:
    assert {path: lines for path, lines in lengths().items() if lines > LONGEST} == {}


@pytest.mark.parametrize("pattern", [MACHINES, REGISTRIES], ids=["machine", "registry"])
def test_no_file_names_one_machines_paths_or_registry(pattern: re.Pattern[str]) -> None:
    found = [(path, match[0]) for path, text in texts() if (match := pattern.search(text))]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_pins_each_distribution_with_hashes(name: str) -> None:
    requirements = Path(ROOT, name).read_text().replace("\\\n", " ").splitlines()
    assert [
        line for line in requirements if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ] == []


def test_what_runs_is_what_is_tested() -> None:
    runtime, tested = (set(pins(name)) for name in ("requirements.lock", "requirements-dev.lock"))
    assert runtime - tested == set()


def pins(name: str) -> list[str]:
    return re.findall(r"^[a-z0-9._-]+==\S+", Path(ROOT, name).read_text(), re.MULTILINE)


def test_every_dependency_of_the_project_is_locked() -> None:
    metadata = Path(ROOT, "pyproject.toml").read_text()
    dependencies = metadata[metadata.index("dependencies = [") : metadata.index("[project.scripts]")]
    wanted = set(re.findall(r'"([a-z0-9-]+)(?:[<>=]|")', dependencies))
    assert wanted - {pin.partition("==")[0] for pin in pins("requirements.lock")} == set()


def test_the_example_configuration_has_no_problem() -> None:
    found = config.read(ROOT / "exporter.yaml", {})
    assert [component.kind for component in found.components] == ["postgres", "redis", "http", "tcp", "disk", "host"]


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make", "-s", "-C", str(ROOT)], capture_output=True, text=True, timeout=30)
    listed = set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))
    assert {"run", "test", "test-quick", "test-slow", "fmt", "lint", "types", "docs", "bench", "lock", "help"} <= listed


@pytest.mark.parametrize("script", [".ci/run", *(p for p, _ in texts() if p.startswith("scripts/"))])
def test_a_script_can_be_run_by_the_plainest_shell(script: str) -> None:
    path = Path(ROOT, script)
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/bin/sh\n")
