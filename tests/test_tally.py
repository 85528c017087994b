"""Our own counts: they add up, are capped, and remember which of them changed."""

import math

import pytest

from exporter.counting import Counting
from exporter.tally import OVERFLOW, SERIES_OVERFLOW, Tallies
from tests.scripted import LEVEL, SEEN, SIZE, WAIT


def changed(tallies: Tallies) -> list[tuple[str, ...]]:
    return [(child.family.metric.name, *child.labels) for child in tallies.changes()]


def test_a_child_is_the_same_for_the_same_labels_and_starts_at_zero() -> None:
    tallies = Tallies()
    child = tallies.child(SEEN, "it", "rain")
    assert child.value == 0
    assert tallies.child(SEEN, "it", "rain") is child
    assert tallies.child(SEEN, "it", "snow") is not child
    child.add()
    child.add(2.5)
    assert child.value == 3.5


@pytest.mark.parametrize(
    ("value", "cell"), [(0, 0), (0.1, 0), (0.10001, 1), (1.0, 1), (1.5, 2), (math.inf, 2), (-1, 0)]
)
def test_an_observation_is_counted_in_the_first_bucket_that_holds_it(value: float, cell: int) -> None:
    child = Tallies().child(WAIT, "it")
    child.observe(value)
    assert child.cells == [int(i == cell) for i in range(3)]
    assert child.value == value


def test_an_exemplar_is_kept_for_each_bucket_the_newest_one() -> None:
    child = Tallies().child(WAIT, "it")
    child.exemplify("a", 0.05, 1.0)
    child.exemplify("b", 0.06, 2.0)
    child.exemplify("c", 7.0, 3.0)
    assert child.exemplars == [("b", 0.06, 2.0), None, ("c", 7.0, 3.0)]


def test_a_wrong_number_of_labels_is_refused() -> None:
    for labels in ((), ("it",), ("it", "rain", "more")):
        with pytest.raises(ValueError, match="stack_scripted_seen_total has the labels"):
            Tallies().child(SEEN, *labels)


def test_changes_are_told_once_and_new_children_are_changes() -> None:
    tallies = Tallies()
    rain, snow = tallies.child(SEEN, "it", "rain"), tallies.child(SEEN, "it", "snow")
    assert changed(tallies) == [(SEEN.name, "it", "rain"), (SEEN.name, "it", "snow")]
    assert changed(tallies) == []
    snow.add()
    snow.add()
    tallies.child(WAIT, "it")
    assert changed(tallies) == [(SEEN.name, "it", "snow"), (WAIT.name, "it")]
    rain.set(0)
    assert changed(tallies) == [(SEEN.name, "it", "rain")]


def test_a_family_that_is_new_while_changes_are_told_is_told_next_time() -> None:
    tallies = Tallies()
    tallies.child(SEEN, "it", "rain")
    tallies.child(WAIT, "it")
    for _ in tallies.changes():
        tallies.child(LEVEL, "it", "left")
    assert changed(tallies) == [(LEVEL.name, "it", "left")]


def test_a_component_with_its_share_sends_what_is_new_to_its_overflow_child() -> None:
    tallies = Tallies(share=2)
    for what in ("rain", "snow", "hail", "fog", "rain"):
        tallies.child(SEEN, "it", what).add()
    tallies.child(SEEN, "other", "rain").add()
    counts = {labels: child.value for labels, child in tallies.families[SEEN].children.items()}
    assert counts == {("it", "rain"): 2, ("it", "snow"): 1, ("it", OVERFLOW): 2, ("other", "rain"): 1}
    assert tallies.child(SERIES_OVERFLOW, SEEN.name).value == 2


def test_many_components_do_not_fill_a_family() -> None:
    tallies = Tallies(cap=2)
    for number in range(100):
        tallies.child(SEEN, f"it-{number}", "rain").add()
    assert {child.value for child in tallies.families[SEEN].children.values()} == {1}
    assert len(tallies.families[SEEN].children) == 100


def test_the_overflow_of_overflows_ends() -> None:
    tallies = Tallies(cap=0)
    tallies.child(SERIES_OVERFLOW, "it").add()
    assert tallies.child(SERIES_OVERFLOW, "x").labels == (OVERFLOW,)


def test_drop_forgets_a_component_and_its_holders_can_not_bring_it_back() -> None:
    tallies = Tallies()
    held, observed, other = (
        tallies.child(SEEN, "it", "rain"),
        tallies.child(WAIT, "it"),
        tallies.child(SEEN, "other", "rain"),
    )
    untouched = tallies.child(SERIES_OVERFLOW, "it")  # no component's, though its label reads alike
    tallies.drop("it")
    tallies.drop("nobody")
    held.add()
    observed.observe(1)
    assert changed(tallies) == [(SEEN.name, "other", "rain"), (SERIES_OVERFLOW.name, "it")]
    held.add()
    assert changed(tallies) == []
    again = tallies.child(SEEN, "it", "rain")
    assert (again.value, again is held) == (0, False)
    held.add()
    assert changed(tallies) == [(SEEN.name, "it", "rain")]
    assert again.value == 0
    assert tallies.child(SEEN, "other", "rain") is other
    assert tallies.child(SERIES_OVERFLOW, "it") is untouched
    assert tallies.of("it") == [again]


def test_a_component_that_is_dropped_a_thousand_times_leaves_nothing() -> None:
    tallies = Tallies()
    for _ in range(1000):
        tallies.child(SEEN, "it", "rain").add()
        tallies.drop("it")
        list(tallies.changes())
    assert tallies.families[SEEN].children == {}
    assert tallies.families[SEEN].changed == []
    assert tallies.of("it") == ()


def test_a_components_sink_adds_its_name() -> None:
    tallies = Tallies()
    sink = Counting(tallies, "it")
    sink.count(SEEN, 2, ("rain",))
    sink.observe(WAIT, 0.5, ())
    assert tallies.child(SEEN, "it", "rain").value == 2
    assert tallies.child(WAIT, "it").cells == [0, 1, 0]


def test_a_sink_that_is_closed_counts_nothing() -> None:
    tallies = Tallies()
    sink = Counting(tallies, "it")
    sink.count(SEEN, 2, ("rain",))
    tallies.drop("it")
    sink.close()
    sink.count(SEEN, 1, ("rain",))
    sink.observe(WAIT, 0.5, ())
    assert tallies.of("it") == ()
    assert changed(tallies) == []


def test_a_child_of_no_component_can_be_forgotten() -> None:
    tallies = Tallies()
    held, other = tallies.child(SERIES_OVERFLOW, "a"), tallies.child(SERIES_OVERFLOW, "b")
    tallies.forget(SERIES_OVERFLOW, "a")
    tallies.forget(SERIES_OVERFLOW, "nobody")
    tallies.forget(SEEN, "it", "rain")
    held.add()
    assert changed(tallies) == [(SERIES_OVERFLOW.name, "b")]
    assert tallies.families[SERIES_OVERFLOW].children == {("b",): other}


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf])
def test_a_sink_refuses_what_would_spoil_a_series_for_good(amount: float) -> None:
    tallies = Tallies()
    sink = Counting(tallies, "it")
    with pytest.raises(ValueError, match="does not count"):
        sink.count(SEEN, amount, ("rain",))
    with pytest.raises(ValueError, match="does not count"):
        sink.count(SIZE, 1, ())
    with pytest.raises(ValueError, match="does not observe"):
        sink.observe(SEEN, 1, ("rain",))
    if amount != -1:
        with pytest.raises(ValueError, match="does not observe"):
            sink.observe(WAIT, amount, ())
    assert tallies.families == {}
