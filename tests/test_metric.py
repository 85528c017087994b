"""What may be declared as a metric, and what a label may hold."""

import pytest

from exporter import catalogue
from exporter.metric import SECONDS, Metric, counter, gauge, histogram, info, label_value

GOOD = [
    (gauge, "stack_disk_used_bytes", "bytes"),
    (gauge, "stack_host_cpu_ratio", "ratio"),
    (gauge, "stack_celery_workers", ""),
    (counter, "stack_host_cpu_seconds_total", "seconds"),
    (counter, "stack_postgres_commits_total", ""),
    (info, "stack_redis_server_info", ""),
    (histogram, "stack_probe_duration_seconds", "seconds"),
]
BAD = [
    (gauge, "disk_used_bytes", "stack_ and lower-case"),
    (gauge, "stack_Disk", "stack_ and lower-case"),
    (gauge, "stack__disk", "stack_ and lower-case"),
    (gauge, "stack_disk_é", "stack_ and lower-case"),
    (gauge, "stack_runs_total", "end in _total"),
    (counter, "stack_runs", "end in _total"),
    (gauge, "stack_server_info", "end in _info"),
    (info, "stack_server", "end in _info"),
    (gauge, "stack_server_count", "belong to histograms"),
    (gauge, "stack_server_sum", "belong to histograms"),
    (gauge, "stack_server_bucket", "belong to histograms"),
    (gauge, "stack_server_created", "belong to histograms"),
    (gauge, "stack_server_gauge", "holds no type"),
    (gauge, "stack_counter_reads", "holds no type"),
    (gauge, "stack_latency_milliseconds", "base units"),
    (counter, "stack_latency_ms_total", "base units"),
    (gauge, "stack_used_percent", "base units"),
    (gauge, "stack_memory_mb", "base units"),
]


@pytest.mark.parametrize(("make", "name", "unit"), GOOD, ids=[name for _, name, _ in GOOD])
def test_a_metric_knows_its_base_unit(make, name: str, unit: str) -> None:
    assert make(name, "What it is.", "component").unit == unit


@pytest.mark.parametrize(("make", "name", "problem"), BAD, ids=[name for _, name, _ in BAD])
def test_a_name_against_the_rules_is_refused(make, name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        make(name, "What it is.", "component")
    assert name in str(raised.value)


@pytest.mark.parametrize(
    "labels", [("le",), ("instance",), ("job",), ("Queue",), ("__name",), ("a-b",), ("1a",), ("a", "a")]
)
def test_a_label_against_the_rules_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="label"):
        gauge("stack_x", "What it is.", *labels)


@pytest.mark.parametrize("buckets", [(), (1.0, 1.0), (2.0, 1.0), (1.0, float("inf")), (float("nan"),)])
def test_buckets_rise_and_are_finite(buckets: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="buckets"):
        histogram("stack_x", "What it is.", buckets=buckets)


def test_a_gauge_has_no_buckets() -> None:
    with pytest.raises(ValueError, match="buckets"):
        Metric("stack_x", "gauge", "What it is.", (), (1.0,))


def test_help_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="sentence"):
        gauge("stack_x", "what it is")


def test_documented_thresholds_are_bounds_of_the_usual_buckets() -> None:
    assert {0.1, 0.5, 1.0, 5.0, 30.0, 60.0} <= set(SECONDS)


def test_two_metrics_alike_are_not_the_same_family() -> None:
    first, second = gauge("stack_x", "What it is."), gauge("stack_x", "What it is.")
    assert first != second
    assert len({first, second, first}) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ('quote " back \\ slash', 'quote " back \\ slash'),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("grüße 漢字 🐘 \u200d\u00a0", "grüße 漢字 🐘 \u200d\u00a0"),
        ("nul\0", "nul\ufffd"),
        ("\x1b[31mred\r", "\ufffd[31mred\ufffd"),
        ("c1 \x9b and del \x7f", "c1 \ufffd and del \ufffd"),
        ("half \ud800 a pair", "half \ufffd a pair"),
    ],
)
def test_a_label_holds_every_text_but_controls_and_lone_surrogates(text: str, kept: str) -> None:
    assert label_value(text) == kept
    assert label_value(kept) == kept


def test_every_metric_has_a_family_of_its_own_in_openmetrics() -> None:
    """There a family is named without _total and _info, so a gauge x and a counter x_total would be one."""
    names = [metric.name.removesuffix("_total").removesuffix("_info") for metric, _ in catalogue.metrics()]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_metric_is_named_like_a_sample_of_a_histogram() -> None:
    metrics = [metric for metric, _ in catalogue.metrics()]
    samples = {f"{m.name}_{part}" for m in metrics if m.type == "histogram" for part in ("bucket", "sum", "count")}
    assert samples & {metric.name for metric in metrics} == set()
