"""Which operations are slow, by the configuration; each is a warning, one in ten seconds for each name (EN-5)."""

import logging
from collections.abc import Mapping

from exporter.config.application import Slow
from exporter.ingest.measure_names import SLOW_THRESHOLD
from exporter.ingest.pattern import Pattern
from exporter.tally import Tallies

log = logging.getLogger(__name__)

APART = 10.0
"""Seconds between two warnings of one name."""


class Threshold:
    """One configured name or pattern."""

    __slots__ = ("_held_back", "_next", "name", "seconds")

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self._next = float("-inf")
        self._held_back = 0

    def warn(self, service: str, operation: str, seconds: float, trace_id: str, now: float) -> None:
        """Say that it was slow, unless that was said just now; then the next says how many there were."""
        if now < self._next:
            self._held_back += 1
            return
        said = {"service": service, "operation": operation, "duration": round(seconds, 3), "threshold": self.seconds}
        if trace_id:
            said["trace_id"] = trace_id
        if self._held_back:
            said["more"] = self._held_back
        log.warning("an operation was slow", extra=said)
        self._next, self._held_back = now + APART, 0


class Thresholds:
    """All of `operations:`. A name is an operation's, a task's, a route (/orders/{id}), or GET /orders/{id}."""

    def __init__(self, operations: Mapping[str, Slow]) -> None:
        self.all = tuple(Threshold(name, float(slow.slow)) for name, slow in operations.items())
        self._exact = {one.name: one for one in self.all if "*" not in one.name}
        longest_first = sorted(self.all, key=lambda one: -len(one.name))
        self._patterns = [(Pattern(one.name), one) for one in longest_first if "*" in one.name]

    def find(self, name: str) -> Threshold | None:
        """The one of that name, else the longest pattern that matches; of a request its route alone will do too."""
        names = (name, name.partition(" ")[2]) if " /" in name else (name,)
        for each in names:
            if (found := self._exact.get(each)) is not None:
                return found
        return next((one for pattern, one in self._patterns if any(map(pattern.matches, names))), None)

    def show(self, tallies: Tallies) -> None:
        """Show them as series, and those no more that are configured no longer."""
        wanted = {one.name: one.seconds for one in self.all}
        for name, seconds in wanted.items():
            tallies.child(SLOW_THRESHOLD, name).set(seconds)
        family = tallies.families.get(SLOW_THRESHOLD)
        for (name,) in tuple(family.children) if family else ():
            if name not in wanted:
                tallies.forget(SLOW_THRESHOLD, name)

    def seconds(self, name: str) -> float | None:
        found = self.find(name)
        return found.seconds if found else None
