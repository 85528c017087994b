"""A rule file as it is written: each rule with the comment above it, and what recording rules make."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.rules.cases import LOADER
from tests.rules.promql import Labels, Reading, read


@dataclass
class Rule:
    """An alert, as written and as read. `comment` is that of the first rule with the name."""

    stem: str
    name: str
    written: Mapping[str, Any]
    comment: str
    reading: Reading
    result: Labels
    """Labels that its expression's answer can have."""

    @property
    def expr(self) -> str:
        return str(self.written["expr"])

    @property
    def severity(self) -> str:
        return str(self.written.get("labels", {}).get("severity", ""))

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.written.get("annotations", {})

    @property
    def called(self) -> str:
        return f"{self.stem}.yml: {self.name} {self.severity}".strip()

    @property
    def thresholds(self) -> set[tuple[str, str]]:
        """Signals and severities of the thresholds that it compares with."""
        found = set()
        for selector in self.reading.selectors:
            if re.match(r"stack_(alert_)?threshold_", selector.name or ""):
                matched = {one.name: one.value for one in selector.matchers.matchers}
                found.add((matched.get("signal", ""), matched.get("severity", "")))
        return found


@dataclass
class File:
    """What is in a rule file; `problems` are those of reading it."""

    stem: str
    groups: list[str] = field(default_factory=list)
    alerts: list[Rule] = field(default_factory=list)
    recorded: dict[str, Reading] = field(default_factory=dict)


def file(stem: str, text: str, recorded: Mapping[str, Labels]) -> File:
    """The rule file; `recorded` are the series that recording rules of all files make."""
    found = File(stem)
    comments = dict(_comments(text))
    for group in yaml.load(text, Loader=LOADER)["groups"]:
        found.groups.append(group["name"])
        for rule in group["rules"]:
            reading, labels = read(rule["expr"], recorded)
            if name := rule.get("alert"):
                found.alerts.append(Rule(stem, name, rule, comments.get(name, ""), reading, labels))
            else:
                found.recorded[rule["record"]] = reading
    return found


def records(texts: Mapping[str, str]) -> dict[str, Labels]:
    """The labels of what recording rules make; in the order of files and rules, as they build on one another."""
    found: dict[str, Labels] = {}
    for text in texts.values():
        for group in yaml.load(text, Loader=LOADER)["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    found[rule["record"]] = read(rule["expr"], found)[1] | set(rule.get("labels", {}))
    return found


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """Alerts and the comments above them, of the first of each name."""
    seen, above = set(), []
    for line in text.splitlines():
        if match := re.match(r"\s*- (?:alert|record): (\S+)", line):
            if match[1] not in seen:
                yield match[1], " ".join(above)
            seen.add(match[1])
            above = []
        elif line.strip().startswith("#"):
            above.append(line.strip())
        elif line.strip():
            above = []
