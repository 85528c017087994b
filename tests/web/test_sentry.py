"""The Sentry endpoints: who may send, what is answered, and that what is refused leaves nothing behind."""

import json
import zlib
from base64 import b64encode

import pytest

from exporter.ingest.limit import Buckets
from exporter.ingest.ports import Refusing
from tests.ingest.test_envelope import MALFORMED, TAKEN, TOO_LARGE
from tests.web.sentry_site import KEY, detail, endpoint, enveloped, gzipped

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
ERROR = enveloped(("event", {"event_id": ID, "message": "no stock"}), header={"event_id": ID})
AUTH = "X-Sentry-Auth"
DSN = f"https://{KEY}@errors.example/7"
OTHER = "f" * 32
LET_IN = {
    "X-Sentry-Auth": ({AUTH: f"Sentry sentry_version=7, sentry_client=raven/1, sentry_key={KEY}"}, "", {}),
    "X-Sentry-Auth without spaces": ({AUTH: f"Sentry sentry_key={KEY},sentry_version=7"}, "", {}),
    "Authorization": ({AUTH: "", "Authorization": f"Sentry sentry_key={KEY}, sentry_secret=x"}, "", {}),
    "the query": ({AUTH: ""}, f"?sentry_version=7&sentry_key={KEY}", {}),
    "the envelope's dsn": ({AUTH: ""}, "", {"dsn": DSN}),
    "all of them": ({}, f"?sentry_key={KEY}", {"dsn": DSN}),
}
REFUSED = {
    "no key": ({AUTH: ""}, "", {}, "the request names no key"),
    "another scheme": ({AUTH: "", "Authorization": f"Bearer {KEY}"}, "", {}, "the request names no key"),
    "a wrong key": ({AUTH: f"Sentry sentry_key={OTHER}"}, "", {}, "the DSN's key or project is not known here"),
    "a key that is no ASCII": ({AUTH: ""}, "?sentry_key=%FF%C3%A9", {}, "the DSN's key or project is not known here"),
    "two keys": ({}, f"?sentry_key={OTHER}", {}, "the request names two different keys"),
    "two in the query": (
        {AUTH: ""},
        f"?sentry_key={KEY}&sentry_key={OTHER}",
        {},
        "the request names two different keys",
    ),
    "another dsn": ({}, "", {"dsn": DSN.replace(KEY, OTHER)}, "the request names two different keys"),
    "a wrong dsn": ({AUTH: ""}, "", {"dsn": f"https://{OTHER}@x/7"}, "the DSN's key or project is not known here"),
    "a dsn that is none": ({AUTH: ""}, "", {"dsn": "https://[x"}, "the request names no key"),
}


@pytest.mark.parametrize("name", LET_IN)
async def test_a_key_is_taken_wherever_it_stands(name: str) -> None:
    headers, query, header = LET_IN[name]
    body = enveloped(("event", {"event_id": ID, "message": "no stock"}), header=header)
    async with endpoint() as sentry:
        for path in ("/api/7/envelope/", "/api/7/envelope"):
            reply = await sentry.post(body, path + query, **headers)
            assert (reply.status, json.loads(reply.body)) == (200, {"id": ID})
        assert sentry.counted == {"accepted": 1, "duplicate": 1}
        assert [(one.id, one.origin.service) for one in sentry.taken.occurrences] == [(ID, "shop")]


@pytest.mark.parametrize("name", REFUSED)
async def test_without_the_right_key_it_is_403_and_nothing_counts(name: str) -> None:
    headers, query, header, why = REFUSED[name]
    body = enveloped(("event", {"event_id": ID, "message": "no stock"}), header=header)
    async with endpoint() as sentry:
        assert detail(await sentry.post(body, f"/api/7/envelope/{query}", **headers)) == (403, why)
        assert (sentry.counted, sentry.taken.kept) == ({}, {})


async def test_an_unknown_project_is_answered_as_a_wrong_key_is() -> None:
    async with endpoint() as sentry:
        for path in ("/api/8/envelope/", "/api/x/envelope/", "/api/8/store/"):
            reply = await sentry.post(ERROR, path)
            assert detail(reply) == (403, "the DSN's key or project is not known here")
            assert reply.headers["x-sentry-error"] == "the DSN's key or project is not known here"


async def test_who_guesses_keys_waits_and_who_has_one_does_not() -> None:
    wrong = {AUTH: f"Sentry sentry_key={OTHER}"}
    async with endpoint() as sentry:
        assert [(await sentry.post(ERROR, **wrong)).status for _ in range(12)] == [403] * 10 + [429] * 2
        limited = await sentry.post(ERROR, **wrong)
        assert limited.headers["x-sentry-rate-limits"] == f"{limited.headers['retry-after']}::key"
        assert (await sentry.post(ERROR)).status == 200


async def test_without_projects_this_machine_may_send_under_any_key_and_no_page_of_another() -> None:
    async with endpoint({}, environment="staging") as sentry:
        for headers in ({AUTH: ""}, {}, {"Origin": "http://localhost:3000"}):
            assert (await sentry.post(ERROR, "/api/42/envelope/", **headers)).status == 200
        (found,) = sentry.taken.occurrences
        assert (found.origin.service, found.origin.environment) == ("project-42", "staging")
        for header in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):  # whoever asks a proxy on this machine
            assert (await sentry.post(ERROR, **{header: "203.0.113.9"})).status == 403
        status, why = detail(await sentry.post(ERROR, Origin="https://elsewhere.example"))
        assert (status, why.partition(" may ")[0]) == (403, "pages of this origin")


async def test_the_service_is_the_files_where_a_project_names_none() -> None:
    async with endpoint({"projects": {"7": {"keys": [KEY]}}}, service="web") as sentry:
        assert (await sentry.post(ERROR)).status == 200
        assert sentry.taken.occurrences[0].origin.service == "web"


async def test_pages_may_send_to_the_projects_that_list_their_site() -> None:
    shop, other = {"Origin": "https://shop.example"}, {"Origin": "https://elsewhere.example"}
    async with endpoint() as sentry:
        reply = await sentry.post(ERROR, **shop)
        assert reply.headers["access-control-allow-origin"] == "https://shop.example"
        assert reply.headers["access-control-expose-headers"] == "X-Sentry-Rate-Limits, Retry-After, X-Sentry-Error"
        assert (reply.headers["vary"], reply.headers["cross-origin-resource-policy"]) == ("Origin", "cross-origin")
        wrong = await sentry.post(b"x", **shop)
        assert (wrong.status, wrong.headers["access-control-allow-origin"]) == (400, "https://shop.example")
        refused = await sentry.post(ERROR, **other)
        assert (refused.status, "access-control-allow-origin" in refused.headers) == (403, False)
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-sentry-auth", AUTH: ""}
        preflight = await sentry.send("OPTIONS", "/api/7/envelope/", b"", **shop, **asks)
        assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (200, "POST")
        assert "X-Sentry-Auth" in preflight.headers["access-control-allow-headers"]
        assert (await sentry.send("OPTIONS", "/api/7/store/", b"", **other, **asks)).status == 403
        unknown = await sentry.send("OPTIONS", "/api/8/envelope/", b"", Origin="http://localhost:3000", **asks)
        assert unknown.status == 403
    async with endpoint({"projects": {"7": {"keys": [KEY], "origins": ["*"]}}}) as sentry:
        reply = await sentry.post(ERROR, **other)
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")


async def test_beyond_the_rate_it_is_429_which_sdks_keep_to() -> None:
    async with endpoint(buckets=Buckets(0.5, 3)) as sentry:
        assert (
            await sentry.post(enveloped(*[("session", {"sid": str(n), "status": "ok"}) for n in range(3)]))
        ).status == 200
        reply = await sentry.post(ERROR)
        assert detail(reply) == (429, "more events than are taken from one key: send them later")
        assert reply.headers["retry-after"] == "2"
        assert reply.headers["x-sentry-rate-limits"] == "2::key"
        assert (sentry.counted, sentry.taken.kept) == ({"accepted": 3, "limited": 1}, {})


async def test_a_store_that_refuses_is_429_because_sdks_throw_away_what_gets_503() -> None:
    async with endpoint() as sentry:
        sentry.taken.refuse = Refusing("full", 29.5)
        reply = await sentry.post(ERROR)
        assert detail(reply) == (429, "the store takes nothing now: send it later")
        assert (reply.headers["retry-after"], reply.headers["x-sentry-rate-limits"]) == ("30", "30::key")
        assert sentry.counted == {"refused": 1}
        sentry.taken.refuse = None
        assert (await sentry.post(ERROR)).status == 200


async def test_every_envelope_of_the_grammar_is_200_and_each_malformed_one_400_with_nothing_stored() -> None:
    async with endpoint() as sentry:
        for name, (body, items, _) in TAKEN.items():
            readable = all(payload[:1] == b"{" for _, payload in items)
            assert (await sentry.post(body)).status == (200 if readable else 400), name
    async with endpoint() as sentry:
        for name, body in MALFORMED.items():
            # In front of what is malformed stands an event that is not.
            good = (
                body.replace(b"\n", b'\n{"type":"event"}\n{"message":"kept?"}\n', 1) if body.startswith(b"{") else body
            )
            status, why = detail(await sentry.post(good))
            assert (status, "kept" in why) == (400, False), name
        assert (sentry.taken.kept, sentry.counted) == ({}, {"invalid": len(MALFORMED)})
    async with endpoint() as sentry:
        for name, body in TOO_LARGE.items():
            reply = await sentry.post(gzipped(body), Content_Encoding="gzip")
            assert reply.status == 413, name
        assert (sentry.taken.kept, sentry.counted) == ({}, {"invalid": len(TOO_LARGE)})


async def test_what_is_skipped_is_counted_by_type() -> None:
    types = ["attachment", "view_hierarchy", "profile", "profile_chunk", "replay_event", "replay_recording", "statsd"]
    async with endpoint() as sentry:
        reply = await sentry.post(enveloped(*[(type_, b"x\n\x00") for type_ in (*types, "trace_metric", "from_2031")]))
        assert (reply.status, json.loads(reply.body), sentry.counted) == (200, {}, {})
        assert sentry.skipped == {"attachment": 2, "profile": 2, "replay": 2, "metric": 2, "other": 1}


BODIES = {
    "JSON": lambda event: event,
    "zlib": zlib.compress,
    "base64 of zlib": lambda event: b64encode(zlib.compress(event)),
    "base64 of JSON": b64encode,
}


@pytest.mark.parametrize("name", BODIES)
async def test_the_older_endpoint_takes_what_ravens_clients_send(name: str) -> None:
    event = json.dumps(
        {"event_id": ID, "message": {"message": "no %s", "params": ["stock"]}, "level": "error"}
    ).encode()
    async with endpoint() as sentry:
        for path in ("/api/7/store/", "/api/7/store"):
            reply = await sentry.post(BODIES[name](event), path)
            assert (reply.status, json.loads(reply.body)) == (200, {"id": ID})
        (found,) = sentry.taken.occurrences
        assert (found.message, found.template) == ("no stock", "no %s")


WRONG_STORES = [b"", b"x", b"[]", b"\x78\x9c", b64encode(b"x"), b"\x78\x9cgarbage", b64encode(b"\x78\x9cgarbage")]


@pytest.mark.parametrize("body", [*WRONG_STORES, b'{"a":', b"null"])
async def test_the_older_endpoint_refuses_what_is_none_of_these(body: bytes) -> None:
    async with endpoint() as sentry:
        assert (await sentry.post(body, "/api/7/store/")).status == 400
        assert (sentry.taken.kept, sentry.counted) == ({}, {"invalid": 1})
