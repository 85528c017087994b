"""Where one component's counts, observations and requests go."""

from collections.abc import Callable
from math import isfinite

from exporter.metric import Metric
from exporter.tally import Labels, Tallies

Requested = Callable[[str, str, str, int, float], None]
"""Told of a request that an access log has: service, method, path, status, and seconds or NaN."""


class Counting:
    """A component's Sink: adds its name to the labels. Raises ValueError for what would spoil a series for good."""

    __slots__ = ("_component", "_open", "_requested", "_tallies")

    def __init__(self, tallies: Tallies, component: str, requested: Requested | None = None) -> None:
        """`requested` is told of requests in access logs."""
        self._tallies = tallies
        self._requested = requested
        self._component = component
        self._open = True

    def count(self, metric: Metric, amount: float, labels: Labels) -> None:
        if metric.type != "counter" or not (isfinite(amount) and amount >= 0):
            raise ValueError(f"{metric.name}, a {metric.type}, does not count {amount}")
        if self._open:
            self._tallies.child(metric, self._component, *labels).add(amount)

    def observe(self, metric: Metric, value: float, labels: Labels) -> None:
        if metric.type != "histogram" or not isfinite(value):
            raise ValueError(f"{metric.name}, a {metric.type}, does not observe {value}")
        if self._open:
            self._tallies.child(metric, self._component, *labels).observe(value)

    def request(self, service: str, method: str, path: str, status: int, seconds: float) -> None:
        if self._open and self._requested is not None:
            self._requested(service, method, path, status, seconds)

    def close(self) -> None:
        """Its component is removed: what a run that goes on counts from now on is nobody's."""
        self._open = False
