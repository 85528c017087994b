"""Each alert of alert_rules/ fires when and only when it has to, on both generations of Prometheus (cases: *.yml here)."""

import pytest

from tests.rules.cases import Case, cases, rules, seconds, stems
from tests.rules.judge import problems
from tests.rules.observe import observed
from tests.servers.generations import NAMES

WRITTEN = [(stem, case) for stem in stems() for case in cases(stem)]


@pytest.mark.debian
@pytest.mark.parametrize(
    ("generation", "stem", "case"),
    [
        pytest.param(name, stem, case, id=f"{case.name}-{name}", marks=pytest.mark.xdist_group(f"{stem}-{name}"))
        for name in NAMES
        for stem, case in WRITTEN
    ],
)
def test_an_alert_fires_when_it_has_to_and_is_quiet_otherwise(generation: str, stem: str, case: Case) -> None:
    found = problems(case, stem, observed(stem, generation))
    if found:
        pytest.fail(f"{stem}.yml, {case.name}, {generation}:\n  - " + "\n  - ".join(found), pytrace=False)


@pytest.mark.parametrize("stem", stems())
def test_each_alert_and_severity_has_a_case_and_its_for_is_the_rules(stem: str) -> None:
    expected = {(rule["alert"], rule["labels"]["severity"], rule.get("for", "0s")) for rule in rules(stem)}
    durations = {(alert, severity): waits for alert, severity, waits in expected}
    written = {(case.alert, case.severity, case.wait) for case in cases(stem)}
    assert written == {(alert, severity, seconds(waits)) for (alert, severity), waits in durations.items()}
