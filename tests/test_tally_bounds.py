"""Series made of what senders say: they are held to bounds, end when nobody updates them, and memory stays flat."""

import gc

import pytest

from exporter.bounds import VALUES_OF_A_LABEL
from exporter.exposition import Page
from exporter.metric import counter, histogram
from exporter.state import State
from exporter.tally import OVERFLOW, SERIES_OVERFLOW, Tallies

SOLD = counter("stack_made_up_sold_total", "Things sold.", "service", "what")
TOOK = histogram("stack_made_up_took_seconds", "How long it took.", "service", "what", buckets=(0.1, 1.0))


def bounded(cap: int = 10_000, ttl: float = 100.0) -> Tallies:
    tallies = Tallies()
    tallies.bound([SOLD, TOOK], cap, ttl)
    tallies.sweep(1.0)
    return tallies


def values(tallies: Tallies) -> dict[tuple[str, ...], float]:
    return {labels: child.value for labels, child in tallies.families[SOLD].children.items()}


def test_a_label_has_200_values_within_a_service_and_then_the_overflow() -> None:
    tallies = bounded()
    for number in range(VALUES_OF_A_LABEL + 50):
        tallies.child(SOLD, "shop", f"thing-{number}").add()
    tallies.child(SOLD, "shop", "thing-7").add()
    tallies.child(SOLD, "other", "thing-999").add()
    found = values(tallies)
    assert len(found) == VALUES_OF_A_LABEL + 2
    assert (found["shop", OVERFLOW], found["shop", "thing-7"], found["other", "thing-999"]) == (50, 2, 1)
    assert tallies.child(SERIES_OVERFLOW, SOLD.name).value == 50


def test_services_are_bounded_too() -> None:
    tallies = bounded()
    for number in range(VALUES_OF_A_LABEL + 10):
        tallies.child(SOLD, f"service-{number}", "thing").add()
    assert values(tallies)[OVERFLOW, "thing"] == 10


def test_a_full_family_has_one_series_for_all_that_is_more() -> None:
    tallies = bounded(cap=10)
    for number in range(50):
        tallies.child(SOLD, f"service-{number % 5}", f"thing-{number}").add()
    found = values(tallies)
    assert len(found) == 11
    assert found[OVERFLOW, OVERFLOW] == 40


def test_a_value_has_128_bytes_at_most() -> None:
    tallies = bounded()
    child = tallies.child(SOLD, "shop", "é" * 100)
    assert child.labels == ("shop", "é" * 64)
    assert tallies.child(SOLD, "shop", "é" * 100) is child


def test_a_series_ends_when_it_was_not_updated_for_its_time_and_the_other_stays() -> None:
    tallies = bounded()
    idle, busy = tallies.child(SOLD, "shop", "idle"), tallies.child(SOLD, "shop", "busy")
    list(tallies.changes())
    for now in range(10, 101, 10):
        busy.add()
        assert tallies.sweep(float(now)) == 0
    assert tallies.sweep(102.0) == 1
    assert (idle.gone, busy.gone) == (True, False)
    assert values(tallies) == {("shop", "busy"): 10}
    again = tallies.child(SOLD, "shop", "idle")
    assert (again is idle, again.value) == (False, 0)


@pytest.mark.parametrize("scraped", [True, False])
def test_an_update_counts_whether_or_not_somebody_scrapes(scraped: bool) -> None:
    tallies = bounded()
    child = tallies.child(SOLD, "shop", "thing")
    for now in range(10, 1000, 90):
        child.add()
        if scraped:
            list(tallies.changes())
        tallies.sweep(float(now))
    assert not child.gone
    for now in range(1000, 1200, 10):
        tallies.sweep(float(now))
    assert child.gone


def test_what_a_sweep_has_seen_is_told_as_changed_once() -> None:
    tallies = bounded()
    child = tallies.child(SOLD, "shop", "thing")
    tallies.sweep(2.0)
    child.add()
    tallies.sweep(3.0)
    child.add()
    assert [one for one in tallies.changes() if one.family.metric is SOLD] == [child]
    assert [one for one in tallies.changes() if one.family.metric is SOLD] == []
    child.add()
    tallies.sweep(4.0)
    assert [one for one in tallies.changes() if one.family.metric is SOLD] == [child]


def test_a_series_that_has_ended_leaves_the_page() -> None:
    tallies = bounded()
    page = Page(State(tallies))
    tallies.child(SOLD, "shop", "thing").add()
    tallies.child(TOOK, "shop", "thing").observe(0.5)
    assert b'stack_made_up_sold_total{service="shop",what="thing"} 1.0' in page.families()
    tallies.sweep(200.0)
    tallies.sweep(400.0)
    assert b"stack_made_up" not in page.families()


def test_a_value_has_room_again_when_another_has_ended() -> None:
    tallies = bounded()
    for number in range(VALUES_OF_A_LABEL + 1):
        tallies.child(SOLD, "shop", f"thing-{number}")
    list(tallies.changes())
    tallies.sweep(500.0)
    assert values(tallies) == {}
    assert tallies.child(SOLD, "shop", "new").labels == ("shop", "new")


def test_what_is_kept_stays_idle_until_others_are_kept() -> None:
    tallies = bounded()
    known = tallies.child(SOLD, "shop", "known")
    tallies.keep([known])
    list(tallies.changes())
    tallies.sweep(1e6)
    assert not known.gone
    tallies.keep([])
    tallies.sweep(1e6 + 50)
    assert not known.gone
    tallies.sweep(1e6 + 101)
    assert known.gone


def test_what_is_made_before_the_first_sweep_lives_as_long_as_others() -> None:
    tallies = Tallies()
    tallies.bound([SOLD], 10, 100.0)
    child = tallies.child(SOLD, "shop", "thing")
    list(tallies.changes())
    tallies.sweep(1e6)
    assert not child.gone
    tallies.sweep(1e6 + 101)
    assert child.gone


def test_what_is_no_senders_never_ends() -> None:
    tallies = bounded()
    child = tallies.child(SERIES_OVERFLOW, "it")
    list(tallies.changes())
    tallies.sweep(1e9)
    assert not child.gone


def test_a_hundred_thousand_values_leave_memory_flat() -> None:
    tallies = bounded(ttl=5.0)

    def attack(first: int, last: int) -> None:
        for number in range(first, last):
            tallies.child(SOLD, f"service-{number % 400}", f"thing-{number}").add()
            if number % 2_000 == 0:
                tallies.sweep(number / 1_000)
                list(tallies.changes())
                assert len(tallies.families[SOLD].children) <= 10_001
        for now in (last / 1_000, last / 1_000 + 10):
            list(tallies.changes())
            tallies.sweep(now)
        gc.collect()

    attack(2_000, 4_000)
    before = len(gc.get_objects())
    attack(20_000, 120_000)
    assert values(tallies) == {}
    assert len(gc.get_objects()) - before < 100


@pytest.mark.parametrize("weight", [10.0, 1 / 0.3, 1.5, 0.1, 1.0])
def test_weighed_observations_add_up_to_whole_numbers_that_never_fall(weight: float) -> None:
    child = bounded().child(TOOK, "shop", "thing")
    assert child.cells is not None
    last = list(child.cells)
    for number in range(1_000):
        child.observe_many((0.05, 0.5, 5.0)[number % 3], weight)
        assert all(type(cell) is int and cell >= before for cell, before in zip(child.cells, last, strict=True))
        last = list(child.cells)
    expected = [334 * weight, 333 * weight, 333 * weight]
    assert all(abs(cell - right) < 1 for cell, right in zip(child.cells, expected, strict=True))
    assert child.value == pytest.approx(sum(map(float.__mul__, expected, [0.05, 0.5, 5.0])))
