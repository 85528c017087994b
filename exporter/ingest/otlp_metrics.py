"""OTLP metrics to the families that /metrics shows: names, labels and values by OpenTelemetry's compatibility rules."""

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign import Clash, Family, Foreign, Series
from exporter.foreign_lines import Kind
from exporter.ingest import otlp_metrics_points as points
from exporter.ingest.otlp_metrics_labels import (
    LONGEST_TEXT,
    Labels,
    TooMany,
    labels,
    pairs,
    resource_labels,
    scope_labels,
    shortened,
)
from exporter.ingest.otlp_metrics_names import family_name
from exporter.ingest.otlp_metrics_streams import Buckets, Latest, Taken, Total, as_number
from exporter.ingest.ports import Scrubber
from exporter.metric import counter
from exporter.tally import Tallies

POINTS = counter(
    "stack_exporter_otlp_datapoints_total",
    "Data points of metrics that were sent over OTLP, by what became of them: accepted, repeated, overflow (counted "
    "without their labels), full, conflict, reserved, invalid.",
    "result",
)
RESULTS = ("accepted", "repeated", "overflow", "full", "conflict", "reserved", "invalid")
REJECTED = ("full", "conflict", "reserved", "invalid")
OVERFLOW = 'otel_metric_overflow="true"'
"""The labels of what a full family has no room for, as OpenTelemetry's SDKs have it."""
NO_HELP = "An application sent it over OTLP."
CACHED = 20_000
"""Attribute sets whose labels are remembered: applications send the same ones again and again."""

Point = Any
"""A data point of one of the five kinds."""


class OtlpMetrics:
    """Takes requests in."""

    def __init__(self, foreign: Foreign, scrubber: Callable[[], Scrubber], tallies: Tallies) -> None:
        """`scrubber` gives the one in force."""
        self.foreign = foreign
        self._scrubber = scrubber
        self._results = {result: tallies.child(POINTS, result) for result in RESULTS}
        self._cached: dict[bytes, Any] = {}
        self._cached_by: Scrubber | None = None

    def take(self, message: ExportMetricsServiceRequest, now: float) -> tuple[int, str]:
        """Show its points; how many were rejected, and what about them, without quoting them. `now` in Unix seconds."""
        scrubber = self._scrubber()
        if scrubber is not self._cached_by or len(self._cached) > CACHED:
            self._cached, self._cached_by = {}, scrubber
        self.foreign.expire(now)
        request = _Request(self.foreign, scrubber, self._cached, now)
        for resource in message.resource_metrics:
            request.resource(resource)
        for result, count in request.results.items():
            self._results[result].add(count)
        rejected = sum(request.results[result] for result in REJECTED)
        return rejected, "; ".join(sorted(request.reasons)) if rejected else ""


class _Request:
    """One request, while it is worked on."""

    def __init__(self, foreign: Foreign, scrubber: Scrubber, cached: dict[bytes, Any], now: float) -> None:
        self._foreign = foreign
        self._scrubber = scrubber
        self._cached = cached
        self._now = now
        self._nanoseconds = int(now * 1e9)
        self.results: Counter[str] = Counter()
        self.reasons: set[str] = set()

    def resource(self, sent: pb.ResourceMetrics) -> None:
        who, rest = self._remember(
            b"r", sent.resource.SerializeToString(), lambda: resource_labels(sent.resource, self._scrubber)
        )
        if who and rest:
            self._target(who, rest)
        for scope in sent.scope_metrics:
            raw = scope.scope.SerializeToString() + scope.schema_url.encode()
            try:
                told = self._remember(b"s", raw, lambda s=scope: scope_labels(s.scope, s.schema_url, self._scrubber))
            except TooMany:
                told = {}
            origin = {**told, **who}
            key = _digest(repr(origin).encode())
            for metric in scope.metrics:
                self._metric(metric, origin, key)

    def _target(self, who: Labels, rest: Labels) -> None:
        """target_info: one for each job and instance, as it was described last."""
        family = self._foreign.family("target_info", "info", "What is known of the application that sends.")
        mine = pairs(who)
        found = mine + "," + pairs(rest)
        series = family.series.get(found)
        if series is None:
            for other in [one for one in family.series.values() if one.pairs.startswith(f"{mine},")]:
                self._foreign.drop(other)
            info = Latest()
            info.take(1.0, 0)
            series = self._foreign.add(family, found, info, len(found))
        if series is not None:
            self._foreign.updated(series, self._now)

    def _metric(self, metric: pb.Metric, origin: Labels, key: bytes) -> None:
        data = metric.WhichOneof("data")
        if data is None:
            return
        sent = getattr(metric, data).data_points
        kind = _kind(metric, data)
        raw = f"{kind}\0{metric.name}\0{metric.unit}\0{metric.description}".encode(errors="replace")
        name, unit, text = self._remember(b"m", raw, lambda: self._named(metric, kind))
        if not name:
            self._reject("invalid", len(sent), "a metric has no name that Prometheus could take")
            return
        try:
            family = self._foreign.family(name, kind, text, unit)
        except Clash as clash:
            self._reject("reserved" if clash.reserved else "conflict", len(sent), str(clash))
            return
        for point in sent:
            try:
                taken = self._point(metric, data, family, point, origin, key)
            except points.Malformed as error:
                self._reject("invalid", 1, str(error))
            except TooMany:
                self._reject("invalid", 1, "a point has too many attributes")
            else:
                if taken == "full":
                    self._reject("full", 1, "there is no room for more series")
                else:
                    self.results[taken] += 1

    def _point(self, metric: pb.Metric, data: str, family: Family, point: Point, origin: Labels, key: bytes) -> str:
        raw = key + b"".join([one.SerializeToString() for one in point.attributes])
        stream = _digest(raw)
        found = self._remember(
            b"p", stream, lambda: pairs({**labels(point.attributes, self._scrubber), **origin})
        )
        series = family.series.get(found)
        if point.flags & pb.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
            if series is not None:
                self._foreign.drop(series)
            return "accepted"
        time = point.time_unix_nano or self._nanoseconds
        if data == "summary" or (data == "gauge"):
            value = points.summary(point) if data == "summary" else points.number(point)
            return self._latest(family, series, found, value, time)
        delta = getattr(metric, data).aggregation_temporality == pb.AGGREGATION_TEMPORALITY_DELTA
        numbers, shape = self._numbers(metric, data, family, point)
        return self._total(family, series, found, stream, point, time, numbers, shape, delta=delta)
