"""Who may tell of alerts, what is kept and counted of them, and what is answered."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.config import Config
from exporter.config.application import Alerting, Retention, Scrub
from exporter.ingest.group import Groups
from exporter.ingest.intake import Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.ports import Refusing
from exporter.ingest.scrub import Scrubbing
from exporter.store.recorder import Recorder
from exporter.store.rows import Alert, Page, Wanted
from exporter.store.sqlite import Store
from exporter.values import Secret
from tests.web.client import Reply, ask, basic, bearer
from tests.web.stand import TOKEN, Stand, stand

HOOK_TOKEN = "the-token-of-alertmanager"
METER: Any = None
"""Nothing is measured of alerts."""


@contextlib.asynccontextmanager
async def hook(token: str | None = HOOK_TOKEN, **changes: Any) -> AsyncIterator[tuple[Stand, Recorder]]:
    async with stand() as s:
        records = Recorder(None, Retention(), s.state.tallies)
        await records.open(Store(None))
        try:
            parts = Parts(Scrubbing(Scrub()), Groups(), METER)
            intake = Intake(parts, records, s.state.tallies, Buckets(100, 12_000), heard=lambda _: None)
            config = Config(alertmanager=Alerting(token=Secret(token) if token else None))
            s.use(**({"records": records, "intake": intake, "config": config} | changes))
            yield s, records
        finally:
            await records.close()


def at(seconds_ago: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).isoformat()


def alert(number: int = 1, *, began: str = "", ended: str = "", **labels: str) -> dict[str, Any]:
    return {
        "status": "resolved" if ended else "firing",
        "labels": {"alertname": "DiskFull", "severity": "critical", "team": "ops"} | labels,
        "annotations": {"summary": "tell joe@shop.example"},
        "startsAt": began or at(30),
        "endsAt": ended or "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{number:016x}",
    }


async def tell(s: Stand, *alerts: Any, line: str = bearer(HOOK_TOKEN), **fields: Any) -> Reply:
    body = {"version": "4", "receiver": "hook", "status": "firing", "truncatedAlerts": 0, "alerts": alerts} | fields
    return await ask(s.port, "POST /hooks/alertmanager", line, body=json.dumps(body))


def counted(s: Stand) -> dict[str, float]:
    """Of alerts: counters' values, histograms' counts, by name and labels."""
    found: dict[str, float] = {}
    for family in s.state.tallies.families.values():
        name = family.metric.name
        if name.startswith("stack_alert_"):
            for labels, child in family.children.items():
                found["/".join((name, *labels))] = sum(child.cells) if child.cells is not None else child.value
    events = s.state.tallies.families
    for family in events.values():
        if family.metric.name == "stack_exporter_ingest_events_total":
            found |= {
                labels[1]: child.value
                for labels, child in family.children.items()
                if labels[0] == "alertmanager" and child.value
            }
    return found


async def kept(records: Recorder, **wanted: Any) -> list[Alert]:
    return list((await records.alerts(Wanted(**wanted))).items)


async def test_an_alert_is_kept_from_its_beginning_to_its_end_and_counts_once() -> None:
    async with hook() as (s, records):
        began = at(30)
        for _ in range(3):
            reply = await tell(s, alert(began=began))
            assert reply.status == 200, reply.text
        assert reply.json["data"] == {"news": 0, "known": 1, "invalid": 0}
        (firing,) = await kept(records, status="firing")
        assert (firing.name, firing.severity, firing.team, firing.notifications) == ("DiskFull", "critical", "ops", 3)
        assert firing.annotations == {"summary": "tell [email]"}
        for _ in range(2):
            assert (await tell(s, alert(began=began, ended=at(5)))).json["message"] == "kept"
        (ended,) = await kept(records)
        assert (ended.id, ended.resolved_by) == (firing.id, "alertmanager")
        assert ended.resolved_at == pytest.approx(time.time() - 5, abs=2)
        assert counted(s) == {
            "stack_alert_notifications_total/critical/firing": 1,
            "stack_alert_notifications_total/critical/resolved": 1,
            "stack_alert_notification_latency_seconds/critical": 1,
            "stack_alert_resolution_seconds/critical": 1,
            "accepted": 2,
            "duplicate": 3,
        }


async def test_an_alert_that_fires_again_within_an_hour_flaps() -> None:
    async with hook() as (s, _):
        await tell(s, alert(1, began=at(9_000), ended=at(8_000)), alert(2, began=at(9_000), ended=at(600)))
        await tell(s, alert(1, began=at(10)), alert(2, began=at(10)), alert(3, began=at(10)))
        assert counted(s)["stack_alert_flaps_total/critical"] == 1
        await tell(s, alert(2, began=at(10)), truncatedAlerts=4)
        assert counted(s)["stack_alert_truncated_total"] == 4


async def test_a_malformed_alert_loses_no_other() -> None:
    async with hook() as (s, records):
        reply = await tell(s, alert(1), {"status": "firing"}, None, alert(2), [], alert(3) | {"startsAt": "soon"})
        assert (reply.status, reply.json["data"]) == (200, {"news": 2, "known": 0, "invalid": 4})
        assert {one.fingerprint for one in await kept(records)} == {f"{n:016x}" for n in (1, 2)}
        assert (await tell(s, {"status": "firing"}, 1)).status == 400
        assert (await tell(s)).status == 200
        assert (counted(s)["accepted"], counted(s)["invalid"]) == (2, 6)


async def test_a_thousand_alerts_are_one_notification() -> None:
    async with hook() as (s, records):
        reply = await tell(s, *(alert(n, instance=f"web-{n}") for n in range(1_000)))
        assert (reply.status, reply.json["data"]["news"]) == (200, 1_000)
        assert (await records.alerts(Wanted(status="firing"))).total == 1_000


class Refuser:
    """A store that keeps no alert of the name Lost: a full one can't be made to refuse one of several."""

    def __init__(self, records: Recorder, error: Exception) -> None:
        self.records, self.error = records, error

    async def alerted(self, alert: Alert) -> tuple[Alert, bool]:
        if alert.name == "Lost":
            raise self.error
        return await self.records.alerted(alert)

    async def alerts(self, wanted: Wanted) -> Page[Alert]:
        raise Refusing("slow", 1.0)


@pytest.mark.parametrize("error", [Refusing("full", 10.0), ValueError("a fault of ours")])
async def test_what_is_not_kept_is_no_200_and_comes_again(error: Exception) -> None:
    async with hook() as (s, records):
        s.use(records=Refuser(records, error))
        made = [alert(1), alert(2, alertname="Lost"), alert(3)]
        reply = await tell(s, *made)
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        assert "fault" not in reply.text
        assert {one.fingerprint for one in await kept(records)} == {f"{n:016x}" for n in (1, 3)}
        s.use(records=records)
        assert (await tell(s, *made)).json["data"] == {"news": 1, "known": 2, "invalid": 0}
        assert (counted(s)["accepted"], counted(s)["duplicate"], counted(s)["refused"]) == (3, 2, 1)


async def test_without_a_store_nothing_is_acknowledged() -> None:
    async with hook(records=None) as (s, _):
        assert (await tell(s, alert())).status == 503


@pytest.mark.parametrize("line", [bearer("another-token"), bearer(TOKEN), bearer(""), basic("x", "wrong"), "X-None: 1"])
async def test_who_has_not_the_token_tells_nothing(line: str) -> None:
    async with hook() as (s, records):
        reply = await tell(s, alert(), line=line)
        assert (reply.status, reply.json["message"]) == (401, "missing or wrong credentials")
        assert await kept(records) == []


async def test_the_token_is_taken_as_a_password_too() -> None:
    async with hook() as (s, _):
        assert (await tell(s, alert(), line=basic("alertmanager", HOOK_TOKEN))).status == 200


async def test_without_a_token_configured_nobody_may() -> None:
    async with hook(token=None) as (s, records):
        reply = await tell(s, alert())
        assert (reply.status, "alertmanager.token" in reply.text) == (403, True)
        assert await kept(records) == []


async def test_guesses_are_limited_by_source() -> None:
    async with hook() as (s, _):
        seen = [(await tell(s, alert(), line=bearer(f"guess-{n}"))).status for n in range(12)]
        assert (seen[:10], seen[-1]) == ([401] * 10, 429)


async def test_a_web_page_tells_nothing_and_a_look_changes_nothing() -> None:
    async with hook() as (s, _):
        page = await ask(s.port, "POST /hooks/alertmanager", bearer(HOOK_TOKEN), "Origin: http://evil.example")
        look = await ask(s.port, "GET /hooks/alertmanager", bearer(HOOK_TOKEN))
        assert (page.status, look.status) == (403, 405)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"alerts": 1}', 400), (b"\xff\xfe", 400), (b"[" * 60_000, 400)],
)
async def test_a_wrong_body_is_refused(body: bytes, status: int) -> None:
    async with hook() as (s, _):
        reply = await ask(s.port, "POST /hooks/alertmanager", bearer(HOOK_TOKEN), body=body)
        assert (reply.status, counted(s)) == (status, {"invalid": 1}), reply.text


async def test_a_body_is_read_only_from_who_may_and_up_to_eight_megabytes() -> None:
    async with hook() as (s, _):
        head = b"POST /hooks/alertmanager HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n%b\r\n\r\n"
        seen = []
        for line in (bearer(HOOK_TOKEN), bearer("wrong")):
            reader, writer = await asyncio.open_connection("127.0.0.1", s.port)
            writer.write(head % line.encode())
            seen.append((await reader.readline()).split()[1])
            writer.close()
            await writer.wait_closed()
        assert seen == [b"413", b"401"]
