"""What is known now: of each component its latest result, its verdict and its recent past; and the tallies."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from exporter.component import Component
from exporter.metric import Metric, counter, gauge, info
from exporter.probe import PROBE_DURATION, Outcome, Result
from exporter.tally import Labels, Tallies

Status = Literal["healthy", "degraded", "unhealthy", "unknown", "maintenance"]
STATUSES: tuple[Status, ...] = ("healthy", "degraded", "unhealthy", "unknown", "maintenance")

PROBE_SUCCESS = gauge(
    "stack_probe_success", "Whether the last run found the component up (1) or not (0).", "component", "kind"
)
COMPONENT_UP = gauge(
    "stack_component_up",
    "The verdict after rise and fall: 1 up, 0 down; absent until the first run.",
    "component",
    "kind",
)
VERDICT_SINCE = gauge(
    "stack_component_verdict_since_timestamp_seconds",
    "Since when the verdict (healthy, degraded or unhealthy) is what it is, in Unix time.",
    "component",
    "kind",
)
COMPONENT_STATUS = gauge(
    "stack_component_status", "The status that applies is 1, the others 0.", "component", "kind", "status"
)
COMPONENT_INFO = info(
    "stack_component_info",
    "A configured component, whether it is critical, and who owns it.",
    "component",
    "kind",
    "critical",
    "team",
)
PROBE_LAST_RUN = gauge(
    "stack_probe_last_run_timestamp_seconds", "When the last run ended, in Unix time.", "component", "kind"
)
PROBE_INTERVAL = gauge(
    "stack_probe_interval_seconds",
    "Time between two runs, as configured; absent for what is not run by the clock.",
    "component",
    "kind",
)
PROBE_PHASE = gauge(
    "stack_probe_phase_duration_seconds", "How long a phase of the last run took.", "component", "kind", "phase"
)
PROBE_RUNS = counter(
    "stack_probe_runs_total",
    "Runs by result (healthy, degraded, unhealthy) and reason.",
    "component",
    "kind",
    "result",
    "reason",
)
# _number and not _count: the suffix belongs to histograms, and promtool check metrics refuses it on a gauge.
THRESHOLD_SECONDS = gauge(
    "stack_threshold_seconds", "A signal's threshold, in seconds.", "component", "signal", "severity"
)
THRESHOLD_RATIO = gauge(
    "stack_threshold_ratio", "A signal's threshold, as a part of one.", "component", "signal", "severity"
)
THRESHOLD_BYTES = gauge("stack_threshold_bytes", "A signal's threshold, in bytes.", "component", "signal", "severity")
THRESHOLD_NUMBER = gauge(
    "stack_threshold_number", "A signal's threshold, a plain number.", "component", "signal", "severity"
)
THRESHOLDS = {
    "seconds": THRESHOLD_SECONDS,
    "ratio": THRESHOLD_RATIO,
    "bytes": THRESHOLD_BYTES,
    "number": THRESHOLD_NUMBER,
}
HEALTH_SCORE = gauge("stack_health_score", "Weighted health of all components from 0 to 1; degraded ones count half.")

Values = dict[tuple[Metric, Labels], float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a component is taken for after rise and fall.

    `streak`: consecutive runs that speak for a change, worse ones positive; `toward`: what they would change it to.
    """

    health: Outcome
    since: float
    streak: int = 0
    toward: Outcome = "healthy"


@dataclass(frozen=True, slots=True)
class Run:
    """What is remembered of a past run."""

    started: float
    duration: float
    outcome: Outcome
    reason: str
    detail: str


@dataclass(slots=True)
class Record:
    """One component's past and present. Its own ring, so that a noisy neighbour evicts nothing here."""

    component: Component
    verdict: Verdict | None = None
    result: Result | None = None
    maintenance: bool = False
    last_success: float | None = None
    runs: deque[Run] = field(default_factory=lambda: deque(maxlen=60))
    failures: deque[Run] = field(default_factory=lambda: deque(maxlen=10))

    @property
    def status(self) -> Status:
        if self.maintenance:
            return "maintenance"
        return self.verdict.health if self.verdict else "unknown"


class State:
    """All of it. Written by one thread, the loop's."""

    def __init__(self, tallies: Tallies | None = None) -> None:
        self.records: dict[str, Record] = {}
        self.tallies = tallies or Tallies()

    def add(self, component: Component) -> Record:
        """Know a component, whose counters start at 0 for what an alert counts from its first occurrence."""
        record = self.records[component.name] = Record(component)
        self.tallies.child(PROBE_DURATION, component.name, component.kind)
        self.tallies.child(PROBE_RUNS, component.name, component.kind, "healthy", "")
        for reason in ("timeout", *component.probe.reasons):
            self.tallies.child(PROBE_RUNS, component.name, component.kind, "unhealthy", reason)
        return record

    def remove(self, name: str) -> None:
        """Forget a component and all its series."""
        self.records.pop(name, None)
        self.tallies.drop(name)

    def record(self, result: Result, verdict: Verdict, *, maintenance: bool) -> Record:
        """Take in a run and what it is judged to mean."""
        record = self.records[result.component]
        record.result, record.verdict, record.maintenance = result, verdict, maintenance
        run = Run(result.started, result.duration, result.outcome, result.reason, result.detail)
        record.runs.append(run)
        if result.up:
            record.last_success = result.started + result.duration
        if result.outcome != "healthy":
            record.failures.append(run)
        labels = (result.component, result.kind)
        self.tallies.child(PROBE_RUNS, *labels, result.outcome, result.reason).add()
        duration = self.tallies.child(PROBE_DURATION, *labels)
        duration.observe(result.duration)
        if result.traced:
            duration.exemplify(result.trace_id, result.duration, result.started + result.duration)
        return record


def values(record: Record) -> Values:
    """Every sample of a component's latest run, the core families first. Labels are those after `component`."""
    kind = record.component.kind
    found: Values = {(COMPONENT_INFO, (kind, str(record.component.critical).lower(), record.component.team)): 1.0}
    if record.component.probe.scheduled:
        found[PROBE_INTERVAL, (kind,)] = record.component.interval
    for limit in record.component.limits:
        found[THRESHOLDS[limit.signal.unit], (limit.signal.name, limit.severity)] = limit.value
    status = record.status
    for name in STATUSES:
        found[COMPONENT_STATUS, (kind, name)] = 1.0 if name == status else 0.0
    result = record.result
    if result is None:
        return found
    labels = (kind,)
    found[PROBE_SUCCESS, labels] = 1.0 if result.up else 0.0
    found[PROBE_LAST_RUN, labels] = result.started + result.duration
    if record.verdict is not None:
        found[COMPONENT_UP, labels] = 0.0 if record.verdict.health == "unhealthy" else 1.0
        found[VERDICT_SINCE, labels] = record.verdict.since
    for phase in result.phases:  # one that came twice, as connect does on a redirect, took both times together
        key = (PROBE_PHASE, (kind, phase.name))
        found[key] = found.get(key, 0.0) + phase.duration
    found.update(result.values)
    return found
