"""OTLP metrics as Prometheus shows them: names, types, labels, target_info, what is refused and what goes."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign import SERIES
from exporter.ingest.otlp_metrics_names import family_name, label_name
from tests.ingest.metrics_sent import (
    CUMULATIVE,
    DELTA,
    NOW,
    Receiver,
    attributes,
    explicit,
    gauge,
    histogram,
    number,
    total,
)
from tests.pages import find

# Name, unit and kind, and what comes of them (OpenTelemetry's compatibility specification, and the Collector's table).
NAMES = [
    ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
    ("http.server.request.body.size", "By", "histogram", "http_server_request_body_size_bytes"),
    ("http.server.active_requests", "{request}", "gauge", "http_server_active_requests"),
    ("system.cpu.utilization", "1", "gauge", "system_cpu_utilization_ratio"),
    ("system.memory.usage_ratio", "1", "gauge", "system_memory_usage_ratio"),
    ("jobs.done", "1", "counter", "jobs_done_total"),
    ("jobs.total.done", "", "counter", "jobs_done_total"),
    ("jobs_total", "", "counter", "jobs_total"),
    ("process.cpu.time", "s", "counter", "process_cpu_time_seconds_total"),
    ("disk.io_bytes", "By", "counter", "disk_io_bytes_total"),
    ("wait.milliseconds", "ms", "gauge", "wait_milliseconds"),
    ("network.speed", "By/s", "gauge", "network_speed_bytes_per_second"),
    ("calls", "{call}/min", "gauge", "calls_per_minute"),
    ("pace", "km/h", "gauge", "pace_km_per_hour"),
    ("queue", "widgets", "gauge", "queue_widgets"),
    ("(lambda).function.executions(#)", "", "gauge", "lambda_function_executions"),
    ("a__b..c", "", "gauge", "a_b_c"),
    ("2xx.answers", "", "counter", "_2xx_answers_total"),
    ("rule:of:ours", "", "gauge", "rule:of:ours"),
    ("größe", "", "gauge", "gr_e"),
    ("", "s", "gauge", ""),
    ("…", "s", "gauge", ""),
    ("n" * 300, "", "gauge", ""),
]
LABELS = {
    "http.route": "http_route", "a__b": "a_b", "2nd": "key_2nd", "le": "exported_le", "quantile": "exported_quantile",
    "job": "exported_job", "instance": "exported_instance", "__name__": "_name_", "ключ": "_",
}  # fmt: skip


@pytest.mark.parametrize(("name", "unit", "kind", "shown"), NAMES)
def test_a_name_is_translated_as_opentelemetry_says(name: str, unit: str, kind, shown: str) -> None:
    assert family_name(name, unit, kind)[0] == shown


@pytest.mark.parametrize("key", LABELS)
def test_a_key_becomes_a_labels_name(key: str) -> None:
    assert label_name(key) == LABELS[key]


def test_the_page_has_header_unit_scope_and_resource() -> None:
    receiver = Receiver()
    metric = gauge(number(0.5, labels={"tank": "left"}), name="tank.level", unit="1", description='A "level"\\n\nof 1.')
    scope = InstrumentationScope(name="plant", version="1.2", attributes=attributes({"area": "north"}))
    resource = {"service.name": "web", "service.namespace": "shop", "service.instance.id": "7", "host.arch": "arm64"}
    assert receiver.take(metric, resource=resource, scope=scope) == (0, "")
    labels = 'tank="left",otel_scope_area="north",otel_scope_name="plant",otel_scope_version="1.2"'
    assert receiver.text() == (
        '# HELP tank_level_ratio A "level"\\\\n\\nof 1.\n# TYPE tank_level_ratio gauge\n'
        f'tank_level_ratio{{{labels},job="shop/web",instance="7"}} 0.5\n'
        "# HELP target_info What is known of the application that sends.\n# TYPE target_info gauge\n"
        'target_info{job="shop/web",instance="7",host_arch="arm64"} 1.0\n'
    )
    openmetrics = receiver.openmetrics()
    assert "# TYPE tank_level_ratio gauge\n# UNIT tank_level_ratio ratio\n" in openmetrics
    assert "# TYPE target info\ntarget_info{" in openmetrics
    assert len(receiver.samples()) == 2


def test_help_is_the_first_senders_and_never_missing() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(1.0), description="First."), resource={"service.name": "a"})
    receiver.take(gauge(number(2.0), description="Second."), resource={"service.name": "b"})
    receiver.take(gauge(number(2.0), name="bare"))
    assert receiver.text().count("# HELP level First.\n") == 1
    assert "Second." not in receiver.text()
    assert "# HELP bare An application sent it over OTLP.\n" in receiver.text()


def test_target_info_is_one_for_a_job_and_instance() -> None:
    receiver = Receiver()
    for region in ("north", "south"):
        for instance in ("1", "11", ""):
            resource = {"service.name": "web", "service.instance.id": instance, "region": region}
            receiver.take(gauge(number(1.0)), resource=resource)
    lines = [line for line in receiver.text().splitlines() if line.startswith("target_info")]
    told = ('job="web",instance="1"', 'job="web",instance="11"', 'job="web"')
    assert lines == [f'target_info{{{who},region="south"}} 1.0' for who in told]


def test_values_of_every_type_become_text() -> None:
    receiver = Receiver()
    labels = {"on": True, "port": 80, "part": 0.5, "of": ["a", 1], "raw": b"\x00\x01", "none": "", "nan": float("nan")}
    receiver.take(gauge(number(1.0, labels=labels)))
    assert receiver.lines() == ['level{nan="nan",of="[\\"a\\",1]",on="true",part="0.5",port="80",raw="AAE="} 1.0']


def test_keys_that_become_one_name_have_their_values_joined() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(1.0, labels={"a_b": "last", "a.b": "first", "a-b": "zeroth"})))
    assert receiver.lines() == ['level{a_b="zeroth;first;last"} 1.0']


def test_labels_are_scrubbed_cleaned_and_short() -> None:
    receiver = Receiver()
    labels = {"password": "hunter2", "who": "bob@example.com", "odd": "a\x1b[31m\nb", "long": "ä" * 500}
    receiver.take(gauge(number(1.0, labels=labels), description="For bob@example.com."))
    text = receiver.text()
    assert "hunter2" not in text
    assert "bob" not in text
    assert "\x1b" not in text
    assert f'long="{"ä" * 64}"' in text
    assert len(receiver.samples()) == 1


def test_series_that_scrubbing_made_one_add_up() -> None:
    receiver = Receiver()
    points = [number(2, labels={"who": f"{name}@example.com"}) for name in ("ann", "bob")]
    receiver.take(total(*points))
    receiver.take(total(*points, name="deltas", kind=DELTA))
    assert receiver.lines() == ['deltas_total{who="[email]"} 4.0', 'done_total{who="[email]"} 4.0']


RESERVED = [
    "stack.errors",
    "process.open_fds",
    "python.info",
    "up",
    "scrape.duration",
    "ALERTS",
    "target",
    "target.info",
]


@pytest.mark.parametrize("name", RESERVED)
def test_a_name_of_ours_is_refused(name: str) -> None:
    receiver = Receiver()
    rejected = receiver.take(gauge(number(1.0), number(2.0, labels={"a": "b"}), name=name), gauge(number(3.0)))
    assert rejected == (2, "the name belongs to the exporter or to Prometheus")
    assert receiver.lines() == ["level 3.0"]
    assert receiver.counted() == {"accepted": 1, "reserved": 2}


def test_the_processes_own_metrics_by_opentelemetrys_conventions_are_not_ours() -> None:
    receiver = Receiver()
    assert receiver.take(total(number(1.5), name="process.cpu.time", unit="s")) == (0, "")
    assert receiver.lines() == ["process_cpu_time_seconds_total 1.5"]


def test_a_known_name_of_another_type_is_refused_until_it_is_free() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(1.0)), histogram(explicit([1, 0, 0])))
    clashes = [
        total(number(1), name="level"),
        gauge(number(1.0), name="took_count"),
        histogram(explicit([1, 0, 0]), name="level"),
    ]
    assert receiver.take(*clashes) == (3, "the name is in use for a metric of another type")
    assert receiver.counted() == {"accepted": 2, "conflict": 3}
    receiver.now += 300
    assert receiver.take(*clashes[:2]) == (0, "")
    assert receiver.lines() == ["level_total 1.0", "took_count 1.0"]


def test_a_series_that_is_not_updated_goes_and_its_family_with_it() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(1.0)), total(number(1)), resource={"service.name": "web", "a": "b"})
    receiver.now = NOW + 200
    receiver.take(total(number(2, at=260)), resource={"service.name": "web", "a": "b"})
    receiver.now = NOW + 299.9
    assert receiver.lines() == ['level{job="web"} 1.0', 'done_total{job="web"} 2.0'][::-1]
    receiver.now = NOW + 300
    assert receiver.lines() == ['done_total{job="web"} 2.0']
    assert receiver.tallies.child(SERIES).value == 2
    receiver.now = NOW + 500
    assert receiver.text() == ""
    assert len(receiver.foreign) == 0


def test_a_point_that_says_it_has_no_value_ends_its_series() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(1.0), number(2.0, labels={"a": "b"})))
    assert receiver.take(gauge(pb.NumberDataPoint(flags=1))) == (0, "")
    assert receiver.lines() == ['level{a="b"} 2.0']


MALFORMED = {
    "no value": gauge(pb.NumberDataPoint()),
    "negative counter": total(number(-1)),
    "infinite counter": total(number(float("inf"))),
    "no temporality": total(number(1), kind=0),
    "counts and bounds": histogram(explicit([1, 2], [1.0, 2.0])),
    "falling bounds": histogram(explicit([1, 2, 3], [2.0, 1.0])),
    "no name": gauge(number(1.0), name="?"),
    "attributes": gauge(number(1.0, labels={f"k{i}": "v" for i in range(65)})),
}


@pytest.mark.parametrize("which", MALFORMED)
def test_a_malformed_point_is_rejected_and_the_others_are_taken(which: str) -> None:
    receiver = Receiver()
    rejected, reason = receiver.take(MALFORMED[which], gauge(number(3.0), name="good"))
    assert (rejected, bool(reason)) == (1, True)
    assert receiver.lines() == ["good 3.0"]
    assert receiver.counted() == {"accepted": 1, "invalid": 1}


def test_a_gauge_may_be_no_number() -> None:
    receiver = Receiver()
    receiver.take(gauge(number(float("nan")), number(float("-inf"), labels={"a": "b"})))
    assert receiver.lines() == ["level NaN", 'level{a="b"} -Inf']


def test_a_request_without_anything_is_taken() -> None:
    receiver = Receiver()
    assert receiver.take() == (0, "")
    assert receiver.take(pb.Metric(name="empty")) == (0, "")
    assert receiver.text() == ""


def test_exemplars_stand_in_openmetrics_alone() -> None:
    receiver = Receiver()
    traces = [
        pb.Exemplar(as_double=given, trace_id=bytes([number] * 16), span_id=bytes(8), time_unix_nano=5_000_000_000)
        for number, given in ((1, 1.5), (2, 1.7), (3, 9.0), (0, 0.5))
    ]
    receiver.take(histogram(explicit([1, 2, 1], exemplars=traces)), total(number(4, exemplars=traces[:1])))
    openmetrics = receiver.openmetrics()
    assert f'took_bucket{{le="2.0"}} 3 # {{trace_id="{"02" * 16}",span_id="{"00" * 8}"}} 1.7 5.000\n' in openmetrics
    assert f'took_bucket{{le="+Inf"}} 4 # {{trace_id="{"03" * 16}"' in openmetrics
    assert f'done_total 4.0 # {{trace_id="{"01" * 16}"' in openmetrics
    assert openmetrics.count(" # {") == 3
    assert " # {" not in receiver.text()
    assert find(receiver.samples(), "took_bucket", le="2.0") == 3
    assert CUMULATIVE == 2
