"""What one run, or one watch, of a probe reports; where it goes adds up counts and keeps values over restarts."""

import time
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Any, Protocol

from exporter.metric import Metric


class Sink(Protocol):
    """Where counts and observations of one component go: they add up over runs, while readings are replaced."""

    def count(self, metric: Metric, amount: float, labels: tuple[str, ...]) -> None: ...
    def observe(self, metric: Metric, value: float, labels: tuple[str, ...]) -> None: ...
    def request(self, service: str, method: str, path: str, status: int, seconds: float) -> None: ...


class Kept(Protocol):
    """What one component keeps over restarts: JSON values by key."""

    def get(self, key: str) -> Any: ...
    def put(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of a run; `offset` and `duration` in seconds, the offset from the run's start."""

    name: str
    offset: float
    duration: float


class Readings:
    """What one run (or one watch) reports. Labels are those after `component`, which is added for you."""

    def __init__(self, component: str, sink: Sink, kept: Kept, *, deadline: float = 0.0, traceparent: str = "") -> None:
        self.component = component
        self.deadline = deadline
        """When the run ends, on time.monotonic's clock; 0 in a watch."""
        self.traceparent = traceparent
        """W3C trace context to send along, or ''."""
        self.values: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self.degradations: list[tuple[str, str]] = []
        self.phases: list[Phase] = []
        self.where = ""
        """With what the run talks, such as db:5432, for whoever cuts it off; '' while that is not known."""
        self._sink = sink
        self._kept = kept
        self._phase = ""
        self._at = time.monotonic()

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Report a gauge, an info (value 1), or a counter as the server itself counts it. Raises on a defect.

        A counter that is negative, infinite or no number is left out: OpenMetrics' parsers refuse a page that has one.
        """
        if len(labels) != len(metric.labels) - 1 or metric.type == "histogram":
            raise ValueError(f"{metric.name} is a {metric.type} with the labels {metric.labels}, not {labels}")
        value = float(value)
        if metric.type != "counter" or 0 <= value < inf:
            self.values[metric, labels] = value

    def count(self, metric: Metric, amount: float = 1.0, *labels: str) -> None:
        """Add to a counter of our own."""
        self._sink.count(metric, amount, labels)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a value into a histogram."""
        self._sink.observe(metric, value, labels)

    def request(self, service: str, method: str, path: str, status: int, seconds: float) -> None:
        """Tell of a request that a service answered; `seconds` is NaN where that is not known."""
        self._sink.request(service, method, path, status, seconds)

    def degraded(self, reason: str, detail: str = "") -> None:
        """The component works, but not as it should. The first reason becomes the run's."""
        self.degradations.append((reason, detail))

    def phase(self, name: str) -> "Phasing":
        """Time a part of the run: `with out.phase("connect"): …`. Phases do not nest."""
        return Phasing(self, name)

    def keep(self, key: str, value: Any) -> None:
        """Keep a JSON value over restarts; None forgets it."""
        self._kept.put(key, value)

    def kept(self, key: str) -> Any:
        """What `keep` stored last, or None."""
        return self._kept.get(key)

    @property
    def open_phase(self) -> str:
        """The phase under way, or '': it tells where a deadline struck."""
        return self._phase

    def begin(self, name: str) -> float:
        self._phase = name
        return time.monotonic()

    def end(self, name: str, began: float) -> None:
        self.phases.append(Phase(name, began - self._at, time.monotonic() - began))


class Phasing:
    """The context manager behind Readings.phase. Left by an exception, the phase stays open for the reason's sake."""

    __slots__ = ("_began", "_name", "_out")

    def __init__(self, out: Readings, name: str) -> None:
        self._out = out
        self._name = name

    def __enter__(self) -> None:
        self._began = self._out.begin(self._name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.end(self._name, self._began)
        if kind is None:
            self._out.begin("")
