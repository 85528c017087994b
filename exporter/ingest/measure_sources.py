"""Of two that tell of the same requests, who is counted? One source at a time, for each service.

OTLP goes before the SDK, the SDK before JSON events, those before access logs, as long as something came of it within
five minutes. Where one takes over from another, what ended before the other's last is taken as counted.
"""

import logging
from collections.abc import Callable, Sequence

from exporter.ingest.ports import Seen
from exporter.ingest.values import Source

log = logging.getLogger(__name__)

SILENT = 300.0
"""Seconds after which a source that tells nothing is followed by the next."""
OVERLAP = 60.0
"""Seconds after a change for which what comes may have been told by the former source."""
APART = 1.0
"""Seconds by which two clients' ends of one request, or a log line's reading, may differ."""
MOST = 10_000
_RANK = {"otlp": 0, "sdk": 1, "events": 2, "logs": 3}


class Choice:
    """Whose word counts for one thing."""

    __slots__ = ("_heard", "_latest", "_overlap", "_taken_over", "_what", "source")

    def __init__(self, what: str) -> None:
        self.source: Source | None = None
        self._what = what
        self._heard = 0.0
        self._latest = 0.0
        """When the latest ended that was counted, in Unix seconds."""
        self._taken_over = 0.0
        self._overlap = 0.0

    def admits(self, source: Source, at: float, now: float) -> bool:
        """Whether it is counted. `at`: when it ended, in Unix seconds; 0.0: not known. `now` is monotonic."""
        if source != self.source:
            before = self.source
            if before is not None and _RANK[source] > _RANK[before] and now - self._heard < SILENT:
                return False
            if before is not None:
                self._taken_over, self._overlap = self._latest + APART, now + OVERLAP
                log.info("another source tells now", extra={"of": self._what, "source": source, "before": before})
            self.source = source
        self._heard = now
        if now < self._overlap and 0.0 < at <= self._taken_over:
            return False
        if at > self._latest:  # noqa: PLR1730 - max() takes twice as long, and this is done for each span
            self._latest = at
        return True

    def among(self, source: Source, seen: Sequence[Seen], now: float) -> Sequence[Seen]:
        """Which of several of one source are counted."""
        if source != self.source or now < self._overlap:
            return [one for one in seen if self.admits(source, one[3], now)]
        self._heard = now
        self._latest = max(self._latest, max([one[3] for one in seen], default=0.0))
        return seen


class Fixed:
    """The configuration has chosen."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def admits(self, source: Source, at: float, now: float) -> bool:  # noqa: ARG002 - as Choice has it
        return source == self.source

    def among(self, source: Source, seen: Sequence[Seen], now: float) -> Sequence[Seen]:  # noqa: ARG002 - the same
        return seen if source == self.source else ()


class Sources:
    """All choices; they outlive a reload."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._choices: dict[tuple[str, str], Choice] = {}

    def choice(self, service: str, what: str, wanted: str) -> Choice | Fixed:
        """Of what one service tells; `what` is `requests`, or a task, an operation, a model by its name."""
        if wanted != "auto":
            return Fixed(wanted)
        key = (service, what)
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) >= MOST:
                # The oldest goes: it would be chosen anew, at the price of one request that counts twice.
                del self._choices[next(iter(self._choices))]
            found = self._choices[key] = Choice(f"{service}: {what}")
        return found
