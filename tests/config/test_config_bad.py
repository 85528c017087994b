"""A folder of configurations with one mistake each, the messages expected at their top as `#= line: path: message`."""

import re
import time
from pathlib import Path

import pytest
from msgspec import Struct

from exporter import catalogue
from exporter.config import ConfigError, load, read
from exporter.config.fit import fit
from exporter.config.problem import Report

from tests.kinds import specimens  # noqa: F401

FOLDER = Path(__file__).parent / "bad"
ENVIRON = {"CANARY": "canary-in-variable", "EMPTY": ""}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_mistake_is_told_with_its_path_and_line_and_without_its_value(path):
    expected = [line.removeprefix("#= ") for line in path.read_text().splitlines() if line.startswith("#= ")]
    began = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        read(path, ENVIRON)
    elapsed = time.perf_counter() - began
    told = [f"{problem.line}: {problem}" for problem in caught.value.problems]
    assert told == [line.replace("KINDS", ", ".join(catalogue.kinds())) for line in expected]
    assert "canary" not in str(caught.value) + repr(caught.value)
    assert elapsed < 1.0


def test_every_problem_is_told_at_once():
    texts = [path.read_text() for path in sorted(FOLDER.glob("*.yaml"))]
    fields = [m[1] for text in texts if (m := re.search(r"^  a: \{kind: specimen, (.*)\}$", text, re.MULTILINE))]
    assert len(fields) > 15
    lines = [f"  a{number}: {{kind: specimen, {one}}}" for number, one in enumerate(fields)]
    with pytest.raises(ConfigError) as caught:
        load("\n".join(["service: 1", "defaults: {rise: 0}", "components:", *lines]), source="it", environ=ENVIRON)
    told = {problem.line for problem in caught.value.problems}
    assert told == {1, 2, *range(4, 4 + len(fields))}


def test_a_flood_of_problems_ends_at_a_hundred():
    text = "".join(f"key{number}: 1\n" for number in range(9_000))
    with pytest.raises(ConfigError) as caught:
        load(text, source="it", environ={})
    assert len(caught.value.problems) == 100


def test_a_kinds_own_checks_hide_one_another_no_more_than_the_rest():
    text = """
components:
  a:
    kind: http
    url: ftp://x
    method: A B
    tls: {key_file: /x}
    expect: {status: [999], headers: {x-a: "["}, body: "(", json: {ok: "a.", other: "a]"}}
  b: {kind: http, url: "${UNSET}", tls: {}, body_limit: 1GiB}
  c: {kind: postgres, dsn: "postgresql://host:99999/x"}
"""
    with pytest.raises(ConfigError) as caught:
        load(text, source="it", environ=ENVIRON)
    assert [problem.path.removeprefix("components.") for problem in caught.value.problems] == [
        "a.url", "a.method", "a.tls.key_file", "a.expect.body", "a.expect.headers.x-a", "a.expect.json.ok",
        "a.expect.json.other", "a.expect.status", "b.body_limit", "b.url", "c.dsn",
    ]  # fmt: skip
    assert not [
        problem for problem in caught.value.problems if problem.message.rstrip("…").endswith((":", "expected", "not "))
    ]


class Named(Struct, kw_only=True, frozen=True):
    items: dict[str, int] = {}

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("items: expected one at least")
        for name, number in self.items.items():
            if number < 0:
                raise ValueError(f"items.{name}: is negative")


def test_what_is_left_when_all_of_a_mapping_is_wrong_is_no_second_mistake():
    report = Report({})
    assert fit(Named, {"items": {"a": -1, "c": -3}}, (), report) is None
    assert [str(problem) for problem in report.problems] == ["items.a: is negative", "items.c: is negative"]
