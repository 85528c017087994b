"""What a kind of component is (Probe), what a run of it says (Readings, Down), and what became of the run (Result)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from exporter.metric import Metric, histogram
from exporter.readings import Phase, Readings
from exporter.values import Duration

__all__ = [
    "COMMON_REASONS",
    "LATENCY",
    "PROBE_DURATION",
    "Down",
    "Outcome",
    "Phase",
    "Probe",
    "Readings",
    "Result",
    "Runs",
    "Signal",
    "Threshold",
    "Unit",
]

Outcome = Literal["healthy", "degraded", "unhealthy"]
Unit = Literal["seconds", "ratio", "bytes", "number"]
Runs = Annotated[int, Meta(ge=1)]
Weight = Annotated[float, Meta(gt=0)]

# What run.run_once itself can answer, whatever the kind.
COMMON_REASONS: Mapping[str, str] = {
    "timeout": "The run did not end within its deadline.",
    "resolve_timeout": "The deadline passed while the name was being resolved.",
    "connect_timeout": "The deadline passed before the connection was made: packets dropped, or a full backlog.",
    "threshold": "A reading is beyond its threshold.",
    "internal": "The probe itself failed: a defect of stack-exporter, whose traceback is in the log.",
    "quarantined": "Three runs in a row ignored their cancellation; the component is not run until a reload.",
}

PROBE_DURATION = histogram(
    "stack_probe_duration_seconds", "How long a run of the probe took, from start to verdict.", "component", "kind"
)


@dataclass(frozen=True, slots=True)
class Signal:
    """A reading that has thresholds. `metric` is in `unit`, so that a rule compares the two as they stand.

    `last` signals (a gauge's newest value; the worst of its series) also make a component degraded;
    `p95` (a histogram, over 5 m) and `rate` (a counter, over 5 m) are compared by alert rules alone.
    """

    name: str
    metric: Metric
    unit: Unit
    help: str
    statistic: Literal["last", "p95", "rate"] = "last"
    direction: Literal["above", "below"] = "above"
    warning: float | None = None
    critical: float | None = None


class Threshold(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """From where on a signal is a warning, and from where on critical; `off` takes a default away."""

    warning: Annotated[str | float | None, Meta(description="Where it is a warning, with its unit; or off.")] = None
    critical: Annotated[str | float | None, Meta(description="Where it is critical, with its unit; or off.")] = None


class Down(Exception):  # noqa: N818 - an answer, not an error
    """The component is down: `reason` is one of the kind's fixed words, `detail` is for people and holds no secret."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `started` in Unix seconds, `duration` in seconds; `values` are the readings by metric and labels."""

    component: str
    kind: str
    started: float
    duration: float
    outcome: Outcome
    reason: str
    detail: str
    values: Mapping[tuple[Metric, tuple[str, ...]], float]
    phases: tuple[Phase, ...] = ()
    traceparent: str = ""
    """W3C trace context of the run's span, or '' when tracing is off."""
    error: BaseException | None = None
    """What a run with the reason `internal` raised."""

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]

    @property
    def traced(self) -> bool:
        """Whether the run's span is exported: failed ones always are, the others when they are sampled."""
        return bool(self.traceparent) and (self.outcome != "healthy" or self.traceparent.endswith("1"))

    @property
    def up(self) -> bool:
        return self.outcome != "unhealthy"


class Probe(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    """A component of some kind. A kind is one file in exporter/probes: a subclass whose fields are its YAML keys."""

    reasons: ClassVar[Mapping[str, str]] = {}
    """Every reason of Down and degraded that the kind can give beyond COMMON_REASONS, and what each means."""
    signals: ClassVar[tuple[Signal, ...]] = ()
    """What can have thresholds beyond `latency`."""
    drivers: ClassVar[tuple[str, ...]] = ()
    """Modules that the kind imports when it is configured; the extra that brings them is named like the kind."""
    latency: ClassVar[tuple[float | None, float | None]] = (0.5, 2.0)
    """Default thresholds of `latency`, warning and critical, in seconds."""
    slow: ClassVar[float | None] = None
    """The kind's own default of `timeout`, for what takes longer than most."""
    example: ClassVar[str] = ""
    """A component's keys in YAML, for a kind that its required ones alone don't show."""

    interval: Annotated[Duration | None, Meta(description="Time between two runs.")] = None
    timeout: Annotated[
        Duration | None, Meta(description="Deadline of a whole run, from resolving to the last byte.")
    ] = None
    failing_interval: Annotated[
        Duration | None, Meta(description="Time between two runs while the component is failing.")
    ] = None
    rise: Annotated[Runs | None, Meta(description="Good runs in a row that make it healthy again.")] = None
    fall: Annotated[Runs | None, Meta(description="Bad runs in a row that make it unhealthy.")] = None
    critical: Annotated[bool, Meta(description="Its failure makes the whole unhealthy, and weighs more.")] = False
    weight: Annotated[Weight | None, Meta(description="Its weight in the score; by default 1, critical 3.")] = None
    team: Annotated[str, Meta(description="Who owns it: a label for routing alerts.")] = ""
    thresholds: Annotated[dict[str, Threshold], Meta(description="Thresholds by signal.")] = {}
    scheduled: Annotated[
        bool, Meta(description="Run by the clock; false: only when /probe?component=NAME or a cycle asks.")
    ] = True

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of `drivers` that this component imports, for a kind in which that is a matter of its fields."""
        return self.drivers

    @property
    def families(self) -> tuple[Metric, ...]:
        """Metrics that are named in the component's own fields, beside the kind's constants."""
        return ()

    async def run(self, out: Readings) -> None:  # noqa: ARG002 - for those that override it
        """Report readings; return when the component is up, else raise Down. Raises nothing else but defects."""
        raise TypeError(f"{type(self).__name__} has no run")

    async def watch(self, out: Readings) -> None:
        """Follow something for as long as the component is configured; a kind without it returns at once.

        What it sets stays exposed until it sets something else; an exception restarts it with back-off.
        """

    def hear(self, out: Readings, told: Mapping[str, str]) -> None:  # noqa: ARG002
        """Take in what `POST /hooks/{kind}/{name}` was told; a kind that does has the field `token`.

        What it sets stays exposed as a watch's does. ValueError says what is wrong with the message.
        """
        raise TypeError(f"{type(self).__name__} hears nothing")


LATENCY = Signal("latency", PROBE_DURATION, "seconds", "How long a run takes.", statistic="p95")
