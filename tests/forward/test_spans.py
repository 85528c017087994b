import asyncio
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from exporter import __version__, config
from exporter.exposition import Page
from exporter.forward.resource import added, own
from exporter.forward.spans import MOST
from exporter.health import judge
from exporter.ingest.ports import Refusing
from exporter.probe import Result
from exporter.schedule import run_once
from exporter.state import State
from exporter.tally import Tallies
from tests.forward.sink import Sink, sink
from tests.forward.tracing import PHASES, STARTED, counts, make, result, traces, until, working
from tests.probing import Memory, component
from tests.servers import rotel


@pytest.fixture(scope="module")
def collected() -> Iterator[tuple[Sink, dict[str, str]]]:
    """A real collector in front of a sink, and its endpoint by protocol."""
    with (
        sink() as back,
        rotel("--exporter", "otlp", "--otlp-exporter-endpoint", back.url, "--otlp-exporter-protocol", "http") as server,
    ):
        yield back, {"http": server.url, "grpc": f"http://127.0.0.1:{server.grpc_port}"}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_run_and_its_phases_reach_a_collector_as_they_were(
    collected: tuple[Sink, dict[str, str]], protocol: str
) -> None:
    back, endpoints = collected
    back.spans.clear()
    tallies = Tallies()

    async def send() -> Result:
        yaml = "service: shop\nenvironment: production\n" + traces(endpoints[protocol], protocol=protocol)
        async with working(yaml, tallies) as made:
            ended = result(made, "unhealthy", "refused", "127.0.0.1:1 refused the connection")
            made.ended(ended)
            await until(lambda: len(back.spans) >= 3 and counts(tallies).get("forward_sent_total traces 0"))
            return ended

    ended = asyncio.run(send())
    at = round(STARTED * 1e9)
    trace_id, span_id = ended.traceparent.split("-")[1:3]
    common = {"component": "api", "kind": "http"}
    root = next(span for span in back.spans if not span.parent)
    assert (root.trace_id, root.span_id, root.name) == (trace_id, span_id, "probe http")
    assert (root.start, root.end) == (at, at + 500_000_000)
    assert root.attributes == common | {"result": "unhealthy", "reason": "refused"}
    assert (root.status, root.message) == (2, "refused: 127.0.0.1:1 refused the connection")
    phases = [span for span in back.spans if span.parent]
    assert [(s.name, s.start - at, s.end - at, s.attributes, s.status) for s in phases] == [
        ("resolve", 0, 50_000_000, common, 0),
        ("connect", 50_000_000, 150_000_000, common, 0),
    ]
    assert {(span.trace_id, span.parent) for span in phases} == {(trace_id, span_id)}
    assert len({span.span_id for span in back.spans}) == 3
    for span in back.spans:
        assert {k: v for k, v in span.resource.items() if not k.startswith("telemetry.sdk.")} == {
            "service.name": "stack-exporter",
            "service.version": __version__,
            "service.namespace": "shop",
            "deployment.environment.name": "production",
        }
    code = {"http": "200", "grpc": "OK"}[protocol]
    assert counts(tallies) == {
        "forward_received_total traces": 3,
        "forward_sent_total traces 0": 3,
        f"forward_requests_total traces 0 {code}": 1,
    }


def test_a_degraded_run_says_why_and_is_no_error() -> None:
    async def send(back: Sink) -> None:
        async with working(traces(back.url), Tallies()) as made:
            made.ended(result(made, "degraded", "threshold", "latency 3 is at or above", phases=()))
            await until(lambda: back.spans)

    with sink() as back:
        asyncio.run(send(back))
    (span,) = back.spans
    assert (span.status, span.attributes["reason"], span.attributes["detail"]) == (
        0,
        "threshold",
        "latency 3 is at or above",
    )


def test_a_failed_run_is_forwarded_at_ratio_0_and_a_good_one_is_not() -> None:
    async def send(back: Sink) -> list[Result]:
        async with working(traces(back.url, ratio=0.0), Tallies()) as made:
            runs = [result(made, outcome) for outcome in ("healthy", "unhealthy", "healthy", "degraded")]
            for run in runs:
                made.ended(run)
            await until(lambda: len(back.roots) >= 2)
            return runs

    with sink() as back:
        runs = asyncio.run(send(back))
    assert [span.trace_id for span in back.roots] == [run.trace_id for run in runs if run.outcome != "healthy"]
    assert {run.traceparent[-2:] for run in runs} == {"00"}


def test_the_flag_follows_the_trace_id_as_opentelemetrys_sampler_does() -> None:
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    made, sampler = make(traces("http://127.0.0.1:1", ratio=0.3)), TraceIdRatioBased(0.3)
    contexts = [made.traceparent().split("-") for _ in range(2000)]
    expected = [
        sampler.should_sample(None, int(trace_id, 16), "").decision.is_sampled() for _, trace_id, _, _ in contexts
    ]
    assert [flags == "01" for *_, flags in contexts] == expected
    assert 450 < sum(expected) < 750
    assert all((version, len(trace_id), len(span_id)) == ("00", 32, 16) for version, trace_id, span_id, _ in contexts)
    assert len({trace_id for _, trace_id, _, _ in contexts}) == 2000


def test_the_probe_the_exemplar_and_the_span_have_the_same_ids() -> None:
    seen: list[str] = []

    class Target(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["traceparent"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    async def send(back: Sink, url: str) -> bytes:
        async with working(traces(back.url), Tallies()) as made:
            probed = component("http", url=url)
            ended = await run_once(probed, Memory(), Memory(), traceparent=made.traceparent())
            assert ended.up, ended
            state = State()
            state.add(probed)
            page = Page(state)
            state.record(ended, judge(None, probed, ended), maintenance=False)
            page.write(probed.name)
            made.ended(ended)
            await until(lambda: back.roots)
            return page.families(openmetrics=True)

    with sink() as back, HTTPServer(("127.0.0.1", 0), Target) as target:
        Thread(target=lambda: target.serve_forever(0.05), daemon=True).start()
        page = asyncio.run(send(back, f"http://127.0.0.1:{target.server_port}/"))
        target.shutdown()
    (root,) = back.roots
    assert seen == [f"00-{root.trace_id}-{root.span_id}-01"]
    assert f'# {{trace_id="{root.trace_id}"}}'.encode() in page
    assert {"connect", "processing"} <= {span.name for span in back.spans if span.parent == root.span_id}


def test_a_tracer_alone_imports_nothing_of_opentelemetry() -> None:
    script = """
import sys
from exporter.config import Config
from exporter.forward.forwarding import Forwarding
from exporter.forward.spans import Tracer
from exporter.supervise import Tasks
from exporter.tally import Tallies
Forwarding(Tallies(), Tasks(Tallies()))
Tracer(Config(), {}, None, None).traceparent()
print([name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "grpc", "requests", "aiohttp")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_spans_wait_while_they_are_refused_and_come_in_order_afterwards() -> None:
    taken: list[int] = []
    full = [True]

    async def put(body: bytes, spans: int) -> None:
        if full[0]:
            raise Refusing("full", 1.0)
        taken.append(spans)

    async def work() -> None:
        made = make("", put)
        working = asyncio.create_task(made.work(lambda: None))
        for _ in range(3):
            made.ended(result(made))
        await asyncio.sleep(0.1)
        assert taken == []
        full[0] = False
        await until(lambda: taken)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(work())
    assert taken == [9]


def test_refused_for_long_the_oldest_spans_go_and_are_counted() -> None:
    lost: list[int] = []

    async def put(body: bytes, spans: int) -> None:
        raise Refusing("full", 1.0)

    made = make("", put, lost=lost.append)
    for _ in range(MOST // 3 + 10):
        made.ended(result(made))
    assert asyncio.run(made.flush()) is False
    made.ended(result(made, phases=PHASES * MOST))
    assert (lost[:10], sum(lost)) == ([3] * 10, 3 * (MOST // 3 + 10) + 1 + 2 * MOST)


def test_the_environment_adds_to_the_resource_and_names_the_service() -> None:
    found = own(
        config.Config(service="shop"),
        {"OTEL_RESOURCE_ATTRIBUTES": "team=core,service.name=a,region=eu%20west,broken", "OTEL_SERVICE_NAME": "watch"},
    )
    assert found == {
        "service.name": "watch",
        "service.version": __version__,
        "service.namespace": "shop",
        "team": "core",
        "region": "eu west",
    }


def test_an_applications_resource_is_told_its_pod_and_the_configured_names() -> None:
    written = config.load(
        "{service: shop, environment: test, forward: {resource: {k8s.cluster.name: eu-1, k8s.pod.name: mine}}}",
        source="it",
        environ={},
    )
    environ = {"POD_NAME": "shop-1", "POD_NAMESPACE": "shops", "POD_UID": "", "NODE_NAME": " ",
               "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME": "node-7"}  # fmt: skip
    assert added(written, environ) == {
        "service.name": "shop",
        "deployment.environment.name": "test",
        "k8s.pod.name": "mine",
        "k8s.namespace.name": "shops",
        "k8s.node.name": "node-7",
        "k8s.cluster.name": "eu-1",
    }
    assert added(config.Config(), {}) == {}
