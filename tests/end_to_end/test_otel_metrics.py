"""OpenTelemetry's Python SDK sends metrics, a real Prometheus scrapes the daemon: the values are those that were measured."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from tests import servers
from tests.pages import parsed, parsed_openmetrics
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.telemetry import Prometheus

pytestmark = pytest.mark.debian
TEMPORALITY = {
    "cumulative": AggregationTemporality.CUMULATIVE,
    "delta": AggregationTemporality.DELTA,
}
SCRAPED = "scrape_configs: [{{job_name: stack, honor_labels: true, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
EXPONENTIAL = View(instrument_name="cart.weight", aggregation=ExponentialBucketHistogramAggregation())
TOOK = (0.02, 0.3, 0.3, 7.0, 400.0)


@contextmanager
def provider(daemon: Daemon, temporality: str) -> Iterator[sdk.MeterProvider]:
    preferred = dict.fromkeys((sdk.Counter, sdk.ObservableCounter, sdk.Histogram), TEMPORALITY[temporality])
    url = f"http://127.0.0.1:{daemon.ingest_port}/v1/metrics"
    exporter = OTLPMetricExporter(endpoint=url, preferred_temporality=preferred)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    resource = Resource(
        {"service.name": temporality, "service.instance.id": "1", "service.version": "2.0", "owner": "bob@example.com"}
    )
    made = sdk.MeterProvider([reader], resource, views=[EXPONENTIAL], shutdown_on_exit=False)
    try:
        yield made
    finally:
        made.shutdown()


def measure(meter: Meter, made: sdk.MeterProvider) -> None:
    """Three exports of everything that an application can measure."""
    done = meter.create_counter("orders.done", "{order}", "Orders that were shipped.")
    open_ = meter.create_up_down_counter("orders.open", "{order}")
    took = meter.create_histogram("order.duration", "s", explicit_bucket_boundaries_advisory=[0.1, 0.5, 10.0])
    weight = meter.create_histogram("cart.weight", "kg")
    meter.create_observable_gauge("pool.use", [lambda _: [Observation(0.75, {"pool": "main"})]], "1")
    cpu = iter((1.5, 2.0, 4.5))

    def spent(_: CallbackOptions) -> list[Observation]:
        return [Observation(next(cpu), {"mode": "user"})]

    meter.create_observable_counter("process.cpu.time", [spent], "s")
    for _ in range(2):
        done.add(2, {"path": "a\nb", "ok": True})
        open_.add(3)
        open_.add(-1)
        for value in TOOK:
            took.record(value)
        for value in (0, 0.75, 3.0, 3.0, 100.0):
            weight.record(value)
        assert made.force_flush()
    assert made.force_flush()


def expected(service: str) -> dict[str, float]:
    told = f'job="{service}", instance="1", otel_scope_name="shop", otel_scope_version="3"'
    exponential = {"0.0": 2, "0.25": 2, "1.0": 4, "4.0": 8, "64.0": 8, "256.0": 10, "+Inf": 10}
    seconds = {"0.1": 2, "0.5": 6, "10.0": 8, "+Inf": 10}
    return {
        f'orders_done_total{{{told}, path="a\\nb", ok="true"}}': 4,
        f"orders_open{{{told}}}": 4,
        f"order_duration_seconds_sum{{{told}}}": 2 * sum(TOOK),
        f"order_duration_seconds_count{{{told}}}": 2 * len(TOOK),
        f'pool_use_ratio{{{told}, pool="main"}}': 0.75,
        f'process_cpu_time_seconds_total{{{told}, mode="user"}}': 4.5,
        f"cart_weight_kg_sum{{{told}}}": 213.5,
        **{f'order_duration_seconds_bucket{{{told}, le="{bound}"}}': count for bound, count in seconds.items()},
        **{f'cart_weight_kg_bucket{{{told}, le="{bound}"}}': count for bound, count in exponential.items()},
    }


def ask(prometheus: Prometheus, expression: str) -> list[float]:
    return [float(one["value"][1]) for one in prometheus.query(expression)]


def test_prometheus_has_what_an_application_measured_in_both_temporalities() -> None:
    with servers.daemon("ingest: {}\n") as daemon, servers.prometheus(SCRAPED.format(port=daemon.port)) as prometheus:
        for temporality in TEMPORALITY:
            with provider(daemon, temporality) as made:
                measure(made.get_meter("shop", "3"), made)
        page = daemon.get("/metrics").text
        assert 'target_info{job="delta",instance="1",owner="[email]",service_version="2.0"} 1.0\n' in page
        assert "bob@" not in page
        parsed(page)
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        parsed_openmetrics(daemon.get("/metrics", accept).text)
        wanted = expected("cumulative") | expected("delta")
        wait_until(lambda: ask(prometheus, 'target_info{job="delta"}') == [1.0], 15)
        assert {series: ask(prometheus, series) for series in wanted} == {
            series: [pytest.approx(value)] for series, value in wanted.items()
        }
        with provider(daemon, "cumulative") as made:
            made.get_meter("shop", "3").create_counter("stack.errors").add(1)
            made.force_flush()
        counts = daemon.metrics()
        assert counts['stack_exporter_otlp_datapoints_total{result="reserved"}'] >= 1
        assert "stack_errors_total{otel_scope" not in daemon.get("/metrics").text
