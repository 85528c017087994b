"""Every query of every dashboard: PromQL, of metrics and labels that there are, counted as each has to be counted."""

import pytest

from dashboards.source.reading import annotations, queries, substituted
from tests.dashboards.promql import problems
from tests.dashboards.shown import boards

VALUES = {"exporter_url": "http://localhost:9676"}


@pytest.mark.parametrize("uid", boards())
def test_its_queries_ask_for_what_there_is(uid: str) -> None:
    board = boards()[uid]
    asked = [(f"{one.panel['title']}, {one.ref}", one.expr) for one in queries(board)]
    asked += [(f"marks of {name}", expr) for name, expr in annotations(board)]
    found = [f"{what}: {problem}" for what, expr in asked for problem in problems(substituted(expr, VALUES))]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize(
    ("expr", "problem"),
    [
        ("sum(", "no PromQL"),
        ("stack_component_upp", "there is no metric stack_component_upp"),
        ('stack_component_up{service="shop"}', "stack_component_up has no label service"),
        ('stack_component_status{status="well"}', 'stack_component_status has no status="well"'),
        ("sum by (kinds) (stack_component_up)", "by (kinds): no such label there"),
        ("rate(stack_health_score[1m])", "rate() of stack_health_score, which is no counter"),
        ("deriv(stack_deploys_total[1m])", "deriv() of stack_deploys_total, which is a counter"),
        (
            "histogram_quantile(0.9, sum by (kind) (rate(stack_probe_duration_seconds_bucket[1m])))",
            "histogram_quantile() of what has no le",
        ),
        (
            "stack_component_up * on (component) stack_component_info",
            "* on (component): cluster, instance, job, namespace are one to it",
        ),
        ('{job="any"}', "a selector has no metric's name, written out"),
        ('max by (component) ({__name__=~"stack_postgress_.+"})', "there is no metric stack_postgress_.+"),
        ('ALERTS{subject="weather"}', 'ALERTS has no subject="weather"'),
        ("rate(stack_exporter_loop_lag_seconds[1m])", "there is no metric stack_exporter_loop_lag_seconds"),
    ],
)
def test_a_query_is_refused(expr: str, problem: str) -> None:
    assert any(one.startswith(problem) for one in problems(expr)), problems(expr)


@pytest.mark.parametrize(
    "expr",
    [
        "slo:stack_slo_error_budget:remaining_ratio",
        'ALERTS{alertstate="firing", subject="slo"}',
        "sum by (le, component) (rate(stack_probe_duration_seconds_bucket[1m]))",
        'sum by (component) ({__name__=~"stack_postgres_.*"})',
        "time() - stack_component_verdict_since_timestamp_seconds",
    ],
)
def test_a_query_is_taken(expr: str) -> None:
    assert problems(expr) == []
