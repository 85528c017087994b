"""Where one request, task, operation or call is measured: its series looked up once, then held."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from exporter.ingest.measure_names import SLOW
from exporter.ingest.measure_slow import Threshold
from exporter.ingest.measure_sources import Choice, Fixed
from exporter.ingest.performance import Work
from exporter.ingest.ports import Seen
from exporter.ingest.values import Source
from exporter.metric import Metric
from exporter.slo import Counted
from exporter.tally import Child, Tallies

LONGEST = 1e9
"""Seconds; what took longer is not timed, nor what took less than nothing, and both are counted."""
HEAVIEST = 1e6
"""Requests that one may stand for."""
_TRACE = 32
_LATEST = 1e11
"""Unix seconds; an exemplar of a later time would be none of OpenMetrics'."""

Series = tuple[Metric, tuple[str, ...]]


class Timed:
    """Call it for each that happened; it knows who is counted, and finds its series again when they have ended."""

    __slots__ = (
        "_also", "_children", "_choice", "_clock", "_duration", "_failed", "_latencies", "_marks", "_slow", "_source",
        "_tallies", "_timed", "_work",
    )  # fmt: skip

    def __init__(
        self,
        tallies: Tallies,
        clock: Callable[[], float],
        duration: Series,
        *,
        also: tuple[Series, ...] = (),
        work: Work | None = None,
        failed: bool = False,
        choice: Choice | Fixed | None = None,
        source: Source | None = None,
        slow: Threshold | None = None,
        slos: Sequence[Counted] = (),
    ) -> None:
        """`also`: counters that go up with it. Without a `choice`, or a `source`, it always counts."""
        self._tallies = tallies
        self._clock = clock
        self._timed = duration
        self._also = also
        self._work = work
        self._failed = failed
        self._choice = choice if source is not None else None
        self._source = source
        self._slow = slow
        self._latencies = () if failed else tuple((one.latency, one) for one in slos if one.latency is not None)
        self._marks = [one.outcome(0.0, failed=failed) for one in slos if failed or one.latency is None]
        self._find()

    def __call__(self, duration: float, weight: float = 1.0, trace_id: str = "", at: float = 0.0) -> bool:
        """Whether it counts. Seconds, how many it stands for, and when it ended in Unix seconds."""
        now = self._clock()
        if self._choice is not None and not self._choice.admits(self._source, at, now):  # type: ignore[arg-type]
            return False
        self._renew()
        self._add(duration, weight, trace_id, at, now)
        return True

    def _add(self, duration: float, weight: float, trace_id: str, at: float, now: float) -> None:
        if not 0.0 < weight <= HEAVIEST:
            weight = HEAVIEST if weight > HEAVIEST else 1.0
        for child in self._children:
            child.add(weight)
        if not 0.0 <= duration < LONGEST:
            return
        if weight == 1.0:
            self._duration.observe(duration)
        else:
            self._duration.observe_many(duration, weight)
        if trace_id and 0.0 < at < _LATEST and is_trace(trace_id):
            self._duration.exemplify(trace_id, duration, at)
        if self._work is not None:
            self._work.add(duration, weight, self._failed, now)
        for _, slo in self._latencies:
            slo.outcome(duration, failed=False).add(weight)
        if self._slow is not None and duration >= self._slow.seconds:
            self._too_slow(self._slow, duration, weight, trace_id, now)

    def many(self, seen: Sequence[Seen]) -> None:
        """The same of many at once, in a third of the time for each."""
        now = self._clock()
        if self._choice is not None:
            seen = self._choice.among(self._source, seen, now)  # type: ignore[arg-type]
        if not seen:
            return
        self._renew()
        duration = self._duration
        cells, buckets = duration.cells, duration.family.metric.buckets
        last: dict[int, Seen] = {}
        times: list[float] = []
        for one in seen:
            value, weight, trace_id, at = one
            if weight != 1.0 or not 0.0 <= value < LONGEST:
                self._add(value, weight, trace_id.hex(), at, now)
                continue
            cell = bisect_left(buckets, value)
            cells[cell] += 1  # type: ignore[index]
            if trace_id and 0.0 < at < _LATEST:  # of those that sampling leaves out there is nothing to look at
                last[cell] = one
            times.append(value)
        if not times:
            return
        count = float(len(times))
        for child in self._children:
            child.value += count
            if not child.dirty:
                child.add(0.0)
        duration.add(sum(times))
        if last:
            exemplars = duration.exemplars
            if exemplars is None:
                exemplars = duration.exemplars = [None] * (len(buckets) + 1)
            for cell, (value, _, trace_id, at) in last.items():
                exemplars[cell] = (trace_id.hex(), value, at)
        if self._work is not None:
            self._work.add_all(times, self._failed, now)
        for latency, slo in self._latencies:
            slow = sum([each > latency for each in times]) if max(times) > latency else 0
            if slow:
                slo.bad.add(slow)
            slo.good.add(count - slow)
        if self._slow is not None and max(times) >= self._slow.seconds:
            # One of them is told: rather one whose trace there is to look at.
            for value, weight, trace_id, _ in sorted(seen, key=lambda one: not one[2]):
                if weight == 1.0 and self._slow.seconds <= value < LONGEST:
                    self._too_slow(self._slow, value, 1.0, trace_id.hex(), now)

    def _renew(self) -> None:
        """Find the series again when one has ended."""
        if self._duration.gone:
            self._find()
        for child in self._children:
            if child.gone:
                self._find()
                return

    def _find(self) -> None:
        metric, labels = self._timed
        self._duration: Child = self._tallies.child(metric, *labels)
        self._children: list[Child] = [self._tallies.child(metric, *labels) for metric, labels in self._also]
        # An objective's series that has ended, with a reload, has no successor to be found.
        self._children += [child for child in self._marks if not child.gone]

    def _too_slow(self, slow: Threshold, duration: float, weight: float, trace_id: str, now: float) -> None:
        service = self._timed[1][0]
        self._tallies.child(SLOW, service, slow.name).add(weight)
        name = self._work.key[2] if self._work is not None else slow.name
        slow.warn(service, name, duration, trace_id if is_trace(trace_id) else "", now)


def is_trace(trace_id: str) -> bool:
    """Whether it can stand in an exemplar: 32 letters and digits, as hexadecimal digits are."""
    return len(trace_id) == _TRACE and trace_id.isascii() and trace_id.isalnum()
