"""Whom the daemon refuses is in its log: once a minute for each cause, bounded, and nothing secret in it."""

import logging
from typing import Any

import pytest

from exporter.ingest.refusals import CAUSES, MANY, SERVICES, Heard, Refusals, client, limited, project


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("why", "requests", "events", "origin", "service", "first", "client")
    return [{name: vars(one)[name] for name in names if name in vars(one)} for one in caplog.records]


def test_a_cause_is_said_at_once_and_then_once_a_minute_with_how_often(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for second in range(0, 125, 5):
        now[0] = float(second)
        refusals.tell("no token")
        refusals.tell("this machine is over its rate", 100, of="events")
    assert [one for one in said(caplog) if "requests" in one] == [
        {"why": "no token", "requests": 1}, {"why": "no token", "requests": 12}, {"why": "no token", "requests": 12}
    ]  # fmt: skip
    assert [one["events"] for one in said(caplog) if "events" in one] == [100, 1_200, 1_200]


def test_however_many_causes_there_are_the_lines_and_the_memory_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for minute in range(3):
        now[0] = minute * 61.0
        for number in range(1_000):
            refusals.tell(f"{project(str(minute * 1_000 + number))} is not configured")
    assert len(said(caplog)) <= 3 * (CAUSES + 1)
    assert said(caplog)[CAUSES] == {"why": MANY, "requests": 1}
    assert len(refusals._told) <= CAUSES + 1


def test_what_a_sender_says_is_shown_only_where_it_has_the_right_form(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(lambda: 0.0)
    for number, origin in enumerate(("https://shop.example:8443", "null", "https://x/?token=s3cret", "a\nb://c")):
        refusals.tell(f"cause {number}", origin=origin)
    assert [one["origin"] for one in said(caplog)] == ["https://shop.example:8443", *["unreadable"] * 3]
    assert [project(one) for one in ("7", "a b", "1\n2", "x" * 99)] == ["project 7", *["a project that is none"] * 3]
    assert [client(one) for one in ("sentry.python/2.75.0 (x)", "raven/1", "curl", "../1", "a/b")] == [
        "sentry.python/2.75.0", "raven/1", "", "", ""
    ]  # fmt: skip
    assert [limited(*one) for one in (("sentry", "1:ab"), ("sentry", "local"), ("otlp", "token:ab"))] == [
        "project 1 is over its rate", "this machine is over its rate", "a token is over its rate"
    ]  # fmt: skip


def test_a_services_first_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "exporter")
    heard = Heard()
    for _ in range(2):
        for number in range(SERVICES + 10):
            heard.of(f"s{number}", "error", lambda: "otlp")
    assert len(said(caplog)) == SERVICES
    assert said(caplog)[0] == {"service": "s0", "first": "error", "client": "otlp"}
