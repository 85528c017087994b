"""Sessions, check-ins, client reports and logs of Sentry's SDKs: each counted once, as what it says."""

from typing import Any

import pytest

from exporter.ingest.values import CheckIn, Logged, Lost, Sessions
from tests.ingest.sentry_made import ID, SHOP, batch, measured

ATTRS = {"environment": "production", "release": "1.0"}
UPDATES: dict[str, tuple[dict[str, Any], str]] = {
    "one that begins": ({"init": True, "status": "ok", "errors": 0}, ""),
    "one that goes on": ({"status": "ok"}, ""),
    "one that went on in spite of an error": ({"status": "ok", "errors": 1}, "errored"),
    "one that ended": ({"status": "exited"}, "exited"),
    "one that ended with errors": ({"status": "exited", "errors": 2}, "errored"),
    "one with an error that nobody caught": ({"status": "unhandled", "errors": 1}, "errored"),
    "one that crashed": ({"status": "crashed", "errors": 1}, "crashed"),
    "one that hung": ({"status": "abnormal"}, "abnormal"),
    "one of a kind to come": ({"status": "vanished"}, ""),
}


@pytest.mark.parametrize("name", UPDATES)
def test_a_session_counts_when_it_is_known_how_it_went(name: str) -> None:
    update, status = UPDATES[name]
    found = measured("session", {"sid": "s", "attrs": ATTRS, **update})
    assert found == ([Sessions(SHOP, status)] if status else [])  # type: ignore[arg-type]


def test_a_session_is_one_however_often_it_is_told_of() -> None:
    updates = [{"sid": sid, "status": "crashed", "attrs": ATTRS} for sid in ("a", "a", "b")]
    one, again, other = (batch("session", update).measured[0][0] for update in updates)
    assert one == again != other
    assert batch("session", {"status": "crashed"}).measured[0][0] == ""


def test_sessions_that_the_client_added_up() -> None:
    aggregates = [{"exited": 3, "crashed": 1}, {"errored": "2", "abnormal": -1, "exited": None}, "x", {"exited": 0}]
    assert measured("sessions", {"attrs": ATTRS, "aggregates": aggregates}) == [
        Sessions(SHOP, "exited", 3.0),
        Sessions(SHOP, "crashed", 1.0),
        Sessions(SHOP, "errored", 2.0),
    ]


CHECK_INS: dict[str, tuple[dict[str, Any], CheckIn | None]] = {
    "a beginning": ({"status": "in_progress"}, CheckIn(ID, "nightly", "in_progress")),
    "an end": ({"status": "ok", "duration": 2.5}, CheckIn(ID, "nightly", "ok", 2.5)),
    "a failure": ({"status": "error", "duration": -1}, CheckIn(ID, "nightly", "error")),
    "an unknown state": ({"status": "lost"}, None),
    "no monitor": ({"status": "ok", "monitor_slug": None}, None),
}


@pytest.mark.parametrize("name", CHECK_INS)
def test_check_ins(name: str) -> None:
    report, expected = CHECK_INS[name]
    found = batch("check_in", {"check_in_id": ID, "monitor_slug": "nightly", **report})
    assert found.check_ins == ([expected] if expected else [])
    assert (found.events, found.invalid) == (1, 0 if expected else 1)


def test_a_check_in_without_an_id_of_its_own_is_known_by_its_bytes() -> None:
    for none in ("0" * 32, None, "x"):
        report = {"check_in_id": none, "monitor_slug": "nightly", "status": "ok"}
        (one,), (same,) = (batch("check_in", report).check_ins for _ in range(2))
        assert one == same
        assert one.id.strip("0")


def test_what_the_client_threw_away() -> None:
    report = {
        "discarded_events": [
            {"reason": "queue_overflow", "category": "error", "quantity": 3},
            {"reason": "sample_rate", "category": "transaction", "quantity": 0},
            {"reason": "jane@example.com", "category": 7, "quantity": "2"},
        ],
        "rate_limited_events": [{"category": "error", "quantity": 1}],
    }
    assert measured("client_report", report) == [
        Lost(SHOP, "error", "queue_overflow", 3.0),
        Lost(SHOP, "7", "other", 2.0),
        Lost(SHOP, "error", "ratelimit_backoff", 1.0),
    ]


def test_log_lines_are_counted_by_level_and_not_read() -> None:
    lines: list[Any] = [
        {"level": level, "body": "jane@example.com"} for level in ("warn", "error", "warn", "trace", "x")
    ]
    elsewhere = {"sentry.environment": {"value": "staging"}, "sentry.release": {"value": "2.0"}}
    found = batch("log", {"items": [*lines, {"level": "fatal", "attributes": elsewhere}, None]})
    staging = type(SHOP)("shop", "staging", "2.0")
    assert [one for _, one in found.measured] == [
        Logged(SHOP, "warning", 2),
        Logged(SHOP, "error", 1),
        Logged(SHOP, "debug", 1),
        Logged(SHOP, "info", 1),
        Logged(staging, "fatal", 1),
    ]
    assert (found.events, found.invalid) == (7, 1)
