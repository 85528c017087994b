"""OTLP requests as tests write them, through OpenTelemetry's own message classes; and what the parser makes of them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf import json_format
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from exporter.config.application import Scrub
from exporter.ingest import otlp_wire
from exporter.ingest.otlp import Parser, Parsing
from exporter.ingest.otlp_errors import Echoes
from exporter.ingest.ports import Seen
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import Batch, Origin, Request

NOW = 1_800_000_000.0
SHOP = {"service.name": "shop", "deployment.environment.name": "production", "service.version": "1.2"}
ORIGIN = Origin("shop", "production", "1.2")
TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, list):
        made = AnyValue()
        made.array_value.values.extend(map(any_value, value))
        return made
    if isinstance(value, dict):
        made = AnyValue()
        made.kvlist_value.values.extend(pairs(value))
        return made
    return AnyValue() if value is None else AnyValue(string_value=value)


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def span(kind: int = 2, attributes: Mapping[str, Any] | None = None, **fields: Any) -> Span:
    """Of a quarter of a second, by default a SERVER's."""
    given = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "name": "made",
        "start_time_unix_nano": int(NOW * 1e9) - 250_000_000,
        "end_time_unix_nano": int(NOW * 1e9),
        "attributes": pairs(attributes or {}),
    }
    return Span(kind=kind, **(given | fields))  # type: ignore[arg-type]


def failed(message: str = "") -> Any:
    return {"code": 2, "message": message}


def raised(type_: str, message: str, stack: str = "", **more: Any) -> Span.Event:
    attributes = {"exception.type": type_, "exception.message": message, "exception.stacktrace": stack} | more
    return Span.Event(name="exception", time_unix_nano=int(NOW * 1e9) - 1, attributes=pairs(attributes))


def traces(*spans: Span, resource: Mapping[str, Any] = SHOP) -> bytes:
    request = ExportTraceServiceRequest()
    of = request.resource_spans.add()
    of.resource.attributes.extend(pairs(resource))
    of.scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def logs(*records: Any, resource: Mapping[str, Any] = SHOP) -> bytes:
    request = ExportLogsServiceRequest()
    of = request.resource_logs.add()
    of.resource.attributes.extend(pairs(resource))
    of.scope_logs.add().log_records.extend(records)
    return request.SerializeToString()


@dataclass
class Parsed:
    batch: Batch
    requests: list[Request]
    """With what was measured of each."""
    echoed: list[Any] = field(default_factory=list)


class Kept:
    """Where a desk's requests of the same labels go."""

    def __init__(self, request: Request, requests: list[Request]) -> None:
        self._request = request
        self._requests = requests

    def many(self, seen: Sequence[Seen]) -> None:
        for duration, weight, trace_id, at in seen:
            measured = replace(self._request, duration=duration, weight=weight, trace_id=trace_id.hex(), at=at)
            self._requests.append(measured)


class Desk:
    """A parser as the daemon keeps one."""

    def __init__(self, *operations: str, echoes: Echoes | None = None, **options: Any) -> None:
        self.requests: list[Request] = []
        self.scrubber = Scrubbing(Scrub())
        self.parser = Parser(self.scrubber, self._hold, operations, **options)
        self.echoes = echoes or Echoes()

    def traces(self, data: bytes) -> Parsed:
        return self._parse(data, "spans")

    def logs(self, data: bytes) -> Parsed:
        return self._parse(data, "records")

    def _parse(self, data: bytes, step: str) -> Parsed:
        self.requests.clear()
        parsing = Parsing(self.parser, NOW, self.echoes)
        for piece in otlp_wire.cut(data):
            getattr(parsing, step)(piece)
        echoed = parsing.settle()
        self.echoes.add(echoed)
        for held, seen in parsing.observed.items():
            held.many(seen)
        return Parsed(parsing.batch, list(self.requests), echoed)

    def _hold(self, request: Request) -> Kept:
        return Kept(request, self.requests)


def as_json(message: Any, *, names: bool = False) -> bytes:
    """OTLP/JSON, from protobuf's own mapping: ids in hexadecimal, enumerations as numbers."""

    def mend(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: mend(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [mend(each) for each in value]
        return base64.b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else value

    return msgspec.json.encode(mend(json_format.MessageToDict(message, use_integers_for_enums=not names)))
