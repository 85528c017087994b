"""Too many series, and families that can't be rendered, cost themselves alone and are counted."""

import pytest

from exporter.exposition import SERIES_DROPPED, UNRENDERED
from exporter.tally import SERIES_OF_A_COMPONENT
from exporter.state import State
from exporter.tally import OVERFLOW, Tallies
from tests.pages import Daemon, find, names
from tests.scripted import LEVEL, SEEN, SIZE, WAIT

READINGS = {(LEVEL, ("left",)): 0.5, (LEVEL, ("right",)): 0.25, (SIZE, ()): 1024}


def test_one_component_fills_a_family_up_to_its_cap_and_the_rest_is_counted() -> None:
    daemon = Daemon("it")
    daemon.read(values={(LEVEL, (f"tank{i}",)): 0.5 for i in range(10_000)} | {(SIZE, ()): 1})
    found = daemon.samples()
    assert sum(name == "stack_scripted_level_ratio" for name, _ in found) == SERIES_OF_A_COMPONENT
    assert find(found, "stack_scripted_size_bytes", component="it") == 1
    assert find(found, SERIES_DROPPED.name, family="stack_scripted_level_ratio") == 10_000 - SERIES_OF_A_COMPONENT


def test_counting_under_ever_new_labels_ends_in_one_overflow_series() -> None:
    daemon = Daemon("it", state=State(Tallies(share=100)))
    for i in range(10_000):
        daemon.state.tallies.child(SEEN, "it", f"what{i}").add()
    found = daemon.samples()
    assert sum(name == SEEN.name for name, _ in found) == 101
    assert find(found, SEEN.name, component="it", what=OVERFLOW) == 9_900
    assert find(found, "stack_exporter_series_overflow_total", family=SEEN.name) == 9_900


@pytest.mark.parametrize(
    "wrong",
    [{(LEVEL, ()): 1.0}, {(LEVEL, ("a", "b")): 1.0}, {(LEVEL, (7,)): 1.0}, {(LEVEL, ("a",)): "much"}, {(LEVEL, ("a",)): None},
     {(LEVEL, ("a",)): 10**400}],
    ids=["label missing", "label too many", "label no text", "value a word", "value missing", "value too large"],
)  # fmt: skip
def test_a_family_that_can_not_be_rendered_blinds_no_other(wrong: dict, caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon("it", "other")
    daemon.read("other", values=READINGS)
    for _ in range(3):
        daemon.read(values=READINGS | wrong)
    found = daemon.samples()
    assert [dict(labels)["component"] for name, labels in found if name == LEVEL.name] == ["other", "other"]
    assert find(found, SIZE.name, component="it") == 1024
    assert find(found, "stack_probe_success", component="it", kind="scripted") == 1
    assert find(found, UNRENDERED.name, family=LEVEL.name) == 3
    assert [record.message for record in caplog.records] == ["a family can't be rendered"]
    daemon.read(values=READINGS)
    assert sum(dict(labels)["component"] == "it" for name, labels in daemon.samples() if name == LEVEL.name) == 2


def test_a_count_that_can_not_be_rendered_blinds_no_other(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon("it")
    child = daemon.state.tallies.child(SEEN, "it", "rain")
    child.set("wet")  # type: ignore[arg-type]
    daemon.state.tallies.child(WAIT, "it").observe(0.5)
    first = daemon.samples()
    assert SEEN.name not in names(first)
    assert find(first, "stack_scripted_wait_seconds_count", component="it") == 1
    assert find(daemon.samples(), UNRENDERED.name, family=SEEN.name) == 1
    child.set(4)
    assert find(daemon.samples(), SEEN.name, component="it", what="rain") == 4
    assert len(caplog.records) == 1
