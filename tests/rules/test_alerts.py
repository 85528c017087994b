"""Each alert of alert_rules/ fires when and only when it has to (cases: *.yml here).

On the newer generation of Prometheus each time; on the older one in make test-slow, as that takes half a minute of a core
again: each time its promtool reads the rules (make test), and its server evaluates them (tests/alerts).
"""

import fnmatch
import re

import pytest

from tests.rules.cases import CASES, Case, cases, rules, seconds, stems
from tests.rules.excused import ALIKE
from tests.rules.judge import problems
from tests.rules.observe import observed
from tests.rules.test_lint import files
from tests.servers.generations import NAMES

WRITTEN = [(stem, case) for stem in stems() for case in cases(stem)]


OLDER, _ = NAMES


@pytest.mark.debian
@pytest.mark.parametrize(
    ("generation", "stem", "case"),
    [
        pytest.param(
            name,
            stem,
            case,
            id=f"{case.name}-{name}",
            marks=[pytest.mark.xdist_group(f"{stem}-{name}"), *([pytest.mark.slow] if name == OLDER else [])],
        )
        for name in NAMES
        for stem, case in WRITTEN
    ],
)
def test_an_alert_fires_when_it_has_to_and_is_quiet_otherwise(generation: str, stem: str, case: Case) -> None:
    if found := problems(case, stem, observed(stem, generation)):
        pytest.fail(f"{stem}.yml, {case.name}, {generation}:\n  - " + "\n  - ".join(found), pytrace=False)


@pytest.mark.parametrize("stem", stems())
def test_each_alert_and_severity_has_a_case_and_its_for_is_the_rules(stem: str) -> None:
    expected = {(rule["alert"], rule["labels"]["severity"], rule.get("for", "0s")) for rule in rules(stem)}
    durations = {(alert, severity): waits for alert, severity, waits in expected}
    written = {(case.alert, case.severity, case.wait) for case in cases(stem)}
    assert written == {(alert, severity, seconds(waits)) for (alert, severity), waits in durations.items()}


# Of every rule: what it joins, compares with, and waits for.
COMMON = re.compile(
    r"stack_(alert_)?threshold_|stack_component_(info|status)$|stack_service_info$|up$|process_start_time"
)


@pytest.mark.parametrize("stem", stems())
def test_each_metric_of_a_rule_is_in_a_case_of_its_alert(stem: str) -> None:
    """Else an arm of an `or` that is misspelt or wrongly joined would be silent for ever."""
    recorded = files()[stem].recorded
    shown: dict[str, str] = {}
    for case in cases(stem):
        shown[case.alert] = shown.get(case.alert, "") + " ".join([*case.given, *case.varying]) + " "
    for text in (path.read_text() for path in CASES.glob("promtool/*.yml")):
        for rule in files()[stem].alerts:
            shown[rule.name] = shown.get(rule.name, "") + (text if rule.name in text else "")
    missing = set()
    for rule in files()[stem].alerts:
        names = {one.name or "" for one in rule.reading.selectors}
        # What is recorded is shared by the alerts of a file.
        behind = {one.name or "" for record in names & set(recorded) for one in recorded[record].selectors}
        names |= {name for name in behind if not any(name in text for text in shown.values())}
        names -= set(recorded)
        names -= {name for name in names for pattern in ALIKE if fnmatch.fnmatch(f"{rule.name} {name}", pattern)}
        missing |= {
            (rule.name, name) for name in names if not COMMON.match(name) and name not in shown.get(rule.name, "")
        }
    if missing:
        pytest.fail("\n".join(f"{alert}: no case has {name}" for alert, name in sorted(missing)), pytrace=False)
