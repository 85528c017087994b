"""Who may report a heartbeat, in which forms, and what is answered."""

import base64
import json

import pytest

from exporter.component import Component
from exporter.probes.heartbeat import Heartbeat
from exporter.values import Secret
from tests.web.client import ask, bearer
from tests.web.stand import TOKEN, Stand, component, stand

JOB_TOKEN = "the-token-of-this-job"


def job(s: Stand) -> None:
    probe = Heartbeat(token=Secret(JOB_TOKEN), every=3600.0)
    s.add(Component("backup", "heartbeat", probe, interval=60.0), scheduled=True)


def basic(password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f":{password}".encode()).decode()


def reports(s: Stand) -> dict[str, float]:
    children = s.state.tallies.of("backup")
    found = {c.labels[1]: c.value for c in children if c.family.metric.name == "stack_heartbeat_reports_total"}
    return {state: value for state, value in found.items() if value}


@pytest.mark.parametrize(
    ("path", "body", "state"),
    [
        ("", "", "success"),
        ("?state=start", "", "start"),
        ("", "state=failure", "failure"),
        ("", "exit=1", "failure"),
        ("", '{"exit": 0, "run": "a", "duration": 1.5}', "success"),
        ("?run=a", "state=start", "start"),
        ("", '{"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": {}}]}', "success"),
        ("", '{"version": "4", "status": "resolved", "alerts": [{"status": "resolved"}]}', "failure"),
    ],
)
async def test_a_report_is_taken_as_a_query_a_form_and_json(path: str, body: str, state: str) -> None:
    async with stand() as s:
        job(s)
        for line in (bearer(JOB_TOKEN), basic(JOB_TOKEN)):
            reply = await ask(s.port, f"POST /hooks/heartbeat/backup{path}", line, body=body)
            assert (reply.status, reply.json["message"]) == (200, "heard"), reply.text
        assert reports(s) == {state: 2}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", "state=done", 400),
        ("?state=start", "state=start", 400),
        ("", "nonsense", 400),
        ("", "[1]", 400),
        ("", '{"state": null}', 400),
        ("", '{"state": {}}', 400),
        ("", "\xff=1", 400),
        ("", "&".join(f"a{n}=1" for n in range(11)), 400),
        ("", "run=" + "x" * 201, 413),
        ("", "x" * 70_000, 413),
        ("?token=abc", "", 400),
    ],
)
async def test_a_wrong_report_is_refused_with_what_is_wrong(path: str, body: str, status: int) -> None:
    async with stand() as s:
        job(s)
        reply = await ask(s.port, f"POST /hooks/heartbeat/backup{path}", bearer(JOB_TOKEN), body=body)
        assert (reply.status, reports(s)) == (status, {}), reply.text


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("backup", ()),
        ("backup", (bearer("another-token"),)),
        ("backup", (bearer(TOKEN),)),  # an administrator's is no job's
        ("backup", (bearer(""),)),
        ("nobody", (bearer(JOB_TOKEN),)),
        ("db", (bearer(JOB_TOKEN),)),
    ],
)
async def test_who_has_not_the_token_of_that_job_hears_the_same_whatever_is_wrong(
    name: str, lines: tuple[str, ...]
) -> None:
    async with stand() as s:
        job(s)
        s.add(component("db"))
        reply = await ask(s.port, f"POST /hooks/heartbeat/{name}", *lines, body="state=start")
        assert (reply.status, reply.json["message"], reports(s)) == (401, "missing or wrong credentials", {})


async def test_guesses_are_limited_by_source() -> None:
    async with stand() as s:
        job(s)
        seen = [(await ask(s.port, "POST /hooks/heartbeat/backup", bearer(f"guess-{n}"))).status for n in range(12)]
        assert (seen[:10], seen[-1]) == ([401] * 10, 429)


async def test_a_web_page_reports_nothing_and_a_look_changes_nothing() -> None:
    async with stand() as s:
        job(s)
        page = await ask(s.port, "POST /hooks/heartbeat/backup", bearer(JOB_TOKEN), "Origin: http://evil.example")
        look = await ask(s.port, "GET /hooks/heartbeat/backup", bearer(JOB_TOKEN))
        assert (page.status, look.status, reports(s)) == (403, 405, {})


async def test_what_could_not_be_kept_is_no_200() -> None:
    async with stand() as s:
        job(s)
        s.keeps = False
        reply = await ask(s.port, "POST /hooks/heartbeat/backup", bearer(JOB_TOKEN))
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        assert "would not outlive a restart" in json.dumps(reply.json)
