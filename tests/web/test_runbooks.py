"""Runbooks and where notifications lead, through the front door."""

import asyncio
import html
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from exporter.ingest.ports import Refusing
from exporter.rules import shipped
from tests.web.client import Reply, ask, basic
from tests.web.kept import Rows, alert
from tests.web.stand import TOKEN, Stand, component, result, stand
from tests.web.test_page import FLAGS

BOOK = """\
# ComponentDown

A component is **down** & `unhealthy`.

## Look at first

1. Since when:

   ```promql
   stack_component_up{component="NAME"} < 1
   ```

<script>alert(1)</script> [another](DiskFull.md) [docs](../metrics.md) [out](https://example.com/) [bad](javascript:x)

See DiskFull, not DiskFuller, [DiskFull](https://example.com/) or `DiskFull`; ComponentDown is this.

Rule: alert_rules/components.yml · EN-1
"""
DISK = "# DiskFull\n\nThe disk of `NAME` is full.\n\nRule: alert_rules/storage.yml · EN-9\n"


@pytest.fixture(autouse=True)
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("ComponentDown", BOOK), ("DiskFull", DISK), ("of no rule", "x"), ("Plain", "")):
        (tmp_path / f"{name}.md").write_text(text)
    (tmp_path.parent / "secret.md").write_text("# secret")
    monkeypatch.setattr(shipped, "runbooks", lambda: tmp_path)


def words(reply: Reply) -> str:
    """Without the marks; text that looked like a mark stays."""
    body = reply.text.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def links(reply: Reply) -> list[str]:
    return re.findall(r'href="([^"]*)"', reply.text.partition("<main")[2].partition("</main>")[0])


async def test_a_runbook_is_shown_with_its_code_and_without_a_script() -> None:
    async with stand() as s:
        reply = await ask(s.port, "GET /runbooks/ComponentDown")
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ") and "script-src" not in policy
        assert "<code>stack_component_up{component=&quot;NAME&quot;} &lt; 1</code>" in reply.text
        assert "<figcaption>promql</figcaption>" in reply.text
        assert "<script" not in reply.text and "&lt;script&gt;alert(1)&lt;/script&gt;" in reply.text
        assert "A component is down & unhealthy ." in words(reply)
        assert "[bad](javascript:x)" in reply.text
        assert links(reply) == ["DiskFull", "https://example.com/", "DiskFull", "https://example.com/"]
        assert re.findall(r'<nav[^>]*><a href="([^"]*)"[^>]*>[^<]*</a><a href="([^"]*)"', reply.text) == [
            ("/", "/runbooks/")
        ]


async def test_the_list_has_each_by_the_file_of_its_rule() -> None:
    async with stand() as s:
        for path in ("/runbooks/", "/runbooks"):
            reply = await ask(s.port, f"GET {path}")
            assert (
                "Runbooks (3) Components Others Storage Components ComponentDown A component is down & unhealthy. Others Plain"
                in words(reply)
            )
            assert links(reply)[:3] == ["#components", "#others", "#storage"]
            assert links(reply)[3:] == ["/runbooks/ComponentDown", "/runbooks/Plain", "/runbooks/DiskFull"]


@pytest.mark.parametrize(
    "name", ["ComponentDwn", "componentdown", "%2e%2e%2fsecret", "..", "of%20no%20rule", "x" * 200]
)
async def test_another_name_is_404_with_those_that_are_near(name: str) -> None:
    near = ["ComponentDown"] if name.lower().startswith("component") else []
    async with stand() as s:
        page = await ask(s.port, f"GET /runbooks/{name}", "Accept: text/html")
        assert (page.status, links(page)) == (404, [f"/runbooks/{each}" for each in near])
        reply = await ask(s.port, f"GET /runbooks/{name}")
        assert (reply.status, reply.json["message"]) == (
            404, f"there is no runbook of this name; {'near: ComponentDown' if near else 'all are at /runbooks/'}",
        )  # fmt: skip


async def test_markdowns_own_address_leads_there_too() -> None:
    async with stand() as s:
        assert (await ask(s.port, "GET /runbooks/DiskFull.md")).status == 200


async def test_what_fires_is_said_to_who_may_see_it_and_leads_to_its_component() -> None:
    async with stand() as s:
        s.add(component("db"))
        s.take(result("db"))
        rows = Rows()
        s.use(records=rows)
        assert "Fires now" not in words(await ask(s.port, "GET /runbooks/ComponentDown"))
        seen = await ask(s.port, "GET /runbooks/ComponentDown", basic("any", TOKEN))
        assert "Fires now db is down for" in words(seen)
        assert (rows.asked[-1].name, rows.asked[-1].status) == ("ComponentDown", "firing")
        assert links(seen)[0] == "/#component-db"
        page = await ask(s.port, "GET /", basic("any", TOKEN))
        assert 'id="component-db"' in page.text
        rows.all_alerts = [alert(1, labels={"component": '"><b>'}, annotations={})]
        seen = await ask(s.port, "GET /runbooks/ComponentDown", basic("any", TOKEN))
        assert links(seen)[0] == "/#alerts"
        rows.refusing = Refusing("unavailable", 1.0)
        seen = await ask(s.port, "GET /runbooks/ComponentDown", basic("any", TOKEN))
        assert seen.status == 200 and "Fires now" not in words(seen)


async def test_an_alert_on_the_status_page_leads_to_its_runbook_if_it_has_one() -> None:
    async with stand(tokens=()) as s:
        rows = Rows()
        rows.all_alerts = [alert(1), alert(2, name="Own"), alert(3, name="../secret")]
        s.use(records=rows)
        page = await ask(s.port, "GET /")
        assert re.findall(r'href="(/runbooks/[^"]+)"', page.text) == ["/runbooks/ComponentDown"]
        assert "<b>Own</b>" in page.text and 'href="/runbooks/"' in page.text


@pytest.mark.debian
async def test_chromium_draws_a_runbook_and_breaks_no_policy() -> None:
    async with stand(tokens=()) as s:
        s.use(records=Rows())
        drawn = await _drawn(s, "/runbooks/ComponentDown")
        assert "Fires now" in drawn.stdout and "<script" not in drawn.stdout
        assert "Content Security Policy" not in drawn.stderr and ":CONSOLE" not in drawn.stderr


async def _drawn(s: Stand, path: str) -> "subprocess.CompletedProcess[str]":
    browser = shutil.which("chromium")
    assert browser, "needs chromium: make deps"
    with tempfile.TemporaryDirectory() as folder:
        logged = ("--enable-logging=stderr", "--log-level=0", "--dump-dom")
        command = [browser, *FLAGS, f"--user-data-dir={folder}", *logged, f"http://127.0.0.1:{s.port}{path}"]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
