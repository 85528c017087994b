"""OTLP/HTTP's answers, in the encoding of the request, by the OTLP specification."""

import asyncio
import gzip
import json
import time
from typing import Any

import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from exporter.ingest.ports import Refusing
from tests.ingest.otlp_made import SPAN, as_json, logs, raised, span, traces
from tests.web.client import Reply, bearer
from tests.web.otlp_desk import JSON, PROTOBUF, desk

GET = {"http.request.method": "GET", "http.response.status_code": 200, "http.route": "/orders/{id}"}
ONE = traces(span(2, GET))
MIXED = traces(span(2, GET), span(2, GET, trace_id=b"abc"), span(2, GET, span_id=bytes(8)))
NOT_TAKEN = "spans without a valid trace id, span id, or with an end before their start were left out"
TOKEN = "a-right-token"


def json_of(data: bytes) -> bytes:
    return as_json(ExportTraceServiceRequest.FromString(data))


def status(reply: Reply) -> tuple[int, str]:
    """Code and message of the Status, in the encoding that the reply says."""
    if reply.headers["content-type"] == "application/json":
        said = json.loads(reply.body)
        assert set(said) == {"code", "message"}
        return said["code"], said["message"]
    assert reply.headers["content-type"] == "application/x-protobuf"
    parsed = Status.FromString(reply.body)
    return parsed.code, parsed.message


async def test_what_is_taken_whole_is_answered_without_partial_success() -> None:
    async with desk() as here:
        for path in ("/v1/traces", "/v1/logs", "/v1/metrics"):
            reply = await here.post(path, b"")
            assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/x-protobuf", b"")
            reply = await here.post(path, b"{}", JSON)
            assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", b"{}")
        assert here.counts() == {}
        assert (await here.post("/v1/traces", ONE)).body == b""
        assert (await here.post("/v1/traces", json_of(ONE), JSON + "; charset=utf-8")).body == b"{}"
        assert here.counts() == {"accepted": 2}
        assert sum(here.figures("stack_http_server_request_duration_seconds").values()) == 2


async def test_rejected_spans_are_counted_in_a_partial_success() -> None:
    async with desk() as here:
        reply = await here.post("/v1/traces", MIXED)
        partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
        assert (reply.status, partial.rejected_spans, partial.error_message) == (200, 2, NOT_TAKEN)
        reply = await here.post("/v1/traces", json_of(MIXED), JSON)
        assert json.loads(reply.body) == {"partialSuccess": {"rejectedSpans": "2", "errorMessage": NOT_TAKEN}}
        assert here.counts() == {"accepted": 2, "invalid": 4}


async def test_records_and_data_points_are_taken_too() -> None:
    metrics = ExportMetricsServiceRequest()
    point = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="queue.length").gauge.data_points.add()
    point.as_int, point.time_unix_nano = 7, time.time_ns()
    async with desk() as here:
        reply = await here.post("/v1/logs", logs(LogRecord(severity_number=17), LogRecord(severity_number=9)))
        assert ExportLogsServiceResponse.FromString(reply.body) == ExportLogsServiceResponse()
        reply = await here.post("/v1/metrics", metrics.SerializeToString())
        assert ExportMetricsServiceResponse.FromString(reply.body) == ExportMetricsServiceResponse()
        assert here.services.otlp_metrics is not None
        assert b"queue_length 7" in here.services.otlp_metrics.foreign.page(time.time(), openmetrics=False)
        assert here.counts() == {"accepted": 2}


CODINGS: dict[str, Any] = {"gzip": gzip.compress, "zstd": zstd.compress, "identity": bytes}


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_may_be_compressed_by(coding: str) -> None:
    async with desk() as here:
        reply = await here.post("/v1/traces", CODINGS[coding](ONE), PROTOBUF, f"Content-Encoding: {coding}")
        assert (reply.status, here.counts()) == (200, {"accepted": 1})


REFUSED: dict[str, tuple[int, int, tuple[str, ...], bytes]] = {
    "bytes that are none": (400, 3, (PROTOBUF,), b"\xff\xff\xff"),
    "a length that lies": (400, 3, (PROTOBUF,), ONE[:-1]),
    "an inner length that lies": (
        400,
        3,
        (PROTOBUF,),
        traces(span(2)).replace(b"\x0a\x10\x01\x02", b"\x0a\x7f\x01\x02"),
    ),
    "JSON that is none": (400, 3, (JSON,), b"{"),
    "JSON of another kind": (400, 3, (JSON,), b"[]"),
    "a corrupt gzip": (400, 3, (PROTOBUF, "Content-Encoding: gzip"), b"\x1f\x8bxxxxxxxxxxxxxxxx"),
    "half a gzip": (400, 3, (JSON, "Content-Encoding: gzip"), gzip.compress(b"{}" * 900)[:-9]),
    "an unknown encoding": (415, 3, (PROTOBUF, "Content-Encoding: snappy"), ONE),
    "an unknown type": (415, 3, ("Content-Type: text/plain",), ONE),
    "no type": (415, 3, ("X-None: 1",), ONE),
    "too many spans": (413, 8, (PROTOBUF,), b"\n\x00" * 200_000),
    "a bomb": (413, 8, (PROTOBUF, "Content-Encoding: gzip"), gzip.compress(bytes(40_000_000))),
    "a web page": (403, 7, (PROTOBUF, "Origin: https://evil.example"), ONE),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_with_a_status_in_the_requests_encoding_is(case: str) -> None:
    http, grpc, headers, body = REFUSED[case]
    async with desk() as here:
        reply = await here.post("/v1/traces", body, *headers)
        code, message = status(reply)
        assert (reply.status, code, bool(message)) == (http, grpc, True)
        assert reply.headers["content-type"] == ("application/json" if JSON in headers else "application/x-protobuf")
        assert "accepted" not in here.counts()


async def test_a_token_lets_in_and_nothing_else_does_where_one_is_configured() -> None:
    async with desk(tokens=[TOKEN]) as here:
        for given in ((), (bearer("a-wrong-token"),)):
            reply = await here.post("/v1/traces", json_of(ONE), JSON, *given)
            assert (reply.status, status(reply)[0]) == (401, 16)
            assert reply.headers["www-authenticate"].startswith("Bearer")
        assert (await here.post("/v1/traces", ONE, PROTOBUF, bearer(TOKEN))).status == 200
        for _ in range(9):
            await here.post("/v1/traces", ONE, PROTOBUF, bearer("a-wrong-token"))
        reply = await here.post("/v1/traces", ONE, PROTOBUF, bearer("a-wrong-token"))
        assert (reply.status, status(reply)[0], "retry-after" in reply.headers) == (429, 8, True)


async def test_more_bytes_than_a_sender_may_send_are_told_to_come_later_and_counted() -> None:
    big = traces(*[span(2, GET | {"x": "y" * 60_000})] * 250)
    async with desk(bytes_per_second=1) as here:
        assert (await here.post("/v1/traces", big)).status == 200
        for body, headers in ((MIXED * 7_000, (PROTOBUF,)), (json_of(big), (JSON,))):
            reply = await here.post("/v1/traces", body, *headers)
            assert (reply.status, status(reply)[0]) == (429, 8)
            assert int(reply.headers["retry-after"]) > 0
        assert here.counts() == {"accepted": 250, "limited": 21_000 + 250}


async def test_more_errors_than_a_sender_may_send_are_told_to_come_later_and_all_of_the_request_is() -> None:
    failing = [span(2, GET, span_id=b"%08d" % n, events=[raised("E", f"m{n}")], status={"code": 2}) for n in range(6)]
    async with desk(rate=0.001, burst=5) as here:
        assert (await here.post("/v1/traces", traces(*failing))).status == 200
        reply = await here.post("/v1/traces", traces(span(2, GET), *failing))
        assert (reply.status, status(reply)[0]) == (429, 8)
        assert here.counts() == {"accepted": 6, "limited": 7}
        assert sum(here.figures("stack_http_server_request_duration_seconds").values()) == 6


async def test_while_the_store_refuses_nothing_is_counted_and_later_it_is_taken() -> None:
    failing = traces(span(2, GET, events=[raised("E", "m")]), span(2, GET, trace_id=b""))
    async with desk() as here:
        here.ledger.refusing = Refusing("full", 7.0)
        reply = await here.post("/v1/traces", failing)
        assert (reply.status, status(reply)[0], reply.headers["retry-after"]) == (429, 8, "8")
        assert sum(here.figures("stack_http_server_request_duration_seconds").values()) == 0
        here.ledger.refusing = None
        assert (await here.post("/v1/traces", failing)).status == 200
        assert here.counts() == {"accepted": 1, "refused": 1, "invalid": 2}
        assert len(here.ledger.kept) == 1


async def test_an_error_that_is_sent_again_counts_once() -> None:
    failing = traces(span(2, GET, events=[raised("E", "m")], status={"code": 2}))
    async with desk() as here:
        for _ in range(3):
            assert (await here.post("/v1/traces", failing)).status == 200
        assert here.counts() == {"accepted": 1, "duplicate": 2}
        assert sum(here.figures("stack_errors_total").values()) == 1


async def test_the_echo_of_an_error_in_a_later_request_is_not_another() -> None:
    error = {"events": [raised("E", "m")], "status": {"code": 2}}
    child, parent = span(1, span_id=b"childspn", parent_span_id=SPAN, **error), span(2, GET, **error)
    async with desk() as here:
        for sent in (child, parent):
            assert (await here.post("/v1/traces", traces(sent))).status == 200
        assert len(here.ledger.kept) == 1


async def test_where_nothing_is_taken_in_the_answer_says_so() -> None:
    async with desk() as here:
        here.use(intake=None)
        reply = await here.post("/v1/traces", ONE)
        assert (reply.status, status(reply)[0], reply.headers["retry-after"]) == (503, 14, "1")


async def test_others_are_answered_while_a_large_request_is_worked_on() -> None:
    large = traces(*[span(2, GET, span_id=b"%08d" % n) for n in range(1, 20_000)])
    async with desk() as here:
        await here.post("/v1/traces", ONE)
        posted = asyncio.create_task(here.post("/v1/traces", large))
        longest, began = 0.0, time.perf_counter()
        while not posted.done():
            turn = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - turn)
        assert (await posted).status == 200
        assert here.counts() == {"accepted": 20_000}
        assert longest < max(0.25, (time.perf_counter() - began) / 2)
