"""The stack of an event as lines: whatever is in the event, and however long it is."""

from typing import Any

import pytest

from exporter.web.api.shapes import alert
from exporter.web.api.stack import MOST, stack
from tests.web.kept import NOW
from tests.web.kept import alert as row


def test_it_is_bounded() -> None:
    frames = [{"filename": "a.py", "lineno": n, "function": "f"} for n in range(10_000)]
    values = [{"type": "E", "value": "x", "stacktrace": {"frames": frames}}] * 3
    lines = stack({"exception": {"values": values}})
    assert (len(lines), lines[1], lines[-1]) == (MOST + 1, "  a.py:9999 in f", "…")


FRAMES: list[tuple[dict[str, Any], str]] = [
    ({}, "  ? in ?"),
    ({"module": "shop.cart", "function": "total"}, "  shop.cart in total"),
    ({"filename": 7, "lineno": "12", "function": None}, "  ? in ?"),
]


@pytest.mark.parametrize(("frame", "line"), FRAMES)
def test_a_frame_says_what_there_is(frame: dict[str, Any], line: str) -> None:
    assert stack({"exception": [{"type": "E", "stacktrace": {"frames": [frame]}}]}) == ["E", line]


@pytest.mark.parametrize(
    "exception", [None, "text", 1, [], {}, {"values": None}, {"values": "x"}, {"values": [None, 1, "x", []]}, [{"stacktrace": 1}]]
)  # fmt: skip
def test_what_is_no_exception_has_no_frames(exception: object) -> None:
    assert not any(line.startswith(" ") for line in stack({"exception": exception}))


def test_an_alert_that_ended_before_it_began_took_no_time() -> None:
    assert alert(row(1, starts_at=NOW, resolved_at=NOW - 60)).duration == 0.0
