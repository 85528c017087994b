"""docs/coverage.md says the truth: each wish has a line, and what its line names exists."""

import re

import pytest

from tests.tree import ROOT, rule_groups

ROWS = re.findall(
    r"^\| ((?:PS|EN|FH|AR|CO)-\d+) \| (.*?) \| (.*?) \| (.*?) \|$", (ROOT / "docs/coverage.md").read_text(), re.M
)
WISHES = {"PS": 12, "EN": 20, "FH": 14, "AR": 14, "CO": 10}
ALERTS = {rule["alert"] for group in rule_groups() for rule in group["rules"] if "alert" in rule}


def test_every_wish_has_one_line():
    assert [id_ for id_, *_ in ROWS] == [f"{of}-{n}" for of, many in WISHES.items() for n in range(1, many + 1)]


@pytest.mark.parametrize(("id_", "served", "shown"), [(id_, served, shown) for id_, _, served, shown in ROWS])
def test_what_a_line_names_exists(id_, served, shown):
    named = {one for one in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]*)+|Watchdog)`", served)}
    assert named <= ALERTS
    tests = shown.split(", ")
    assert tests and [one for one in tests if not (ROOT / one).exists()] == []


def test_every_id_that_a_rule_names_is_a_wish():
    known = {id_ for id_, *_ in ROWS}
    for file in (ROOT / "alert_rules").glob("*.yml"):
        for line in file.read_text().splitlines():
            if line.lstrip().startswith("#"):
                assert set(re.findall(r"\b(?:PS|EN|FH|AR|CO)-\d+\b", line)) <= known, f"{file.name}: {line}"


def test_ours_among_the_communitys_rules_exist():
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| .*\|$", (ROOT / "docs/community-rules.md").read_text(), re.M)
    named = {name for row in rows for name in re.findall(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b", row)}
    assert sorted(named - ALERTS) == []
    assert len(named) > 50
