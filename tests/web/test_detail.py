"""What needs a token to be seen (PS-12)."""

import pytest

from tests.web.client import ask, bearer
from tests.web.stand import TOKEN, component, result, stand


BRIEF = {"name": "db", "kind": "made_up", "status": "unhealthy", "reason": "refused"}


async def test_without_a_token_health_shows_status_and_reason_and_with_it_the_rest() -> None:
    async with stand() as s:
        s.add(component("db", team="platform"))
        s.take(result("db", started=1000.0))
        for n in range(1, 13):
            s.take(result("db", "unhealthy", "refused", f"192.0.2.1 refused {n}", started=1000.0 + n, duration=1.0))
        for path in ("/health", "/health/detailed", "/health/db", "/"):
            reply = await ask(s.port, f"GET {path}")
            assert not any(word in reply.text for word in ("192.0.2.1", "platform", "1970", "query", "pool"))
        assert (await ask(s.port, "GET /health/db")).json["data"] == BRIEF
        assert (await ask(s.port, "GET /health/detailed")).json["data"]["components"] == [BRIEF]
        one = (await ask(s.port, "GET /health/db", bearer(TOKEN))).json["data"]
        assert BRIEF.items() <= one.items()
        assert (one["team"], one["message"], one["since"]) == (
            "platform",
            "192.0.2.1 refused 12",
            "1970-01-01T00:16:44.000Z",
        )
        assert one["last_success"] == "1970-01-01T00:16:40.012Z"
        assert [failure["message"] for failure in one["failures"]] == [
            f"192.0.2.1 refused {n}" for n in range(12, 2, -1)
        ]
        assert one["failures"][0]["at"] == "1970-01-01T00:16:52.000Z"
        assert [phase["name"] for phase in one["phases"]] == ["connect", "query"]
        assert one["thresholds"][0] == {
            "signal": "latency", "severity": "warning", "value": 0.5, "unit": "seconds", "direction": "above", "statistic": "p95"
        }  # fmt: skip
        assert len(one["history"]) == 13
        for path in ("/health/detailed", "/"):
            assert "192.0.2.1" in (await ask(s.port, f"GET {path}", bearer(TOKEN))).text


@pytest.mark.parametrize(
    ("lines", "host", "shown"),
    [
        ((), "localhost", True),
        ((), "127.0.0.1:9676", True),
        ((), "evil.example", False),
        ((), "192.0.2.1", False),
        (("X-Forwarded-For: 192.0.2.9",), "localhost", False),
        (("Forwarded: for=192.0.2.9",), "localhost", False),
        (("Via: 1.1 proxy",), "localhost", False),
    ],
)
async def test_without_a_configured_token_details_are_shown_on_the_machine_itself(
    lines: tuple[str, ...], host: str, shown: bool
) -> None:
    async with stand(tokens=()) as s:
        s.add(component("db"))
        s.take(result("db", "unhealthy", "refused", "secret words"))
        for path in ("/", "/health/detailed", "/health/db"):
            assert ("secret words" in (await ask(s.port, f"GET {path}", *lines, host=host)).text) == shown
