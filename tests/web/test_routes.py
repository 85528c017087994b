"""Every route of the two listeners, as a client sees it."""

import asyncio

import pytest

from exporter.probe import Down
from tests.web.client import ask, bearer, request
from tests.web.stand import ANSWERS, TOKEN, component, result, stand

SECURITY = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "server": "stack-exporter",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
FORM = {"success", "message", "data", "errors", "metadata", "timestamp", "status_code"}
EVERY = [
    ("GET /metrics", 200, "metrics"),
    ("GET /livez", 200, "livez"),
    ("GET /readyz", 200, "readyz"),
    ("GET /-/healthy", 200, "livez"),
    ("GET /-/ready", 200, "readyz"),
    ("GET /health", 200, "health"),
    ("GET /health/detailed", 200, "health_detailed"),
    ("GET /health/db", 200, "health_component"),
    ("GET /health/nothing", 404, "health_component"),
    ("GET /", 200, "page"),
    ("GET /login", 303, "login"),
    ("GET /api/v1/status", 200, "status"),
    ("POST /api/v1/cycle", 200, "cycle"),
    ("POST /-/reload", 200, "reload"),
    ("GET /nothing", 404, "unknown"),
    ("GET /health/db/more", 404, "unknown"),
    ("GET /health/", 404, "unknown"),
    ("GET //metrics", 404, "unknown"),
    ("POST /metrics", 405, "unknown"),
    ("GET /-/reload", 405, "unknown"),
    ("GET /api/v1/cycle", 405, "unknown"),
    ("OPTIONS /health", 405, "unknown"),
    ("TRACE /", 405, "unknown"),
]


@pytest.mark.parametrize(("target", "status", "handler"), EVERY, ids=[row[0] for row in EVERY])
async def test_a_route_answers_with_its_status_the_security_headers_and_is_counted(
    target: str, status: int, handler: str
) -> None:
    async with stand() as s:
        s.add(component("db"), scheduled=True)
        s.take(result("db"))
        reply = await ask(s.port, target, bearer(TOKEN))
        assert reply.status == status
        assert SECURITY.items() <= reply.headers.items()
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        counted = (await ask(s.port, "GET /metrics")).text
        assert f'stack_exporter_http_requests_total{{handler="{handler}",code="{status}"}} 1' in counted
        if reply.headers["content-type"].startswith("application/json"):
            assert set(reply.json) == FORM
            assert (reply.json["status_code"], reply.json["success"]) == (status, status < 400)
            assert bool(reply.json["errors"]) == (status >= 400)
            assert reply.json["metadata"] == {"request_id": reply.headers["x-request-id"]}


async def test_head_is_get_without_the_body() -> None:
    async with stand() as s:
        for path in ("/metrics", "/livez", "/health", "/"):
            got, head = await ask(s.port, f"GET {path}"), await ask(s.port, f"HEAD {path}")
            assert (head.status, head.body, head.headers.keys()) == (got.status, b"", got.headers.keys())


async def test_a_method_that_a_path_does_not_have_is_told_which_it_has() -> None:
    async with stand() as s:
        assert (await ask(s.port, "POST /health")).headers["allow"] == "GET, HEAD"
        assert (await ask(s.port, "GET /-/reload")).headers["allow"] == "POST"


async def test_the_ingest_listener_serves_nothing_to_be_looked_at() -> None:
    async with stand(ingest=True) as s:
        found = {
            path: (await ask(s.port, f"GET {path}")).status
            for path in ("/livez", "/readyz", "/metrics", "/", "/health")
        }
        assert found == {"/livez": 200, "/readyz": 200, "/metrics": 404, "/": 404, "/health": 404}
        assert set((await ask(s.port, "POST /v1/nothing")).json) == FORM


async def test_livez_fails_for_a_stuck_task_and_a_silent_schedule_and_names_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stand() as s:
        s.add(component("db"))
        s.take(result("db", "unhealthy", "refused"))
        assert (await ask(s.port, "GET /livez")).status == 200
        monkeypatch.setattr(s.tasks, "stuck", lambda: ["lag"])
        monkeypatch.setattr(s.scheduler, "silent", lambda: True)
        reply = await ask(s.port, "GET /livez")
        assert reply.status == 503
        assert reply.json["errors"] == ["background task lag is stuck", "no probe run has ended for three intervals"]
        assert (await ask(s.port, "GET /-/healthy")).status == 503
        assert (await ask(s.port, "GET /readyz")).status == 200


async def test_readyz_follows_start_and_stop_and_no_component() -> None:
    async with stand() as s:
        s.add(component("db", critical=True))
        s.take(result("db", "unhealthy", "refused"))
        assert (await ask(s.port, "GET /readyz")).status == 200
        s.started = False
        assert (await ask(s.port, "GET /readyz")).json["errors"] == ["starting"]
        s.started, s.stopping = True, True
        assert (await ask(s.port, "GET /readyz")).json["errors"] == ["stopping"]
        assert (await ask(s.port, "GET /-/ready")).status == 503
        assert (await ask(s.port, "GET /livez")).status == 200


@pytest.mark.parametrize(
    ("critical", "outcome", "health", "detailed", "one"),
    [
        (True, "healthy", 200, 200, 200),
        (True, "degraded", 200, 200, 200),
        (False, "unhealthy", 200, 503, 503),
        (True, "unhealthy", 503, 503, 503),
    ],
)
async def test_health_is_503_for_a_critical_component_alone_and_detailed_for_any(
    critical: bool, outcome: str, health: int, detailed: int, one: int
) -> None:
    async with stand() as s:
        s.add(component("db", critical=critical))
        s.add(component("other"))
        s.take(result("other"))
        s.take(result("db", outcome, "refused" if outcome != "healthy" else ""))
        paths = ("/health", "/health/detailed", "/health/db", "/health/other")
        assert [(await ask(s.port, f"GET {path}")).status for path in paths] == [health, detailed, one, 200]


async def test_a_component_in_maintenance_fails_no_health_check() -> None:
    async with stand() as s:
        s.add(component("db", critical=True))
        s.take(result("db", "unhealthy", "refused"), maintenance=True)
        assert [(await ask(s.port, f"GET {p}")).status for p in ("/health", "/health/detailed", "/health/db")] == [
            200
        ] * 3


async def test_a_cycle_runs_the_named_components_now_and_answers_with_the_results() -> None:
    async with stand() as s:
        for name in ("a", "b", "c"):
            s.add(component(name, interval=3600.0), scheduled=True)
        ANSWERS["b"] = Down("refused", "nobody listens")
        reply = await ask(s.port, "POST /api/v1/cycle?component=a,b", bearer(TOKEN))
        results = reply.json["data"]["results"]
        assert [(r["name"], r["outcome"], r["reason"], r["message"]) for r in results] == [
            ("a", "healthy", "", ""),
            ("b", "unhealthy", "refused", "nobody listens"),
        ]
        assert results[0]["readings"] == [{"metric": "stack_made_up_pool_ratio", "labels": {}, "value": 0.5}]
        assert [phase["name"] for phase in results[0]["phases"]] == ["connect"]
        assert (reply.status, reply.json["message"], reply.json["errors"]) == (
            200,
            "2 run, 1 unhealthy",
            ["b: refused"],
        )
        everyone = await ask(s.port, "POST /api/v1/cycle", bearer(TOKEN))
        assert [r["name"] for r in everyone.json["data"]["results"]] == ["a", "b", "c"]
        unknown = await ask(s.port, "POST /api/v1/cycle?component=a&component=%3Cx%3E", bearer(TOKEN))
        assert (unknown.status, unknown.json["errors"]) == (404, ["<x>"])


async def test_a_client_that_leaves_in_mid_cycle_does_not_end_the_components_schedule() -> None:
    async with stand() as s:
        s.add(component("a", interval=0.2, timeout=5.0), scheduled=True)
        while not s.state.records["a"].runs:
            await asyncio.sleep(0.01)
        going = ANSWERS["a"] = asyncio.Event()
        _, writer = await asyncio.open_connection("127.0.0.1", s.port)
        writer.write(
            f"POST /api/v1/cycle HTTP/1.1\r\nHost: localhost\r\n{bearer(TOKEN)}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await asyncio.sleep(0.3)  # long enough for the schedule to wait for that run too
        writer.transport.abort()
        await asyncio.sleep(0.05)
        going.set()
        async with asyncio.timeout(3):
            while len(s.state.records["a"].runs) < 4:
                await asyncio.sleep(0.02)


async def test_a_refused_reload_lists_its_problems_and_an_accepted_one_swaps_the_services() -> None:
    async with stand() as s:
        s.problems = ["components.db.port: expected a whole number"]
        reply = await ask(s.port, "POST /-/reload", bearer(TOKEN))
        assert (reply.status, reply.json["errors"]) == (422, s.problems)
        s.problems = []
        assert (await ask(s.port, "POST /-/reload", bearer(TOKEN))).status == 200
        assert s.reloads == 2


async def test_a_reload_comes_to_its_end_when_its_client_leaves() -> None:
    async with stand() as s:
        _, writer = await asyncio.open_connection("127.0.0.1", s.port)
        writer.write(request("POST /-/reload", bearer(TOKEN)))
        await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        assert s.reloads == 1


async def test_a_defect_is_500_without_its_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stand() as s:
        monkeypatch.setattr(s.tasks, "stuck", lambda: 1 / 0)
        reply = await ask(s.port, "GET /livez", "X-Request-ID: abc-1")
        assert reply.status == 500
        assert "ZeroDivision" not in reply.text
        (record,) = [r for r in caplog.records if r.name.startswith("exporter")]
        assert record.request_id == "abc-1"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abc-1_2.Z", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("a b", False),
        ("\x1b[31m", False),
        ("é", False),
        ("", False),
    ],
)
async def test_a_well_formed_request_id_comes_back_and_any_other_is_replaced(sent: str, kept: bool) -> None:
    async with stand() as s:
        reply = await ask(s.port, "GET /livez", f"X-Request-ID: {sent}")
        if reply.status == 400:  # the parser refuses a control character
            assert sent == "\x1b[31m"
            return
        assert (reply.headers["x-request-id"] == sent) == kept
        assert reply.headers["x-request-id"].isascii() and reply.headers["x-request-id"].isprintable()
