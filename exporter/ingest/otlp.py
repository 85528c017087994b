"""From an OTLP request of traces or logs, piece by piece, to a Batch: what is kept, what is measured, what is rejected.

Piece (otlp_wire, otlp_json) -> span -> Held or Measured (otlp_spans), exceptions (otlp_errors) -> Batch
"""

import struct
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_attributes import Attributes, every
from exporter.ingest.otlp_errors import Context, Echoes, Errors, Key
from exporter.ingest.otlp_logs import logged, records
from exporter.ingest.otlp_resource import Resource, Resources
from exporter.ingest.otlp_spans import CONSUMER, SERVER, Reader, path
from exporter.ingest.otlp_tails import (
    AFTER_HEAD,
    AFTER_PARENT,
    AFTER_TIMES,
    END,
    HEAD,
    NAME,
    PARENT,
    PARENT_ID,
    SERVED,
    SHORT,
    SPAN,
    START,
    TIMES,
    TRACE,
    Known,
    Tails,
)
from exporter.ingest.otlp_weight import weight
from exporter.ingest.otlp_wire import Malformed, Piece, TooMany, messages
from exporter.ingest.ports import Held, Scrubber, Seen
from exporter.ingest.values import Batch, Level, Request

MOST_ERRORS, MOST_EVENTS = 10_000, 128
"""Exceptions in one request, and events of one span that are looked at: OpenTelemetry's own default limit."""
_TRACE, _SPAN, _NO_TRACE, _NO_SPAN = 16, 8, bytes(16), bytes(8)
_ERROR = 2
_AHEAD = 60.0
_STATES = 1_024


class Parser:
    """What outlasts a request, until a reload: what was said, by its bytes. Pure."""

    def __init__(
        self,
        scrubber: Scrubber,
        hold: Callable[[Request], Held],
        operations: Collection[str] = (),
        service: str = "",
        environment: str = "",
        kept: Callable[[bytes, bytes], bool] | None = None,
    ) -> None:
        """`kept`: whether spans of a trace id and a trace state go onward; None: all. Exemplars lead to no others."""
        self.kept = kept
        self.scrubber = scrubber
        self.reader = Reader(scrubber, hold, operations)
        self.resources = Resources(scrubber, service, environment)
        self.attributes = Attributes()
        self.tails = Tails()
        self.weights: dict[bytes, float] = {b"": 1.0}
        self.failures: dict[bytes, bool] = {b"": False}

    def weight(self, trace_state: bytes) -> float:
        """How many spans one with this trace state stands for; remembered in `weights`."""
        if len(self.weights) >= _STATES:
            self.weights.clear()
            self.weights[b""] = 1.0
        made = self.weights[trace_state[:512]] = weight(trace_state[:512].decode(errors="replace"))
        return made

    def failed(self, status: bytes) -> bool:
        """Whether a span's status is an error; remembered in `failures` where it has no message."""
        try:
            failed = bool(messages()["Status"].FromString(status).code == _ERROR)
        except DecodeError:
            raise Malformed("a span's status is malformed") from None
        if len(status) <= 2:
            self.failures[status] = failed
        return failed


class Parsing:
    """One request."""

    def __init__(self, parser: Parser, now: float, echoes: Echoes) -> None:
        self._parser = parser
        self._now = now
        self._errors = Errors(parser.scrubber, now, echoes)
        self._lines: Counter[tuple[Any, Level]] = Counter()
        self._type, self._raws = messages()["Span"], messages()["ScopeRaws"]
        self.batch = Batch()
        self.observed: dict[Held, list[Seen]] = {}
        """Requests, to be measured once the batch is kept."""

    def spans(self, piece: Piece) -> None:
        """Raises Malformed."""
        raws = piece.raws or self._cut(piece)
        parser, observed = self._parser, self.observed
        resource = parser.resources.of(piece.resource)
        latest, kept = self._now + _AHEAD, parser.kept
        known = parser.tails.of(resource)
        self.batch.events += len(raws)
        if not parser.tails.tried():
            for raw in raws:
                self._span(raw, resource, latest, known)
            return
        hits = 0
        for raw in raws:
            tail = b""
            try:
                one, trace_id, two, span_id, tag, size = HEAD(raw)
                begin = AFTER_HEAD
                if tag == PARENT:
                    tag, size, begin = raw[AFTER_PARENT - 2], raw[AFTER_PARENT - 1], AFTER_PARENT
                kind, three, start, four, end = TIMES(raw, begin + size)
            except (struct.error, IndexError):
                pass
            else:
                if (
                    kind == SERVED
                    and one == TRACE
                    and two == SPAN
                    and tag == NAME
                    and three == START
                    and four == END
                    and size <= SHORT
                    and (begin == AFTER_HEAD or raw[AFTER_HEAD - 2 : AFTER_HEAD] == PARENT_ID)
                ):
                    tail = raw[begin + size + AFTER_TIMES :]
                    if (held := known.get(tail)) is not None:
                        hits += 1
                        if trace_id == _NO_TRACE or span_id == _NO_SPAN or not 0 < start <= end:
                            self.batch.invalid += 1
                            continue
                        at = end / 1e9
                        if at > latest:  # noqa: PLR1730 - min() takes twice as long
                            at = latest
                        if kept is not None and not kept(trace_id, b""):
                            trace_id = b""
                        if (seen := observed.get(held)) is None:
                            seen = observed[held] = []
                        seen.append(((end - start) / 1e9, 1.0, trace_id, at))
                        continue
            self._span(raw, resource, latest, known, tail)
        parser.tails.saw(len(raws), hits)

    def _cut(self, piece: Piece) -> Sequence[bytes]:
        try:
            raws: Sequence[bytes] = self._raws.FromString(piece.scope).spans[:]
        except DecodeError:
            raise Malformed("a span is malformed") from None
        return raws

    def _span(self, raw: bytes, resource: Resource, latest: float, known: Known, tail: bytes = b"") -> None:
        """`tail`: empty where it can't be known by it. Raises Malformed."""
        try:
            span = self._type.FromString(raw)
        except DecodeError:
            raise Malformed("a span is malformed") from None
        parser, batch, observed, kept = self._parser, self.batch, self.observed, self._parser.kept
        attributes_of = parser.attributes.of
        trace_id, span_id = span.trace_id, span.span_id
        start, end = span.start_time_unix_nano, span.end_time_unix_nano
        if (
            len(trace_id) != _TRACE
            or len(span_id) != _SPAN
            or not 0 < start <= end
            or trace_id == _NO_TRACE
            or span_id == _NO_SPAN
        ):
            batch.invalid += 1
            return
        if (failed := parser.failures.get(status := span.status)) is None:
            failed = parser.failed(status)
        if (amount := parser.weights.get(state := span.trace_state)) is None:
            amount = parser.weight(state)
        at = end / 1e9
        if at > latest:  # noqa: PLR1730 - min() takes twice as long
            at = latest
        attributes, events, held, found_here = span.attributes[:], span.events, None, None
        if span.kind == SERVER:
            marks = tuple(map(parser.attributes.mark, attributes))
            if (held := resource.known[failed].get(marks)) is None:
                found_here = attributes_of(attributes)
                held = parser.reader.held(found_here, resource, marks, failed=failed)
            if tail and held is not None and not failed and not events:
                parser.tails.learn(known, tail, held)
        shown = trace_id if kept is None or kept(trace_id, state) else b""
        if held is not None:
            if (seen := observed.get(held)) is None:
                seen = observed[held] = []
            seen.append(((end - start) / 1e9, amount, shown, at))
        else:
            found_here = attributes_of(attributes) if found_here is None else found_here
            for one in parser.reader.others(span, found_here, resource.origin, amount, at, shown, failed=failed):
                batch.measured.append(("", one))
        if failed:
            self._errors.failed(trace_id, span_id, span.parent_span_id)
        if events:
            found_here = attributes_of(attributes) if found_here is None else found_here
            self._exceptions(span, events, resource, found_here, failed=failed)

    def records(self, piece: Piece) -> None:
        """Of logs. Raises Malformed."""
        records(piece, self._parser.resources.of(piece.resource), self._errors, self._lines)
        self.batch.events += piece.items
        self._bound()

    def settle(self) -> list[Key]:
        """Complete the batch; gives where its exceptions may be echoed, for Echoes once it is kept."""
        self.batch.occurrences, passed = self._errors.settle()
        self.batch.measured += logged(self._lines)
        if not self._lines:
            of_spans = Counter((one.trace_id, one.span_id) for one in self.batch.occurrences)
            # A span is one event, and so is each further exception of it that is kept.
            self.batch.events += sum(count - 1 for count in of_spans.values())
        return passed

    def _exceptions(self, span: Any, events: Any, resource: Resource, found: dict[str, Any], *, failed: bool) -> None:
        recorded = [raw for raw in events[:MOST_EVENTS] if b"exception" in raw]
        if not recorded:
            return
        event_type = messages()["Event"]
        for raw in recorded:
            try:
                event = event_type.FromString(raw)
            except DecodeError:
                raise Malformed("a span's event is malformed") from None
            if event.name != b"exception":
                continue
            context = self._context(span, resource, found, event.time_unix_nano / 1e9, failed=failed)
            self._errors.record(every(event.attributes), context)
        self._bound()

    def _context(self, span: Any, resource: Resource, found: dict[str, Any], at: float, *, failed: bool) -> Context:
        reader = self._parser.reader
        served = span.kind == SERVER
        method, status = reader.answered(found, failed=failed) if served else ("", 0)
        return Context(
            resource=resource,
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_id=span.parent_span_id,
            at=at or span.end_time_unix_nano / 1e9,
            attributes=every(span.attributes),
            transaction=reader.transaction(span, found),
            path=reader.path(path(found)) if served else "",
            method=method,
            status=status,
            # Recorded by hand where the span is not in error; else one that is not an entry may be caught outside it.
            handled=True if not failed else False if span.kind in (SERVER, CONSUMER) else None,
        )

    def _bound(self) -> None:
        if len(self._errors) > MOST_ERRORS:
            raise TooMany(f"more than {MOST_ERRORS} exceptions in one request")
