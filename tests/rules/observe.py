"""What promtool says that alerts did: one run for a rule file with all its cases, read from what it found wrong."""

import functools
import json
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.rules.cases import LOADER, RULES, Case, cases
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
    homes: dict[str, str]
    """The name of the test that a place is in."""
    errors: list[str]
    """What rules failed with while they were evaluated, or why promtool took nothing."""


@functools.cache
def observed(stem: str, name: str) -> Observed:
    """Of all cases of a subject, on one generation."""
    return observe(RULES / f"{stem}.yml", cases(stem), generation(name).promtool)


def observe(file: Path, every: Iterable[Case], promtool: str) -> Observed:
    """One run. A case is judged by the rules of its alert alone, and by those that record series: else all rules of the
    file would be evaluated for each case, which takes minutes.
    """
    found = Observed({}, {}, [])
    # It keeps each test's series in a storage on disk, which is slow, and leaves it behind when a test fails.
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="promtool-", dir=fast) as made:
        files = list(_test_files(file, every, Path(made), found))
        ran = subprocess.run(
            [promtool, "test", "rules", *map(str, files)],
            capture_output=True,
            text=True,
            timeout=110,
            env={"TMPDIR": made, "GOGC": "400"},
        )
    _read(ran.stdout + "\n" + ran.stderr, found)
    if not found.tests and not found.errors:  # the file itself was refused
        found.errors += [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    return found


def _test_files(file: Path, every: Iterable[Case], folder: Path, found: Observed) -> Iterator[Path]:
    """A test file for each alert and step: the interval of evaluation belongs to the file.

    With more alerts in a test, each rule is evaluated over the series of all: for databases.yml 2.0 s of a core with one
    alert in each, 3.0 s with four, 9.8 s with all.
    """
    groups = yaml.load(file.read_text(), LOADER)["groups"] if file.exists() else []
    together: dict[tuple[str, int], list[Case]] = defaultdict(list)
    for case in every:
        together[case.alert, case.step].append(case)
    for (alert, step), cases in together.items():
        name = f"{alert}-{step}"
        own = [{**group, "rules": [r for r in group["rules"] if r.get("alert", alert) == alert]} for group in groups]
        rules = folder / f"{name}.rules.yml"
        rules.write_text(json.dumps({"groups": [group for group in own if group["rules"]]}))
        tested = []
        for test, places in tests(cases, step):
            tested.append({**test, "name": f"{name} {test['name']}"})
            found.homes |= dict.fromkeys(places, tested[-1]["name"])
        path = folder / f"{name}.yml"
        # JSON is YAML too, and is written ten times as fast.
        path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": f"{step}s", "tests": tested}))
        yield path


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
        elif re.search(r"\berr: |error|cannot|could not|unknown|invalid", text) and not text.startswith(
            ("exp:", "got:")
        ):
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
