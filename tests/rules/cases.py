"""The cases of tests/rules/*.yml as values: what makes an alert fire, and what it then says."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.tree import ROOT

RULES = ROOT / "alert_rules"
CASES = Path(__file__).parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
Values = Mapping[str, Any]
"""What each series is in a phase: a number, `absent`, `held`, `now`, `now-5m`, `now+20d`; in `steps`, its growth a minute."""


def seconds(text: str | float) -> int:
    """Of a duration as Prometheus writes it, such as 1h30m."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", str(text))
    assert "".join(map("".join, parts)) == str(text) != "", f"{text!r} is no duration of Prometheus"
    return int(sum(int(number) * UNITS[unit] for number, unit in parts))


@dataclass(frozen=True)
class Case:
    """One alert of one severity. Durations are in seconds."""

    name: str
    """ALERT-severity, and the kind; those that would be alike are numbered."""
    stem: str
    alert: str
    severity: str
    wait: int
    """How long the rule's `for` is."""
    summary: str
    keep: int = 0
    """How long the rule's `keep_firing_for` is."""
    component: Mapping[str, str] = field(default_factory=dict)
    service: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    quiet: Values = field(default_factory=dict)
    firing: Values = field(default_factory=dict)
    calm: Values = field(default_factory=dict)
    """How much the series of `steps` grow a minute while it is quiet."""
    busy: Values = field(default_factory=dict)
    start: Values = field(default_factory=dict)
    born: bool = False
    lasts: int = 900
    within: int = 360
    quiet_for: int = 600
    step: int = 60
    labels: Mapping[str, str | None] = field(default_factory=dict)
    always: bool = False
    alone: bool = False
    without: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def changes(self) -> int:
        """When it begins to be true, in seconds from the start."""
        return self.quiet_for

    @cached_property
    def ends(self) -> int:
        """When it stops being true; an event is over by itself."""
        lasting = self.lasts if self.itself else self.wait + self.within + 3 * self.step
        return self.changes + -(-lasting // self.step) * self.step

    @cached_property
    def over(self) -> int:
        """When the test ends."""
        return self.ends + -(-(self.within + self.keep) // self.step) * self.step + 5 * self.step

    @property
    def itself(self) -> bool:
        """Whether only its birth makes it fire."""
        return self.born and not self.firing and not self.busy

    @property
    def varying(self) -> list[str]:
        """The series that change."""
        return [*self.quiet, *self.calm]


def stems() -> list[str]:
    """The subjects that have rules or cases."""
    return sorted({path.stem for folder in (RULES, CASES) for path in folder.glob("*.yml")})


@functools.cache
def rules(stem: str) -> list[dict[str, Any]]:
    """The alerts of a rule file, in their order."""
    path = RULES / f"{stem}.yml"
    groups = yaml.load(path.read_text(), LOADER)["groups"] if path.exists() else []
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@functools.cache
def cases(stem: str) -> list[Case]:
    """The cases of a subject, in their order. AssertionError for a case that says too little, too much or wrong."""
    path = CASES / f"{stem}.yml"
    written = yaml.load(path.read_text(), LOADER)["cases"] if path.exists() else []
    kept = {(rule["alert"], rule["labels"]["severity"]): rule.get("keep_firing_for", "0s") for rule in rules(stem)}
    names: Counter[str] = Counter()
    found = []
    for one in written:
        parts = (one.get("alert"), one.get("severity"), one.get("component", {}).get("kind"))
        name = "-".join(str(part) for part in parts if part)
        names[name] += 1
        found.append(_case(name if names[name] == 1 else f"{name}-{names[name]}", stem, one, kept))
    return found


def _case(name: str, stem: str, written: dict[str, Any], kept: Mapping[tuple[str, str], str]) -> Case:
    known = "alert severity for summary component service given series quiet firing steps start born lasts within"
    known += " quiet_for step labels always alone without"
    called = f"{stem}.yml: {written.get('alert')} {written.get('severity')}"
    assert not set(written) - set(known.split()), f"{called}: unknown {sorted(set(written) - set(known.split()))}"
    assert {"alert", "severity", "for", "summary"} <= set(written), f"{called}: needs alert, severity, for, summary"
    series, steps = written.get("series"), written.get("steps", {})

    def values(of: Any) -> Values:
        if of is None:
            return {}
        if isinstance(of, dict):
            return of
        assert isinstance(series, str), f"{called}: needs `series`, or values by series"
        return {series: of}

    quiet, firing = values(written.get("quiet")), values(written.get("firing"))
    calm, busy = values(steps.get("quiet")), values(steps.get("firing"))
    if series and not quiet and not calm:
        quiet = {series: 0}  # of an event that is only born
    born = bool(written.get("born"))
    if not born and not written.get("always"):
        assert firing or busy, f"{called}: needs what is firing: quiet and firing, steps, born or always"
    assert not firing or set(firing) == set(quiet), f"{called}: quiet and firing name different series"
    assert set(calm) == set(busy), f"{called}: steps quiet and firing name different series"
    return Case(
        name=name,
        stem=stem,
        alert=written["alert"],
        severity=written["severity"],
        wait=seconds(written["for"]),
        summary=written["summary"],
        keep=seconds(kept.get((written["alert"], written["severity"]), "0s")),
        component=written.get("component", {}),
        service=written.get("service", {}),
        given=written.get("given", {}),
        quiet=quiet,
        firing=firing,
        calm=calm,
        busy=busy,
        start=written["start"]
        if isinstance(written.get("start"), dict)
        else dict.fromkeys(calm, written.get("start", 0)),
        born=born,
        labels=written.get("labels", {}),
        always=written.get("always", False),
        alone=written.get("alone", False),
        without=written.get("without", {}),
        **{key: seconds(written[key]) for key in ("lasts", "within", "quiet_for", "step") if key in written},
    )
