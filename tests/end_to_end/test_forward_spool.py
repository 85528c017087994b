"""A back end that is away: what was acknowledged waits on disk, over kill -9, and comes in its order when it returns."""

import time
from collections import defaultdict

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests import servers
from tests.forward.sink import sink
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

TRACES, AT_ONCE, REQUESTS = 20, 100, 100
FIRST, ALL = 30.0, 60.0
"""Seconds after the back end is there again (faults.md, Recovery)."""
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def request(number: int) -> bytes:
    """A hundred spans, of twenty traces in turn; their names count on."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    scope = group.scope_spans.add()
    start = time.time_ns()
    for nth in range(number * AT_ONCE, (number + 1) * AT_ONCE):
        span = scope.spans.add(
            trace_id=(nth % TRACES + 1).to_bytes(16), span_id=(nth + 1).to_bytes(8), name=f"step {nth}",
            start_time_unix_nano=start, end_time_unix_nano=start + 1,
        )  # fmt: skip
        span.attributes.add(key="order").value.int_value = nth
    return message.SerializeToString()


def send(daemon: Daemon, numbers: range) -> None:
    for number in numbers:
        reply = daemon.request("POST", "/v1/traces", request(number), PROTOBUF, port=daemon.ingest_port)
        assert reply.status == 200, reply.text


def test_ten_thousand_spans_outlast_kill_9_and_come_in_order_soon_after_the_back_end() -> None:
    port = servers.free_port()
    with servers.daemon(f'forward: {{traces: [{{endpoint: "http://127.0.0.1:{port}"}}]}}') as daemon:
        half = REQUESTS // 2
        send(daemon, range(half))
        daemon.kill()
        daemon.start()
        metrics = daemon.metrics()
        assert metrics['stack_exporter_spool_items{signal="traces",backend="0"}'] == half * AT_ONCE
        assert metrics['stack_exporter_spool_durable{signal="traces",backend="0"}'] == 1
        send(daemon, range(half, REQUESTS))
        with sink(port) as back:
            began = time.monotonic()
            wait_until(lambda: back.spans, FIRST)
            wait_until(lambda: len({span.span_id for span in back.spans}) == REQUESTS * AT_ONCE, ALL)
            assert time.monotonic() - began < ALL
            wait_until(lambda: not daemon.metrics()['stack_exporter_spool_items{signal="traces",backend="0"}'])
            metrics = daemon.metrics()
        of_trace: dict[str, dict[int, None]] = defaultdict(dict)
        for span in back.spans:
            of_trace[span.trace_id][span.attributes["order"]] = None  # as it came first
        assert len(of_trace) == TRACES
        assert all(list(orders) == sorted(orders) for orders in of_trace.values())
        assert metrics['stack_exporter_forward_sent_total{signal="traces",backend="0"}'] >= REQUESTS * AT_ONCE
        assert not [name for name, value in metrics.items() if "forward_dropped" in name and value]
