"""Requests rewritten as the daemon does it, in tests."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from exporter.config.application import Scrub
from exporter.ingest import otlp_json_pieces, otlp_wire
from exporter.onward.rewrite import Rewriter, Rewriting
from exporter.ingest.scrub import Scrubbing


class Forwarder:
    """A rewriter as the daemon keeps one."""

    def __init__(self, config: Scrub | None = None, ratio: float = 1.0, attributes: Mapping[str, str] | None = None):
        config = config or Scrub()
        self.scrubber = Scrubbing(config)
        self.rewriter = Rewriter(self.scrubber, config, ratio, attributes or {})

    def rewriting(self, body: bytes, *, json: bool = False, valid: bool = False) -> Rewriting:
        """To its end."""
        pieces = list(otlp_json_pieces.cut(body, "traces")) if json else otlp_wire.cut(body)
        rewriting = self.rewriter.traces(None if json else body, pieces, valid=valid)
        self.steps = sum(1 for _ in rewriting)
        return rewriting

    def traces(self, body: bytes, **how: Any) -> bytes:
        return self.rewriting(body, **how).body


def spans(body: bytes) -> list[Any]:
    return [span for of in ExportTraceServiceRequest.FromString(body).resource_spans for scope in of.scope_spans
            for span in scope.spans]  # fmt: skip


def told(attributes: Any) -> dict[str, Any]:
    """Attributes as a mapping."""
    return {pair.key: _plain(pair.value) for pair in attributes}


def _plain(value: Any) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return told(value.kvlist_value.values)
        case None:
            return None
        case name:
            return getattr(value, name)
