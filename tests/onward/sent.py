"""Log records and metrics as OpenTelemetry's SDK sends them, and what is left of them on the way onward."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from google.protobuf.message import Message  # type: ignore[import-untyped]
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from exporter.config.application import Scrub
from exporter.ingest import otlp_json_pieces, otlp_wire
from exporter.ingest.otlp_attributes import value
from exporter.onward.rewrite import Rewriter
from exporter.onward.edits import Table
from exporter.ingest.scrub import Scrubbing
from tests.ingest.test_scrub import configured

SHOP = {"service.name": "shop", "service.version": "1.2", "deployment.environment.name": "production"}


class Onward:
    """A rewriter as the daemon keeps one."""

    def __init__(self, config: Scrub | None = None, attributes: Mapping[str, str] | None = None) -> None:
        config = config or Scrub()
        self._rewriter = Rewriter(Scrubbing(config), config, 1.0, attributes or {})
        self.steps = 0
        """That the last request took."""

    def __call__(self, body: bytes, table: Table, signal: Literal["logs", "metrics"] | None = None) -> bytes:
        """The request as it goes on; the same object when nothing of it changes. `signal`: of one that came as JSON."""
        pieces = list(otlp_json_pieces.cut(body, signal) if signal else otlp_wire.cut(body))
        rewriting = self._rewriter.records(None if signal else body, pieces, table)
        self.steps = sum(1 for _ in rewriting)
        return rewriting.body


@cache
def by(config: str) -> Onward:
    """One for all vectors of a configuration, as JSON."""
    return Onward(configured(json.loads(config)))


def sdk_logs() -> bytes:
    """What a logger of the SDK makes of a line, an event and an exception, in a span."""
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    loggers = LoggerProvider(resource=Resource(SHOP))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = loggers.get_logger("shop.pay", "1.2", "https://opentelemetry.io/schemas/1.30.0", {"team": "billing"})
    tracers = TracerProvider()
    with tracers.get_tracer("shop").start_as_current_span("checkout"):
        logger.emit(
            LogRecord(body="paid 3 orders in 0.25 s", severity_text="INFO", severity_number=SeverityNumber.INFO)
        )
        body: Any = {"lines": [1, 2.5, True, None, b"\x00\xff"], "none": {}, "customer": {"kind": "new"}}
        logger.emit(LogRecord(body=body, attributes={"http.route": "/pay", "n": 7}, event_name="shop.order.paid"))
        try:
            raise ValueError("declined")
        except ValueError as error:
            logger.emit(LogRecord(body="failed", severity_number=SeverityNumber.ERROR, exception=error))
    loggers.shutdown()
    tracers.shutdown()
    sent: bytes = encode_logs(kept.get_finished_logs()).SerializeToString()
    return sent


def sdk_metrics() -> bytes:
    """What the SDK makes of a counter, a gauge and a histogram that were used in a span, with exemplars."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], resource=Resource(SHOP))
    meter = meters.get_meter("shop.pay", "1.2", attributes={"team": "billing"})
    tracers = TracerProvider()
    with tracers.get_tracer("shop").start_as_current_span("checkout"):
        meter.create_counter("orders", "1", "Orders that were paid.").add(3, {"http.route": "/pay", "n": 7})
        meter.create_histogram("duration", "s", "How long it took.").record(0.25, {"outcome": "ok", "new": True})
        meter.create_gauge("carts").set(5, {"names": ["a", "b"]})
    data = reader.get_metrics_data()
    assert data is not None
    sent: bytes = encode_metrics(data).SerializeToString()
    meters.shutdown()
    tracers.shutdown()
    return sent


def told(message: Message) -> str:
    """All values of attributes and bodies, as JSON has them."""
    return json.dumps([given for given, _ in _each(message, Scrubbing(Scrub()))], ensure_ascii=False)


def left(message: Message, scrubbing: Scrubbing) -> list[object]:
    """What the scrubber, asked of each attribute, body and text by itself, would yet take from a message."""
    return [given for given, scrubbed in _each(message, scrubbing) if given != scrubbed]


def _each(message: Message, scrubbing: Scrubbing) -> Iterator[tuple[Any, Any]]:
    if isinstance(message, KeyValue):
        given = {message.key: _plain(message.value)}
        yield given, scrubbing.tree(given)
        return
    if isinstance(message, logs_pb2.LogRecord):
        body = _plain(message.body)
        yield body, scrubbing.tree(body)
        yield message.severity_text, scrubbing.text(message.severity_text)
        yield message.event_name, scrubbing.text(message.event_name)
    if isinstance(message, metrics_pb2.Metric):
        yield message.description, scrubbing.text(message.description)
    for field, found in message.ListFields():
        if field.message_type is not None and not isinstance(found, AnyValue):
            for one in found if field.is_repeated else (found,):
                yield from _each(one, scrubbing)


def _plain(given: AnyValue) -> Any:
    return value(given.SerializeToString())
