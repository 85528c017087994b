"""Takes the metrics in that applications send over OTLP, for /metrics to show."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from exporter.foreign import Foreign
from exporter.ingest.ports import Scrubber
from exporter.metric import counter
from exporter.tally import Tallies

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

POINTS = counter(
    "stack_exporter_otlp_datapoints_total",
    "Data points of metrics that were sent over OTLP, by result: accepted, repeated, overflow (counted without their "
    "labels), full, conflict, reserved, invalid.",
    "result",
)
RESULTS = ("accepted", "repeated", "overflow", "full", "conflict", "reserved", "invalid")


class OtlpMetrics:
    """Takes requests in."""

    def __init__(self, foreign: Foreign, scrubber: Callable[[], Scrubber], tallies: Tallies) -> None:
        """`scrubber` gives the one in force."""
        self.foreign = foreign
        self._scrubber = scrubber
        self._results = {result: tallies.child(POINTS, result) for result in RESULTS}
        self._cached: dict[bytes, Any] = {}
        self._cached_by: Scrubber | None = None

    def take(self, message: "ExportMetricsServiceRequest", now: float) -> tuple[int, str]:
        """Show its points; how many were rejected, and what about them, without quoting them. `now` in Unix seconds."""
        rejected = (0, "")
        for so_far in self.steps(message, now):
            rejected = so_far
        return rejected

    def steps(self, message: "ExportMetricsServiceRequest", now: float) -> Iterator[tuple[int, str]]:
        """The same in steps of some milliseconds; each gives what was rejected so far, the last what `take` gives."""
        # With protobuf it is 5 MB that a daemon without OTLP does not need.
        from exporter.ingest.otlp_metrics_request import Request  # noqa: PLC0415

        scrubber = self._scrubber()
        if scrubber is not self._cached_by:
            self._cached, self._cached_by = {}, scrubber
        self.foreign.expire(now)
        request = Request(self.foreign, scrubber, self._cached, now)
        for resource in message.resource_metrics:
            for _ in request.resource(resource):
                yield request.rejected()
        for result, count in request.results.items():
            self._results[result].add(count)
        yield request.rejected()

    def points(self, message: "ExportMetricsServiceRequest") -> int:
        """How many data points it holds."""
        scopes = [scope for resource in message.resource_metrics for scope in resource.scope_metrics]
        kinds = [(one, one.WhichOneof("data")) for scope in scopes for one in scope.metrics]
        return sum(len(getattr(one, data).data_points) for one, data in kinds if data is not None)
