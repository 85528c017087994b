"""Metrics go onward as they came, but for what is personal or secret in attributes and descriptions."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.ingest import otlp_wire
from exporter.onward.metrics import METRIC, points
from exporter.ingest.otlp_fields import tagged
from exporter.ingest.scrub import Scrubbing
from tests.ingest.metrics_sent import request
from tests.ingest.otlp_made import pairs
from tests.onward.sent import SHOP, Onward, by, left, sdk_metrics, told
from tests.ingest.test_scrub import VECTORS, configured, flat

TOLD = {"owner": "ann@shop.example", "n": 7, "password": "hunter2"}
DONE = {"owner": "[email]", "n": 7, "password": "[Filtered]"}
BUCKETS = pb.ExponentialHistogramDataPoint.Buckets(offset=1, bucket_counts=[3])
UNKNOWN = b"\xda\x3e\x07unknown"
"""Field 1,003 with a text."""


def every(attributes: dict[str, Any], text: str = "") -> list[pb.Metric]:
    """A metric of each kind, with these attributes wherever they may stand."""
    given = pairs(attributes)
    exemplars = [pb.Exemplar(as_double=1.5, trace_id=b"t" * 16, span_id=b"s" * 8, filtered_attributes=given)]
    number = pb.NumberDataPoint(attributes=given, exemplars=exemplars, as_int=-7, time_unix_nano=2, flags=1)
    histogram = pb.HistogramDataPoint(
        attributes=given, exemplars=exemplars, count=3, sum=4.5, bucket_counts=[1, 2], explicit_bounds=[0.5], min=1
    )
    exponential = pb.ExponentialHistogramDataPoint(
        attributes=given, exemplars=exemplars, count=3, scale=2, positive=BUCKETS
    )
    quantile = pb.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1.25)
    summary = pb.SummaryDataPoint(attributes=given, count=1, sum=2, quantile_values=[quantile])
    return [
        pb.Metric(name="g", unit="s", description=text, metadata=given, gauge=pb.Gauge(data_points=[number])),
        pb.Metric(name="c", sum=pb.Sum(data_points=[number] * 2, aggregation_temporality=2, is_monotonic=True)),  # type: ignore[arg-type]
        pb.Metric(name="h", histogram=pb.Histogram(data_points=[histogram], aggregation_temporality=1)),  # type: ignore[arg-type]
        pb.Metric(name="e", exponential_histogram=pb.ExponentialHistogram(data_points=[exponential])),
        pb.Metric(name="q", summary=pb.Summary(data_points=[summary])),
    ]


def message(*metrics: pb.Metric, resource: dict[str, Any] = SHOP) -> ExportMetricsServiceRequest:
    made = request(*metrics)
    made.resource_metrics[0].resource.attributes.extend(pairs(resource))
    return made


def sent(*metrics: pb.Metric, resource: dict[str, Any] = SHOP) -> bytes:
    body: bytes = message(*metrics, resource=resource).SerializeToString()
    return body


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_goes_from_metrics_and_what_stands_around_it_stays(vector: dict[str, Any]) -> None:
    event = vector["event"]
    flattened = {key: one for key, one in flat(event).items() if isinstance(one, str | int | float)}
    onward = by(json.dumps(vector["config"]))
    for form in (event, flattened):
        body = onward(sent(*every(form)), METRIC)
        gone = ExportMetricsServiceRequest.FromString(body)
        assert [text for text in vector["must_not_contain"] if text.encode() in body or text in told(gone)] == []
        if form is event:
            assert [text for text in vector["must_contain"] if text not in told(gone)] == []
        assert left(gone, Scrubbing(configured(vector["config"]))) == []


def test_what_an_sdk_sends_goes_on_as_the_same_object() -> None:
    body = sdk_metrics()
    assert b"filtered" not in body and len(body) > 500
    assert Onward()(body, METRIC) is body


def test_of_metrics_that_change_all_else_is_kept() -> None:
    body = sent(*every(TOLD, "Asked by ann@shop.example."))
    expected = message(*every(DONE, "Asked by [email]."))
    assert ExportMetricsServiceRequest.FromString(Onward()(body, METRIC)) == expected


def test_a_metric_beside_one_that_changes_keeps_its_bytes() -> None:
    fine, told, done = every({"n": 1}), every(TOLD), every(DONE)
    fine[1] = pb.Metric.FromString(fine[1].SerializeToString() + UNKNOWN)
    assert Onward()(sent(*fine, told[0], *fine), METRIC) == sent(*fine, done[0], *fine)


def test_names_and_units_are_left() -> None:
    body = sent(pb.Metric(name="ann@shop.example", unit="10.0.0.1", gauge=every({"n": 1})[0].gauge))
    assert Onward()(body, METRIC) is body


def test_what_otlp_does_not_know_yet_is_kept_in_what_changes() -> None:
    point = pb.NumberDataPoint.FromString(pb.NumberDataPoint(attributes=pairs(TOLD)).SerializeToString() + UNKNOWN)
    metric = pb.Metric.FromString(
        pb.Metric(name="g", gauge=pb.Gauge(data_points=[point])).SerializeToString() + UNKNOWN
    )
    body = Onward()(sent(metric), METRIC)
    assert body.count(UNKNOWN) == 2 and b"hunter2" not in body


def test_of_a_metric_with_many_points_those_that_change_are_changed() -> None:
    many = [pb.NumberDataPoint(attributes=pairs({"n": n}), as_int=n) for n in range(10_000)]
    metric = pb.Metric(name="c", sum=pb.Sum(data_points=many, is_monotonic=True, aggregation_temporality=2))  # type: ignore[arg-type]
    assert Onward()(body := sent(metric), METRIC) is body
    for place in (0, 5_000, 9_999):
        metric.sum.data_points[place].attributes.extend(pairs(TOLD))
    body = Onward()(sent(metric), METRIC)
    for place in (0, 5_000, 9_999):
        del metric.sum.data_points[place].attributes[1:]
        metric.sum.data_points[place].attributes.extend(pairs(DONE))
    assert ExportMetricsServiceRequest.FromString(body) == message(metric)


def test_a_metric_with_many_points_that_change_takes_many_steps() -> None:
    many = [pb.NumberDataPoint(attributes=pairs(TOLD), as_int=n) for n in range(10_000)]
    body = sent(pb.Metric(name="c", gauge=pb.Gauge(data_points=many)))
    onward = Onward()
    assert onward(body, METRIC).count(b"[Filtered]") == 10_000
    # Each 16 KiB are found in one and written in another, and 1,000 attributes are counted in one.
    assert onward.steps > 2 * len(body) // (17 * 1024)


@pytest.mark.parametrize("where", ["point", "data", "metric"])
@pytest.mark.parametrize("count", [3, 2_000])
def test_a_metric_with_something_personal_that_can_not_be_read_does_not_go_raw(where: str, count: int) -> None:
    wrong, point = b"\x0a\x7fann@shop.example", pb.NumberDataPoint(attributes=pairs(TOLD)).SerializeToString()
    data = tagged(1, point) * count + (tagged(1, wrong) if where == "point" else wrong if where == "data" else b"")
    metric = tagged(2, tagged(1, b"big") + tagged(7, data) + (wrong if where == "metric" else b""))
    beside = b"".join(tagged(2, one.SerializeToString()) for one in every(TOLD))
    done = b"".join(tagged(2, one.SerializeToString()) for one in every(DONE))
    sent = Onward()(tagged(1, tagged(2, beside + metric + beside)), METRIC)
    assert b"ann@" not in sent
    assert sent.count(done) == 2


def test_points_are_counted_whatever_they_are() -> None:
    assert list(points(otlp_wire.cut(sent(*every({"n": 1}), *every({}))))) == [12]
    assert sum(points(otlp_wire.cut(sdk_metrics()))) == 3
    assert list(points([otlp_wire.Piece(b"", b"\x12\x05wrong", 1), otlp_wire.Piece(b"", b"", 1)])) == [0, 0]
