import random

import pytest

from exporter.forward.patience import Patience


def test_pauses_double_up_to_twenty_seconds_and_begin_anew_after_an_answer() -> None:
    patience = Patience(uniform=lambda low, high: (low + high) / 2)
    assert [patience.pause() for _ in range(7)] == pytest.approx([1, 2, 4, 8, 16, 20, 20])
    patience.reset()
    assert patience.pause() == pytest.approx(1)


def test_pauses_are_jittered_by_a_fifth_and_stay_below_thirty_seconds() -> None:
    found = [Patience(first=20.0, uniform=random.Random(1).uniform).pause() for _ in range(1)]
    lows = [Patience(uniform=lambda low, high: low).pause(), Patience(uniform=lambda low, high: high).pause()]
    assert lows == pytest.approx([0.8, 1.2])
    assert max(found) <= 24


def test_a_wish_is_honoured_never_too_soon_and_capped_at_five_minutes() -> None:
    soonest, latest = Patience(uniform=lambda low, _: low), Patience(uniform=lambda _, high: high)
    for wish, low, high in ((1.0, 1, 1.2), (60.0, 60, 72), (290.0, 290, 300), (300.0, 240, 300), (1e9, 240, 300)):
        assert (soonest.pause(wish), latest.pause(wish)) == pytest.approx((low, high))


def test_a_wish_for_less_than_a_second_is_none() -> None:
    patience = Patience(uniform=lambda low, high: (low + high) / 2)
    assert [patience.pause(0.001) for _ in range(3)] == pytest.approx([1, 2, 4])
