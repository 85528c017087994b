"""Damaged OTLP requests: never an internal error, and the counts are those of an independent reading."""

import json
import random
from collections import Counter

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from exporter.ingest import otlp_wire
from tests.ingest.otlp_made import as_json, span, traces
from tests.web.otlp_desk import JSON, PROTOBUF, desk

GET = {"http.request.method": "GET", "http.response.status_code": 200, "http.route": "/orders/{id}"}
ONE = traces(span(2, GET))
MIXED = traces(span(2, GET), span(2, GET, trace_id=b"abc"), span(2, GET, span_id=bytes(8)))
MIXED_JSON = as_json(ExportTraceServiceRequest.FromString(MIXED))


async def test_whatever_comes_is_taken_or_refused_and_counted_as_an_oracle_counts_it() -> None:
    chance = random.Random(28)
    async with desk() as here:
        expected: Counter[str] = Counter()
        for number in range(150):
            sent = bytearray(chance.choice((ONE, MIXED, MIXED_JSON)))
            json_ = sent[:1] == b"{"
            for _ in range(chance.randrange(4)):
                sent[chance.randrange(len(sent))] = chance.randrange(256)
            reply = await here.post("/v1/traces", bytes(sent), JSON if json_ else PROTOBUF)
            assert reply.status in (200, 400), (number, bytes(sent))
            if reply.status == 400:
                expected["invalid"] += 1
                continue
            total, wrong = oracle(bytes(sent), json_=json_)
            partial = ExportTraceServiceResponse.FromString(reply.body).partial_success if not json_ else None
            assert partial is None or partial.rejected_spans == wrong, bytes(sent)
            expected["invalid"] += wrong
            expected["accepted"] += total - wrong
        assert here.counts() == {outcome: count for outcome, count in expected.items() if count}
        assert expected["accepted"] > 20
        assert expected["invalid"] > 20
        for signal in ("metrics", "logs"):
            for _ in range(40):
                body = bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
                assert (await here.post(f"/v1/{signal}", body)).status in (200, 400)
                assert (await here.post(f"/v1/{signal}", body, JSON)).status in (200, 400)


def oracle(sent: bytes, *, json_: bool) -> tuple[int, int]:
    """Spans, and how many of them are none, as OpenTelemetry's own classes read them."""
    if json_:
        found = [
            s for r in json.loads(sent)["resourceSpans"] for c in r.get("scopeSpans", []) for s in c.get("spans", [])
        ]
        ids = [(bytes.fromhex(s.get("traceId", "")), bytes.fromhex(s.get("spanId", ""))) for s in found]
        times = [(int(s.get("startTimeUnixNano", 0)), int(s.get("endTimeUnixNano", 0))) for s in found]
    else:
        # Texts that are not UTF-8, which protobuf's classes refuse, are no reason for us to.
        spans = [s for p in otlp_wire.cut(sent) for s in otlp_wire.messages()["ScopeSpans"].FromString(p.scope).spans]
        ids = [(s.trace_id, s.span_id) for s in spans]
        times = [(s.start_time_unix_nano, s.end_time_unix_nano) for s in spans]
    right = [
        len(trace) == 16 and len(span_id) == 8 and any(trace) and any(span_id) and 0 < start <= end
        for (trace, span_id), (start, end) in zip(ids, times, strict=True)
    ]
    return len(right), right.count(False)
