"""Metrics as an SDK would send them, and what /metrics shows of them: both formats, read by the strict parsers."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from exporter.config.application import Scrub
from exporter.foreign import Foreign
from exporter.ingest.otlp_metrics import POINTS, RESULTS, OtlpMetrics
from exporter.ingest.scrub import Scrubbing
from exporter.process import NAMES
from exporter.tally import Tallies
from tests.pages import Series, parsed, parsed_openmetrics, same

NOW = 1_800_000_000.0
SECOND = 1_000_000_000
DELTA, CUMULATIVE = 1, 2


class Receiver:
    """Takes requests, and shows what came of them."""

    def __init__(self, cap: int = 1_000, ttl: float = 300.0) -> None:
        self.tallies = Tallies()
        self.foreign = Foreign(self.tallies, cap, ttl, NAMES)
        self.now = NOW
        scrubber = Scrubbing(Scrub())
        self.metrics = OtlpMetrics(self.foreign, lambda: scrubber, self.tallies)

    def take(self, *metrics: pb.Metric, **fields: Any) -> tuple[int, str]:
        return self.metrics.take(request(*metrics, **fields), self.now)

    def text(self) -> str:
        return self.foreign.page(self.now, openmetrics=False).decode()

    def openmetrics(self) -> str:
        return self.foreign.page(self.now, openmetrics=True).decode() + "# EOF\n"

    def samples(self) -> dict[Series, float]:
        text = self.text()
        return same(parsed(text), parsed_openmetrics(self.openmetrics())) if text else {}

    def lines(self) -> list[str]:
        """Without headers and target_info."""
        return [line for line in self.text().splitlines() if not line.startswith(("#", "target_info"))]

    def counted(self) -> dict[str, float]:
        counts = {result: self.tallies.child(POINTS, result).value for result in RESULTS}
        return {result: count for result, count in counts.items() if count}


def request(
    *metrics: pb.Metric, resource: Mapping[str, Any] | None = None, scope: InstrumentationScope | None = None
) -> ExportMetricsServiceRequest:
    return ExportMetricsServiceRequest(
        resource_metrics=[
            pb.ResourceMetrics(
                resource=Resource(attributes=attributes(resource or {})),
                scope_metrics=[pb.ScopeMetrics(scope=scope or InstrumentationScope(), metrics=metrics)],
            )
        ]
    )


def attributes(given: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(one)) for key, one in given.items()]


def value(given: Any) -> AnyValue:
    if isinstance(given, bool):
        return AnyValue(bool_value=given)
    if isinstance(given, list):
        made = AnyValue()
        made.array_value.values.extend(map(value, given))
        return made
    return AnyValue(**{f"{ {str: 'string', int: 'int', float: 'double', bytes: 'bytes'}[type(given)] }_value": given})


def number(given: float, at: int = 60, since: int = 0, labels: Mapping[str, Any] | None = None, **fields: Any) -> Any:
    """A point at so many seconds from NOW."""
    key = "as_int" if isinstance(given, int) else "as_double"
    return pb.NumberDataPoint(**timed(at, since, labels), **{key: given}, **fields)


def timed(at: int, since: int, labels: Mapping[str, Any] | None) -> dict[str, Any]:
    start = int(NOW) * SECOND
    times = {"time_unix_nano": start + at * SECOND, "start_time_unix_nano": start + since * SECOND}
    return {**times, "attributes": attributes(labels or {})}


def gauge(*points: pb.NumberDataPoint, name: str = "level", **fields: Any) -> pb.Metric:
    return pb.Metric(name=name, gauge=pb.Gauge(data_points=points), **fields)


def total(
    *points: pb.NumberDataPoint, kind: int = CUMULATIVE, up: bool = True, name: str = "done", **fields: Any
) -> pb.Metric:
    """A sum, monotonic unless `up` is False."""
    made = pb.Sum(data_points=points, aggregation_temporality=kind, is_monotonic=up)  # type: ignore[arg-type]
    return pb.Metric(name=name, sum=made, **fields)


def explicit(
    counts: Sequence[int], bounds: Sequence[float] = (1.0, 2.0), at: int = 60, since: int = 0, **fields: Any
) -> pb.HistogramDataPoint:
    labels = fields.pop("labels", None)
    fields.setdefault("sum", 1.5 * sum(counts))
    return pb.HistogramDataPoint(
        **timed(at, since, labels), bucket_counts=counts, explicit_bounds=bounds, count=sum(counts), **fields
    )


def histogram(*points: pb.HistogramDataPoint, kind: int = CUMULATIVE, name: str = "took", **fields: Any) -> pb.Metric:
    made = pb.Histogram(data_points=points, aggregation_temporality=kind)  # type: ignore[arg-type]
    return pb.Metric(name=name, histogram=made, **fields)


def exponential(
    *points: pb.ExponentialHistogramDataPoint, kind: int = CUMULATIVE, name: str = "took", **fields: Any
) -> pb.Metric:
    made = pb.ExponentialHistogram(data_points=points, aggregation_temporality=kind)  # type: ignore[arg-type]
    return pb.Metric(name=name, exponential_histogram=made, **fields)
