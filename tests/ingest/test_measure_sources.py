"""Nothing counts twice, whoever tells of it; and what is slow is told, but not too often."""

import logging
import random
from typing import Any

import pytest
from msgspec.structs import astuple, replace

from exporter.config import Config
from exporter.config.application import Measuring, Slow
from exporter.ingest import measure_names as names
from exporter.ingest.measure_sources import MOST, SILENT, Sources
from exporter.ingest.values import AiCall, FileUse, Operation, Origin, Request, Task
from tests.ingest.measure_bench import NAN, Bench

SHOP = Origin("shop")
UNIX = 1.8e9


def told(bench: Bench, source: Any, at: float = 0.0, path: str = "/") -> bool:
    """Tell of a request that ends `at` seconds after UNIX; whether it was counted."""
    before = sum(bench.values(names.REQUESTS).values())
    bench.take(Request(SHOP, source, "GET", path, 200, 0.1, at=UNIX + at))
    return sum(bench.values(names.REQUESTS).values()) > before


def test_otlp_goes_before_the_sdk_and_that_before_logs() -> None:
    bench = Bench()
    assert [told(bench, source, at=10.0) for source in ("otlp", "sdk", "logs", "otlp")] == [True, False, False, True]


def test_logs_alone_are_counted() -> None:
    bench = Bench()
    assert [told(bench, "logs", at=float(n)) for n in range(3)] == [True] * 3


def test_the_next_takes_over_after_five_minutes_of_silence() -> None:
    bench = Bench()
    assert told(bench, "otlp", at=0.0)
    bench.now += SILENT - 1
    assert not told(bench, "sdk", at=SILENT - 1)
    bench.now += 2
    assert told(bench, "sdk", at=SILENT + 1)
    assert not told(bench, "logs", at=SILENT + 1)


def test_what_was_counted_before_a_change_is_not_counted_again() -> None:
    """The SDK tells at once, OTLP's batch comes five seconds later with the same requests."""
    bench = Bench()
    for second in range(5):
        assert told(bench, "sdk", at=float(second))
        bench.now += 1
    batch = [told(bench, "otlp", at=second + 0.01) for second in range(8)]
    assert batch == [False] * 5 + [True] * 3
    assert sum(bench.values(names.REQUESTS).values()) == 8
    bench.now += 120  # a clock that was set back is not held against it for ever
    assert told(bench, "otlp", at=1.0)


def test_services_choose_apart() -> None:
    bench = Bench()
    assert told(bench, "otlp")
    bench.take(Request(Origin("other"), "logs", "GET", "/", 200, 0.1))
    assert bench.values(names.REQUESTS)["other", "GET", "/", "200"] == 1


@pytest.mark.parametrize("wanted", ["otlp", "sdk", "logs"])
def test_the_configuration_chooses(wanted: Any) -> None:
    bench = Bench(Config(services={"shop": Measuring(requests=wanted)}))
    assert [source for source in ("logs", "sdk", "otlp", "events") if told(bench, source)] == [wanted]


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level(logging.INFO, "exporter.ingest"):
        for source in ("sdk", "otlp", "sdk", "otlp", "sdk"):
            told(bench, source)
    assert [(r.message, r.source, r.before) for r in caplog.records] == [  # type: ignore[attr-defined]
        ("another source tells now", "otlp", "sdk")
    ]


@pytest.mark.parametrize(
    ("metric", "make"),
    [
        (names.OPERATION_DURATION, lambda source, at: Operation(SHOP, source, "bom", 1.0, at=at)),
        (names.TASK_DURATION, lambda source, at: Task(SHOP, source, "mail", "success", 1.0, at=at)),
        (names.AI_DURATION, lambda source, at: AiCall(SHOP, "p", "m", source=source, at=at)),
    ],
)
def test_operations_tasks_and_ai_calls_count_once_too(metric: Any, make: Any) -> None:
    bench = Bench()
    bench.take(make("otlp", UNIX), make("sdk", UNIX), make("events", UNIX))
    assert sum(bench.values(metric).values()) == 1
    bench = Bench(Config(services={"shop": Measuring(tasks="events")}))
    bench.take(make("otlp", UNIX), make("sdk", UNIX), make("events", UNIX))
    assert sum(bench.values(metric).values()) == 1


def test_what_the_application_tells_itself_stands_beside_spans_of_other_names() -> None:
    bench = Bench()
    bench.take(Operation(SHOP, "otlp", "POST /bom", 1.0), Operation(SHOP, "events", "bom", 1.0))
    assert len(bench.values(names.OPERATION_DURATION)) == 2


def test_an_ai_call_that_is_not_counted_has_no_tokens_and_no_cost() -> None:
    bench = Bench()
    for source in ("otlp", "sdk"):
        bench.take(AiCall(SHOP, "p", "m", "chat", 1.0, False, 5.0, 5.0, 1.0, source=source, at=UNIX))  # type: ignore[arg-type]
    assert bench.values(names.AI_COST) == {("shop", "p", "m"): 1.0}
    assert sum(bench.values(names.AI_TOKENS).values()) == 10


def test_choices_are_bounded() -> None:
    sources = Sources(lambda: 0.0)
    for number in range(MOST + 100):
        sources.choice("shop", f"operation {number}", "auto").admits("otlp", 0.0, 0.0)
    assert len(sources._choices) == MOST  # noqa: SLF001


SLOW = {"bom": Slow(30.0), "GET /orders/*": Slow(5.0), "upload": Slow(60.0), "shop.*": Slow(10.0)}


@pytest.mark.parametrize(
    ("measured", "operation"),
    [
        (Operation(SHOP, "events", "bom", 30.0), "bom"),
        (Operation(SHOP, "events", "bom", 29.9), None),
        (Request(SHOP, "otlp", "GET", "/orders/7", 200, 6.0), "GET /orders/*"),
        (Request(SHOP, "otlp", "POST", "/orders/7", 200, 6.0), None),
        (FileUse(SHOP, "upload", "step", 1.0, 61.0), "upload"),
        (Task(SHOP, "sdk", "shop.mail", "success", 11.0), "shop.*"),
    ],
)
def test_what_is_slow_is_counted_and_a_warning(measured: Any, operation: str | None, caplog: Any) -> None:
    bench = Bench(Config(operations=SLOW))
    bench.take(measured)
    assert bench.values(names.SLOW) == ({("shop", operation): 1} if operation else {})
    assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(operation)


def test_a_name_is_warned_of_once_in_ten_seconds_with_how_many_there_were(caplog: Any) -> None:
    bench = Bench(Config(operations=SLOW))
    for _ in range(100):
        bench.take(Operation(SHOP, "events", "bom", 31.0, trace_id="a" * 32, weight=2.0))
    bench.now += 11
    bench.take(Operation(SHOP, "events", "bom", 32.0))
    assert bench.values(names.SLOW) == {("shop", "bom"): 201}
    said = [(r.duration, getattr(r, "more", 0), getattr(r, "trace_id", "")) for r in caplog.records]
    assert said == [(31.0, 0, "a" * 32), (32.0, 99, "")]


def test_thresholds_are_series_and_go_with_the_configuration() -> None:
    bench = Bench(Config(operations=SLOW))
    assert bench.values(names.SLOW_THRESHOLD) == {
        ("bom",): 30,
        ("GET /orders/*",): 5,
        ("upload",): 60,
        ("shop.*",): 10,
    }
    bench.take(Operation(SHOP, "events", "bom", 1.0))
    assert [row.slow for row in bench.performance.rows().items] == [30]
    bench.made(Config(operations={"bom": Slow(20.0)}))
    assert bench.values(names.SLOW_THRESHOLD) == {("bom",): 20}
    assert [row.slow for row in bench.performance.rows().items] == [20]


def test_many_at_once_are_measured_as_one_by_one() -> None:
    chance = random.Random(7)
    times = [*(chance.expovariate(3) for _ in range(60)), 0.0, -1.0, NAN, 1e12]
    weights = (1.0, 1.0, 2.5)
    seen = [(time, weights[n % 3], bytes([n + 1] * 16), n + 1.0) for n, time in enumerate(times)]
    request = Request(SHOP, "otlp", "GET", "/", 500, 0.0, templated=True)
    at_once, apart = Bench(), Bench()
    for bench in (at_once, apart):  # an SDK told of what ended before 10.0
        bench.take(replace(request, source="sdk", at=10.0))
        bench.now += 1
    at_once.meter.hold(request).many(seen)
    held = apart.meter.hold(request)
    for value, weight, trace_id, at in seen:
        held(value, weight, trace_id.hex(), at)
    for metric in (names.REQUESTS, names.REQUEST_DURATION):
        (one,), (other,) = (bench.tallies.families[metric].children.values() for bench in (at_once, apart))
        assert one.cells == other.cells
        assert [*map(bool, one.exemplars or ())] == [*map(bool, other.exemplars or ())]
        assert one.value == pytest.approx(other.value)
    (row,), (expected,) = (bench.performance.rows().items for bench in (at_once, apart))
    assert astuple(row)[:3] == astuple(expected)[:3]
    assert astuple(row)[3:12] == pytest.approx(astuple(expected)[3:12])
