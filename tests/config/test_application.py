"""The sections on what applications send: their bounds, and that what is right is taken as it is written."""

import pytest

from exporter.config import ConfigError, load
from exporter.config.patterns import VARIABLES, expression, variable
from exporter.ingest.group_rules import _values
from exporter.ingest.group_traits import NONE
from exporter.ingest.values import Occurrence, Origin

RIGHT = """
ingest: {projects: {1: {keys: [abcdefgh1, abcdefgh2], origins: ["*"]}, 2: {keys: [ijklmnop1]}}, tokens: [longenough]}
scrub: {patterns: {order: "ORD-[0-9]{4}", long: "[A-Za-z0-9]{24,}", digits: "[0-9]{6}", account: '(?i)acct \\d+'}}
grouping: [{fingerprint: ["{{ type }}", "{{stack.module}} of {{ service }}", "{{ default }}"], message: "*"}]
retention: {errors: 1s, events: 1h, alerts: 1ms, size: 16MiB, low_space: 0.5}
operations: {bom: {slow: 1ms}}
classes: {404: {security: true}, 5xx: {severity: high}, "10456": {code: x}, shop.Refused: {status: 402}, E99: {}}
"""


def test_what_is_right_is_taken() -> None:
    config = load(RIGHT, source="it", environ={})
    assert set(config.ingest.projects) == {"1", "2"}
    assert set(config.classes) == {"404", "5xx", "10456", "shop.Refused", "E99"}
    assert (config.retention.size, config.retention.low_space) == (16 * 1024**2, 0.5)


def test_all_that_is_wrong_with_projects_is_told_and_no_key_shown() -> None:
    text = "ingest:\n  projects:\n    1: {keys: [abcdefgh1], service: []}\n    2: {keys: [abcdefgh1]}\n    x: {keys: [zz]}\n"
    with pytest.raises(ConfigError) as caught:
        load(text, source="it", environ={})
    assert [str(problem) for problem in caught.value.problems] == [
        "ingest.projects.1.service: expected a text, got a list",
        "ingest.projects.x: a project's id is a number, as it stands at the end of a DSN",
        "ingest.projects.x.keys[0]: a key has at least 8 letters and digits, and nothing else",
    ]
    assert "abcdefgh1" not in str(caught.value)


@pytest.mark.parametrize("values", ["ingest: 1", "ingest: {projects: [1]}", "classes: [404]", "retention: 0s"])
def test_a_section_that_is_no_mapping_is_told_once(values: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(values, source="it", environ={})
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("pattern", [".", "(?s).+", r"\S+", r"\w+", "[^,]+", r"\b", "[0-9a-z]"])
def test_a_pattern_that_would_leave_nothing_is_refused(pattern: str) -> None:
    assert "it matches" in expression(pattern)


def test_every_variable_that_grouping_fills_is_known_and_no_other() -> None:
    occurrence = Occurrence("0", 0.0, Origin("shop"), "events")
    assert set(VARIABLES) == {"default", *_values(occurrence, "", NONE)}
    assert all(variable(f"{{{{ {name} }}}}") == "" for name in VARIABLES)
