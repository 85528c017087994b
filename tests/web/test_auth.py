"""Who may do what (F51, F52, F56)."""

import pytest

from exporter.config.sections import Web
from exporter.values import Secret
from exporter.web import auth
from tests.web.client import ask, basic, bearer, raw, request
from tests.web.stand import TOKEN, component, result, stand

ADMIN = ("GET /api/v1/status", "POST /api/v1/cycle", "POST /-/reload")
WRONG = {
    "missing": (),
    "wrong": (bearer("wrong-token"),),
    "a prefix of the right one": (bearer(TOKEN[:-1]),),
    "the right one and more": (bearer(TOKEN + "x"),),
    "empty": ("Authorization:",),
    "the scheme alone": ("Authorization: Bearer",),
    "the scheme and a space": ("Authorization: Bearer  ",),
    "no scheme": (f"Authorization: {TOKEN}",),
    "another scheme": (f"Authorization: Token {TOKEN}",),
    "non-ASCII": (bearer("tökén-ñ"),),
    "not UTF-8": (bearer("\udcff\udcfe"),),
    "8,000 characters": (bearer("a" * 8000),),
    "basic with the token": (basic("admin", TOKEN),),
}


def told(reply: object) -> object:
    found = dict(reply.json)  # type: ignore[attr-defined]
    del found["timestamp"], found["metadata"]
    return found


@pytest.mark.parametrize("target", ADMIN)
async def test_wrong_credentials_are_401_in_the_same_words_whatever_is_wrong(target: str) -> None:
    answers = []
    for kind, lines in WRONG.items():
        async with stand() as s:
            s.add(component("db"))
            reply = await ask(s.port, target, *lines)
            assert (kind, reply.status, s.reloads) == (kind, 401, 0)
            assert reply.headers["www-authenticate"] == 'Bearer realm="stack-exporter"'
            answers.append(told(reply))
    assert answers == [answers[0]] * len(answers)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_right_token_opens_whatever_the_case_of_its_scheme(scheme: str) -> None:
    async with stand() as s:
        assert (await ask(s.port, "POST /-/reload", f"Authorization: {scheme} {TOKEN}")).status == 200


async def test_two_tokens_are_valid_at_once_and_an_old_one_not_after_a_reload() -> None:
    async with stand(tokens=("old-token", "new-token")) as s:
        for token in ("old-token", "new-token"):
            assert (await ask(s.port, "GET /api/v1/status", bearer(token))).status == 200
        s.use(web=Web(admin_tokens=(Secret("new-token"),)))
        found = [
            (await ask(s.port, "GET /api/v1/status", bearer(token))).status for token in ("old-token", "new-token")
        ]
        assert found == [401, 200]


@pytest.mark.parametrize("target", ADMIN)
async def test_without_a_configured_token_the_admin_api_is_closed_and_says_why(target: str) -> None:
    async with stand(tokens=()) as s:
        for lines in ((), (bearer(""),), (bearer("anything"),)):
            reply = await ask(s.port, target, *lines)
            assert (reply.status, s.reloads) == (403, 0)
            assert "no admin token is configured" in reply.json["message"]


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "api_key"])
async def test_a_token_in_the_query_is_refused_and_never_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with stand() as s:
        for path in ("/", "/metrics", "/api/v1/status"):
            reply = await ask(s.port, f"GET {path}?{name}={TOKEN}")
            assert reply.status == 400
            assert TOKEN not in reply.text
        assert not [record for record in caplog.records if TOKEN in str(record.__dict__)]


async def test_after_ten_wrong_tokens_a_source_waits_and_another_does_not() -> None:
    async with stand(":0") as s:
        found = [(await ask(s.port, "POST /-/reload", bearer(f"wrong-{n}"))).status for n in range(12)]
        assert found == [401] * 10 + [429] * 2
        limited = await ask(s.port, "POST /-/reload", bearer(TOKEN))
        assert limited.status == 429
        assert 0 < int(limited.headers["retry-after"]) <= 61
        assert (await ask(s.port, "GET /health", bearer(TOKEN))).status == 429
        assert (await ask(s.port, "POST /-/reload", bearer(TOKEN), host="127.0.0.1")).status == 429
        elsewhere = await raw(s.port, request("POST /-/reload", bearer(TOKEN)), host="::1")
        assert elsewhere.status == 200
        for path in ("/livez", "/readyz", "/metrics", "/health"):
            assert (await ask(s.port, f"GET {path}")).status == 200
        page = (await ask(s.port, "GET /metrics")).text
        assert 'stack_exporter_auth_failures_total{listener="web",reason="wrong"} 10' in page
        assert 'stack_exporter_auth_failures_total{listener="web",reason="limited"} 5' in page
        assert "wrong-3" not in page


async def test_a_request_without_credentials_is_no_guess() -> None:
    async with stand() as s:
        assert [(await ask(s.port, "POST /-/reload")).status for _ in range(15)] == [401] * 15
        assert (await ask(s.port, "POST /-/reload", bearer(TOKEN))).status == 200


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_source_may_try_again_after_a_minute() -> None:
    clock = Clock()
    failures = auth.Failures(clock)
    for _ in range(10):
        assert failures.wait("a") == 0
        failures.add("a")
    assert failures.wait("a") == 60
    clock.now += 59
    assert failures.wait("a") == 1
    clock.now += 1
    assert failures.wait("a") == 0
    failures.add("a")
    assert failures.wait("a") == 0


def test_many_sources_have_one_guess_each_in_bounded_memory_and_a_new_one_is_heard() -> None:
    failures = auth.Failures(Clock())
    guesses = 0
    for n in range(30_000):
        for _ in range(3):
            if not failures.wait(f"source-{n}"):
                failures.add(f"source-{n}")
                guesses += 1
    assert len(failures) == auth.SOURCES
    assert guesses < 30_000 + 2 * auth.EVERYONE
    assert failures.wait("somebody else") == 0


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_host_is_one_source(address: str, source: str) -> None:
    assert auth.source(address) == source


@pytest.mark.parametrize("target", ["POST /-/reload", "POST /api/v1/cycle"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9676"])
async def test_what_changes_something_is_not_taken_from_a_web_page(target: str, origin: str) -> None:
    async with stand() as s:
        s.add(component("db"))
        reply = await ask(s.port, target, bearer(TOKEN), f"Origin: {origin}")
        assert (reply.status, s.reloads) == (403, 0)
        assert not [name for name in reply.headers if name.startswith("access-control")]


HOSTS = {
    "localhost": 200, "LOCALHOST:9676": 200, "localhost.": 200, "127.0.0.1:80": 200, "[::1]:9676": 200, "192.0.2.7": 200,
    "monitor.internal": 200, "monitor.internal:9676": 200, "evil.example": 403, "localhost.evil.example": 403,
    "127.0.0.1.evil.example": 403, "evil.example:9676": 403, "monitor.internal.evil.example": 403, "@": 403,
}  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_the_admin_api_answers_under_known_names_alone(host: str) -> None:
    async with stand(hosts=("Monitor.internal",)) as s:
        assert (await ask(s.port, "GET /api/v1/status", bearer(TOKEN), host=host)).status == HOSTS[host]
        assert (await ask(s.port, "GET /metrics", host=host)).status == 200


async def test_a_browser_signs_in_with_a_token_as_password_and_can_only_look() -> None:
    async with stand() as s:
        s.add(component("db"))
        s.take(result("db", "unhealthy", "refused", "secret words"))
        asked = await ask(s.port, "GET /login")
        assert (asked.status, asked.headers["www-authenticate"][:5]) == (401, "Basic")
        again = await ask(s.port, "GET /login", basic("me", "wrong"))
        assert (again.status, again.headers["www-authenticate"][:5]) == (401, "Basic")
        done = await ask(s.port, "GET /login", basic("me", TOKEN))
        assert (done.status, done.headers["location"]) == (303, "/")
        assert "secret words" in (await ask(s.port, "GET /", basic("me", TOKEN))).text
        for target in ADMIN:
            assert (await ask(s.port, target, basic("me", TOKEN))).status == 401
        assert s.reloads == 0


async def test_what_a_request_makes_us_log_carries_its_id() -> None:
    async with stand(tokens=[TOKEN]) as s:
        await ask(s.port, "POST /-/reload", bearer(TOKEN), "X-Request-ID: my-id-42")
        assert s.reloaded_by == "my-id-42"
