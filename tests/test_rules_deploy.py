"""The shipped configuration of Prometheus holds on both generations, with the shipped rules."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.servers.generations import NAMES, generation
from tests.tree import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
FILES = sorted(path.name for path in FOLDER.glob("*.yml"))


def promtool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [generation(name).promtool, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.debian
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", FILES)
def test_the_configuration_and_the_rules_it_names_are_valid(file: str, name: str, tmp_path: Path) -> None:
    text = (FOLDER / file).read_text()
    assert text.count("/etc/prometheus/stack-exporter/*.yml") == 1
    copy = tmp_path / file
    copy.write_text(text.replace("/etc/prometheus/stack-exporter/*.yml", f"{ROOT}/alert_rules/*.yml"))
    done = promtool(name, "check", "config", copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list((ROOT / 'alert_rules').glob('*.yml')))} rule files found" in done.stdout


@pytest.mark.debian
@pytest.mark.parametrize("name", NAMES)
def test_the_rules_are_valid_and_written_as_they_should_be(name: str) -> None:
    done = promtool(name, "check", "rules", "--lint=all", "--lint-fatal", *sorted((ROOT / "alert_rules").glob("*.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES)
def test_every_job_has_the_name_by_which_rules_know_a_daemon(file: str) -> None:
    jobs = [job["job_name"] for job in yaml.safe_load((FOLDER / file).read_text())["scrape_configs"]]
    assert [job for job in jobs if "stack-exporter" not in job] == []


def test_no_group_has_more_rules_than_the_page_on_mimir_says() -> None:
    groups = [
        group for file in (ROOT / "alert_rules").glob("*.yml") for group in yaml.safe_load(file.read_text())["groups"]
    ]
    page = (ROOT / "deploy/prometheus/README.md").read_text()
    assert f"more than {max(len(group['rules']) for group in groups)} rules; they are {len(groups)} groups" in page
