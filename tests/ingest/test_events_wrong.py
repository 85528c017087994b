"""JSON events that are wrong: it is said what is, nothing of them is quoted, and the others are taken."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.application import Scrub
from exporter.ingest.events import parse, read
from exporter.ingest.events_forms import FORMS
from exporter.ingest.events_wrong import Unknown
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.text import Malformed
from exporter.ingest.values import Batch, Origin

NOW = 1_800_000_000.0


def parsed(*events: Any) -> tuple[Batch, list[str]]:
    ids = (f"{n:032x}" for n in itertools.count())
    return parse(list(events), Scrubbing(Scrub(), b"k"), Origin("shop"), NOW, lambda: next(ids))


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (7, "an event is a JSON object"),
        (None, "an event is a JSON object"),
        ({}, f"type: expected one of {', '.join(FORMS)}"),
        ({"type": ["error"]}, f"type: expected one of {', '.join(FORMS)}"),
        ({"type": "hunter2"}, f"type: expected one of {', '.join(FORMS)}"),
        ({"type": "error"}, "an error has `exception`, `message` or `stack`"),
        ({"type": "operation", "name": "x"}, "duration: is required"),
        ({"type": "operation", "name": "x", "duration": "hunter2"}, "duration: expected a number, got a text"),
        ({"type": "operation", "name": "x", "duration": -1}, "duration: expected a number >= 0"),
        ({"type": "operation", "name": "", "duration": 1}, "name: expected a text of length >= 1"),
        (
            {"type": "security", "name": "x", "severity": "hunter2"},
            "severity: expected one of low, medium, high, critical",
        ),
        (
            {"type": "error", "message": "m", "at": "yesterday"},
            "at: expected Unix seconds, or RFC 3339 such as 2026-11-22T21:00:00Z",
        ),
        (
            {"type": "error", "message": "m", "at": -1},
            "at: expected Unix seconds, or RFC 3339 such as 2026-11-22T21:00:00Z",
        ),
        ({"type": "error", "message": "m", "stack": [1]}, "stack[0]: expected an object, got a whole number"),
        ({"type": "error", "message": "m", "status": 99}, "status: expected a whole number >= 100"),
        ({"type": "cache"}, "a look-up in a cache has `hit`, or `hits` and `misses`"),
        ({"type": "deploy"}, "release: is required"),
        ({"type": "erorr"}, f"type: expected one of {', '.join(FORMS)}; did you mean error?"),
        ({"type": "request", "method": "GET"}, "status, duration: are required"),
        (
            {"type": "operation", "name": 7, "duration": "x", "failed": "yes", "at": [], "id": 1},
            "name: expected a text, got a whole number; duration: expected a number, got a text; "
            "failed: expected true or false, got a text; id: expected a text, got a whole number; "
            "at: expected a number or a text or null, got a list",
        ),
    ],
)
def test_what_is_wrong_is_said_without_a_word_of_it(event: Any, problem: str) -> None:
    right = {"type": "error", "message": "right"}
    batch, problems = parsed(right, event, right)
    assert problems == [f"events[1]: {problem}"]
    assert "hunter2" not in str(problems)
    assert (batch.events, batch.invalid, len(batch.occurrences), batch.measured) == (3, 1, 2, [])


def test_unknown_fields_are_told_each_once_for_a_type_and_kept_where_there_is_a_place() -> None:
    unknown, ids = Unknown(), (f"{n:032x}" for n in itertools.count())
    events = [
        {"type": "security", "name": "x", "severty": "high", "ann@example.com": 1},
        {"type": "security", "name": "x", "severty": "low"},
        {"type": "operation", "name": "x", "duration": 1, "durations": 2},
        {"type": "error", "message": "m", "stack": "no call in it"},
        {"type": "nonsense", "severty": 1},
        {"type": "task", "nme": "x"},
    ]
    batch, _ = parse(events, Scrubbing(Scrub(), b"k"), Origin("shop"), NOW, lambda: next(ids), unknown)
    assert unknown.warnings() == [
        "events[0].severty: security has no such field, kept as `extra`; did you mean severity?; in 2 events",
        "events[0]: security has no such field, kept as `extra`",
        "events[2].durations: operation has no such field, left out; did you mean duration?",
        "events[5].nme: task has no such field, left out; did you mean name?",
    ]
    assert [one.detail for one in batch.occasions][1] == {"extra": {"severty": "low"}}


def test_a_flood_of_unknown_fields_gives_a_hundred_warnings() -> None:
    unknown = Unknown()
    unknown.note(0, {f"f{n}": 1 for n in range(10_000)}, FORMS["error"])
    assert len(unknown.warnings()) == 100


def test_an_event_that_is_too_deep_is_left_out() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    batch, problems = parsed({"type": "error", "message": "m", "context": {"deep": deep}})
    assert (batch.invalid, len(problems)) == (1, 1)


@pytest.mark.parametrize(("said", "at"), [(1e30, NOW), (NOW + 30, NOW + 30), (NOW + 61, NOW), (5, 5.0), (None, NOW)])
def test_a_time_in_the_future_is_now(said: Any, at: float) -> None:
    assert parsed({"type": "error", "message": "m", "at": said})[0].occurrences[0].at == at


ERROR = {"type": "error", "message": "m"}


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"type": "error", "message": "m"}', [ERROR]),
        (b' \n[{"type": "error", "message": "m"}]\r\n', [ERROR]),
        (b'{"events": [{"type": "error", "message": "m"}]}', [ERROR]),
        (b'{"type": "error", "message": "m"}\n\n{"type": "error", "message": "m"}\n', [ERROR, ERROR]),
        (b'{"type": "error", "message": "m"}\r\n{"type": "error", "message": "m"}', [ERROR, ERROR]),
        (b"7", [7]),
    ],
)
def test_a_body_is_one_event_or_many(body: bytes, events: Any) -> None:
    assert read(body) == events


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"[]", b'{"events": []}', b"{", b"a=b&c=d", b"\xff\xfe{}", b"{\n}\n}", b"1e999"]
)
def test_a_body_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


def test_a_line_that_is_no_json_keeps_no_other_out() -> None:
    batch, problems = parsed(*read(b'{"type": "error", "message": "m"}\nhunter2\n{"type": "error", "message": "m"}'))
    assert (len(batch.occurrences), batch.invalid) == (2, 1)
    assert problems[0].startswith("events[1]: JSON: ")
    assert "hunter2" not in problems[0]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = sorted({field for form in FORMS.values() for field in form.__struct_fields__})


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.dictionaries(st.sampled_from(FIELDS), json, max_size=6))
def test_whatever_comes_is_taken_or_said_to_be_wrong(type_: str, fields: dict[str, Any]) -> None:
    batch, problems = parsed({**fields, "type": type_})
    taken = len(batch.occurrences) + len(batch.occasions) + bool(batch.measured)
    assert (batch.events, batch.invalid, taken) == (1, len(problems), 1 - len(problems))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_events_or_malformed(body: bytes) -> None:
    try:
        events = read(body)
    except Malformed:
        return
    batch, problems = parsed(*events)
    assert batch.invalid == len(problems) <= len(events)
