"""What is sent onward: on the status page, in /health/detailed and in the API, for whom (PS-12), and what stands in it."""

import time
from typing import Any

import jsonschema
import pytest

from exporter.web.api.moment import stamp
from tests.web.client import ask, bearer
from tests.web.kept import Rows
from tests.web.sent import Queued, Sent, forwarding
from tests.web.stand import TOKEN, Stand, component, result, stand
from tests.web.test_openapi import DOCUMENT
from tests.web.test_page import CANARIES, Parsed, skeleton


def away(now: float) -> Sent:
    return Sent(
        "away", state="later", detail="503 Service Unavailable", address="tempo.example:4318", last_success=now - 720.0,
        queue=Queued(1204, 3 * 2**20, now - 700.0), lost={"full": 12_000, "expired": 3},
    )  # fmt: skip


def fine(now: float) -> Sent:
    return Sent("0", "logs", "taken", "200", "loki.example:4317", Queued(0, 0, 0.0, "", False), now - 2.0)


def rejecting(now: float) -> Sent:
    return Sent("key", "metrics", "rejected", "401 Unauthorized", queue=Queued(1, 900, now - 3.0, "full"))


BRIEF = [
    {"signal": "traces", "name": "away", "state": "waits"},
    {"signal": "logs", "name": "0", "state": "delivers"},
    {"signal": "metrics", "name": "key", "state": "rejects"},
    {"signal": "traces", "name": "new", "state": "idle"},
]
WHOLE = BRIEF[0] | {
    "reason": "503 Service Unavailable",
    "address": "tempo.example:4318",
    "items": 1204,
    "bytes": 3 * 2**20,
    "bytes_limit": 100 * 2**20,
    "age_limit": 86_400.0,
    "durable": True,
    "refuses": "",
    "dropped": {"full": 12_000, "expired": 3},
}
SECRETS = (".example:", "503", "401", "1,204", "1204", "12,000", "Unauthorized", "on disk")


def told(s: Stand, *backends: Sent) -> float:
    """Since when it is so."""
    now = time.time()
    found = backends or (away(now), fine(now), rejecting(now), Sent("new"))
    s.use(records=Rows(), forwarding=forwarding(*found))
    return now


async def page(s: Stand, *lines: str) -> str:
    return " ".join(Parsed((await ask(s.port, "GET /", *lines)).text).text.split())


async def test_each_back_end_is_shown_with_what_waits_and_was_lost() -> None:
    async with stand(tokens=()) as s:
        told(s)
        words = await page(s)
        assert "Sent onward" in words
        for shown in (
            "awaytraces · tempo.example:4318 · on diskwaits503 Service Unavailable1,204 spans3 MiB of 100 MiB11 min",
            "of 24 h", "12 min ago", "12,000 full3 expired", "loki.example:4317logs · in memorydelivers–", "keymetrics",
            "rejects401 Unauthorizednothing more is taken in: full1 data point900 B", "nothing sent yet", "never–",
        ):  # fmt: skip
            assert shown.replace("24 h", "1 d") in words, shown
        assert "200" not in words.split("Sent onward")[1].split("delivers")[0]


async def test_without_a_token_names_and_states_are_shown_and_nothing_else() -> None:
    async with stand() as s:
        told(s)
        words = (await page(s)).split("Sent onward")[1]
        assert words.startswith("Back endStateawaytraceswaits0logsdeliverskeymetricsrejectsnewtracesnothing sent yet")
        health = await ask(s.port, "GET /health/detailed")
        assert health.json["data"]["forwarding"] == BRIEF
        assert not [word for word in SECRETS for text in (words, health.text) if word in text]
        assert (await ask(s.port, "GET /api/v1/forwarding")).status == 401
        assert "tempo.example" in await page(s, bearer(TOKEN))


async def test_the_api_and_health_say_the_same_with_a_token() -> None:
    async with stand() as s:
        now = told(s)
        reply = (await ask(s.port, "GET /api/v1/forwarding", bearer(TOKEN))).json
        assert reply["data"][0] == WHOLE | {"oldest": stamp(now - 700.0), "last_success": stamp(now - 720.0)}
        assert [{name: one[name] for name in BRIEF[0]} for one in reply["data"]] == BRIEF
        assert reply["message"] == "1 rejects, 1 waits, 1 delivers, 1 idle"
        health = await ask(s.port, "GET /health/detailed", bearer(TOKEN))
        assert (health.status, health.json["data"]["forwarding"]) == (200, reply["data"])
        content = DOCUMENT["paths"]["/api/v1/forwarding"]["get"]["responses"]["200"]["content"]["application/json"]
        schema: dict[str, Any] = {"components": DOCUMENT["components"], **content["schema"]}
        jsonschema.Draft202012Validator(schema).validate(reply)


async def test_where_nothing_is_sent_onward_nothing_is_said_of_it() -> None:
    async with stand() as s:
        for used in (None, forwarding()):
            s.use(forwarding=used)
            assert "Sent onward" not in await page(s, bearer(TOKEN))
            reply = (await ask(s.port, "GET /api/v1/forwarding", bearer(TOKEN))).json
            assert (reply["data"], reply["message"]) == ([], "nothing is sent onward")
        s.use(forwarding=None)
        assert "forwarding" not in (await ask(s.port, "GET /health/detailed", bearer(TOKEN))).json["data"]


FINE, AWAY = Sent("fine", state="taken"), Sent("away", state="later")
STUCK = Sent("full", state="taken", queue=Queued(1, 900, 0.0, "full"))


@pytest.mark.parametrize(
    ("backends", "first"),
    [
        ((FINE, Sent("new")), False),
        ((FINE, AWAY), True),
        ((Sent("key", state="rejected"),), True),
        ((FINE, STUCK), True),
    ],
)
async def test_it_stands_above_the_components_where_it_needs_attention(backends: Any, first: bool) -> None:
    async with stand(tokens=()) as s:
        s.add(component("db"))
        s.take(result("db"))
        told(s, *backends)
        words = await page(s)
        assert (words.index("Sent onward") < words.index("Components")) is first


@pytest.mark.parametrize("canary", CANARIES)
async def test_nothing_that_a_back_end_says_becomes_markup(canary: str) -> None:
    async with stand(tokens=()) as s:
        plain, poisoned = (Sent("away", state="later", detail=word) for word in ("canary", canary))
        told(s, plain)
        expected = skeleton((await ask(s.port, "GET /")).text)
        told(s, poisoned)
        assert skeleton((await ask(s.port, "GET /")).text) == expected
