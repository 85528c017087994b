"""What promtool says that alerts did: one run for a rule file with all its cases, read from what it found wrong."""

import functools
import json
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.rules.cases import RULES, Case, cases
from tests.rules.expand import tests
from tests.servers.generations import generation

PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Labels = tuple[tuple[str, str], ...]


@dataclass
class Seen:
    """Of one test: `states` by second, labels; `said` is what was firing with its annotations, by second."""

    states: dict[int, dict[Labels, str]] = field(default_factory=dict)
    said: dict[int, dict[Labels, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))


@dataclass
class Observed:
    tests: dict[str, Seen]
    errors: list[str]
    """What rules failed with while they were evaluated, or why promtool took nothing."""


@functools.cache
def observed(stem: str, name: str) -> Observed:
    """Of all cases of a subject, on one generation."""
    return observe(RULES / f"{stem}.yml", cases(stem), generation(name).promtool)


def observe(file: Path, every: Iterable[Case], promtool: str) -> Observed:
    """Cases with the same step are evaluated together: the interval belongs to the file."""
    paced: dict[int, list[Case]] = defaultdict(list)
    for case in every:
        paced[case.step].append(case)
    found = Observed({}, [])
    with tempfile.TemporaryDirectory(prefix="promtool-") as made:
        for step, together in paced.items():
            expanded = {
                "rule_files": [str(file)],
                "evaluation_interval": f"{step}s",
                "tests": [test for case in together for test in tests(case)],
            }
            path = Path(made, f"{step}.yml")
            path.write_text(yaml.dump(expanded, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
            ran = subprocess.run(
                [promtool, "test", "rules", str(path)],
                capture_output=True,
                text=True,
                timeout=110,
                env={"TMPDIR": made},  # it leaves its storage behind when a test fails
            )
            _read(ran.stdout + "\n" + ran.stderr, found)
    return found


def _read(output: str, found: Observed) -> None:
    seen, at, states, labels = Seen(), 0, False, ()
    for line in output.splitlines():
        text = line.strip()
        if match := re.match(r"name: (.*),$", text):
            seen = found.tests.setdefault(match[1], Seen())
        elif match := re.match(r"alertname: .*, time: (\w+),", text):
            at, states = _seconds(match[1]), False
        elif match := re.match(r'expr: ".*", time: (\w+),', text):
            at, states = _seconds(match[1]), True
            seen.states[at] = {}
        elif text.startswith("got:") and states:
            for one in re.findall(r'\{((?:\w+="(?:[^"\\]|\\.)*"(?:, )?)*)\} ', text):
                pairs = _pairs(one)
                state = pairs.pop("alertstate", "?")
                seen.states[at][_key(pairs)] = state
        elif text.startswith("Labels:"):
            labels = _key(_pairs(text))
        elif text.startswith("Annotations:") and ("nothing", "like this") not in labels:
            seen.said[at][labels] = _pairs(text)
        elif re.search(r"\berr: |error|cannot|could not|unknown|invalid", text) and not text.startswith(("exp:", "got:")):
            found.errors.append(text)


def _pairs(text: str) -> dict[str, str]:
    """Labels as Go quotes them; the name of the series is left out."""
    return {name: _unquoted(value) for name, value in PAIR.findall(text) if name != "__name__"}


def _unquoted(text: str) -> str:
    # Go's %q knows \x and \a beyond what JSON does; neither comes out of a template that is text.
    return str(json.loads(f'"{text}"', strict=False))


def _key(pairs: dict[str, str]) -> Labels:
    return tuple(sorted(pairs.items()))


def _seconds(text: str) -> int:
    """Of a time as promtool prints it: model.Duration."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1, "w": 604800, "y": 31536000}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([wdhmsy])", text))
