"""The admin API on alerts and events, the daemon's own log lines, and the whole status."""

import asyncio
import io
import logging
from collections.abc import Iterator

import msgspec
import pytest

from exporter import __version__, log as logs
from exporter.ingest.alerts import FALSE_ALARMS
from exporter.ingest.intake import EVENTS
from exporter.ingest.performance import Performance
from exporter.store.rows import Wanted
from exporter.web.api.moment import stamp
from tests.web.client import Reply, ask, bearer
from tests.web.kept import NOW, Rows
from tests.web.stand import TOKEN, Stand, component, result, stand

FIRING = {
    "id": f"{1:032x}",
    "fingerprint": f"{1:016x}",
    "name": "ComponentDown",
    "severity": "critical",
    "team": "cad",
    "labels": {"component": "db"},
    "annotations": {"summary": "db is down"},
    "firing": True,
    "starts_at": stamp(NOW - 600),
    "received_at": stamp(NOW - 590),
    "resolved_at": None,
    "resolved_by": "",
    "duration": None,
    "false_alarm": False,
    "note": "",
    "notifications": 1,
    "receiver": "",
    "generator_url": "",
}
OVER = FIRING | {
    "id": f"{2:032x}",
    "fingerprint": f"{2:016x}",
    "firing": False,
    "resolved_at": stamp(NOW - 60),
    "resolved_by": "alertmanager",
    "duration": 540.0,
}


async def asked(s: Stand, target: str, body: object = None) -> Reply:
    raw = b"" if body is None else msgspec.json.encode(body)
    return await ask(s.port, target, bearer(TOKEN), body=raw)


def told(s: Stand) -> Rows:
    rows = Rows()
    s.use(records=rows)
    return rows


async def test_alerts_are_those_that_fire_and_the_history_has_all() -> None:
    async with stand() as s:
        rows = told(s)
        assert (await asked(s, "GET /api/v1/alerts")).json["data"] == [FIRING]
        assert (await asked(s, "GET /api/v1/alerts/history")).json["data"] == [FIRING, OVER]
        assert (await asked(s, "GET /api/v1/alerts/history?status=resolved")).json["data"] == [OVER]
        rows.asked.clear()
        query = "name=ComponentDown&severity=critical&team=cad&q=down&limit=3&since=1777636800&until=1777640400"
        await asked(s, f"GET /api/v1/alerts/history?{query}")
        wanted = Wanted(
            name="ComponentDown", severity="critical", team="cad", text="down", limit=3, since=1777636800.0, until=1777640400.0
        )  # fmt: skip
        assert rows.asked == [wanted]


async def test_an_alert_is_resolved_and_marked_as_a_false_alarm_by_hand() -> None:
    async with stand() as s:
        told(s)
        body = {"false_alarm": True, "note": "the test rig", "actor": "ada"}
        reply = await asked(s, f"POST /api/v1/alerts/{1:032x}/resolve", body)
        data = reply.json["data"]
        assert (reply.status, reply.json["message"]) == (200, "resolved, a false alarm")
        assert (data["firing"], data["resolved_by"], data["false_alarm"], data["note"]) == (
            False,
            "ada",
            True,
            "the test rig",
        )
        assert (await asked(s, "GET /api/v1/alerts")).json["data"] == []
        for _ in range(2):  # counts once, however often it is said
            assert (await asked(s, f"POST /api/v1/alerts/{1:032x}/resolve", {"false_alarm": True})).status == 200
        assert s.state.tallies.child(FALSE_ALARMS, "critical").value == 1
        assert (await asked(s, f"POST /api/v1/alerts/{99:032x}/resolve")).status == 404


async def test_events_are_filtered_by_kind_and_security_events_are_of_one() -> None:
    async with stand() as s:
        rows = told(s)
        every = (await asked(s, "GET /api/v1/events")).json["data"]
        assert [one["kind"] for one in every] == ["security", "deploy"]
        assert (await asked(s, "GET /api/v1/events?kind=deploy")).json["data"] == every[1:]
        security = (await asked(s, "GET /api/v1/security-events")).json
        assert (security["data"], security["metadata"]["error_groups"]) == (every[:1], 0)
        assert every[0] == {
            "id": f"{9:032x}",
            "at": stamp(NOW),
            "kind": "security",
            "type": "brute_force",
            "severity": "high",
            "service": "shop",
            "environment": "production",
            "release": "1.1",
            "user": "",
            "detail": {"attempts": 5},
        }
        rows.asked.clear()
        query = "type=brute_force&severity=high&service=shop&environment=production&release=1&q=x&since=1&until=2&limit=3&cursor=0"
        await asked(s, f"GET /api/v1/security-events?{query}")
        assert rows.asked[:1] == [
            Wanted(
                kind="security", type="brute_force", severity="high", service="shop", environment="production", release="1",
                text="x", since=1.0, until=2.0, limit=3, cursor="0",
            )
        ]  # fmt: skip


async def test_the_status_has_components_errors_alerts_store_and_what_came_in() -> None:
    async with stand() as s:
        told(s)
        s.add(component("db", critical=True))
        s.take(result("db", "unhealthy", "refused", "no"))
        s.state.tallies.child(EVENTS, "sentry", "accepted").add(3)
        s.state.tallies.child(EVENTS, "otlp", "limited")
        data = (await asked(s, "GET /api/v1/status")).json["data"]
        assert [one["name"] for one in data.pop("components")] == ["db"]
        series = data["exporter"].pop("series")
        assert series > 0
        assert data == {
            "status": "unhealthy",
            "score": 0.0,
            "failing": ["db"],
            "service": "",
            "environment": "",
            "exporter": {"version": __version__, "ailments": [], "ready": True},
            "ingest": {"sentry": {"accepted": 3}, "otlp": {"limited": 0}},
            "forwarding": [],
            "store": {"available": True, "reason": "", "bytes": 4096},
            "errors": {"shop": {"unresolved": 7, "new": 1}},
            "alerts": {"total": 1, "newest": [FIRING]},
        }


async def test_figures_of_performance_are_sorted_filtered_and_paged() -> None:
    async with stand() as s:
        assert (await asked(s, "GET /api/v1/performance")).status == 503
        performance = Performance(lambda: 1000.0)
        performance.slow = lambda *key: 30.0 if key[-1] == "export" else None
        for service, kind, name, took in (
            ("shop", "operation", "export", 40.0),
            ("shop", "request", "GET /", 0.5),
            ("cad", "task", "mail", 2.0),
        ):
            performance.work(service, kind, name).add(took, 2.0, name == "mail", 1000.0)  # type: ignore[arg-type]
        s.use(performance=performance)
        whole = await asked(s, "GET /api/v1/performance?limit=2")
        reply, text = whole.json, whole.body
        assert [row["name"] for row in reply["data"]] == ["export", "mail"]
        assert reply["data"][0] == {
            "service": "shop", "kind": "operation", "name": "export", "count": 2.0, "total": 80.0, "mean": 40.0, "min": 40.0, "max": 40.0,
            "p50": 40.0, "p95": 40.0, "p99": 40.0, "errors": 0.0, "error_rate": 0.0, "slow_threshold": 30.0, "slow_count": 2.0,
        }  # fmt: skip
        assert b'"count":2,' in text and b'"slow_count":2}' in text
        assert (reply["metadata"]["total"], reply["metadata"]["next"]) == (3, "2")
        for query, names in {
            "limit=2&cursor=2": ["GET /"], "service=cad": ["mail"], "kind=request": ["GET /"], "q=EXP": ["export"], "sort=error_rate&limit=1": ["mail"],
        }.items():  # fmt: skip
            assert [row["name"] for row in (await asked(s, f"GET /api/v1/performance?{query}")).json["data"]] == names
        assert (await asked(s, "GET /api/v1/performance?cursor=x")).status == 400


async def test_the_status_does_not_wait_for_a_store_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Rows):
        async def statuses(self) -> dict[tuple[str, str], int]:
            await asyncio.sleep(60)
            return {}

    monkeypatch.setattr("exporter.web.api.status.PATIENCE", 0.1)
    async with stand() as s:
        s.use(records=Hanging())
        data = (await asked(s, "GET /api/v1/status")).json["data"]
        assert (data["store"]["reason"], data["errors"], data["alerts"]) == ("slow", None, None)


@pytest.fixture
def logging_set_up() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.setup("info", "json", io.StringIO())
    yield logging.getLogger("exporter.test")
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(capture=False)


async def test_the_newest_log_lines_are_told_as_they_were_logged(logging_set_up: logging.Logger) -> None:
    async with stand() as s:
        logging_set_up.debug("not logged")
        logging_set_up.info("first", extra={"address": "postgres://ada:hunter2@db/x"})
        logging_set_up.warning("<b>second</b>\u202e\x1b[31m")
        reply = await asked(s, "GET /api/v1/logs")
        data = reply.json["data"]
        assert [(line["level"], line["message"]) for line in data] == [
            ("warning", "<b>second</b>\u202e\x1b[31m"),
            ("info", "first"),
        ]
        assert data[1]["address"] == "postgres://ada:[REDACTED]@db/x"
        assert b"hunter2" not in reply.body
        for query, messages in {
            "level=warning": 1, "level=error": 0, "q=FIRST": 1, "q=hunter2": 0, "limit=1": 1, "since=1h": 2, "since=2100-01-01T00:00:00Z": 0,
        }.items():  # fmt: skip
            assert len((await asked(s, f"GET /api/v1/logs?{query}")).json["data"]) == messages, query


async def test_with_no_logging_set_up_there_are_no_lines() -> None:
    async with stand() as s:
        assert (await asked(s, "GET /api/v1/logs")).json["data"] == []
