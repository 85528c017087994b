"""Counts what is good and what is bad, for each service level objective (FH-11).

Rules can't do that: they would have to choose one of a histogram's buckets by a series that says which.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import structs

from exporter.component import Component
from exporter.config.application import Measuring
from exporter.config.slo import Slo
from exporter.ingest.pattern import Pattern
from exporter.metric import Metric, counter, gauge, info
from exporter.probe import Result
from exporter.tally import Child, Tallies

EVENTS = counter(
    "stack_slo_events_total",
    "What an objective is of (requests, runs, operations or tasks), by outcome: good or bad.",
    "slo",
    "outcome",
)
OBJECTIVE = gauge("stack_slo_objective_ratio", "The share that is to be good, as configured.", "slo")
SLO_INFO = info(
    "stack_slo_info",
    "What an objective is of, and whose; objective_of is availability or latency.",
    "slo",
    "service",
    "component",
    "team",
    "objective_of",
)
REQUESTS = "requests"
"""Name of the objective that there is without a configuration, where no service has a name to give it."""


class Configured(Protocol):
    """The sections of the configuration that objectives go by."""

    @property
    def service(self) -> str: ...
    @property
    def services(self) -> Mapping[str, Measuring]: ...
    @property
    def components(self) -> tuple[Component, ...]: ...
    @property
    def slos(self) -> Mapping[str, Slo] | None: ...


class Counted:
    """The two series of one objective. Whoever holds it when its objective goes adds to what nobody reads."""

    __slots__ = ("bad", "good", "latency")

    def __init__(self, good: Child, bad: Child, latency: float | None) -> None:
        self.good = good
        self.bad = bad
        self.latency = latency

    def outcome(self, duration: float, *, failed: bool) -> Child:
        slow = self.latency is not None and duration > self.latency
        return self.bad if failed or slow else self.good


class Slos:
    """All objectives; they outlive a reload."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies
        self._counted: dict[str, Counted] = {}
        self._written: Mapping[str, Slo] = {}
        self._of_components: dict[str, list[Counted]] = {}

    def use(self, config: Configured) -> None:
        """Count by this configuration from now on: objectives that stay keep their counts, the others' series end."""
        self._written = objectives(config)
        self._counted, self._of_components = {}, {}
        teams = {component.name: component.team for component in config.components}
        keep: dict[Metric, set[tuple[str, ...]]] = {EVENTS: set(), OBJECTIVE: set(), SLO_INFO: set()}
        for name, slo in self._written.items():
            service = "" if slo.component else slo.service
            team = teams.get(slo.component, "") if slo.component else _team(config, service)
            labels = (name, service, slo.component, team, "availability" if slo.latency is None else "latency")
            objective, about = self._tallies.child(OBJECTIVE, name), self._tallies.child(SLO_INFO, *labels)
            objective.set(round(slo.objective, 9))  # 99.9 / 100 is a little more than 0.999
            about.set(1)
            good, bad = (self._tallies.child(EVENTS, name, outcome) for outcome in ("good", "bad"))
            self._counted[name] = Counted(good, bad, slo.latency)
            for child in (objective, about, good, bad):
                keep[child.family.metric].add(child.labels)
            if slo.component:
                self._of_components.setdefault(slo.component, []).append(self._counted[name])
        for metric, wanted in keep.items():
            family = self._tallies.families.get(metric)
            for each in tuple(family.children) if family else ():
                if each not in wanted:
                    self._tallies.forget(metric, *each)

    def run(self, result: Result, *, maintenance: bool) -> None:
        """Count a run of a component, unless failures are expected."""
        if maintenance:
            return
        for counted in self._of_components.get(result.component, ()):
            counted.outcome(result.duration, failed=not result.up).add()

    def requests(self, service: str, method: str, route: str) -> Sequence[Counted]:
        """Those of requests like this; route and method are as the requests' own series have them."""
        return [
            self._counted[name]
            for name, slo in self._written.items()
            if not (slo.component or slo.operation or slo.task)
            and slo.service in ("", service)
            and slo.method.upper() in ("", method)
            and (not slo.route or Pattern(slo.route).matches(route))
        ]

    def works(self, kind: Literal["operation", "task"], service: str, name: str) -> Sequence[Counted]:
        """Those of an operation or a task of this name."""
        return [
            self._counted[each]
            for each, slo in self._written.items()
            if (wanted := slo.operation if kind == "operation" else slo.task)
            and slo.service in ("", service)
            and Pattern(wanted).matches(name)
        ]


def objectives(config: Configured) -> Mapping[str, Slo]:
    """By name; what is not configured is decided."""
    if config.slos is not None:
        return {name: structs.replace(slo, service=slo.service or config.service) for name, slo in config.slos.items()}
    critical = {component.name: Slo(component=component.name) for component in config.components if component.critical}
    own = config.service if config.service and config.service not in critical else REQUESTS
    return {own: Slo(service=config.service), **critical}


def _team(config: Configured, service: str) -> str:
    found = config.services.get(service)
    return found.team if found else ""
