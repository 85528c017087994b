"""A configured component: a probe with its name, its times and its thresholds, all resolved."""

from dataclasses import dataclass
from typing import Literal

from exporter.probe import Probe, Signal

Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Limit:
    """From `value` on (in the signal's unit), the signal has this severity."""

    signal: Signal
    severity: Severity
    value: float

    def crossed(self, value: float) -> bool:
        return value >= self.value if self.signal.direction == "above" else value <= self.value


@dataclass(frozen=True, slots=True)
class Component:
    """Times in seconds. Two components are equal when a reload need not touch the one that runs."""

    name: str
    kind: str
    probe: Probe
    interval: float = 15.0
    timeout: float = 5.0
    failing_interval: float = 15.0
    rise: int = 2
    fall: int = 3
    critical: bool = False
    weight: float = 1.0
    team: str = ""
    limits: tuple[Limit, ...] = ()
