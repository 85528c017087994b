"""Messages of OTLP's logs and metrics with no fields but those that are scrubbed on the way onward.

All else is unknown to them, which protobuf keeps as it came and writes again. What is a single text in OTLP is declared
as a list of bytes: a sender may give it twice, of which the last counts, and neither may pass unseen.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

# opentelemetry-proto 1.x: name: (number, type), bytes or a message; all of them lists but those with a bar.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "LogRecord": {
        "severity_text": (3, "bytes"),
        "body": (5, "bytes"),
        "attributes": (6, "bytes"),
        "event_name": (12, "bytes"),
    },
    "ScopeLogs": {"items": (2, "LogRecord")},
    "Exemplar": {"filtered_attributes": (7, "bytes")},
    "NumberDataPoint": {"exemplars": (5, "Exemplar"), "attributes": (7, "bytes")},
    "HistogramDataPoint": {"exemplars": (8, "Exemplar"), "attributes": (9, "bytes")},
    "ExponentialHistogramDataPoint": {"attributes": (1, "bytes"), "exemplars": (11, "Exemplar")},
    "SummaryDataPoint": {"attributes": (7, "bytes")},
    "Number": {"data_points": (1, "NumberDataPoint")},
    "Histogram": {"data_points": (1, "HistogramDataPoint")},
    "ExponentialHistogram": {"data_points": (1, "ExponentialHistogramDataPoint")},
    "Summary": {"data_points": (1, "SummaryDataPoint")},
    "Metric": {
        "description": (2, "bytes"),
        "gauge": (5, "Number|"),
        "sum": (7, "Number|"),
        "histogram": (9, "Histogram|"),
        "exponential_histogram": (10, "ExponentialHistogram|"),
        "summary": (11, "Summary|"),
        "metadata": (12, "bytes"),
    },
    "ScopeMetrics": {"items": (2, "Metric")},
}
DATA = {number: type_[:-1] for number, type_ in _MESSAGES["Metric"].values() if type_.endswith("|")}
"""Where a metric holds data points: the message's name by the field's number."""


@cache
def messages() -> dict[str, Any]:
    """The message classes by name."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="otlp_scrubbed.proto", package="otlp_scrubbed", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, type_) in fields.items():
            label = kinds.LABEL_OPTIONAL if type_.endswith("|") else kinds.LABEL_REPEATED
            added = message.field.add(name=field, number=number, label=label, type=kinds.TYPE_BYTES)
            if type_ != "bytes":
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".otlp_scrubbed.{type_.rstrip('|')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindFileByName(file.name).message_types_by_name
    return {name: message_factory.GetMessageClass(found[name]) for name in _MESSAGES}


def exchange(field: Any, changed: Mapping[bytes, bytes | None]) -> bool:
    """Put what has changed into a list of bytes, in its place; what is None goes. Whether anything did."""
    if not changed or not field or changed.keys().isdisjoint(field):
        return False
    kept = [changed.get(raw, raw) for raw in field]
    del field[:]
    field.extend([raw for raw in kept if raw is not None])
    return True
