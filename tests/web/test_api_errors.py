"""The admin API on errors: pages, one group, its occurrences, changes with their audit trail, the daily report."""

from typing import Any

import msgspec
import pytest

from exporter.ingest.ports import Refusing
from exporter.store.rows import Wanted
from exporter.web.api import table
from exporter.web.api.moment import stamp
from tests.web.client import Reply, ask, bearer
from tests.web.kept import DETAIL, NOW, Rows, group
from tests.web.stand import TOKEN, Stand, stand

ONE = f"{1:032x}"
NOBODY = f"{99:032x}"


async def asked(s: Stand, target: str, *lines: str, body: object = None) -> Reply:
    raw = b"" if body is None else msgspec.json.encode(body)
    return await ask(s.port, target, bearer(TOKEN), *lines, body=raw)


def told(s: Stand) -> Rows:
    rows = Rows()
    s.use(records=rows)
    return rows


SHOWN = {
    "id": ONE,
    "service": "shop",
    "title": "ValueError: number 1",
    "culprit": "cart in total",
    "type": "ValueError",
    "code": "",
    "severity": "high",
    "security": False,
    "team": "cad",
    "status": "unresolved",
    "new": False,
    "regressed": False,
    "spiking": False,
    "first_seen": stamp(NOW - 7200),
    "last_seen": stamp(NOW - 1),
    "count": 11,
    "users": 1,
    "releases": ["1.0", "1.1"],
    "environments": ["production"],
    "assignee": "",
    "ignored_until": None,
    "trace_id": "",
    "trace_url": "",
}
OCCURRENCE = {
    "id": ONE,
    "group": ONE,
    "at": stamp(NOW - 1),
    "level": "error",
    "release": "1.1",
    "environment": "production",
    "transaction": "/cart",
    "user": "ab" * 8,
    "trace_id": "cd" * 16,
    "trace_url": "",
    "message": "no price",
}
STACK = [
    "ValueError: no price",
    "  shop/cart.py:12 in total",
    "  shop/web.py:30 in view",
    "KeyError: 'price'",
    "  shop/db.py:7 in row",
]


async def test_a_page_of_groups_has_what_is_known_of_each_and_where_the_next_begins() -> None:
    async with stand() as s:
        told(s)
        first = (await asked(s, "GET /api/v1/errors?limit=3")).json
        assert first["data"][0] == SHOWN
        assert (first["success"], first["status_code"], first["errors"]) == (True, 200, [])
        paging = {name: first["metadata"][name] for name in ("next", "total", "limit")}
        assert paging == {"next": "3", "total": 7, "limit": 3}
        ids = [one["id"] for one in first["data"]]
        following = first
        while following["metadata"]["next"]:
            following = (await asked(s, f"GET /api/v1/errors?limit=3&cursor={following['metadata']['next']}")).json
            ids += [one["id"] for one in following["data"]]
        assert ids == [f"{n:032x}" for n in range(1, 8)]


async def test_every_filter_reaches_the_store() -> None:
    async with stand() as s:
        rows = told(s)
        await asked(
            s,
            "GET /api/v1/errors?service=shop&environment=production&release=1.1&status=regressed&severity=high&team=cad"
            "&type=ValueError&assignee=ada&security=true&q=No%20Price&since=2026-05-01T12:00:00Z&until=1777640400&sort=count&limit=7&cursor=0",
        )
        assert rows.asked == [
            Wanted(
                service="shop", environment="production", release="1.1", status="regressed", severity="high", team="cad",
                type="ValueError", assignee="ada", security=True, text="No Price", since=1777636800.0, until=1777640400.0, sort="count", limit=7, cursor="0",
            )
        ]  # fmt: skip


async def test_one_group_comes_with_its_latest_occurrence_hours_and_audit_trail() -> None:
    async with stand() as s:
        told(s)
        data = (await asked(s, f"GET /api/v1/errors/{ONE}")).json["data"]
        hour = NOW - NOW % 3600
        assert data == SHOWN | {
            "latest": OCCURRENCE | {"stack": STACK, "detail": DETAIL},
            "hours": [{"at": stamp(hour - 3600), "count": 4}, {"at": stamp(hour), "count": 6}],
            "audit": [],
        }
        listed = (await asked(s, f"GET /api/v1/errors/{ONE}/occurrences?limit=2")).json
        assert (listed["data"][0], listed["metadata"]["next"], listed["metadata"]["total"]) == (OCCURRENCE, "2", 3)
        one = (await asked(s, f"GET /api/v1/occurrences/{ONE}")).json["data"]
        assert one == OCCURRENCE | {"stack": STACK, "detail": DETAIL}


@pytest.mark.parametrize(
    "path", [f"errors/{NOBODY}", f"errors/{NOBODY}/occurrences", f"occurrences/{NOBODY}", f"PATCH errors/{NOBODY}"]
)
async def test_what_there_is_not_is_404(path: str) -> None:
    async with stand() as s:
        told(s)
        method, _, rest = path.rpartition(" ")
        reply = await asked(s, f"{method or 'GET'} /api/v1/{rest}", body={"status": "resolved"} if method else None)
        assert (reply.status, reply.json["success"]) == (404, False)


CHANGES: list[tuple[dict[str, Any], tuple[str, ...], dict[str, Any], str]] = [
    ({"status": "resolved", "note": "fixed in 1.2"}, (), {"status": "resolved"}, "admin"),
    ({"assignee": "ada"}, ("X-Actor: grace",), {"assignee": "ada"}, "grace"),
    ({"status": "ignored", "actor": "ada"}, ("X-Actor: grace",), {"status": "ignored"}, "ada"),
    ({"ignored_until": 4102444800}, (), {"status": "ignored", "ignored_until": "2100-01-01T00:00:00.000Z"}, "admin"),
]


@pytest.mark.parametrize(("body", "headers", "becomes", "actor"), CHANGES)
async def test_a_change_is_made_by_somebody_and_is_in_the_audit_trail(
    body: dict[str, Any], headers: tuple[str, ...], becomes: dict[str, Any], actor: str
) -> None:
    async with stand() as s:
        told(s)
        reply = await asked(s, f"PATCH /api/v1/errors/{ONE}", *headers, body=body)
        data = reply.json["data"]
        assert reply.status == 200
        assert {name: data[name] for name in becomes} == becomes
        assert [(act["actor"], act["note"]) for act in data["audit"]] == [(actor, body.get("note", ""))]
        assert (await asked(s, f"GET /api/v1/errors/{ONE}")).json["data"] == data


async def test_a_span_of_ignored_until_lies_ahead() -> None:
    async with stand() as s:
        told(s)
        body = {"status": "ignored", "ignored_until": "7d"}
        until = (await asked(s, f"PATCH /api/v1/errors/{ONE}", body=body)).json["data"]["ignored_until"]
        assert stamp(NOW + 7 * 86_400 - 60) < until < stamp(NOW + 7 * 86_400 + 600)


@pytest.mark.parametrize("example", table.CHANGES)
async def test_the_examples_of_changes_are_taken(example: str) -> None:
    async with stand() as s:
        told(s)
        assert (await asked(s, f"PATCH /api/v1/errors/{ONE}", body=table.CHANGES[example])).status == 200


@pytest.mark.parametrize("body", [None, {}, {"actor": "ada"}, {"note": ""}])
async def test_a_change_of_nothing_is_refused_and_says_what_can_be_changed(body: object) -> None:
    async with stand() as s:
        rows = told(s)
        reply = await asked(
            s, f"PATCH /api/v1/errors/{ONE}", *(() if body is not None else ("Content-Length: 0",)), body=body
        )
        assert (reply.status, rows.trail) == (400, [])
        (said,) = reply.json["errors"]
        assert "status (unresolved, resolved, ignored), ignored_until, assignee and note" in said


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"]
)
async def test_a_body_is_json_whatever_its_media_type(media: str) -> None:
    async with stand() as s:
        told(s)
        sent = (f"Content-Type: {media}", "X-Actor: ada")
        reply = await asked(s, f"PATCH /api/v1/errors/{ONE}", *sent, body={"status": "resolved"})
        assert (reply.status, reply.json["data"]["status"]) == (200, "resolved")
        assert (await asked(s, f"PATCH /api/v1/errors/{ONE}", *sent, "Origin: http://localhost", body={})).status == 403


@pytest.mark.parametrize("body", [{"status": "resolved", "ignored_until": "7d"}, {"ignored_until": 1000}])
async def test_a_change_that_contradicts_itself_or_the_time_is_409(body: dict[str, Any]) -> None:
    async with stand() as s:
        rows = told(s)
        assert (await asked(s, f"PATCH /api/v1/errors/{ONE}", body=body)).status == 409
        assert rows.trail == []


async def test_a_store_that_refuses_is_503_with_the_time_to_wait() -> None:
    async with stand() as s:
        rows = told(s)
        rows.refusing = Refusing("unavailable", 4.2)
        for target in (
            "errors", f"errors/{ONE}", f"errors/{ONE}/occurrences", f"occurrences/{ONE}", "report", "alerts", "alerts/history",
            "events", "security-events",
        ):  # fmt: skip
            reply = await asked(s, f"GET /api/v1/{target}")
            assert (reply.status, reply.headers["retry-after"], reply.json["success"]) == (503, "5", False), target
        assert (await asked(s, f"PATCH /api/v1/errors/{ONE}", body={"status": "resolved"})).status == 503
        status = (await asked(s, "GET /api/v1/status")).json
        assert status["status_code"] == 200
        assert status["data"]["store"] == {"available": False, "reason": "unavailable", "bytes": None}
        s.use(records=None)
        assert (await asked(s, "GET /api/v1/errors")).status == 503


async def test_the_report_says_what_is_new_back_and_recurring_by_day_and_team() -> None:
    async with stand() as s:
        rows = told(s)
        rows.all_groups = [
            group(1, first_seen=NOW - 3 * 86_400, team=""),
            group(2, regressed=True, first_seen=NOW - 3 * 86_400),
            group(3, spiking=True),
        ]
        data = (await asked(s, "GET /api/v1/report?service=shop")).json["data"]
        assert (data["groups"], data["examined"], data["count"]) == (3, 3, 30)
        ids = {
            name: [int(line["id"], 16) for line in data[name]]
            for name in ("new", "regressed", "spiking", "recurring", "impact")
        }
        assert ids == {"new": [3], "regressed": [2], "spiking": [3], "recurring": [1, 2], "impact": [3, 2, 1]}
        assert sum(day["count"] for day in data["days"]) == 30
        assert data["teams"] == [{"team": "cad", "groups": 2, "count": 20}, {"team": "", "groups": 1, "count": 10}]
        assert (rows.asked[-1].service, rows.asked[-1].sort) == ("shop", "count")
        assert NOW - 86_400 - 5 < (rows.asked[-1].since or 0) < NOW - 86_400 + 600
