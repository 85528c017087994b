"""Each story of the demo leads to an alert that is shipped, along routes that are shipped, and is named where users look."""

import re

import pytest
import yaml

from demo.__main__ import main
from demo.story import STORIES, Story
from demo.waits import routed, rule, said
from tests.tree import ROOT

ALL = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


@ALL
def test_its_alert_has_a_rule_of_that_severity_and_a_runbook(story: Story) -> None:
    found = rule(story.alert, story.labels["severity"])
    assert found.runbook.is_file()
    assert found.file.is_file()


@ALL
def test_what_its_rule_looks_back_is_in_the_rule(story: Story) -> None:
    text = rule(story.alert, story.labels["severity"]).file.read_text()
    (expression, *_) = re.findall(rf"alert: {story.alert}\n(.*?)labels:", text, re.DOTALL)
    assert not story.looks_back or f"[{story.looks_back}]" in expression


@ALL
def test_its_receivers_have_routes(story: Story) -> None:
    assert [set(routed(receiver)) for receiver in story.receivers] == [{"group_wait", "group_interval"}] * len(
        story.receivers
    )


@ALL
def test_its_component_is_configured(story: Story) -> None:
    config = yaml.safe_load((ROOT / "demo" / "exporter.yaml").read_text())
    assert story.labels.get("component", "database") in config["components"]
    assert story.labels.get("service", "shop") in config["services"]


def test_the_readme_names_them_all() -> None:
    (first, others) = re.findall(r"make demo break=(\w+) +# or ([\w, ]+)", (ROOT / "README.md").read_text())[0]
    assert sorted([first, *re.split(r", (?:or )?", others.strip())]) == sorted(STORIES)


def test_waits_are_those_of_the_routes_with_what_they_take_from_above() -> None:
    assert routed("page-platform") == {"group_wait": "1s", "group_interval": "1m"}
    assert routed("tickets") == {"group_wait": "30s", "group_interval": "5m"}


@pytest.mark.parametrize(
    ("written", "factor", "shown"),
    [("1m", 60, "for: 1m / 60"), ("1m", 1, "for: 1m"), ("0m", 60, ""), ("0s", 1, ""), ("10m", 7.5, "for: 10m / 7.5")],
)
def test_a_wait_is_shown_as_it_is_shipped_and_what_divides_it(written: str, factor: float, shown: str) -> None:
    assert said("for", written, factor) == shown


NAMES = "database, worker, slow, errors, storage, certificate, security"


@pytest.mark.parametrize(
    ("argument", "said_so"),
    [
        ("--break=databse", f"there is no databse; did you mean database? It is one of {NAMES}"),
        ("--break=quux", f"there is no quux; it is one of {NAMES}"),
        ("--faster=nan", "--faster is a number from 1 to 120"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(
    argument: str, said_so: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert (ended.value.code, *capsys.readouterr()) == (2, "", f"make demo: {said_so}\n")


def test_without_prometheus_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([]) == 1
    missing = "prometheus and prometheus-alertmanager. On Debian and Ubuntu, as root: apt-get install prometheus prometheus-alertmanager"
    assert tuple(capsys.readouterr()) == ("", f"make demo: it needs {missing}\n")
