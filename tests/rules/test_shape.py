"""Each check of rules finds what it is there for: a rule that is right, and what breaks it."""

from collections.abc import Mapping

import pytest

from tests.rules import shape
from tests.rules.written import file, records

RIGHT = """\
groups:
  - name: stack-databases
    rules:
      # EN-20, CO-4: the share of its connections that is taken.
      - alert: DatabaseConnectionsHigh
        expr: |
          (
            (stack_postgres_connections_ratio or stack_mysql_connections_ratio)
              >= on (cluster, namespace, job, instance, component) group_left ()
            stack_threshold_ratio{signal="connections", severity="warning"}
          )
          * on (cluster, namespace, job, instance, component) group_left (kind, team) stack_component_info
          unless on (cluster, namespace, job, instance, component) (stack_component_status{status="maintenance"} == 1)
        for: 5m
        labels: {severity: warning, subject: databases}
        annotations:
          summary: '{{ $labels.component }}: {{ $value | humanizePercentage }} of its connections are taken'
          description: >-
            {{ $labels.component }}{{ with $labels.team }}, team {{ . }}{{ end }} has {{ $value | humanizePercentage }}; the threshold is
            {{ with printf "stack_threshold_ratio{component='%s',signal='connections',severity='warning'}" $labels.component | query }}{{ . | first | value }}{{ end }}.
          runbook_url: http://localhost:9676/runbooks/DatabaseConnectionsHigh
          dashboard_url: http://localhost:3000/d/stack-databases?var-component={{ $labels.component }}
"""
BREAKS: Mapping[str, tuple[str, str, str]] = {
    "a metric": ("stack_mysql_connections_ratio", "stack_mysql_conections_ratio", "there is no metric"),
    "a histogram without its suffix": ("stack_mysql_connections_ratio", "stack_probe_duration_seconds", "there is no metric"),
    "a label": ('{signal="connections", s', '{sign="connections", s', "has no label sign"),
    "a value of a label": ('signal="connections", s', 'signal="conections", s', 'has no signal="conections"'),
    "a severity": ('connections", severity="warning"', 'connections", severity="high"', 'has no severity="high"'),
    "a status": ('status="maintenance"', 'status="maintained"', 'has no status="maintained"'),
    "a label that is joined": ("group_left (kind, team)", "group_left (kind, owner)", "group_left (owner)"),
    "a label that is joined on": ("component) group_left (kind", "component, queue) group_left (kind", "on (queue): no such label there"),
    "PromQL": ("== 1)", "== 1", "no PromQL"),
    "a regular expression for the name": (
        "stack_postgres_connections_ratio or stack_mysql_connections_ratio",
        '{__name__=~"stack_.+_connections_ratio"}',
        "no metric's name, written out",
    ),
    "no id": ("# EN-20, CO-4: the", "# The", "no comment above names a requirement's id"),
    "an id that there is not": ("EN-20", "EN-21", "there is no EN-21"),
    "a severity of errors": ("severity: warning, subject", "severity: high, subject", "severity is one of critical, warning, info"),
    "another subject": ("subject: databases", "subject: database", "subject is databases"),
    "a label too many": ("subject: databases}", "subject: databases, page: yes}", "labels that alerts don't have: page"),
    "no for": ("        for: 5m\n", "", "has no for"),
    "for: 0m of a newest value": ("for: 5m", "for: 0m", "one bad run would be enough"),
    "another runbook": ("runbooks/DatabaseConnectionsHigh", "runbooks/DatabaseHigh", "runbook_url is http://localhost:9676/runbooks/"),
    "another address": ("http://localhost:3000/d", "http://grafana/d", "dashboard_url is http://localhost:3000"),
    "an unknown dashboard": ("d/stack-databases", "d/stack-database", "dashboard_url is http://localhost:3000"),
    "no summary": ("          summary: ", "          title: ", "no summary"),
    "a description without the team": ("{{ with $labels.team }}, team {{ . }}{{ end }}", "", "does not say the team"),
    "a description without the threshold": ("signal='connections'", "signal='memory'", "does not say the threshold of connections"),
    "another severity's threshold": ("severity='warning'}", "severity='critical'}", "but not that of warning"),
    "a query in an annotation": ("stack_threshold_ratio{component='%s'", "stack_treshold_ratio{component='%s'", "query in an annotation: there is no metric"),
    "a label that it does not have": ("$labels.component | query", "$labels.queue | query", "annotations show queue"),
    "a join without the job": ("(cluster, namespace, job, instance, component) group_left ()", "(instance, component) group_left ()", ">= on (instance, component)"),
    "a join without the component": ("(cluster, namespace, job, instance, component) group_left ()", "(cluster, namespace, job, instance) group_left ()", "two components of an instance are the same to it"),
    "a sum without the job": ("stack_postgres_connections_ratio or", "max by (component) (stack_postgres_connections_ratio) or", "by (component): begins with cluster, namespace, job"),
    "maintenance": ('          unless on (cluster, namespace, job, instance, component) (stack_component_status{status="maintenance"} == 1)\n', "", "does not leave out components in maintenance"),
    "a duration as a number": ("== 1)", "== 1) and on () time() - stack_probe_last_run_timestamp_seconds > 600", "compares time() with 600"),
}  # fmt: skip


def found(text: str) -> list[str]:
    made = file("databases", text, records({"databases": text}))
    return [problem for rule in made.alerts for problem in shape.problems(rule)]


def test_a_rule_that_is_right_has_no_problem() -> None:
    assert found(RIGHT) == []


@pytest.mark.parametrize("what", BREAKS)
def test_a_rule_that_is_wrong_is_told_what_is(what: str) -> None:
    before, after, said = BREAKS[what]
    assert before in RIGHT, "the break breaks nothing"
    problems = found(RIGHT.replace(before, after, 1))
    assert [problem for problem in problems if said in problem], problems


def test_every_check_is_broken_by_some_break() -> None:
    broken = {
        check.__name__
        for before, after, _ in BREAKS.values()
        for rule in file("databases", RIGHT.replace(before, after, 1), {}).alerts
        if not any(one.startswith("no PromQL") for one in rule.reading.problems)
        for check in shape.CHECKS
        if list(check(rule))
    }
    assert broken == {check.__name__ for check in shape.CHECKS}
