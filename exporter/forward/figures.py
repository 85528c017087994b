"""What is counted of forwarding: what came, what went, what was lost and why, and what waits."""

from exporter.forward.ports import LOST, Lost, Queue, Signal
from exporter.metric import Metric, counter, gauge, histogram
from exporter.tally import Tallies

RECEIVED = counter(
    "stack_exporter_forward_received_total",
    "Spans, log records and data points that were taken in to be forwarded.",
    "signal",
)
SAMPLED_OUT = counter(
    "stack_exporter_forward_sampled_out_total", "Spans that forward.sample_ratio left out; they were measured."
)
SENT = counter(
    "stack_exporter_forward_sent_total", "Spans, log records and data points that a back end took.", "signal", "backend"
)
DROPPED = counter(
    "stack_exporter_forward_dropped_total",
    "Spans, log records and data points that were lost: full (the oldest, for want of room), expired, corrupt (on "
    "disk), refused (for want of room), rejected (by the back end, for good), partial (rejected of a request that it "
    "took), stopped (in memory).",
    "signal",
    "backend",
    "reason",
)
REQUESTS = counter(
    "stack_exporter_forward_requests_total",
    "Answers of a back end by HTTP status or gRPC code; timeout and unreachable where there was none.",
    "signal",
    "backend",
    "code",
)
DURATION = histogram(
    "stack_exporter_forward_request_duration_seconds",
    "How long a back end took to answer a request.",
    "signal",
    "backend",
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0),
)
LAST_SUCCESS = gauge(
    "stack_exporter_forward_last_success_timestamp_seconds",
    "When a back end last took something, in Unix time; 0 when it never did.",
    "signal",
    "backend",
)
ITEMS = gauge("stack_exporter_spool_items", "What waits for a back end.", "signal", "backend")
SIZE = gauge(
    "stack_exporter_spool_bytes", "Bytes on disk, or in memory, of what waits for a back end.", "signal", "backend"
)
AGE = gauge("stack_exporter_spool_age_seconds", "How long the oldest of what waits has waited.", "signal", "backend")
DURABLE = gauge(
    "stack_exporter_spool_durable", "Whether what waits is on disk (1) or in memory (0).", "signal", "backend"
)
CORRUPT = counter(
    "stack_exporter_spool_corrupt_total", "Records and files that could not be read and were set aside.",
    "signal", "backend",
)  # fmt: skip


class Figures:
    """Those of one back end."""

    def __init__(self, tallies: Tallies, signal: Signal, name: str) -> None:
        self._tallies = tallies
        self._labels = (signal, name)
        self._sent = tallies.child(SENT, signal, name)
        self._duration = tallies.child(DURATION, signal, name)
        self._last = tallies.child(LAST_SUCCESS, signal, name)
        self._dropped = {reason: tallies.child(DROPPED, signal, name, reason) for reason in LOST}
        self._corrupt = tallies.child(CORRUPT, signal, name)

    @property
    def last_success(self) -> float:
        return self._last.value

    @property
    def dropped(self) -> dict[Lost, float]:
        """Since the start, by reason."""
        return {reason: child.value for reason, child in self._dropped.items()}

    def answered(self, code: str, seconds: float) -> None:
        self._tallies.child(REQUESTS, *self._labels, code).add()
        self._duration.observe(seconds)

    def sent(self, items: int, at: float) -> None:
        """`at`: in Unix seconds."""
        self._sent.add(items)
        self._last.set(at)

    def lost(self, reason: Lost, items: int) -> None:
        if items:
            self._dropped[reason].add(items)

    def corrupt(self, records: int) -> None:
        self._corrupt.add(records)

    def show(self, queue: Queue, now: float) -> None:
        """What waits, as of now."""
        oldest = queue.oldest
        self._set(ITEMS, queue.items)
        self._set(SIZE, queue.size)
        self._set(AGE, max(0.0, now - oldest) if oldest else 0.0)
        self._set(DURABLE, queue.durable)

    def forget(self) -> None:
        """Take its series away."""
        for family in (SENT, DURATION, LAST_SUCCESS, ITEMS, SIZE, AGE, DURABLE, CORRUPT):
            self._tallies.forget(family, *self._labels)
        for reason in LOST:
            self._tallies.forget(DROPPED, *self._labels, reason)
        answers = self._tallies.families.get(REQUESTS)
        for labels in [each for each in (answers.children if answers else ()) if each[:2] == self._labels]:
            self._tallies.forget(REQUESTS, *labels)

    def _set(self, family: Metric, value: float) -> None:
        child = self._tallies.child(family, *self._labels)
        if child.value != value:
            child.set(value)
