"""When a window covers a time."""

import datetime as dt

import msgspec
import pytest

from exporter.config.maintenance import Window
from exporter.values import decode


def window(**fields) -> Window:
    return msgspec.convert(fields, Window, dec_hook=decode)


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def test_a_window_covers_from_its_beginning_until_just_before_its_end():
    once = window(**{"from": "2026-03-01T22:00:00+01:00", "until": "2026-03-01T23:30:00Z"})
    edges = ["2026-03-01T20:59:59Z", "2026-03-01T21:00:00Z", "2026-03-01T23:29:59Z", "2026-03-01T23:30:00Z"]
    assert [once.covers("any", at(edge)) for edge in edges] == [False, True, True, False]


def test_a_window_covers_only_its_components():
    once = window(**{"components": ["a", "b"], "from": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"})
    assert [once.covers(name, at("2026-03-01T12:00:00Z")) for name in ("a", "b", "c")] == [True, True, False]


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-03-07T22:59:00+01:00", False),
        ("2026-03-07T23:00:00+01:00", True),  # a Saturday
        ("2026-03-08T01:59:59+01:00", True),  # past midnight
        ("2026-03-08T02:00:00+01:00", False),
        ("2026-03-08T23:30:00+01:00", False),
        # A week later, as the clocks go forward at 2:00 on Sunday the 29th: three hours after 23:00 it is 2:00, then 3:00.
        ("2026-03-29T01:59:59+01:00", True),
        ("2026-03-29T03:00:00+02:00", False),
    ],
)
def test_a_weekly_window_covers_by_local_time(moment, covered):
    weekly = window(weekly={"days": ["saturday"], "start": "23:00", "duration": "3h", "timezone": "Europe/Madrid"})
    assert weekly.covers("any", at(moment)) is covered


def test_a_weekly_window_of_a_week_covers_always():
    weekly = window(weekly={"days": ["monday"], "start": "00:00", "duration": "7d"})
    assert all(weekly.covers("any", at("2026-03-01T00:00:00Z") + hour * 3600) for hour in range(24 * 15))


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"from": "2026-03-01T00:00:00Z"}, {"until": "2026-03-01T00:00:00Z"},
        {"from": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, {"from": "x", "until": "y"},
        {"weekly": {"days": [], "start": "00:00", "duration": "1h"}},
        {"weekly": {"days": ["monday"], "start": "24:00", "duration": "1h"}},
        {"weekly": {"days": ["monday"], "start": "00:00", "duration": "8d"}},
        {"weekly": {"days": ["monday"], "start": "00:00", "duration": "0s"}},
        {"weekly": {"days": ["monday"], "start": "00:00", "duration": "1h", "timezone": "../etc/passwd"}},
        {"weekly": {"days": ["monday"], "start": "00:00", "duration": "1h"}, "until": "2026-03-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused(fields):
    with pytest.raises(msgspec.ValidationError):
        window(**fields)
