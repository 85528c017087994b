"""The last hour's figures: exact sums, quantiles within 1 %, and bounded memory."""

import random
import tracemalloc
from typing import Any

import pytest

from exporter.bounds import OVERFLOW
from exporter.ingest.performance import MOST, SLOT, Performance, Row


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def made() -> tuple[Performance, Clock]:
    clock = Clock()
    return Performance(clock), clock


def add(performance: Performance, clock: Clock, name: str, *seconds: float, service: str = "shop", **how: Any) -> None:
    work = performance.work(service, how.pop("kind", "operation"), name)
    for each in seconds:
        work.add(each, how.get("weight", 1.0), how.get("failed", False), clock.now)


def test_a_row_has_all_figures() -> None:
    performance, clock = made()
    performance.slow = {"bom": 30.0}.get
    add(performance, clock, "bom", 1.0, 2.0, 3.0)
    add(performance, clock, "bom", 6.0, failed=True)
    (row,) = performance.rows().items
    assert row == Row(
        "shop",
        "operation",
        "bom",
        4.0,
        12.0,
        3.0,
        1.0,
        6.0,
        row.p50,
        row.p95,
        row.p99,
        1.0,
        0.25,
        slow=30.0,
        slow_count=0.0,
    )
    assert [row.p50, row.p95, row.p99] == pytest.approx([2.0, 6.0, 6.0], rel=0.01)


@pytest.mark.parametrize("spread", ["exponential", "wide", "same", "tiny", "zero"])
def test_quantiles_are_within_one_percent_of_the_observation(spread: str) -> None:
    chance = random.Random(3)
    draw = {
        "exponential": lambda: chance.expovariate(10),
        "wide": lambda: 10 ** chance.uniform(-6, 4),
        "same": lambda: 0.3,
        "tiny": lambda: chance.uniform(0, 1e-7),
        "zero": lambda: 0.0,
    }[spread]
    performance, clock = made()
    seen = [draw() for _ in range(5_000)]
    for start in range(0, 5_000, 500):  # over several slots
        add(performance, clock, "it", *seen[start : start + 500])
        clock.now += SLOT
    clock.now -= SLOT
    (row,) = performance.rows().items
    seen.sort()
    for part, told in ((0.5, row.p50), (0.95, row.p95), (0.99, row.p99)):
        assert told == pytest.approx(seen[int(part * 5_000) - 1], rel=0.0101, abs=1e-6)


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    performance, clock = made()
    add(performance, clock, "old", 1.0)
    add(performance, clock, "both", 1.0)
    clock.now += 3_600 - SLOT
    add(performance, clock, "both", 3.0)
    assert [(row.name, row.count) for row in performance.rows().items] == [("both", 2), ("old", 1)]
    clock.now += 2 * SLOT
    assert [(row.name, row.count, row.max) for row in performance.rows().items] == [("both", 1, 3)]
    clock.now += 7_200
    assert performance.rows().items == []


def test_the_hour_is_twelve_slots_and_the_one_under_way() -> None:
    performance, clock = made()
    for _ in range(30):
        add(performance, clock, "it", 1.0)
        clock.now += SLOT
    clock.now -= SLOT
    assert [row.count for row in performance.rows().items] == [13]


def test_figures_are_of_the_hour_whatever_came_when() -> None:
    chance = random.Random(9)
    performance, clock = made()
    seen: list[tuple[float, float, bool]] = []
    for _ in range(60):
        for _ in range(chance.choice([0, 0, 1, 4])):
            took, failed = chance.expovariate(1), chance.random() < 0.3
            add(performance, clock, "it", took, failed=failed)
            seen.append((clock.now // SLOT, took, failed))
        clock.now += SLOT * chance.choice([0.5, 1, 1, 3])
        hour = [one for one in seen if one[0] >= clock.now // SLOT - 12]
        rows = performance.rows().items
        assert [row.count for row in rows] == ([len(hour)] if hour else [])
        for row in rows:
            times = [took for _, took, _ in hour]
            assert (row.min, row.max, row.errors) == (min(times), max(times), sum(failed for *_, failed in hour))
            assert row.total == pytest.approx(sum(times))
            assert row.p50 == pytest.approx(sorted(times)[(len(times) + 1) // 2 - 1], rel=0.0101)


def test_what_is_held_is_seen_again_after_an_hour_of_silence() -> None:
    performance, clock = made()
    work = performance.work("shop", "operation", "it")
    work.add(1.0, 1.0, False, clock.now)
    clock.now += 10_000
    performance.works.clear()
    work.add(2.0, 1.0, False, clock.now)
    assert [row.count for row in performance.rows().items] == [1]


def test_rows_are_weighed() -> None:
    performance, clock = made()
    add(performance, clock, "it", 1.0, weight=9.0)
    add(performance, clock, "it", 11.0, weight=1.0, failed=True)
    (row,) = performance.rows().items
    assert (row.count, row.total, row.mean, row.errors, row.error_rate) == (10, 20, 2, 1, 0.1)
    assert row.p50 == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    ("sort", "order"),
    [("total", "bac"), ("count", "abc"), ("mean", "cba"), ("max", "cba"), ("errors", "bac"), ("error_rate", "bac")],
)
def test_rows_are_sorted_from_the_largest(sort: str, order: str) -> None:
    performance, clock = made()
    add(performance, clock, "a", *[1.0] * 5)
    add(performance, clock, "b", 3.0, 3.0, failed=True)
    add(performance, clock, "c", 4.0)
    assert "".join(row.name for row in performance.rows(sort=sort).items) == order


def test_rows_are_filtered_and_paged() -> None:
    performance, clock = made()
    for number in range(5):
        add(performance, clock, f"Op-{number}", float(number + 1))
    add(performance, clock, "GET /", 9.0, kind="request")
    add(performance, clock, "Op-1", 9.0, service="other")
    assert [row.kind for row in performance.rows(kind="request").items] == ["request"]
    assert [row.name for row in performance.rows(service="other").items] == ["Op-1"]
    assert {row.service for row in performance.rows(name="op-1").items} == {"shop", "other"}
    first = performance.rows(name="op-", service="shop", limit=2)
    second = performance.rows(name="op-", service="shop", limit=2, cursor=first.next)
    third = performance.rows(name="op-", service="shop", limit=2, cursor=second.next)
    names = [row.name for page in (first, second, third) for row in page.items]
    assert names == ["Op-4", "Op-3", "Op-2", "Op-1", "Op-0"]
    assert (first.total, third.next) == (5, "")


@pytest.mark.parametrize(
    "asked", [{"sort": "p95"}, {"cursor": "x"}, {"cursor": "-1"}, {"cursor": "٣"}, {"cursor": "9" * 999}]
)
def test_a_wrong_question_is_a_value_error(asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="sort|cursor"):
        made()[0].rows(**asked)  # type: ignore[arg-type]


def test_names_are_bounded_and_make_room_when_they_are_silent() -> None:
    performance, clock = made()
    for number in range(MOST + 500):
        add(performance, clock, f"op-{number}", 1.0)
    assert len(performance.works) == MOST + 1
    overflow = performance.rows(service=OVERFLOW).items
    assert [(row.name, row.count) for row in overflow] == [(OVERFLOW, 500)]
    clock.now += 5_000
    add(performance, clock, "new", 1.0)
    assert [row.name for row in performance.rows().items] == ["new"]
    assert len(performance.works) == 1


def test_a_name_takes_less_than_three_kilobytes_in_a_usual_hour() -> None:
    performance, clock = made()
    chance = random.Random(5)
    tracemalloc.start()
    try:
        for _ in range(13):
            for number in range(300):
                add(performance, clock, f"op-{number}", *[chance.lognormvariate(-2, 0.3) for _ in range(5)])
            clock.now += SLOT
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert size / 300 < 3_000


def test_what_took_as_long_as_is_slow_or_longer_is_counted_to_one_percent() -> None:
    for threshold in (0.0, 1e-7, 0.5, 30.0, 100.0, 101.5, 1e9):
        performance = Performance(lambda: 0.0)
        performance.slow = lambda _, at=threshold: at  # type: ignore[misc]
        work = performance.work("shop", "operation", "export")
        for tenths in range(1, 1001):
            work.add(tenths / 10, 2.0, False, 0.0)
        (row,) = performance.rows().items
        exact = 2 * sum(1 for tenths in range(1, 1001) if tenths / 10 >= threshold)
        near = 2 * sum(1 for tenths in range(1, 1001) if 0.985 * threshold <= tenths / 10 <= 1.015 * threshold)
        assert row.slow_count is not None
        assert abs(row.slow_count - exact) <= near
