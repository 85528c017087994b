"""Numbers as people read them."""

from math import inf, nan

import pytest

from exporter.component import Limit
from exporter.metric import gauge
from exporter.probe import Signal
from exporter.quantity import crossing, moment, quantity, reading, span, until

DAY = 86400.0
LEFT = Signal("left", gauge("stack_made_up_remaining_seconds", "Left.", "component"), "seconds", "Left.", direction="below")  # fmt: skip
AGE = Signal("age", gauge("stack_made_up_age_seconds", "Age.", "component"), "seconds", "Age.")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "seconds", "0 s"), (0.00034, "seconds", "340 µs"), (0.0123, "seconds", "12.3 ms"), (1.5, "seconds", "1.5 s"), (300.0, "seconds", "5 min"),
        (-90000, "seconds", "-1 d 1 h"), (-117529532, "seconds", "-1\u202f360 d"), (inf, "seconds", "inf s"), (-inf, "seconds", "-inf s"),
        (0.8, "ratio", "80 %"), (0.123456, "ratio", "12.3 %"), (0, "bytes", "0 B"), (1536, "bytes", "1.5 KiB"),
        (6.71089e07, "bytes", "64 MiB"), (5 * 2**40, "bytes", "5 TiB"), (inf, "bytes", "inf TiB"), (12345, "number", "12\u202f345"), (2.5, "number", "2.5"),
        (nan, "number", "nan"), (nan, "seconds", "nan s"), (inf, "ratio", "inf %"),
    ],
)  # fmt: skip
def test_numbers_read_well_and_no_number_is_too_odd(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (150, "2 min"), (3700, "1 h 1 min"), (90000, "1 d 1 h"), (-5, "0 s"),
     (20 * DAY, "20 d"), (99 * DAY + 3600, "99 d 1 h"), (100 * DAY + 3600, "100 d"), (1360 * DAY, "1\u202f360 d")],
)  # fmt: skip
def test_ages_read_well(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(20 * DAY, "in 20 days"), (20 * DAY - 1, "in 19 days"), (1.5 * DAY, "in 1 d 12 h"), (0, "in 0 s"), (-7200, "2 h ago"),
     (-117529532, "1\u202f360 days ago"), (inf, "in inf s")],
)  # fmt: skip
def test_moments_read_well(seconds: float, text: str) -> None:
    assert (until(seconds), reading(LEFT, seconds)) == (text, text)


@pytest.mark.parametrize(
    ("unix", "text"), [(1795460000, "2026-11-23 18:53 UTC"), (0, "1970-01-01 00:00 UTC"), (1e300, f"{1e300:,.0f}"), (nan, "nan"), (inf, "inf")]
)  # fmt: skip
def test_times_are_dates_where_there_is_such_a_year(unix: float, text: str) -> None:
    assert moment(unix).replace("\u202f", ",") == text


@pytest.mark.parametrize(
    ("limit", "value", "text"),
    [
        (Limit(AGE, "warning", 3600), 5400, "age 1 h 30 min is at or above its warning threshold 1 h"),
        (Limit(LEFT, "critical", 3 * DAY), 2 * DAY, "left ends in 2 days, at or below its critical threshold 3 d"),
        (Limit(LEFT, "warning", 20 * DAY), -9 * DAY, "left ended 9 days ago, at or below its warning threshold 20 d"),
    ],
)
def test_what_crosses_a_threshold_is_told_in_its_unit(limit: Limit, value: float, text: str) -> None:
    assert crossing(limit, value) == text
