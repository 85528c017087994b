"""The cases' judge sees what is wrong: a rule that is right, and what breaks it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.cases import Case
from tests.rules.judge import problems
from tests.rules.observe import observe
from tests.rules.test_shape import RIGHT
from tests.servers.generations import generation

pytestmark = pytest.mark.debian
CASE = Case(
    name="DatabaseConnectionsHigh-warning-mysql",
    stem="databases",
    alert="DatabaseConnectionsHigh",
    severity="warning",
    wait=300,
    summary="database: 80% of its connections are taken",
    component={"name": "database", "kind": "mysql", "team": "platform"},
    given={'stack_threshold_ratio{component="database",signal="connections",severity="warning"}': 0.8},
    quiet={'stack_mysql_connections_ratio{component="database"}': 0.79},
    firing={'stack_mysql_connections_ratio{component="database"}': 0.8},
)
BREAKS: Mapping[str, tuple[str, str, str]] = {
    "strictly above": ("              >= on", "              > on", "did not fire"),
    "below": ("              >= on", "              <= on", "while all is quiet"),
    "an arm that is missing": ("(stack_postgres_connections_ratio or stack_mysql_connections_ratio)", "stack_postgres_connections_ratio", "did not fire"),
    "a misspelt metric": ("stack_mysql_connections_ratio", "stack_mysql_conections_ratio", "did not fire"),
    "waits longer": ("for: 5m", "for: 6m", "pending at 15m"),
    "waits less": ("for: 5m", "for: 4m", "pending until 5m"),
    "another severity": ("{severity: warning", "{severity: critical", "did not fire"),
    "a label more": ("subject: databases}", "subject: databases, page: please}", "with other labels than expected"),
    "in maintenance too": (' == 1)', ' == 2)', "maintenance (the component is in maintenance): pending"),
    "without the team": ("(kind, team)", "(kind)", "with other labels than expected"),
    "only with a team": ("stack_component_info\n", 'stack_component_info{team!=""}\n', "job=stack-exporter-blue"),
    "jobs mixed": ("on (cluster, namespace, job, instance, component) group_left ()", "on (namespace, instance, component) group_left ()", "not evaluated"),
    "another summary": ("of its connections are taken'", "of all connections are taken'", "summary"),
    "a template that fails": ("| first | value }}", "| first | valu }}", "not defined"),
    "a template that finds nothing": ("{{ with printf", "{{ query `nothing` | first | value }}{{ with printf", "<error"),
}  # fmt: skip


def judged(text: str, folder: Path) -> list[str]:
    rules = folder / "databases.yml"
    rules.write_text(text)
    return problems(CASE, "databases", observe(rules, [CASE], generation("system").promtool))


def test_a_rule_that_is_right_has_no_problem(tmp_path: Path) -> None:
    assert judged(RIGHT, tmp_path) == []


@pytest.mark.parametrize("what", BREAKS)
def test_a_rule_that_is_wrong_is_found_out(what: str, tmp_path: Path) -> None:
    before, after, said = BREAKS[what]
    assert before in RIGHT, "the break breaks nothing"
    found = judged(RIGHT.replace(before, after, 1), tmp_path)
    assert found
    assert [problem for problem in found if said in problem], found
