"""Every duration is divided by the factor, and nothing else differs."""

import re

import promql_parser
import pytest
import yaml

from exporter.rules.divide import KEYS, divided
from tests.tree import ROOT

FILES = sorted(
    [*ROOT.glob("alert_rules/*.yml"), *ROOT.glob("deploy/alertmanager/*.yml"), *ROOT.glob("deploy/prometheus/*.yml")]
)
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def seconds(written):
    return sum(int(n) * SECONDS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", str(written)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_by_one_a_file_is_the_same_byte_for_byte(file):
    assert divided(file.read_text(), 1) == file.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("factor", [60, 7])
def test_durations_are_divided_and_nothing_else_differs(file, factor):
    before, after = yaml.safe_load(file.read_text()), yaml.safe_load(divided(file.read_text(), factor))
    compare(before, after, factor, "")


def compare(before, after, factor, key):
    """The values of two documents; in expressions by their syntax trees."""
    assert type(before) is type(after)
    if isinstance(before, dict):
        assert list(before) == list(after)
        for name, value in before.items():
            compare(value, after[name], factor, name)
    elif isinstance(before, list):
        assert len(before) == len(after)
        for one, other in zip(before, after):
            compare(one, other, factor, key)
    elif key in KEYS:
        assert near(seconds(before), seconds(after), factor)
    elif key == "expr":
        same(tree(before), tree(after), factor)
    else:
        assert before == after


def tree(expression):
    """The expression as promql-parser prints it, in words and durations."""
    printed = promql_parser.parse(expression).prettify()
    return re.findall(r"(?:\d+(?:ms|[smhdwy]))+\b|[\w.]+|[^\s\w]", printed)


def same(before, after, factor):
    assert len(before) == len(after)
    for at, (one, other) in enumerate(zip(before, after)):
        if re.fullmatch(r"(?:\d+(?:ms|[smhdwy]))+", one):
            assert near(seconds(one), seconds(other), factor), (one, other)
        elif one != other:  # a horizon, which ends the arguments of predict_linear
            assert "predict_linear" in before[:at] and float(one) == pytest.approx(float(other) * factor, rel=1e-4)


def near(before, after, factor):
    return after == pytest.approx(before / factor, abs=0.0006) or (before and after == 0.001)


EXPRESSION = """\
# for: 5m in a comment
groups:
  - name: one
    interval: 1m
    rules:
      - alert: One   # 5m
        expr: |
          rate(a{b="[5m] offset 1h"}[5m] offset 10m) > 5   # [5m]
            and predict_linear(c[6h], 86400) < 0
            and max_over_time(d[1h30m:1m]) > 60
        for: 2m
        labels: {interval: 5m}
        annotations: {summary: over 5m}
"""


def test_strings_comments_numbers_and_annotations_stay():
    assert divided(EXPRESSION, 60) == EXPRESSION.replace("interval: 1m\n", "interval: 1s\n").replace(
        '"}[5m] offset 10m)', '"}[5s] offset 10s)'
    ).replace("c[6h], 86400)", "c[6m], 1440)").replace("d[1h30m:1m]", "d[90s:1s]").replace("for: 2m", "for: 2s")


@pytest.mark.parametrize(
    ("written", "factor", "expected"),
    [
        ("0s", 60, "0s"),
        ("15s", 60, "250ms"),
        ("1m", 0.5, "2m"),
        ("100ms", 1000, "1ms"),
        ("1h", 7, "514286ms"),
        ("14d", 2, "1w"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_is_whole(written, factor, expected):
    assert divided(f"for: {written}\n", factor) == f"for: {expected}\n"


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_factor_is_more_than_nothing(factor):
    with pytest.raises(ValueError, match="a factor is more than 0"):
        divided("for: 1m\n", factor)
