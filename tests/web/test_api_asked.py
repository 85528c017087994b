"""What may be asked of the admin API: a wrong parameter or body is 400 and named, with what is allowed, and never quoted."""

import time

import msgspec
import pytest

from exporter.web.api.moment import EXPECTED, moment, stamp
from tests.web.client import ask, bearer
from tests.web.kept import Rows
from tests.web.stand import TOKEN, stand

ONE = f"{1:032x}"
PLAIN = "a text of at most 200 characters, without control characters"
QUERIES = {
    "servce=x": ["servce: is not known; did you mean service?"],
    "limit=0": ["limit: expected a whole number from 1 to 200"],
    "limit=201": ["limit: expected a whole number from 1 to 200"],
    "limit=ten": ["limit: expected a whole number from 1 to 200"],
    "limit=%205": ["limit: expected a whole number from 1 to 200"],
    "limit=": ["limit: expected a whole number from 1 to 200"],
    "limit=1&limit=2": ["limit: came twice"],
    "severity=HIGH": ["severity: expected one of critical, high, low, medium"],
    "status=null": ["status: expected one of ignored, new, regressed, resolved, spiking, unresolved"],
    "status=": ["status: expected one of ignored, new, regressed, resolved, spiking, unresolved"],
    "since=yesterday": [f"since: expected {EXPECTED}"],
    "until=2026-05-01": [f"until: expected {EXPECTED}"],
    "until=2026-05-01T12:00:00": [f"until: expected {EXPECTED}"],
    f"team={'x' * 201}": [f"team: expected {PLAIN}"],
    "team=a%00b": [f"team: expected {PLAIN}"],
    "team=a%0Ab": [f"team: expected {PLAIN}"],
    "team=a%0A": [f"team: expected {PLAIN}"],
    "security=yes": ["security: expected true or false"],
    "security=1": ["security: expected true or false"],
    "cursor=nonsense": ["cursor: expected the `next` of a page before, with the same filters"],
    "limit=0&sort=worst": [
        "limit: expected a whole number from 1 to 200",
        "sort: expected one of count, first_seen, last_seen, users",
    ],
}
BODIES = {
    b"{": None,
    b"[]": None,
    b'"resolved"': None,
    b"\xff": None,
    b"{" * 60_000: None,
    b'{"status": "\\ud800"}': None,
    b'{"status": "done"}': ["status: expected one of ignored, resolved, unresolved"],
    b'{"status": 1}': ["status: expected one of ignored, resolved, unresolved"],
    b'{"statu": "resolved"}': ["statu: is not known; did you mean status?"],
    b'{"assignee": ["ada"]}': [f"assignee: expected {PLAIN}"],
    b'{"assignee": "a\\u0000b"}': [f"assignee: expected {PLAIN}"],
    b'{"assignee": "ada\\n"}': [f"assignee: expected {PLAIN}"],
    b'{"note": null}': ["note: expected a text of at most 2000 characters, without control characters"],
    b'{"ignored_until": true}': [f"ignored_until: expected {EXPECTED}"],
    b'{"ignored_until": 1e400}': None,
    b'{"ignored_until": -1}': [f"ignored_until: expected {EXPECTED}"],
}


@pytest.mark.parametrize("query", QUERIES)
async def test_a_wrong_parameter_is_named_with_what_is_allowed(query: str) -> None:
    async with stand() as s:
        rows = Rows()
        s.use(records=rows)
        reply = await ask(s.port, f"GET /api/v1/errors?{query}", bearer(TOKEN))
        assert (reply.status, reply.json["errors"]) == (400, QUERIES[query])
        assert rows.asked == [] or "cursor" in query


@pytest.mark.parametrize("body", BODIES)
async def test_a_wrong_body_is_named_with_what_is_allowed(body: bytes) -> None:
    async with stand() as s:
        rows = Rows()
        s.use(records=rows)
        reply = await ask(s.port, f"PATCH /api/v1/errors/{ONE}", bearer(TOKEN), body=body)
        named = BODIES[body] or ['the body is not a JSON object, such as {"status": "resolved"}']
        assert (reply.status, reply.json["errors"], rows.trail) == (400, named, [])


REQUESTS = {
    "GET /api/v1/errors/1": 400,
    f"GET /api/v1/errors/{'A' * 32}": 400,
    f"GET /api/v1/errors/{ONE}%0A": 400,
    f"GET /api/v1/errors/{ONE}?limit=1": 400,
    f"GET /api/v1/errors/{ONE}/others": 404,
    f"DELETE /api/v1/errors/{ONE}": 405,
    "POST /api/v1/errors": 405,
    f"POST /api/v1/alerts/{ONE}/resolve?note=x": 400,
    "GET /api/v1/logs?limit=1001": 400,
    "GET /api/v1/events?kind=error": 400,
    "GET /api/v1/security-events?kind=security": 400,
    "GET /api/v1/performance?sort=name": 400,
    "GET /api/v1/errors?token=abc": 400,
}


@pytest.mark.parametrize("target", REQUESTS)
async def test_other_requests_that_fit_no_endpoint_are_refused(target: str) -> None:
    async with stand() as s:
        s.use(records=Rows())
        assert (await ask(s.port, target, bearer(TOKEN))).status == REQUESTS[target]


@pytest.mark.parametrize(
    "header", ["X-Actor: " + "x" * 101, "X-Actor: \u202eada", "X-Actor: \udcff", "X-Actor: a\r\nX-Actor: b"]
)
async def test_an_actor_that_is_no_name_is_refused(header: str) -> None:
    async with stand() as s:
        s.use(records=Rows())
        assert (await ask(s.port, f"PATCH /api/v1/errors/{ONE}", bearer(TOKEN), header, body=b"{}")).status == 400


async def test_no_value_that_was_sent_comes_back_in_a_refusal() -> None:
    async with stand() as s:
        s.use(records=Rows())
        queries = ["limit=canary", "status=canary", "since=canary", "cursor=canary", "team=canary%00"]
        for query in queries:
            assert b"canary" not in (await ask(s.port, f"GET /api/v1/errors?{query}", bearer(TOKEN))).body
        body = msgspec.json.encode({"status": "canary", "ignored_until": "canary"})
        reply = await ask(s.port, f"PATCH /api/v1/errors/{ONE}", bearer(TOKEN), body=body)
        assert (reply.status, b"canary" in reply.body) == (400, False)


@pytest.mark.parametrize(
    "access", ["GET /api/v1/errors", f"PATCH /api/v1/errors/{ONE}", "GET /api/v1/logs", "GET /api/v1/report"]
)
async def test_nothing_is_told_or_done_without_the_token_nor_to_a_web_page(access: str) -> None:
    async with stand() as s, stand(tokens=()) as closed:
        s.use(records=Rows())
        closed.use(records=Rows())
        length = () if access.startswith("GET") else ("Content-Length: 0",)
        assert (await ask(s.port, access, *length)).status == 401
        assert (await ask(s.port, access, bearer("wrong"), *length)).status == 401
        assert (await ask(closed.port, access, bearer(TOKEN), *length)).status == 403
        if length:
            assert (await ask(s.port, access, bearer(TOKEN), "Origin: http://localhost", *length)).status == 403


TIMES = {
    "24h": -86_400.0,
    "0s": 0.0,
    "2w": -1_209_600.0,
    "1777636800": 1777636800.0,
    "1777636800.5": 1777636800.5,
    "2026-05-01T12:00:00Z": 1777636800.0,
    "2026-05-01t14:00:00+02:00": 1777636800.0,
    "0001-01-01T00:00:00Z": 0.0,
    "9999-12-31T23:59:59-23:59": 253402300799.0,
    "9999w": 0.0,
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_a_date_seconds_or_a_span(text: str) -> None:
    now = 1_800_000_000.0
    value = TIMES[text]
    span = text[-1] in "shw" and text != "9999w"
    assert float(moment(text, now)) == (now + value if span else value)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "-1",
        "inf",
        "nan",
        "1e999",
        "٣",
        "12:00",
        "T",
        "24 h",
        "-24h",
        "1.5h",
        None,
        [],
        {},
        True,
        float("nan"),
        1e300,
    ],
)
def test_what_is_no_time_raises_value_error(given: object) -> None:
    with pytest.raises(ValueError, match="expected|a time"):
        moment(given, time.time())


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1e300, 1e300])
def test_any_number_can_be_shown_as_a_time(at: float) -> None:
    assert stamp(at).endswith("Z")
