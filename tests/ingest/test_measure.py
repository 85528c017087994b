"""What came in becomes series: each family's labels and values, whatever its source."""

from typing import Any

import pytest

from exporter.config import Config
from exporter.config.application import Class, Ingest, Measuring, Price, Project, Slow
from exporter.ingest import measure_names as names
from exporter.ingest.measure import Meter
from exporter.ingest.measure_sources import Sources
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Grouped
from exporter.ingest.values import (
    AiCall,
    CacheUse,
    FileUse,
    Logged,
    Lost,
    Occasion,
    Occurrence,
    Operation,
    Origin,
    Query,
    Request,
    Sessions,
    Task,
)
from exporter.metric import Metric
from exporter.tally import Tallies
from exporter.values import Secret
from tests.ingest.measure_bench import NAN, SHOP, Bench


def test_a_request_is_counted_and_timed_by_its_template() -> None:
    bench = Bench()
    for status, path in ((200, "/orders/1"), (200, "/orders/2"), (503, "/orders/3")):
        bench.take(Request(SHOP, "otlp", "get", path, status, 0.2, at=5.0, trace_id="a" * 32))
    assert bench.values(names.REQUESTS) == {
        ("shop", "GET", "/orders/{id}", "200"): 2,
        ("shop", "GET", "/orders/{id}", "503"): 1,
    }
    assert bench.values(names.REQUEST_DURATION) == {
        ("shop", "GET", "/orders/{id}", "2xx"): 2,
        ("shop", "GET", "/orders/{id}", "5xx"): 1,
    }
    exemplars = bench.tallies.child(names.REQUEST_DURATION, "shop", "GET", "/orders/{id}", "2xx").exemplars
    assert exemplars is not None
    assert [one for one in exemplars if one] == [("a" * 32, 0.2, 5.0)]
    (row,) = bench.performance.rows().items
    assert (row.service, row.kind, row.name, row.count, row.errors) == ("shop", "request", "GET /orders/{id}", 3, 1)


def test_what_scanners_ask_for_is_one_route() -> None:
    bench = Bench()
    for source, path in (("sdk", "/wp-login.php"), ("otlp", "/.env"), ("logs", "/orders/7"), ("events", "")):
        bench.take(Request(SHOP, source, "GET", path, 404, 0.1))  # type: ignore[arg-type]
    bench.take(Request(SHOP, "sdk", "GET", "/orders/{id}", 404, 0.1, templated=True))
    bench.take(Request(SHOP, "sdk", "GET", "/orders/7", 403, 0.1))
    found = bench.values(names.REQUESTS)
    assert {(route, status) for _, _, route, status in found} <= {
        ("(unmatched)", "404"), ("/orders/{id}", "404"), ("/orders/{id}", "403")
    }  # fmt: skip
    assert found["shop", "GET", "(unmatched)", "404"] >= 1


@pytest.mark.parametrize(
    ("method", "status", "labels"),
    [
        ("BREW", 200, ("_OTHER", "200")),
        ("x" * 1_000, 200, ("_OTHER", "200")),
        ("GET", 0, ("GET", "unknown")),
        ("GET", 99999, ("GET", "unknown")),
        ("GET", -1, ("GET", "unknown")),
    ],
)
def test_methods_and_statuses_that_are_none_do_not_become_labels(method: str, status: int, labels: Any) -> None:
    bench = Bench()
    bench.take(Request(SHOP, "sdk", method, "/", status, 0.1))
    assert bench.values(names.REQUESTS) == {("shop", labels[0], "/", labels[1]): 1}


def test_a_request_counts_for_as_many_as_its_client_samples() -> None:
    bench = Bench()
    for _ in range(30):
        bench.take(Request(SHOP, "sdk", "GET", "/", 200, 0.1, weight=1 / 0.3))
    assert bench.values(names.REQUESTS)["shop", "GET", "/", "200"] == pytest.approx(100)
    assert bench.values(names.REQUEST_DURATION)["shop", "GET", "/", "2xx"] == 100
    assert bench.values(names.UNKNOWN_SAMPLING) == {}
    bench.take(Request(SHOP, "sdk", "GET", "/", 200, 0.1, sampled=True))
    assert bench.values(names.UNKNOWN_SAMPLING) == {("shop",): 1}


@pytest.mark.parametrize(
    ("duration", "weight", "trace_id", "count", "timed"),
    [
        (NAN, 1.0, "", 1, 0),
        (-1.0, 1.0, "", 1, 0),
        (float("inf"), 1.0, "", 1, 0),
        (0.1, NAN, "", 1, 1),
        (0.1, -5.0, "", 1, 1),
        (0.1, 1e300, "", 1e6, 1e6),
        (0.1, 1.0, '"} 7\n', 1, 1),
    ],
)
def test_numbers_that_are_none_spoil_nothing(
    duration: float, weight: float, trace_id: str, count: float, timed: float
) -> None:
    bench = Bench()
    bench.take(Request(SHOP, "sdk", "GET", "/", 200, duration, weight=weight, trace_id=trace_id, at=1.0))
    child = bench.tallies.child(names.REQUEST_DURATION, "shop", "GET", "/", "2xx")
    assert bench.values(names.REQUESTS) == {("shop", "GET", "/", "200"): count}
    assert child.cells is not None
    assert sum(child.cells) == timed
    assert child.exemplars is None


@pytest.mark.parametrize("at", [0.0, -1.0, NAN, float("inf"), 1e30])
def test_a_time_that_is_none_makes_no_exemplar(at: float) -> None:
    bench = Bench()
    bench.take(Request(SHOP, "sdk", "GET", "/", 200, 0.1, trace_id="a" * 32, at=at))
    assert bench.tallies.child(names.REQUEST_DURATION, "shop", "GET", "/", "2xx").exemplars is None


def test_what_is_held_finds_its_series_again_when_they_have_ended() -> None:
    bench = Bench(Config(ingest=Ingest(series_ttl=100.0)))
    held = bench.meter.hold(Request(SHOP, "otlp", "GET", "/", 200, 0.0, templated=True))
    held(0.1, 1.0, "", 0.0)
    for now in (1.0, 2.0, 500.0):
        bench.tallies.sweep(now)
    assert bench.values(names.REQUESTS) == {}
    held(0.1, 2.0, "", 0.0)
    for metric, label in ((names.REQUESTS, "200"), (names.REQUEST_DURATION, "2xx")):
        bench.tallies.forget(metric, "shop", "GET", "/", label)
        held(0.1, 3.0, "", 0.0)
        assert bench.values(metric) == {("shop", "GET", "/", label): 3}


MEASURED: list[tuple[Any, dict[Metric, dict[tuple[str, ...], float]]]] = [
    (Task(SHOP, "sdk", "shop.mail", "SUCCESS", 1.0), {names.TASK_DURATION: {("shop", "shop.mail", "success"): 1}}),
    (Task(SHOP, "sdk", "shop.mail", "odd", 1.0), {names.TASK_DURATION: {("shop", "shop.mail", "other"): 1}}),
    (
        Operation(SHOP, "otlp", "save 17", 1.0, failed=True, weight=2.0),
        {names.OPERATION_DURATION: {("shop", "save {id}", "failure"): 2}},
    ),
    (
        Query(SHOP, "postgresql", "SELECT", 0.1),
        {names.QUERY_DURATION: {("shop", "postgresql", "SELECT", "success"): 1}},
    ),
    (CacheUse(SHOP, "redis", "hit", 3.0), {names.CACHE: {("shop", "redis", "hit"): 3}}),
    (
        FileUse(SHOP, "upload", ".STEP", 1_000.0, 2.0),
        {
            names.FILES: {("shop", "upload", "step", "success"): 1},
            names.FILE_BYTES: {("shop", "upload", "step"): 1_000},
            names.FILE_DURATION: {("shop", "upload"): 1},
        },
    ),
    (
        FileUse(SHOP, "upload", "a b\n", -1.0),
        {names.FILES: {("shop", "upload", "other", "success"): 1}, names.FILE_BYTES: {}},
    ),
    (FileUse(SHOP, "read", "image/png; q=1"), {names.FILES: {("shop", "read", "image/png", "success"): 1}}),
    (Logged(SHOP, "error", 2.0), {names.LOGGED: {("shop", "error"): 2}}),
    (Sessions(SHOP, "crashed"), {names.SESSIONS: {("shop", "1.0", "crashed"): 1}}),
    (Lost(SHOP, "error", "ratelimit_backoff", 4.0), {names.LOST: {("shop", "error", "ratelimit_backoff"): 4}}),
    (
        AiCall(SHOP, "openai", "gpt-4o-2024-08-06", "chat", 2.0, False, 1_000_000.0, 500_000.0),
        {
            names.AI_DURATION: {("shop", "openai", "gpt-4o-2024-08-06", "chat", "success"): 1},
            names.AI_TOKENS: {
                ("shop", "openai", "gpt-4o-2024-08-06", "input"): 1e6,
                ("shop", "openai", "gpt-4o-2024-08-06", "output"): 5e5,
            },
            names.AI_COST: {("shop", "openai", "gpt-4o-2024-08-06"): 7.5},
            names.AI_UNPRICED: {},
        },
    ),
    (AiCall(SHOP, "x", "own", cost=0.25, weight=2.0), {names.AI_COST: {("shop", "x", "own"): 0.5}}),
    (AiCall(SHOP, "x", "own"), {names.AI_COST: {}, names.AI_UNPRICED: {("shop", "x", "own"): 1}}),
    (CacheUse(Origin(""), "redis", "miss", NAN), {names.CACHE: {}}),
    (Logged(Origin(""), "info"), {names.LOGGED: {("unknown_service", "info"): 1}}),
]


@pytest.mark.parametrize(("measured", "expected"), MEASURED)
def test_each_measurement_has_its_series(measured: Any, expected: Any) -> None:
    bench = Bench(Config(ai_prices={"gpt-4o*": Price(2.5, 10)}))
    bench.take(measured)
    assert {metric: bench.values(metric) for metric in expected} == expected


def test_one_whose_trace_was_left_out_takes_no_exemplar_from_one_that_was_kept() -> None:
    bench = Bench()
    request = Request(SHOP, "otlp", "GET", "/", 200, 0.0, templated=True)
    bench.meter.hold(request).many([(0.2, 1.0, b"\x0a" * 16, 5.0), (0.21, 1.0, b"", 6.0), (9.0, 1.0, b"", 7.0)])
    child = bench.tallies.child(names.REQUEST_DURATION, "shop", "GET", "/", "2xx")
    assert sum(child.cells or ()) == 3
    assert [one for one in child.exemplars or () if one] == [("0a" * 16, 0.2, 5.0)]
