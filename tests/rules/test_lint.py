"""Every rule file of alert_rules/ by itself and all of them together: shape, names, links, runbooks."""

import functools
from collections import Counter

import pytest

from tests.rules import shape
from tests.rules.cases import RULES
from tests.rules.written import File, file, records
from tests.tree import ROOT

TEXTS = {path.stem: path.read_text() for path in sorted(RULES.glob("*.yml"))}
RUNBOOKS = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}


@functools.cache
def files() -> dict[str, File]:
    recorded = records(TEXTS)
    return {stem: file(stem, text, recorded) for stem, text in TEXTS.items()}


@pytest.mark.parametrize("stem", TEXTS)
def test_a_rule_has_the_shape_that_every_rule_has(stem: str) -> None:
    found = [problem for rule in files()[stem].alerts for problem in shape.problems(rule)]
    found += [
        f"{stem}.yml: {name}: {problem}"
        for name, reading in files()[stem].recorded.items()
        for problem in reading.problems
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize("stem", TEXTS)
def test_groups_are_named_after_the_file(stem: str) -> None:
    assert [
        name for name in files()[stem].groups if name != f"stack-{stem}" and not name.startswith(f"stack-{stem}-")
    ] == []


def test_an_alert_is_in_one_file_once_for_each_severity() -> None:
    every = Counter((rule.name, rule.severity) for one in files().values() for rule in one.alerts)
    assert [key for key, times in every.items() if times > 1] == []
    homes = {(rule.name, stem) for stem, one in files().items() for rule in one.alerts}
    assert [name for name, times in Counter(name for name, _ in homes).items() if times > 1] == []


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    alerts = {rule.name for one in files().values() for rule in one.alerts}
    assert {"without a runbook": alerts - RUNBOOKS, "without an alert": RUNBOOKS - alerts} == {
        "without a runbook": set(),
        "without an alert": set(),
    }


def test_alerts_that_rules_name_exist() -> None:
    alerts = {rule.name for one in files().values() for rule in one.alerts}
    named = {
        matcher.value
        for one in files().values()
        for rule in one.alerts
        for selector in rule.reading.selectors
        for matcher in selector.matchers.matchers
        if matcher.name == "alertname"
    }
    assert {name for names in named for name in names.split("|") if name} - alerts == set()
