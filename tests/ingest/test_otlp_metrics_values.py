"""What sums and histograms add up to: both temporalities, restarts, several processes, what is sent twice; the caps."""

from math import inf

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign import BYTES_OF_A_SERIES
from exporter.ingest.otlp_metrics_points import fixed_bounds
from tests.ingest.metrics_sent import (
    CUMULATIVE, DELTA, NOW, Receiver, explicit, exponential, gauge, histogram, number, timed, total,
)  # fmt: skip
from tests.pages import find


def test_a_cumulative_sum_is_what_was_sent_last_and_what_is_late_or_sent_again_is_dropped() -> None:
    receiver = Receiver()
    for value, at in ((5, 60), (9, 120), (9, 120), (5, 60)):
        assert receiver.take(total(number(value, at))) == (0, "")
    assert receiver.lines() == ["done_total 9.0"]
    assert receiver.counted() == {"accepted": 2, "repeated": 2}


def test_a_delta_sum_adds_up_and_an_interval_counts_once() -> None:
    receiver = Receiver()
    for value, since, at in ((5, 0, 60), (2, 60, 120), (2, 60, 120), (5, 0, 60), (1, 300, 360)):
        assert receiver.take(total(number(value, at, since), kind=DELTA)) == (0, "")
    assert receiver.lines() == ["done_total 8.0"]
    assert receiver.counted() == {"accepted": 3, "repeated": 2}


@pytest.mark.parametrize("kind", [CUMULATIVE, DELTA])
def test_several_processes_that_tell_no_instance_add_up(kind: int) -> None:
    receiver = Receiver()
    for since in (0, 1, 2):
        receiver.take(total(number(4, 60 + since, since), kind=kind))
        receiver.take(histogram(explicit([1, 2, 3], at=60 + since, since=since), kind=kind))
    assert receiver.lines()[0] == "done_total 12.0"
    assert receiver.lines()[1:] == [
        'took_bucket{le="1.0"} 3', 'took_bucket{le="2.0"} 9', 'took_bucket{le="+Inf"} 18', "took_sum 27.0",
        "took_count 18",
    ]  # fmt: skip


def test_a_restart_is_no_loss_whether_it_is_said_or_not() -> None:
    receiver = Receiver()
    for value, at, since in ((10, 60, 0), (3, 160, 100), (4, 220, 100), (1, 280, 100)):
        receiver.take(total(number(value, at, since)))
    assert receiver.lines() == ["done_total 15.0"]


def test_what_a_process_counted_outlives_it_while_others_go_on() -> None:
    receiver = Receiver(ttl=10)
    receiver.take(total(number(10, 1)), total(number(5, 2, 1)), total(number(3, 1), name="busy", up=False))
    receiver.take(total(number(4, 2, 0), name="busy", up=False), total(number(5, 2, 1), name="busy", up=False))
    assert "busy 9.0" in receiver.lines()
    for step in range(1, 60):
        receiver.now = NOW + 5 * step
        receiver.take(total(number(5 + step, 2 + step, 1)), total(number(5, 2 + step, 1), name="busy", up=False))
        assert f"done_total {15 + step}.0" in receiver.lines()
    assert "busy 5.0" in receiver.lines()


def test_a_process_that_was_silent_for_long_is_not_counted_twice() -> None:
    receiver = Receiver(ttl=10)
    receiver.take(total(number(10, 1)), total(number(5, 2, 1)))
    for step in range(1, 6):
        receiver.now = NOW + 5 * step
        receiver.take(total(number(5, 2 + step, 1)))
        assert receiver.lines() == ["done_total 15.0"]
    receiver.take(total(number(11, 30)))
    assert receiver.lines() == ["done_total 16.0"]


def test_a_sum_that_goes_down_too_is_a_gauge_and_begins_anew_with_its_process() -> None:
    receiver = Receiver()
    receiver.take(total(number(3), up=False, unit="1"), total(number(3), up=False, kind=DELTA, name="open"))
    receiver.take(
        total(number(2, 120), up=False, unit="1"), total(number(-2, 120, 60), up=False, kind=DELTA, name="open")
    )
    assert receiver.lines() == ["done_ratio 2.0", "open 1.0"]
    receiver.take(total(number(1, 260, 200), up=False, unit="1"))
    assert receiver.lines() == ["done_ratio 1.0", "open 1.0"]


def test_an_explicit_histogram_has_its_own_bounds_and_begins_anew_with_others() -> None:
    receiver = Receiver()
    receiver.take(histogram(explicit([1, 2, 3], sum=8.5), unit="s"))
    receiver.take(histogram(explicit([1, 0, 1], at=70, since=60, sum=4.0), unit="s", kind=DELTA))
    assert receiver.lines() == [
        'took_seconds_bucket{le="1.0"} 2', 'took_seconds_bucket{le="2.0"} 4', 'took_seconds_bucket{le="+Inf"} 8',
        "took_seconds_sum 12.5", "took_seconds_count 8",
    ]  # fmt: skip
    receiver.take(histogram(explicit([7, 1], [-0.0], at=130, sum=4.0), unit="s"))
    assert receiver.lines() == [
        'took_seconds_bucket{le="0.0"} 7', 'took_seconds_bucket{le="+Inf"} 8', "took_seconds_sum 4.0",
        "took_seconds_count 8",
    ]  # fmt: skip
    receiver.take(histogram(explicit([5, 1, 2], [1.0, inf], at=60, sum=1.0), name="ended"))
    assert receiver.lines()[:2] == ['ended_bucket{le="1.0"} 5', 'ended_bucket{le="+Inf"} 8']
    receiver.take(histogram(pb.HistogramDataPoint(**timed(60, 0, None), count=4, sum=2.0), name="bare"))
    assert receiver.lines()[:3] == ['bare_bucket{le="+Inf"} 4', "bare_sum 2.0", "bare_count 4"]


@pytest.mark.parametrize(
    "point",
    [
        explicit([1, 2, 3], [-1.0, 0.0]),
        explicit([1, 2, 3], sum=-1.0),
        explicit([1, 2, 3], min=-0.5),
        explicit([1, 2, 3], sum=float("nan")),
        pb.HistogramDataPoint(bucket_counts=[1, 2, 3], explicit_bounds=[1, 2], count=6),
    ],
)
def test_a_histogram_whose_sum_could_fall_has_none(point: pb.HistogramDataPoint) -> None:
    receiver = Receiver()
    receiver.take(histogram(point))
    assert [line.split("{")[0] for line in receiver.lines()] == ["took_bucket"] * 3
    assert len(receiver.samples()) == 3


def spread(scale: int, offset: int, counts: list[int], **fields) -> pb.ExponentialHistogramDataPoint:
    buckets = pb.ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts)
    fields = {"sum": 10.0, **fields}
    return pb.ExponentialHistogramDataPoint(**timed(60, 0, None), scale=scale, positive=buckets, **fields)


def test_an_exponential_histogram_is_told_in_powers_of_two() -> None:
    receiver = Receiver()
    # Scale 1: each edge is the former times the root of two. From 0.5: (0.5,0.71] (0.71,1] (1,1.41] (1.41,2] (2,2.8].
    receiver.take(exponential(spread(1, -2, [1, 2, 4, 8, 16], zero_count=32), unit="s"))
    found = receiver.samples()
    cumulative = {0.0: 32, 0.25: 32, 0.5: 32, 1.0: 35, 2.0: 47, 4.0: 63, 4096.0: 63}
    assert {bound: find(found, "took_seconds_bucket", le=repr(bound)) for bound in cumulative} == cumulative
    assert find(found, "took_seconds_bucket", le="+Inf") == find(found, "took_seconds_count") == 63
    assert find(found, "took_seconds_sum") == 10
    assert len(found) == len(fixed_bounds("s")) + 3


def test_bounds_stay_when_the_resolution_falls_and_counts_add_up_over_deltas() -> None:
    receiver = Receiver()
    receiver.take(exponential(spread(20, 0, [1]), kind=DELTA))
    coarse = spread(-1, 0, [2, 4])  # (1,4] (4,16]
    coarse.time_unix_nano += 1
    receiver.take(exponential(coarse, kind=DELTA))
    found = receiver.samples()
    cumulative = {"1.0": 0, "4.0": 3, "16.0": 7, "+Inf": 7}
    assert {bound: find(found, "took_bucket", le=bound) for bound in cumulative} == cumulative


def test_what_is_negative_or_beyond_every_bound_is_counted_and_negatives_have_no_sum() -> None:
    receiver = Receiver()
    point = spread(0, 2_000_000_000, [5], zero_threshold=0.3, zero_count=2)
    point.negative.bucket_counts.extend([3, 4])
    receiver.take(exponential(point, unit="s"), exponential(spread(0, -2_000_000_000, [5]), name="tiny"))
    found = receiver.samples()
    cumulative = {"0.0": 7, "0.25": 7, "0.5": 9, "4096.0": 9, "+Inf": 14}
    assert {bound: find(found, "took_seconds_bucket", le=bound) for bound in cumulative} == cumulative
    assert ("took_seconds_sum", ()) not in found
    assert find(found, "tiny_bucket", le="0.0") == 0
    assert find(found, "tiny_bucket", le=repr(2.0**-10)) == 5


@pytest.mark.parametrize("scale", [-11, 21, 2**31 - 1, -(2**31)])
def test_a_scale_that_opentelemetry_does_not_have_is_malformed(scale: int) -> None:
    receiver = Receiver()
    assert receiver.take(exponential(spread(scale, 0, [1])))[0] == 1
    assert receiver.text() == ""


def test_a_summary_has_its_quantiles() -> None:
    receiver = Receiver()
    values = [
        pb.SummaryDataPoint.ValueAtQuantile(quantile=q, value=v)
        for q, v in ((0.99, 2.0), (-0.0, 0.5), (2.0, 1.0), (0.5, -1.0))
    ]
    point = pb.SummaryDataPoint(**timed(60, 0, {"a": "b"}), count=7, sum=3.5, quantile_values=values)
    metric = pb.Metric(name="took", summary=pb.Summary(data_points=[point]))
    assert receiver.take(metric) == (0, "")
    assert receiver.lines() == [
        'took{a="b",quantile="0.0"} 0.5', 'took{a="b",quantile="0.99"} 2.0', 'took_sum{a="b"} 3.5', 'took_count{a="b"} 7',
    ]  # fmt: skip
    assert len(receiver.samples()) == 4


def many(count: int, **fields) -> list[pb.NumberDataPoint]:
    return [number(1, labels={"n": f"series {i}"}, **fields) for i in range(count)]


def test_what_a_full_family_can_add_up_goes_to_one_series_and_the_rest_is_rejected() -> None:
    receiver = Receiver(cap=100)
    assert receiver.take(total(*many(120), kind=DELTA)) == (0, "")
    assert receiver.take(total(*many(120), kind=DELTA)) == (0, "")  # sent again
    assert receiver.take(gauge(*many(120))) == (20, "there is no room for more series")
    found = receiver.samples()
    assert find(found, "done_total", otel_metric_overflow="true") == 20
    assert receiver.counted() == {"accepted": 200, "overflow": 20, "full": 20, "repeated": 120}
    receiver.now += 300
    assert receiver.take(total(*many(120), kind=DELTA, up=False, name="open"))[0] == 20
    receiver.now += 300
    assert receiver.take(total(*many(120))) == (20, "there is no room for more series")
    points = [explicit([1, 0, 1], labels={"n": str(i)}) for i in range(102)]
    assert receiver.take(histogram(*points, explicit([2, 2], [1.0], labels={"n": "other bounds"}), kind=DELTA))[0] == 1
    assert find(receiver.samples(), "took_bucket", otel_metric_overflow="true", le="+Inf") == 4


def test_all_families_share_a_budget_of_bytes() -> None:
    receiver = Receiver(cap=100)
    for i in range(200):
        labels = {f"{'k' * 100}{j}": f"{'v' * 100}{i}" for j in range(60)}
        receiver.take(histogram(explicit([1] * 20, range(19), labels=labels), name=f"heavy.{i}x"))
    assert receiver.counted()["full"] > 100
    assert 0.5 < len(receiver.text()) / (100 * BYTES_OF_A_SERIES) < 1.2
    receiver.now += 300
    assert receiver.take(gauge(number(1)))[0] == 0
    assert receiver.foreign.room(100 * BYTES_OF_A_SERIES - 2_000)


def test_a_series_that_found_no_room_for_its_value_is_not_shown() -> None:
    receiver = Receiver(cap=1)
    assert receiver.take(total(number(1, labels={f"k{i}": "v" * 100 for i in range(26)})))[0] == 1
    assert receiver.text() == ""
    assert receiver.take(total(number(1)))[0] == 0


def test_what_has_ended_is_given_back_while_others_go_on() -> None:
    receiver = Receiver(cap=100, ttl=10)
    for step in range(1_000):
        receiver.now = NOW + 11 * step
        receiver.take(total(number(1, step + 2, step + 1), up=False), total(number(1, step + 2, step), up=False))
    assert receiver.foreign.room(100 * BYTES_OF_A_SERIES - 3_000)


def test_streams_of_one_series_are_bounded_and_what_they_hold_is_given_back() -> None:
    receiver = Receiver(cap=1_000)
    people = [number(1, labels={"who": f"{i}@example.com"}) for i in range(1_100)]
    assert receiver.take(total(*people))[0] == 100
    assert receiver.take(total(*people, name="deltas", kind=DELTA))[0] == 0
    assert sorted(receiver.lines()) == ['deltas_total{who="[email]"} 1100.0', 'done_total{who="[email]"} 1000.0']
    assert not receiver.foreign.room(1_000 * BYTES_OF_A_SERIES - 100_000)
    receiver.now += 300
    receiver.text()
    assert receiver.foreign.room(1_000 * BYTES_OF_A_SERIES)
