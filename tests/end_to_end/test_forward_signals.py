"""Every signal onward: unchanged where nothing has to change, to each back end by itself, errors and events as logs."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests import hostile, servers
from tests.forward.sink import Sink, plain, sink
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}


def all_signals(url: str, more: str = "") -> str:
    each = "\n".join(
        f'  {signal}: [{{endpoint: "{url}", compression: none}}]' for signal in ("traces", "logs", "metrics")
    )
    return f"forward:\n{each}\n{more}"


@contextmanager
def forwarding(more: str = "", **env: str) -> Iterator[tuple[Daemon, Sink]]:
    with sink() as back, servers.daemon(all_signals(back.url, more), env=env) as daemon:
        yield daemon, back


def post(daemon: Daemon, path: str, body: bytes, headers: dict[str, str] = PROTOBUF) -> None:
    reply = daemon.request("POST", path, body, headers, port=daemon.ingest_port)
    assert reply.status == 200, reply.text


def of(back: Sink, path: str) -> list[bytes]:
    return [body for came, body in back.bodies if came == path]


def span(number: int, trace_id: bytes = b"", **attributes: str) -> bytes:
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.30.0")
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    scope = group.scope_spans.add(schema_url="of-the-scope")
    scope.scope.name = "by.hand"
    start = time.time_ns()
    made = scope.spans.add(
        trace_id=trace_id or number.to_bytes(16), span_id=number.to_bytes(8), name=f"step {number}", kind=2,
        start_time_unix_nano=start, end_time_unix_nano=start + 1_000_000, flags=0x101, dropped_attributes_count=3,
    )  # fmt: skip
    made.links.add(trace_id=(5).to_bytes(16), span_id=(5).to_bytes(8))
    for key, value in {"http.request.method": "GET", "http.route": "/x", **attributes}.items():
        made.attributes.add(key=key).value.string_value = value
    return message.SerializeToString()


def metric(**attributes: str) -> bytes:
    message = ExportMetricsServiceRequest()
    group = message.resource_metrics.add()
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    made = group.scope_metrics.add().metrics.add(name="orders")
    made.sum.is_monotonic, made.sum.aggregation_temporality = True, 2
    point = made.sum.data_points.add(as_int=3, start_time_unix_nano=time.time_ns(), time_unix_nano=time.time_ns())
    for key, value in attributes.items():
        point.attributes.add(key=key).value.string_value = value
    return message.SerializeToString()


def record(body: str) -> bytes:
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    made = group.scope_logs.add().log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
    made.body.string_value = body
    return message.SerializeToString()


def test_what_need_not_change_comes_byte_for_byte_and_what_must_loses_no_more_than_that() -> None:
    given = {"/v1/traces": span(1), "/v1/metrics": metric(paid="yes"), "/v1/logs": record("an order came")}
    personal = "of jane.doe@example.com"
    changed = {
        "/v1/traces": (span(2, note=personal), ExportTraceServiceRequest),
        "/v1/metrics": (metric(who=personal), ExportMetricsServiceRequest),
        "/v1/logs": (record(personal), ExportLogsServiceRequest),
    }
    with forwarding() as (daemon, back):
        for path, body in given.items():
            post(daemon, path, body)
            wait_until(lambda path=path, body=body: of(back, path) == [body])
        for path, (body, _) in changed.items():
            post(daemon, path, body)
            wait_until(lambda path=path: len(of(back, path)) == 2)
    for path, (body, message) in changed.items():
        expected = message.FromString(body.replace(b"of jane.doe@example.com", b"of [email]".ljust(23)))
        came = message.FromString(of(back, path)[1])
        text = expected.SerializeToString().replace(b"of [email]".ljust(23), b"of [email]")
        assert str(came) == str(expected).replace("of [email]".ljust(23), "of [email]"), text


def test_a_request_in_json_goes_on_as_protobuf() -> None:
    given = {
        "schemaUrl": "https://opentelemetry.io/schemas/1.30.0",
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
        "scopeSpans": [{"scope": {"name": "by.hand"}, "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "paint", "kind": 2,
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000, "droppedEventsCount": 2,
            "links": [{"traceId": "5b8efff798038103d269b633813fc60d", "spanId": "eee19b7ec3c1b175"}],
        }]}],
    }  # fmt: skip
    with forwarding() as (daemon, back):
        post(daemon, "/v1/traces", json.dumps({"resourceSpans": [given]}).encode(), JSON)
        wait_until(lambda: back.whole)
    (group,) = ExportTraceServiceRequest.FromString(of(back, "/v1/traces")[0]).resource_spans
    made = group.scope_spans[0].spans[0]
    assert (group.schema_url, group.scope_spans[0].scope.name) == (given["schemaUrl"], "by.hand")
    assert (made.trace_id.hex(), made.span_id.hex(), made.name, made.kind, made.dropped_events_count) == (
        "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "paint", 2, 2,
    )  # fmt: skip
    assert (made.start_time_unix_nano, made.end_time_unix_nano) == (1544712660000000000, 1544712661000000000)
    assert made.links[0].span_id.hex() == "eee19b7ec3c1b175"


def test_spans_that_are_rejected_go_nowhere() -> None:
    message = ExportTraceServiceRequest.FromString(span(1))
    message.MergeFromString(span(2, trace_id=bytes(16)))
    with forwarding() as (daemon, back):
        reply = daemon.request("POST", "/v1/traces", message.SerializeToString(), PROTOBUF, port=daemon.ingest_port)
        wait_until(lambda: back.whole)
        metrics = daemon.metrics()
    assert (reply.status, reply.body[:4]) == (200, b"\x0a" + reply.body[1:2] + b"\x08\x01")
    assert [one.name for one, _ in back.whole.values()] == ["step 1"]
    assert metrics['stack_exporter_forward_received_total{signal="traces"}'] == 1


def test_a_ratio_leaves_out_whole_traces_by_their_ids_and_measures_them_all_the_same() -> None:
    with forwarding("  sample_ratio: 0.25\n") as (daemon, back):
        for number in range(1, 201):
            trace_id = (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8) + (
                number * 0xD1B54A32D192ED03 % 2**64
            ).to_bytes(8)
            for part in (0, 1):
                post(daemon, "/v1/traces", span(2 * number + part, trace_id))
        received = 'stack_exporter_forward_received_total{signal="traces"}'
        wait_until(lambda: len(back.whole) == daemon.metrics()[received])
        metrics = daemon.metrics()
        reply = daemon.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    kept = {one.trace_id for one, _ in back.whole.values()}
    assert 30 < len(kept) < 70
    assert len(back.whole) == 2 * len(kept)
    assert all(int.from_bytes(trace_id[9:]) >= 0.75 * 2**56 for trace_id in kept)
    assert {one.trace_state for one, _ in back.whole.values()} == {"ot=th:c"}
    assert metrics["stack_exporter_forward_sampled_out_total"] == 400 - 2 * len(kept)
    requests = [value for name, value in metrics.items() if name.startswith("stack_http_server_requests_total")]
    assert sum(requests) == 400
    exemplars = {line.split('trace_id="')[1][:32] for line in reply.text.splitlines() if 'trace_id="' in line}
    assert exemplars
    assert exemplars <= {trace_id.hex() for trace_id in kept}


def test_one_back_end_that_is_away_holds_up_no_other() -> None:
    with sink() as back:
        away = f'{{endpoint: "http://127.0.0.1:{hostile.unused()}", name: away, spool: {{size: 5MB, age: 72h}}}}'
        yaml = f'forward: {{traces: [{away}, {{endpoint: "{back.url}", name: there}}]}}'
        with servers.daemon(yaml) as daemon:
            for number in range(1, 6):
                post(daemon, "/v1/traces", span(number))
            wait_until(lambda: len(back.whole) == 5)
            items = 'stack_exporter_spool_items{{signal="traces",backend="{}"}}'
            wait_until(lambda: daemon.metrics()[items.format("there")] == 0)
            wait_until(lambda: daemon.metrics()[items.format("away")] == 5)
            assert daemon.get("/health/detailed").status == 200
            metrics = daemon.metrics()
    assert metrics[items.format("away")] == 5
    assert metrics['stack_exporter_spool_age_seconds{signal="traces",backend="away"}'] > 0
    assert metrics['stack_exporter_forward_last_success_timestamp_seconds{signal="traces",backend="there"}'] > 1e9


def test_errors_and_events_follow_as_log_records_whichever_way_they_came() -> None:
    more = "  events: [errors, security]\n  resource: {k8s.cluster.name: eu-1}\n"
    events: list[dict[str, Any]] = [
        {"type": "error", "service": "shop", "exception": "PaymentRefused", "message": "refused for jane.doe@example.com",
         "trace_id": "0af7651916cd43dd8448eb211c80319c"},
        {"type": "security", "service": "shop", "name": "login_failed", "severity": "high"},
        {"type": "business", "service": "shop", "name": "order_placed"},
    ]  # fmt: skip
    with forwarding(more) as (daemon, back):
        for event in events:
            reply = daemon.request("POST", "/api/v1/events", json.dumps(event).encode(), JSON, port=daemon.ingest_port)
            assert reply.status == 200, reply.text
        wait_until(lambda: len(records(back)) == 2)
    (error, resource), (security, _) = records(back)
    attributes = plain(error.attributes)
    assert (error.event_name, attributes["exception.type"]) == ("stack.error", "PaymentRefused")
    assert attributes["exception.message"] == "refused for [email]"
    assert error.trace_id.hex() == events[0]["trace_id"]
    assert (resource["service.name"], resource["k8s.cluster.name"]) == ("shop", "eu-1")
    assert (security.event_name, plain(security.attributes)["stack.event.type"]) == ("stack.security", "login_failed")


def records(back: Sink) -> list[tuple[Any, dict[str, Any]]]:
    requests = map(ExportLogsServiceRequest.FromString, of(back, "/v1/logs"))
    groups = [group for request in requests for group in request.resource_logs]
    return [
        (made, plain(group.resource.attributes))
        for group in groups
        for scope in group.scope_logs
        for made in scope.log_records
    ]


def test_a_back_end_that_is_the_daemon_itself_is_refused_and_one_of_the_environment_left_out(tmp_path: Path) -> None:
    with servers.daemon("", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}) as daemon:
        daemon.config_file.write_text(f'forward: {{traces: [{{endpoint: "http://localhost:{daemon.ingest_port}"}}]}}')
        wait_until(lambda: "stack_exporter_spool_items" in daemon.get("/metrics").text)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: daemon.metrics()["stack_exporter_config_last_reload_successful"] == 0)
        assert "forward.traces[0].endpoint: is the daemon's own listener" in daemon.log
    port = servers.free_port()
    flag, own = (
        f"--ingest.grpc-listen-address=127.0.0.1:{port}",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{port}"},
    )
    with servers.daemon("", flag, env=own) as daemon:
        assert "names this daemon; nothing is forwarded to it" in daemon.log
        assert "stack_exporter_spool_items" not in daemon.get("/metrics").text


@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_what_no_back_end_takes_is_taken_in_all_the_same(kind: str) -> None:
    body = {"traces": span(1), "logs": record("x"), "metrics": metric()}[kind]
    with servers.daemon("") as daemon:
        post(daemon, f"/v1/{kind}", body)
        assert not [name for name in daemon.metrics() if name.startswith("stack_exporter_spool")]


def test_what_comes_over_grpc_goes_on_too() -> None:
    port = servers.free_port()
    with sink() as back, servers.daemon(all_signals(back.url), f"--ingest.grpc-listen-address=127.0.0.1:{port}"):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            assert call(body := span(1), timeout=10) == b""
        wait_until(lambda: of(back, "/v1/traces") == [body])
