"""Whatever points come: nothing is raised, each is counted once, and the page stays one that strict parsers take."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from tests.ingest.metrics_sent import DELTA, Receiver, attributes, explicit, gauge, histogram, number, total, value

TEXTS = st.one_of(
    st.sampled_from(["a", "a.b", "a_b", "a_total", "a.count", "a_sum", "a_bucket", "le", "quantile", "job", "stack_x", "up", "1", "target_info"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
)  # fmt: skip
UNITS = st.sampled_from(["", "s", "By", "1", "{x}", "s/By", "total", "ratio", "ms", "//", "{"])
NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, 0.5, 1e308, 5e-324]))
COUNTS = st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))
TIMES = st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 1])
VALUES = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), NUMBERS, st.binary(max_size=9), st.lists(TEXTS, max_size=3)
).map(value)
LABELS = st.dictionaries(TEXTS, VALUES, max_size=3).map(
    lambda found: [pb.Exemplar().filtered_attributes.add(key=key, value=one) for key, one in found.items()]
)
EXEMPLARS = st.lists(
    st.builds(
        pb.Exemplar,
        as_double=NUMBERS,
        trace_id=st.sampled_from([b"", bytes(16), b"x" * 16]),
        span_id=st.sampled_from([b"", b"s" * 8, b"s" * 99]),
        time_unix_nano=TIMES,
    ),
    max_size=2,
)
COMMON = {
    "attributes": LABELS,
    "time_unix_nano": TIMES,
    "start_time_unix_nano": TIMES,
    "flags": st.sampled_from([0, 0, 0, 1, 2]),
}
SINGLE = st.one_of(
    st.builds(pb.NumberDataPoint, as_double=NUMBERS, exemplars=EXEMPLARS, **COMMON),
    st.builds(pb.NumberDataPoint, as_int=st.integers(-(2**63), 2**63 - 1), **COMMON),
    st.builds(pb.NumberDataPoint, **COMMON),
)
EXPLICIT = st.builds(
    pb.HistogramDataPoint,
    bucket_counts=st.lists(COUNTS, max_size=4),
    explicit_bounds=st.one_of(st.lists(NUMBERS, max_size=3), st.sampled_from([[1.0], [1.0, 2.0], [-1.0, 2.0, 1e300]])),
    sum=st.one_of(st.none(), NUMBERS),
    min=st.one_of(st.none(), NUMBERS),
    count=COUNTS,
    exemplars=EXEMPLARS,
    **COMMON,
)
SPREAD = st.builds(
    pb.ExponentialHistogramDataPoint.Buckets,
    offset=st.one_of(st.integers(-20, 20), st.integers(-(2**31), 2**31 - 1)),
    bucket_counts=st.lists(COUNTS, max_size=6),
)
EXPONENTIAL = st.builds(
    pb.ExponentialHistogramDataPoint,
    scale=st.one_of(st.integers(-11, 21), st.integers(-(2**31), 2**31 - 1)),
    positive=SPREAD,
    negative=st.one_of(st.none(), SPREAD),
    zero_count=COUNTS,
    zero_threshold=NUMBERS,
    sum=st.one_of(st.none(), NUMBERS),
    exemplars=EXEMPLARS,
    **COMMON,
)
QUANTILES = st.builds(pb.SummaryDataPoint.ValueAtQuantile, quantile=NUMBERS, value=NUMBERS)
SUMMARY = st.builds(
    pb.SummaryDataPoint, count=COUNTS, sum=NUMBERS, quantile_values=st.lists(QUANTILES, max_size=4), **COMMON
)
KIND = {"aggregation_temporality": st.sampled_from([0, 1, 2])}


def several(points):
    return st.lists(points, max_size=3)


DATA = st.one_of(
    st.fixed_dictionaries({"gauge": st.builds(pb.Gauge, data_points=several(SINGLE))}),
    st.fixed_dictionaries({"sum": st.builds(pb.Sum, data_points=several(SINGLE), is_monotonic=st.booleans(), **KIND)}),
    st.fixed_dictionaries({"histogram": st.builds(pb.Histogram, data_points=several(EXPLICIT), **KIND)}),
    st.fixed_dictionaries(
        {"exponential_histogram": st.builds(pb.ExponentialHistogram, data_points=several(EXPONENTIAL), **KIND)}
    ),
    st.fixed_dictionaries({"summary": st.builds(pb.Summary, data_points=several(SUMMARY))}),
    st.just({}),
)
METRIC = st.builds(
    lambda name, unit, text, data: pb.Metric(name=name, unit=unit, description=text, **data), TEXTS, UNITS, TEXTS, DATA
)
SCOPE = st.builds(InstrumentationScope, name=TEXTS, version=TEXTS, attributes=LABELS)
RESOURCE = st.dictionaries(
    st.one_of(TEXTS, st.sampled_from(["service.name", "service.instance.id"])), TEXTS, max_size=3
)
REQUESTS = st.lists(st.tuples(st.lists(METRIC, max_size=4), RESOURCE, SCOPE), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(REQUESTS, st.sampled_from([10, 2, 1_000]))
def test_any_points_leave_a_page_that_strict_parsers_take(sent, cap: int) -> None:
    receiver = Receiver(cap=cap)
    points = rejected = 0
    for metrics, resource, scope in sent:
        points += sum(
            len(getattr(one, one.WhichOneof("data")).data_points) for one in metrics if one.WhichOneof("data")
        )
        refused, reason = receiver.take(*metrics, resource=resource, scope=scope)
        assert bool(refused) == bool(reason)
        rejected += refused
        receiver.now += 100
        receiver.samples()
    counted = receiver.counted()
    assert sum(counted.values()) == points
    assert sum(counted.get(result, 0) for result in ("full", "conflict", "reserved", "invalid")) == rejected


@pytest.mark.debian
def test_promtool_has_nothing_to_say_to_metrics_that_are_named_well() -> None:
    receiver = Receiver()
    labels = {"path": 'a"b\\c\nd', "unit": "ü"}
    resource = {"service.name": "web", "service.instance.id": "1", "os.type": "linux"}
    receiver.take(
        gauge(number(float("nan"), labels=labels), name="pool.use", unit="1"),
        total(number(3, labels=labels), name="jobs.done", kind=DELTA),
        histogram(explicit([1, 2, 3], labels=labels), name="job.duration", unit="s", description='Takes "long".'),
        resource=resource,
        scope=InstrumentationScope(name="jobs", attributes=attributes({"le": "x"})),
    )
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed: make packages"
    said = subprocess.run(
        [promtool, "check", "metrics"], input=receiver.text().encode(), capture_output=True, timeout=30
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
