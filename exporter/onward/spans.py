"""Which spans go onward: those that are valid, of the traces that are sampled."""

from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_fields import LENGTH, fields, tagged
from exporter.ingest.otlp_weight import Sampling
from exporter.ingest.otlp_wire import messages
from exporter.onward.edits import ATTRIBUTE, TEXT, Edit, Fixed, Table

SPANS: Table = {
    5: TEXT,
    9: ATTRIBUTE,
    11: {2: TEXT, 3: ATTRIBUTE},
    13: {4: ATTRIBUTE},
    15: {2: TEXT},
}
"""Name, attributes, events, links and status (opentelemetry-proto, trace.proto)."""
_TRACE_STATE = 3
_TRACE, _SPAN, _NO_TRACE, _NO_SPAN = 16, 8, bytes(16), bytes(8)


class Choice:
    """Of one request."""

    def __init__(self, sampling: Sampling | None) -> None:
        self._sampling = sampling
        self._span: Any = messages()["Span"]
        self.sampled_out = 0

    def __call__(self, data: bytes, begin: int, end: int) -> list[Edit] | None:
        """What is to be changed of a span; None: it is left out."""
        try:
            span = self._span.FromString(data[begin:end])
        except DecodeError:
            return None
        if not is_valid(span):
            return None
        if self._sampling is None:
            return []
        if not self._sampling.kept(span.trace_id, span.trace_state):
            self.sampled_out += 1
            return None
        written = self._sampling.written(span.trace_id, span.trace_state)
        return [] if written is span.trace_state or written == span.trace_state else _stated(data, begin, end, written)


def is_valid(span: Any) -> bool:
    trace_id, span_id = span.trace_id, span.span_id
    return (
        len(trace_id) == _TRACE
        and len(span_id) == _SPAN
        and 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        and trace_id != _NO_TRACE
        and span_id != _NO_SPAN
    )


def _stated(data: bytes, begin: int, end: int, trace_state: bytes) -> list[Edit]:
    edits: list[Edit] = [
        Fixed(start, stop, b"") for key, start, _, stop in fields(data, begin, end) if key == _TRACE_STATE << 3 | LENGTH
    ]
    new = tagged(_TRACE_STATE, trace_state) if trace_state else b""
    if not edits:
        return [Fixed(begin, begin, new)]
    edits[0] = Fixed(edits[0].start, edits[0].end, new)
    return edits
