"""What the ingest listener refuses leaves a line in the log, without the key or token that came."""

import json
import logging
from typing import Any

import pytest

from exporter.config.application import Project
from exporter.ingest.limit import Buckets
from exporter.values import Secret
from exporter.web.auth import AUTH_FAILURES, Guard
from exporter.web.refused import Refused
from exporter.web.sender import sending
from exporter.tally import Tallies
from tests.web.sentry_site import KEY, endpoint, enveloped

OTHER = "deadbeef" * 4
ERROR = enveloped(("event", {"event_id": "9" * 32, "message": "no stock"}))
AUTH = "X-Sentry-Auth"


def whys(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    return [(vars(one)["why"], vars(one).get("origin")) for one in caplog.records if hasattr(one, "why")]


def shown(caplog: pytest.LogCaptureFixture) -> str:
    return json.dumps([{name: str(value) for name, value in vars(one).items()} for one in caplog.records])


async def test_a_senders_mistakes_are_named_once_and_no_key_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    async with endpoint() as sentry:
        for _ in range(2):
            await sentry.post(ERROR, **{AUTH: f"Sentry sentry_key={OTHER}"})
            await sentry.post(ERROR, **{AUTH: ""})
            await sentry.post(ERROR, f"/api/7/envelope/?sentry_key={OTHER}")
            await sentry.post(ERROR, "/api/8/envelope/")
            await sentry.post(ERROR, Origin="https://evil.example")
    assert whys(caplog) == [
        ("a key that project 7 does not know", None),
        ("no key for project 7", None),
        ("two different keys for project 7", None),
        ("project 8 is not configured (ingest.projects)", None),
        ("an Origin that project 7 does not list", "https://evil.example"),
    ]
    assert KEY not in shown(caplog)
    assert "beef" not in shown(caplog)


async def test_a_project_over_its_rate_and_a_services_first_error_are_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "exporter")
    async with endpoint(buckets=Buckets(0.001, 1)) as sentry:
        headers = {AUTH: f"Sentry sentry_key={KEY}, sentry_client=sentry.python/2.75.0"}
        assert [(await sentry.post(ERROR, **headers)).status for _ in range(3)] == [200, 429, 429]
    assert whys(caplog) == [("project 7 is over its rate", None)]
    (first,) = [vars(one) for one in caplog.records if hasattr(one, "first")]
    assert (first["service"], first["first"], first["client"]) == ("shop", "error", "sentry.python/2.75.0")
    assert KEY not in shown(caplog)


def test_tokens_that_are_wrong_or_missing_are_named_and_counted_of_the_ingest_listener(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tallies = Tallies()
    guard = Guard(tallies, listener="ingest")
    tried: list[tuple[Any, ...]] = [
        ((Secret("right" * 5),), "127.0.0.1", f"Bearer {OTHER}"),
        ((Secret("right" * 5),), "127.0.0.1", None),
        ((), "192.0.2.7", None),
    ]
    for tokens, remote, authorization in tried:
        with pytest.raises(Refused):
            sending(tokens, guard, remote, authorization, forwarded=False)
    assert [why for why, _ in whys(caplog)] == [
        "a token that is not configured (ingest.tokens)",
        "no token",
        "another machine, as no token is configured (ingest.tokens)",
    ]
    assert "beef" not in shown(caplog)
    counts = {child.labels: child.value for child in tallies.families[AUTH_FAILURES].children.values()}
    assert counts == {("ingest", "wrong"): 1, ("ingest", "missing"): 1, ("ingest", "limited"): 0}
