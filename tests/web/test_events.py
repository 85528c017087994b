"""POST /api/v1/events as it is asked: kept before it is answered, limited, refused, and what is wrong is told."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import jsonschema

from exporter.config import Config
from exporter.config.application import Ingest, Scrub
from exporter.ingest.group import Groups
from exporter.ingest.intake import EVENTS, Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.measure import Meter
from exporter.ingest.measure_names import AI_DURATION, AI_TOKENS, OPERATION_DURATION
from exporter.ingest.measure_sources import Sources
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Entry, Outcome, Refusing
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import CheckIn
from exporter.values import Secret
from exporter.web import events
from exporter.web.routes import Route
from exporter.web.server import Server
from exporter.web.site import Site
from tests.web.client import Reply, bearer, raw, request
from tests.web.stand import Stand, stand

ERROR = {"type": "error", "message": "m"}
WORK = {"type": "operation", "name": "bom", "duration": 1}


class Shelf:
    """A ledger that can be full, which a disk here can't be made at will."""

    def __init__(self) -> None:
        self.kept: dict[str, Entry] = {}
        self.refusing: Refusing | None = None

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        await asyncio.sleep(0)
        if self.refusing is not None:
            raise self.refusing
        outcomes: list[Outcome] = ["duplicate" if entry.id in self.kept else "seen" for entry in entries]
        self.kept |= {entry.id: entry for entry in entries}
        return outcomes


class Taking:
    def __init__(self, s: Stand, port: int, shelf: Shelf, site: Site) -> None:
        self.stand, self.port, self.shelf, self.site = s, port, shelf, site

    async def post(self, body: Any, *lines: str) -> Reply:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await raw(self.port, request("POST /api/v1/events", *lines, body=sent))

    def counted(self) -> dict[str, float]:
        family = self.stand.state.tallies.families[EVENTS]
        return {labels[1]: child.value for labels, child in family.children.items() if child.value}


@contextlib.asynccontextmanager
async def taking(burst: int = 1_000, tokens: Sequence[str] = ()) -> AsyncIterator[Taking]:
    async with stand() as s:
        shelf, tallies = Shelf(), s.state.tallies
        config = Config(service="shop", ingest=Ingest(tokens=tuple(map(Secret, tokens))))
        meter = Meter(config, tallies, Performance(lambda: 0.0), Sources(lambda: 0.0))
        parts = Parts(Scrubbing(Scrub(), b"k"), Groups({}, (), ()), meter)

        async def heard(_: Sequence[CheckIn]) -> None:
            """Events have none."""

        intake = Intake(parts, shelf, tallies, Buckets(1.0, burst), heard)
        s.use(intake=intake, config=config, service="shop")
        routes = (
            Route("POST", "/api/v1/events", "events", events.take, "ingest"),
            Route("GET", "/api/v1/events/schema", "events_schema", events.schema, "open"),
        )
        site = Site(routes, s.site.services)
        server = Server("127.0.0.1:0", site)
        await server.start()
        try:
            yield Taking(s, server.port, shelf, site)
        finally:
            await server.stop(1.0)
            site.close()


async def test_what_is_right_is_kept_and_what_is_wrong_is_told() -> None:
    async with taking() as it:
        reply = await it.post([ERROR, {"type": "nonsense"}, WORK, WORK | {"id": "w"}])
        assert reply.status == 200
        told = reply.json
        assert (told["success"], told["message"], told["status_code"]) == (True, "3 accepted, 1 not: see errors", 200)
        (id_,) = told["data"].pop("ids")
        assert told["data"] == {"accepted": 3, "duplicate": 0, "invalid": 1}
        assert [error.partition(":")[0] for error in told["errors"]] == ["events[1]"]
        kept = it.shelf.kept[id_].occurrence
        assert kept is not None
        assert (kept.origin.service, kept.message) == ("shop", "m")
        again = (await it.post([WORK | {"id": "w"}])).json["data"]
        assert again == {"accepted": 0, "duplicate": 1, "invalid": 0, "ids": []}
        assert it.counted() == {"accepted": 3, "invalid": 1, "duplicate": 1}
        timed = it.stand.state.tallies.child(OPERATION_DURATION, "shop", "bom", "success")
        assert timed.cells is not None
        assert sum(timed.cells) == 2


async def test_unknown_fields_are_warnings_and_a_call_of_a_model_without_a_duration_is_not_timed() -> None:
    async with taking() as it:
        reply = await it.post([ERROR | {"severty": "high"}, {"type": "ai_call", "model": "m", "output_tokens": 3}])
        assert reply.json["metadata"]["warnings"] == [
            "events[0].severty: error has no such field, kept as `extra`; did you mean severity?"
        ]
        (kept,) = it.shelf.kept.values()
        assert kept.occurrence is not None
        assert kept.occurrence.detail["extra"] == {"severty": "high"}
        tallies = it.stand.state.tallies
        assert tallies.child(AI_TOKENS, "shop", "", "m", "output").value == 3
        assert sum(tallies.child(AI_DURATION, "shop", "", "m", "chat", "success").cells or ()) == 0
        assert "warnings" not in (await it.post(ERROR)).json["metadata"]


async def test_curl_is_enough() -> None:
    """curl -d says that it sends a form."""
    async with taking() as it:
        form = "Content-Type: application/x-www-form-urlencoded"
        assert (await it.post(ERROR, form)).status == 200
        assert (await it.post(b'{"type":"error","message":"a"}\n{"type":"error","message":"b"}\n')).status == 200
        assert (
            await it.post(gzip.compress(json.dumps({"events": [ERROR]}).encode()), "Content-Encoding: gzip")
        ).status == 200
        assert len(it.shelf.kept) == 4


async def test_400_when_nothing_is_right() -> None:
    async with taking() as it:
        for body, errors in ((b"{", 1), (b"", 1), ([{"type": "x"}, 7], 2)):
            reply = await it.post(body)
            assert (reply.status, reply.json["success"], len(reply.json["errors"])) == (400, False, errors)
        assert it.counted() == {"invalid": 4}
        assert it.shelf.kept == {}


async def test_too_many_at_once_are_413_and_no_more_than_100_problems_are_told() -> None:
    async with taking(burst=100_000) as it:
        assert (await it.post([1] * 10_001)).status == 413
        assert len((await it.post([1] * 1_000)).json["errors"]) == 100
        assert it.counted() == {"invalid": 11_001}


async def test_what_is_over_the_rate_is_429_and_counted() -> None:
    async with taking(burst=5) as it:
        assert (await it.post([WORK] * 5)).status == 200
        reply = await it.post([WORK] * 3)
        assert reply.status == 429
        assert 1 <= int(reply.headers["retry-after"]) <= 3
        assert it.counted() == {"accepted": 5, "limited": 3}


async def test_what_the_store_does_not_take_is_429_and_not_counted_as_done() -> None:
    async with taking() as it:
        it.shelf.refusing = Refusing("full", 7.5)
        reply = await it.post([ERROR, {"type": "x"}])
        assert (reply.status, reply.headers["retry-after"]) == (429, "8")
        assert it.counted() == {"refused": 1, "invalid": 1}
        it.shelf.refusing = None
        assert (await it.post(ERROR)).status == 200


async def test_who_sends_needs_a_token_where_there_is_one() -> None:
    token = "t" * 40
    async with taking(tokens=[token]) as it:
        assert (await it.post(ERROR)).status == 401
        assert (await it.post(ERROR, bearer("w" * 40))).status == 401
        assert (await it.post(ERROR, bearer(token))).status == 200


async def test_what_cannot_be_read_and_what_finds_no_room_is_counted() -> None:
    async with taking() as it:
        assert (await it.post(b"no gzip", "Content-Encoding: gzip")).status == 400
        assert (await it.post(ERROR, "Content-Encoding: lzw")).status == 415
        it.site.room.most = 3
        assert (await it.post(ERROR)).status == 429
        assert it.counted() == {"invalid": 2, "limited": 1}
        assert it.site.room.taken == 0


async def test_without_a_token_whoever_asks_a_proxy_on_this_machine_may_not() -> None:
    async with taking() as it:
        assert (await it.post(ERROR, "X-Forwarded-For: 203.0.113.9")).status == 403
        assert (await it.post(ERROR, "via: 1.1 proxy")).status == 403
    async with taking(tokens=["t" * 40]) as it:
        assert (await it.post(ERROR, bearer("t" * 40), "X-Forwarded-For: 203.0.113.9")).status == 200


async def test_no_web_page_makes_a_browser_send() -> None:
    async with taking() as it:
        assert (await it.post(ERROR, "Origin: https://evil.example")).status == 403
        assert it.shelf.kept == {}


async def test_the_schema_is_served_and_holds_what_is_taken() -> None:
    async with taking() as it:
        reply = await raw(it.port, request("GET /api/v1/events/schema"))
        assert (reply.status, reply.headers["content-type"]) == (200, "application/schema+json")
        schema = json.loads(reply.body)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for event in (ERROR, WORK, {"type": "operation"}, {"type": "x"}, {"type": "error"}, WORK | {"duration": "1"}):
            assert validator.is_valid(event) == ((await it.post(event)).status == 200)
