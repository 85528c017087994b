"""What of a metric is scrubbed on its way onward, and how many data points a request has.

Names and units are left: by them a metric is found.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_wire import Piece
from exporter.onward.edits import ATTRIBUTE, TEXT, Table

_EXEMPLAR: Table = {7: ATTRIBUTE}
_NUMBER: Table = {1: {5: _EXEMPLAR, 7: ATTRIBUTE}}
METRIC: Table = {
    2: TEXT,  # description
    5: _NUMBER,  # gauge
    7: _NUMBER,  # sum
    9: {1: {8: _EXEMPLAR, 9: ATTRIBUTE}},  # histogram
    10: {1: {1: ATTRIBUTE, 11: _EXEMPLAR}},  # exponential_histogram
    11: {1: {7: ATTRIBUTE}},  # summary
    12: ATTRIBUTE,  # metadata
}
"""By field numbers of Metric (opentelemetry-proto, metrics.proto)."""
_HELD = (5, 7, 9, 10, 11)


def points(pieces: Iterable[Piece]) -> Iterator[int]:
    """Data points of each piece; of one that can't be read none."""
    message = _scope()
    for piece in pieces:
        try:
            metrics = message.FromString(piece.scope).metrics
        except DecodeError:
            yield 0
            continue
        yield sum(len(data.points) for metric in metrics for _, data in metric.ListFields())


@cache
def _scope() -> Any:
    """ScopeMetrics with nothing in it but where points begin and end: 0.03 µs a point, a tenth of parsing them."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="otlp_points.proto", package="otlp_points", syntax="proto3")
    data, metric, scope = (file.message_type.add(name=name) for name in ("Data", "Metric", "Scope"))
    data.field.add(name="points", number=1, label=kinds.LABEL_REPEATED, type=kinds.TYPE_BYTES)
    inside = {"type": kinds.TYPE_MESSAGE, "label": kinds.LABEL_OPTIONAL, "type_name": ".otlp_points.Data"}
    for number in _HELD:
        metric.field.add(name=f"data_{number}", number=number, **inside)
    of = {"type": kinds.TYPE_MESSAGE, "label": kinds.LABEL_REPEATED, "type_name": ".otlp_points.Metric"}
    scope.field.add(name="metrics", number=2, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("otlp_points.Scope"))
