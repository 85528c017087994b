"""What was told, on the status page: for whom (PS-12), how it reads, that none of it becomes markup (F54), and a store that is gone."""

import asyncio
import time

import msgspec
import pytest

from exporter.ingest.performance import Performance
from exporter.ingest.ports import Refusing
from exporter.store.rows import Page, Wanted
from exporter.web import chart
from tests.web.client import ask, basic, bearer
from tests.web.kept import NOW, Rows, alert, group
from tests.web.stand import TOKEN, Stand, stand
from tests.web.test_page import CANARIES, Parsed, skeleton

TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


def told(s: Stand) -> Rows:
    rows = Rows()
    s.use(records=rows)
    return rows


async def page(s: Stand, *lines: str) -> str:
    return (await ask(s.port, "GET /", *lines)).text


async def test_errors_and_alerts_are_shown_to_who_may_see_details_and_read_for_nobody_else() -> None:
    async with stand() as s, stand(tokens=()) as local:
        rows = told(s)
        told(local)
        assert "Errors" not in await page(s) and rows.asked == []
        for text in (await page(s, basic("any", TOKEN)), await page(s, bearer(TOKEN)), await page(local)):
            assert "Errors (7 unresolved)" in text and "Alerts firing (1)" in text
        forwarded = await page(local, "X-Forwarded-For: 192.0.2.1")
        assert "Errors" not in forwarded


async def test_a_row_has_team_count_users_age_and_what_is_special() -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        special = {"new": True, "regressed": True, "spiking": True, "security": True, "severity": "critical"}
        rows.all_groups = [
            group(1, count=12345, last_seen=time.time() - 7200, title="x" * 500, **special),
            group(2, team="", severity="low"),
        ]
        parsed = Parsed(await page(s))
        words = " ".join(parsed.text.split())
        for shown in (
            "12,345",
            "2 h ago",
            "critical",
            "security",
            "back",
            "spiking",
            "new",
            "cad",
            "shop · cart in total · 1.1",
        ):
            assert shown in words, shown
        assert "x" * 239 + "…" in words and "x" * 240 not in words
        labels = [
            attributes["aria-label"]
            for tag, attributes in parsed.found
            if tag == "svg" and attributes.get("class") == "trend"
        ]
        assert labels == ["10 in 24 hours, 6 in the last"] * 2


async def test_hours_outside_of_the_last_24_are_left_out_of_the_trend() -> None:
    class Odd(Rows):
        async def hours(self, group: str, since: float) -> list[tuple[float, int]]:
            now = time.time()
            return [(since - 3600, 100), (since, 1), (now - now % 3600, 2), (now + 7200, 100)]

    async with stand(tokens=()) as s:
        s.use(records=Odd())
        assert 'aria-label="3 in 24 hours, 2 in the last"' in await page(s)


async def test_more_than_are_listed_are_counted() -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        rows.all_groups = [group(n) for n in range(1, 31)]
        rows.all_alerts = [alert(n) for n in range(1, 13)]
        text = await page(s)
        assert "Errors (30 unresolved, 10 shown)" in text and "Alerts firing (12, 10 shown)" in text
        assert Parsed(text).text.count("ValueError: number") == 10


async def test_the_gravest_alerts_come_first_and_the_watchdog_is_none() -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        given = [("Barking", "none"), ("Small", "info"), ("Grave", "critical"), ("Own", "odd"), ("Ticket", "warning")]
        rows.all_alerts = [alert(n, name=name, severity=severity) for n, (name, severity) in enumerate(given, 1)]
        text = Parsed(await page(s)).text
        assert "Alerts firing (4)" in text and "Barking" not in text
        text = text[text.index("Alerts firing") :]
        assert sorted(("Small", "Own", "Ticket", "Grave"), key=text.index) == ["Grave", "Ticket", "Small", "Own"]


async def test_where_nothing_was_told_the_page_says_nothing_of_it() -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        rows.all_groups, rows.all_alerts = [], []
        text = await page(s)
        assert "Errors" not in text and "Alerts" not in text and "<table" not in text
        s.use(records=None)
        assert await page(s) != ""


async def test_a_store_that_refuses_or_hangs_leaves_the_rest_of_the_page() -> None:
    class Hanging(Rows):
        async def alerts(self, wanted: Wanted) -> Page:
            await asyncio.sleep(60)
            raise AssertionError

    async with stand(tokens=()) as s:
        rows = told(s)
        rows.refusing = Refusing("unavailable", 5)
        assert "can&#39;t be read now" in await page(s)
        s.use(records=Hanging())
        began = time.monotonic()
        assert "can&#39;t be read now" in await page(s)
        assert time.monotonic() - began < 20


def measured(poison: str = "geometry_extraction") -> Performance:
    performance = Performance(lambda: 1000.0)
    performance.slow = lambda *key: None if key[-1] == "quick" else 30.0
    for name, took in ((poison, 45.0), ("quick", 0.01), ("shipment", 29.0)):
        for failed in (False, True):
            performance.work(poison, "operation", name).add(took, 10.0, failed, 1000.0)
    return performance


async def test_operations_whose_p95_is_beyond_their_threshold_are_shown() -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        rows.all_groups, rows.all_alerts = [], []
        s.use(performance=measured())
        text = " ".join(Parsed(await page(s)).text.split())
        assert "Slow operations (1 in the last hour)" in text and "geometry_extraction" in text
        assert "2050 %45 s45 s30 s" in text and "shipment" not in text and "quick" not in text
        rows.refusing = Refusing("slow", 1)
        assert "geometry_extraction" in await page(s)


def poisoned(rows: Rows, poison: str) -> None:
    fields = ("title", "culprit", "type", "code", "team", "service", "severity", "assignee")
    rows.all_groups = [group(1, releases=(poison,), environments=(poison,), **dict.fromkeys(fields, poison))]
    texts = dict.fromkeys(("name", "severity", "team", "note", "receiver", "generator_url"), poison)
    rows.all_alerts = [alert(1, annotations={"summary": poison, poison: poison}, labels={poison: poison}, **texts)]


@pytest.mark.parametrize("canary", CANARIES)
async def test_nothing_that_was_told_becomes_an_element_or_an_attribute(canary: str) -> None:
    async with stand(tokens=()) as s:
        rows = told(s)
        poisoned(rows, canary)
        s.use(performance=measured(canary))
        found = await page(s)
        poisoned(rows, "canary")
        s.use(performance=measured("canary"))
        assert skeleton(found) == skeleton(await page(s))
        assert {tag for tag, _ in Parsed(found).found} & {"script", "img", "canary"} == set()
        assert not set(found) & set("\u2028\u2029\u202e\x1b\x00")
        assert Parsed(found).text.count("canary") >= 9


@pytest.mark.parametrize("canary", CANARIES)
async def test_the_api_carries_what_was_told_as_text_of_json(canary: str) -> None:
    async with stand() as s:
        rows = told(s)
        poisoned(rows, canary)
        rows.kept = [
            msgspec.structs.replace(
                rows.kept[0], message=canary, release=canary, detail={canary: [canary], "exception": canary}
            )
        ]
        plain = canary.replace("\ud800", "?")
        for target, name in ((f"errors/{1:032x}", "title"), (f"occurrences/{1:032x}", "message")):
            reply = await ask(s.port, f"GET /api/v1/{target}", bearer(TOKEN), "Accept: text/html")
            assert reply.json["data"][name] == plain
            assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == (
                "application/json; charset=utf-8",
                "nosniff",
            )


async def test_a_browser_that_is_refused_sees_a_parameter_of_its_own_as_text() -> None:
    async with stand() as s:
        told(s)
        target = "GET /api/v1/errors?%3Cimg%20src=x%20onerror=canary()%3E=1"
        reply = await ask(s.port, target, bearer(TOKEN), "Accept: text/html")
        assert reply.status == 400 and "<img" not in reply.text and "img src" in Parsed(reply.text).text


@pytest.mark.parametrize("counts", [[], [0], [0] * 24, [5] * 24, [10**9, 1, 0]])
def test_a_trend_is_drawn_of_any_counts(counts: list[int]) -> None:
    drawn = str(chart.trend(counts))
    assert f"{sum(counts)} in {len(counts)} hours" in drawn and "nan" not in drawn
