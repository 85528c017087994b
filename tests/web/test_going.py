"""Where a notification about errors leads."""

import re
from pathlib import Path

import pytest

from exporter.config import load
from exporter.config.application import Retention
from exporter.ingest.ports import Refusing
from exporter.store.rows import Change, Kept
from tests.store.place import NOW, Place, error
from tests.web.client import ask, basic, bearer
from tests.web.kept import Rows, group
from tests.web.stand import TOKEN, stand

LINKED = load("forward: {trace_url: 'https://x.example/{trace_id}'}", source="test", environ={})


async def test_it_leads_to_the_newest_group_that_is_asked_for(tmp_path: Path) -> None:
    async with stand(tokens=()) as s, Place(tmp_path).opened(Retention(low_space=0.0)) as store:
        s.use(records=store)
        day = 86_400.0
        await store.add([error("a", at=NOW - 2 * day), error("b", at=NOW - 60), error("c", at=NOW - 90)])
        await store.add([error("d", at=NOW - 30, severity="low")])
        await store.change("a" * 32, Change(status="resolved"), "ann", NOW)
        await store.add([error("a", at=NOW - 80), *(error("c", at=NOW) for _ in range(20))])
        for query, letter in {
            "service=shop&state=new": "d",
            "service=shop&state=new&severity=high": "b",
            "service=shop&state=regressed": "a",
            "service=shop&state=spiking": "c",
            "service=shop": "c",
            "state=new": "d",
        }.items():
            reply = await ask(s.port, f"GET /go/error?{query}")
            id_ = letter * 32
            assert (reply.status, reply.headers["location"]) == (303, f"/?error={id_}#error-{id_}"), query
        page = await ask(s.port, f"GET /?error={'a' * 32}")
        assert re.search(rf'<details id="error-{"a" * 32}" open', page.text)


async def test_a_group_that_is_not_among_the_gravest_is_shown_too() -> None:
    async with stand(tokens=()) as s:
        rows = Rows()
        rows.all_groups = [group(n, severity="high") for n in range(1, 31)] + [group(99, severity="low")]
        rows.kept.append(Kept(f"{99:032x}", f"{99:032x}", NOW, "error", "1", "production", "/far", "", "", "far away"))
        s.use(records=rows)
        id_ = f"{99:032x}"
        shown = re.findall(r'<details id="error-(\w+)"( open)?', (await ask(s.port, f"GET /?error={id_}")).text)
        assert shown[0] == (id_, " open") and len(shown) == 11
        assert "far away" in (await ask(s.port, f"GET /?error={id_}")).text
        rows.all_groups[-1] = group(99, status="resolved")
        for gone in (id_, f"{100:032x}", "x", "../" * 9):
            shown = re.findall(r'<details id="error-(\w+)"( open)?', (await ask(s.port, f"GET /?error={gone}")).text)
            assert len(shown) == 10 and not any(is_open for _, is_open in shown), gone


async def test_the_trace_is_where_traces_are_shown() -> None:
    async with stand(tokens=()) as s:
        rows = Rows()
        rows.all_groups = [group(1, trace_id="ab" * 16)]
        s.use(records=rows, config=LINKED)
        with_trace = await ask(s.port, "GET /go/error?service=shop&to=trace")
        assert (with_trace.status, with_trace.headers["location"]) == (303, f"https://x.example/{'ab' * 16}")
        rows.all_groups = [group(1)]
        without = await ask(s.port, "GET /go/error?service=shop&to=trace")
        assert without.headers["location"] == f"/?error={1:032x}#error-{1:032x}"


async def test_where_there_is_none_the_page_says_so() -> None:
    async with stand(tokens=()) as s:
        rows = Rows()
        rows.all_groups = []
        s.use(records=rows)
        reply = await ask(s.port, "GET /go/error?service=%3Cb%3E&state=regressed&severity=high")
        assert reply.status == 303
        assert reply.headers["location"] == "/?none=error&service=%3Cb%3E&state=regressed&severity=high#errors"
        page = await ask(s.port, f"GET {reply.headers['location'].partition('#')[0]}")
        assert "No high error of &lt;b&gt; is back any longer." in page.text


async def test_who_may_not_see_errors_is_asked_to_sign_in() -> None:
    async with stand() as s, stand(tokens=()) as closed:
        rows = Rows()
        s.use(records=rows)
        closed.use(records=rows)
        refused = await ask(s.port, "GET /go/error?service=shop", "Accept: text/html")
        assert (refused.status, refused.headers["www-authenticate"][:5], rows.asked) == (401, "Basic", [])
        for who in (basic("any", TOKEN), bearer(TOKEN)):
            assert (await ask(s.port, "GET /go/error?service=shop", who)).status == 303
        away = await ask(closed.port, "GET /go/error?service=shop", "X-Forwarded-For: 192.0.2.1")
        assert away.status == 403


@pytest.mark.parametrize("query", ["state=old", "severity=grave", "state=unresolved"])
async def test_a_word_that_is_none_is_refused(query: str) -> None:
    async with stand(tokens=()) as s:
        assert (await ask(s.port, f"GET /go/error?{query}")).status == 400


async def test_a_store_that_is_gone_is_503() -> None:
    async with stand(tokens=()) as s:
        rows = Rows()
        rows.refusing = Refusing("unavailable", 1.0)
        s.use(records=rows)
        assert (await ask(s.port, "GET /go/error")).status == 503
