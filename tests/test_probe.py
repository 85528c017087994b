"""What Readings takes from a probe, and what it leaves out."""

import math

import pytest

from tests import probing
from tests.scripted import ABOUT, LEVEL, SERVED, SIZE, WAIT


@pytest.mark.parametrize("value", [-7, -0.001, math.inf, -math.inf, math.nan])
def test_a_counter_that_none_can_have_is_left_out_and_a_gauge_is_not(value: float) -> None:
    out = probing.out()
    out.set(SERVED, value)
    out.set(SIZE, value)
    assert list(out.values) == [(SIZE, ())]


@pytest.mark.parametrize("value", [0, -0.0, 1e300, 2**64])
def test_any_other_counter_is_reported(value: float) -> None:
    out = probing.out()
    out.set(SERVED, value)
    assert out.values == {(SERVED, ()): float(value)}


def test_a_reading_has_its_metrics_labels_and_is_no_histogram() -> None:
    out = probing.out()
    out.set(LEVEL, 0.5, "north")
    out.set(ABOUT, 1, "1.0")
    for metric, labels in ((LEVEL, ()), (SIZE, ("north",)), (WAIT, ())):
        with pytest.raises(ValueError, match=metric.name):
            out.set(metric, 1.0, *labels)
    assert len(out.values) == 2
