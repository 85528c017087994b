"""One OTLP metrics request, while it is worked on: names, labels and values by OpenTelemetry's compatibility rules."""

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign import TARGET, Clash, Family, Foreign
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
)
from exporter.ingest.otlp_metrics_names import family_name
from exporter.ingest.otlp_metrics_place import Spot, forget, place
from exporter.ingest.otlp_metrics_streams import Latest
from exporter.ingest.ports import Scrubber
from exporter.metric import label_value

REJECTED = ("full", "conflict", "reserved", "invalid")
NO_HELP = "An application sent it over OTLP."
CACHED = 20_000
"""Attribute sets whose labels are remembered: applications send the same ones again and again."""
LONGEST_HELP = 300
AT_ONCE = 25
"""Points between two yields: new ones take 2 ms."""
_KINDS: dict[str, Kind] = {
    "gauge": "gauge", "histogram": "histogram", "exponential_histogram": "histogram", "summary": "summary"
}  # fmt: skip


class _Origin:
    """Labels of all that one scope of one resource sends."""

    __slots__ = ("key", "labels")

    def __init__(self, found: Labels, key: bytes) -> None:
        self.labels = found
        self.key = key


class Request:
    """Its points go to their series one by one; what became of them is in `results`."""

    def __init__(self, foreign: Foreign, scrubber: Scrubber, cached: dict[bytes, Any], now: float) -> None:
        self._foreign = foreign
        self._scrubber = scrubber
        self._cached = cached
        self._now = now
        self._nanoseconds = int(now * 1e9)
        self.results: Counter[str] = Counter()
        self.reasons: set[str] = set()

    def rejected(self) -> tuple[int, str]:
        """How many points were so far, and why, without a word of theirs."""
        return sum(self.results[result] for result in REJECTED), "; ".join(sorted(self.reasons))

    def resource(self, sent: pb.ResourceMetrics) -> Iterator[None]:
        """Take it in; others may have their turn where it yields."""
        key = b"r" + _digest(sent.resource.SerializeToString())
        who, rest = self._remember(key, lambda: resource_labels(sent.resource, self._scrubber))
        if who and rest:
            self._target(who, rest)
        for scope in sent.scope_metrics:
            origin = self._origin(scope, who, key)
            for metric in scope.metrics:
                yield from self._metric(metric, origin)
                yield

    def _origin(self, sent: pb.ScopeMetrics, who: Labels, resource: bytes) -> _Origin:
        key = b"s" + _digest(resource + sent.scope.SerializeToString() + sent.schema_url.encode())
        told: Labels = self._remember(key, lambda: scope_labels(sent.scope, sent.schema_url, self._scrubber))
        return _Origin({**told, **who}, key)

    def _target(self, who: Labels, rest: Labels) -> None:
        """target_info: one for each job and instance, as it was described last."""
        family = self._foreign.family(*TARGET, "What is known of the application that sends.")
        mine = pairs(who)
        found = mine + "," + pairs(rest)
        series = family.series.get(found)
        if series is None:
            others = [one for one in family.series.values() if one.pairs.startswith(f"{mine},")]
            for other in others:
                if not other.pairs.startswith(f'{mine},instance="'):  # which has a target_info of its own
                    self._foreign.drop(other)
            info = Latest()
            info.take(1.0, 0)
            series = self._foreign.add(family, found, info, len(found))
        if series is not None:
            self._foreign.updated(series, self._now)

    def _metric(self, metric: pb.Metric, origin: _Origin) -> Iterator[None]:
        data = metric.WhichOneof("data")
        if data is None:
            return
        sent = getattr(metric, data).data_points
        kind = _kind(metric, data)
        key = b"m" + _digest(f"{kind}\0{metric.name}\0{metric.unit}\0{metric.description}".encode())
        name, unit, text = self._remember(key, lambda: self._named(metric, kind))
        if not name:
            self._reject("invalid", len(sent), "a metric has no name that Prometheus could take")
            return
        for begin in range(0, len(sent), AT_ONCE):
            try:
                family = self._foreign.family(name, kind, text, unit)  # it may have gone while others had their turn
            except Clash as clash:
                self._reject("reserved" if clash.reserved else "conflict", len(sent) - begin, str(clash))
                return
            for point in sent[begin : begin + AT_ONCE]:
                self._point(metric, data, family, point, origin)
            yield

    def _point(self, metric: pb.Metric, data: str, family: Family, point: Any, origin: _Origin) -> None:
        stream = _digest(origin.key + b"".join([one.SerializeToString() for one in point.attributes]))
        try:
            found = self._remember(
                b"p" + stream, lambda: pairs({**labels(point.attributes, self._scrubber), **origin.labels})
            )
            if point.flags & pb.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
                forget(self._foreign, family, found)
                self.results["accepted"] += 1
                return
            unit = metric.unit.strip()
            read = points.reading(data, unit, getattr(metric, data), point, self._nanoseconds)
        except (points.Malformed, TooMany) as error:
            self._reject("invalid", 1, str(error))
            return
        taken = place(self._foreign, family, Spot(found, stream), read, self._now)
        if taken == "full":
            self._reject("full", 1, "there is no room for more series")
        else:
            self.results[taken] += 1

    def _named(self, metric: pb.Metric, kind: Kind) -> tuple[str, str, str]:
        """Name, unit and help."""
        name = self._scrubber.text(metric.name[:LONGEST_TEXT])
        text = label_value(self._scrubber.text(metric.description[:LONGEST_TEXT]))[:LONGEST_HELP]
        name, unit = family_name(name, self._scrubber.text(metric.unit[:LONGEST_TEXT]), kind)
        return name, unit, text.strip() or NO_HELP

    def _reject(self, result: str, count: int, reason: str) -> None:
        self.results[result] += count
        if count:
            self.reasons.add(reason)

    def _remember(self, key: bytes, make: Callable[[], Any]) -> Any:
        found = self._cached.get(key)
        if found is None:
            if len(self._cached) >= CACHED:
                self._cached.clear()
            found = self._cached[key] = make()
        return found


def _kind(metric: pb.Metric, data: str) -> Kind:
    if data == "sum":
        return "counter" if metric.sum.is_monotonic else "gauge"
    return _KINDS[data]


def _digest(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=16).digest()
