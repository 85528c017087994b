"""A Django application with a Celery worker sends its spans to the sidecar, and a real collector gets them whole."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.forward.sink import Sink, sink
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("otel")

DESK = Path(__file__).parent / "applications" / "otel_desk.py"
TOKEN = {"Authorization": "Bearer a-token-of-ours"}
KUBERNETES = {"POD_NAME": "desk-7", "POD_NAMESPACE": "shops", "NODE_NAME": "node-3"}


@contextmanager
def collector() -> Iterator[tuple[Sink, Any]]:
    """rotel, and what it sends on."""
    with (
        sink() as back,
        servers.rotel(
            "--exporter", "otlp", "--otlp-exporter-endpoint", back.url, "--otlp-exporter-protocol", "http"
        ) as to,
    ):
        yield back, to


@contextmanager
def desk(port: int, *endpoints: str) -> Iterator[servers.Server]:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "C_FORCE_ROOT": "1"}
    command = [sys.executable, str(DESK), str(port), *endpoints]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        application = servers.Server("desk", [], port, Path(), url="")
        try:
            wait_until(lambda: status(application, "/ready") == 200, 20)
            yield application
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(20) == 0
        finally:
            process.kill()


def status(application: servers.Server, path: str) -> int:
    try:
        return application.get(path).status
    except OSError:
        return 0


def config(endpoint: str, *, protocol: str, more: str = "") -> str:
    return f"""
service: desk
environment: test
web: {{admin_tokens: [a-token-of-ours]}}
forward:
  traces: [{{endpoint: "{endpoint}", protocol: {protocol}}}]
  trace_url: "https://traces.example/{{trace_id}}"
{more}
"""


def stripped(span: Any) -> bytes:
    """Without what scrubbing changes: addresses, and of a span that recorded an exception its events and its message."""
    copy = type(span).FromString(span.SerializeToString())
    for attribute in copy.attributes:
        if attribute.value.HasField("string_value"):
            attribute.value.string_value = attribute.value.string_value.replace("127.0.0.1", "[ip]")
    if copy.events:
        copy.ClearField("events")
        copy.status.message = ""
    text: bytes = copy.SerializeToString(deterministic=True)
    return text


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_traces_of_django_and_celery_come_to_a_collector_whole_with_the_probes_span_above_them(protocol: str) -> None:
    port = servers.free_port()
    probe = f'components: {{desk: {{kind: http, url: "http://127.0.0.1:{port}/ready", interval: 500ms}}}}'
    with collector() as (back, to), sink() as reference:
        endpoint = to.url if protocol == "http" else f"http://127.0.0.1:{to.grpc_port}"
        with servers.daemon(config(endpoint, protocol=protocol, more=probe), env=KUBERNETES) as daemon:
            with desk(port, f"http://127.0.0.1:{daemon.ingest_port}", reference.url) as application:
                assert [status(application, f"/orders/{number}") for number in (7, 13, 8)] == [200, 200, 200]
                wait_until(lambda: status(application, "/ready") == 200)
            sent = reference.whole
            wait_until(lambda: sent.keys() <= back.whole.keys(), 20)
            (group,) = json.loads(daemon.get("/api/v1/errors", TOKEN).text)["data"]
            metrics = daemon.metrics()
        came = back.whole
    assert len(sent) >= 9 + 1
    for span_id, (span, resource) in sent.items():
        ours, its_resource = came[span_id]
        assert (ours.trace_id, ours.span_id, ours.parent_span_id) == (span.trace_id, span.span_id, span.parent_span_id)
        assert stripped(ours) == stripped(span)
        assert its_resource == resource | {
            "deployment.environment.name": "test",
            "k8s.pod.name": "desk-7",
            "k8s.namespace.name": "shops",
            "k8s.node.name": "node-3",
        }
    # A request, the message that it put into the queue and the task that handled it are one trace, in both places.
    names = {span.trace_id: set[str]() for span, _ in came.values()}
    for span, _ in came.values():
        names[span.trace_id].add(span.name)
    whole = {"GET orders/<int:number>", "apply_async/desk.ship", "run/desk.ship"}
    assert [found for found in names.values() if whole <= found] == [whole] * 3
    # The probe's own span is the parent of the server's.
    probed = [span for span, _ in came.values() if span.name == "GET ready" and span.parent_span_id]
    assert probed
    above, resource = came[probed[0].parent_span_id.hex()]
    assert (above.name, above.trace_id) == ("probe http", probed[0].trace_id)
    assert (resource["service.name"], resource["k8s.pod.name"]) == ("stack-exporter", "desk-7")
    # What failed leads from its group to the trace; what was personal in it went nowhere.
    failed = next(span for span, _ in came.values() if span.events)
    assert group["type"] == "LookupError"
    assert group["trace_url"] == f"https://traces.example/{failed.trace_id.hex()}"
    assert not [body for _, body in back.bodies if b"jane.doe" in body]
    assert b"[email]" in failed.SerializeToString()
    series = {name: value for name, value in metrics.items() if name.startswith("stack_exporter_forward")}
    assert series['stack_exporter_forward_received_total{signal="traces"}'] >= len(sent)
    assert not [name for name, value in series.items() if "dropped" in name and value]
