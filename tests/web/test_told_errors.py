"""An error on the status page opens to its latest occurrence: for whom, what it says, in what order, how much, and the banner."""

from typing import Any

import msgspec
import pytest

from exporter.web.api.stack import MOST, traces
from tests.web.client import ask, basic, bearer
from tests.web.kept import NOW, Rows, group
from tests.web.stand import TOKEN, Stand, component, result, stand
from tests.web.test_page import CANARIES, Parsed, skeleton

ONE = f"{1:032x}"
FRAMES = [
    {"filename": "web/base.py", "lineno": 1, "function": "dispatch", "in_app": False},
    {"filename": "shop/web.py", "lineno": 30, "function": "view", "in_app": True},
    {"filename": "db/engine.py", "lineno": 2, "function": "execute", "in_app": False},
    {"filename": "shop/cart.py", "lineno": 12, "function": "total", "in_app": True},
]
DETAIL = {
    "exception": {"values": [{"type": "ValueError", "value": "no price", "stacktrace": {"frames": FRAMES}}]},
    "request": {"method": "POST", "url": "https://shop.example/cart", "data": "canary"},
}


def told(s: Stand, detail: dict[str, Any] = DETAIL, **fields: Any) -> Rows:
    rows = Rows()
    rows.all_groups = [group(1, **fields)]
    rows.kept = [msgspec.structs.replace(rows.kept[0], detail=detail)]
    s.use(records=rows)
    return rows


async def page(s: Stand, *lines: str, target: str = "/", host: str = "localhost") -> str:
    return (await ask(s.port, f"GET {target}", *lines, host=host)).text


async def test_an_error_opens_to_the_latest_occurrence_and_the_line_that_resolves_it() -> None:
    async with stand() as s:
        told(s)
        text = await page(s, bearer(TOKEN), host="stack.example:9676")
        parsed = Parsed(text)
        words = " ".join(parsed.text.split())
        for shown in (
            "ValueError: no price", "POST https://shop.example/cart", "/cart", "1.1", "production", "cd" * 16, "ab" * 8, ONE, "2 frames of libraries",
        ):  # fmt: skip
            assert shown in words, shown
        assert "shop/cart.py:12 in total\nshop/web.py:30 in view" in parsed.text
        assert parsed.text.index("shop/web.py") < parsed.text.index("db/engine.py:2 in execute\nweb/base.py")
        line = f'-d \'{{"status": "resolved"}}\' http://stack.example:9676/api/v1/errors/{ONE}'
        assert f'curl -X PATCH -H "Authorization: Bearer $TOKEN" {line}' in words
        assert TOKEN not in text and "canary" not in text
        details = [attributes for tag, attributes in parsed.found if tag == "details"]
        assert details == [{"id": f"error-{ONE}"}, {}]
        assert "no price" not in await page(s)


async def test_the_line_that_resolves_an_error_does() -> None:
    async with stand() as s:
        rows = told(s)
        sent = (bearer(TOKEN), "Content-Type: application/x-www-form-urlencoded")
        assert (await ask(s.port, f"PATCH /api/v1/errors/{ONE}", *sent, body=b'{"status": "resolved"}')).status == 200
        assert [group.status for group in rows.all_groups] == ["resolved"]
        assert "Errors (" not in await page(s, bearer(TOKEN))


@pytest.mark.parametrize("host", ["$(id)", "a;id", "`id`", "a b", "a'b", 'x" onclick="y'])
async def test_a_host_that_a_shell_would_run_is_not_repeated(host: str) -> None:
    async with stand() as s:
        told(s)
        words = Parsed(await page(s, bearer(TOKEN), host=host)).text
        assert f"http://localhost:9676/api/v1/errors/{ONE}" in words or "curl" not in words
        assert host not in words


async def test_without_an_admin_token_it_says_what_resolving_needs() -> None:
    async with stand(tokens=()) as s:
        told(s)
        words = Parsed(await page(s)).text
        assert "To resolve it, configure an admin token (web.admin_tokens)" in words and "curl" not in words


async def test_one_that_is_kept_open_is_open_and_no_other() -> None:
    async with stand(tokens=()) as s:
        told(s).all_groups.append(group(2))
        for query, opened in ((f"?error={ONE}", [f"error-{ONE}"]), ("?error=x", []), ("", [])):
            found = Parsed(await page(s, target=f"/{query}")).found
            assert [
                attributes["id"] for tag, attributes in found if tag == "details" and "open" in attributes
            ] == opened


@pytest.mark.parametrize(
    "detail",
    [{}, {"exception": 7, "request": 7}, {"exception": {"values": [{"stacktrace": {"frames": [None, 7, {}]}}]}, "request": {"url": 7}}],
)  # fmt: skip
async def test_an_occurrence_of_any_shape_is_shown(detail: dict[str, Any]) -> None:
    async with stand(tokens=()) as s:
        rows = told(s, detail)
        assert "Errors (1 unresolved)" in await page(s)
        rows.kept = []
        assert "No occurrence of it is kept any longer." in await page(s)


async def test_a_long_stack_and_long_texts_are_cut() -> None:
    frames = [{"filename": "x" * 1_000, "lineno": n, "function": "f", "in_app": n % 2 == 0} for n in range(5_000)]
    values = [{"type": "T" * 5_000, "value": "v", "stacktrace": {"frames": frames}}] * 50
    async with stand(tokens=()) as s:
        rows = told(s, {"exception": {"values": values}, "request": {"url": "u" * 5_000}})
        rows.kept = [msgspec.structs.replace(rows.kept[0], group=f"{n:032x}") for n in range(1, 31)]
        rows.all_groups = [group(n) for n in range(1, 31)]
        text = await page(s)
        assert text.count("<pre>") <= 10 * 4 * 2 and len(text) < 400_000
        assert "… 75 more" in text
    assert sum(len(trace.ours) + len(trace.others) for trace in traces({"exception": values})) <= MOST


async def test_the_gravest_come_first_then_the_last_seen_and_the_banner_counts_them() -> None:
    async with stand() as s:
        s.add(component("db"))
        s.take(result("db"))
        rows = told(s)
        rows.all_groups = [
            group(1, severity="low", last_seen=NOW), group(2, severity="critical", last_seen=NOW - 90), group(3, severity="high"),
            group(4, severity="high", last_seen=NOW - 1), group(5, severity="critical", status="resolved"),
        ]  # fmt: skip
        text = Parsed(await page(s, basic("any", TOKEN))).text
        order = [text.index(f"number {n}") for n in (2, 4, 3, 1)]
        assert order == sorted(order) and "number 5" not in text
        assert "Everything is healthy" in text and "1 critical error2 high errors" in text
        assert "critical error" not in Parsed(await page(s)).text
        rows.all_groups = []
        assert "critical error" not in await page(s, bearer(TOKEN))


async def test_where_nothing_was_sent_a_line_says_how() -> None:
    async with stand() as s:
        rows = told(s)
        rows.all_groups, rows.all_alerts = [], []
        for _ in range(2):  # without a component, and with one
            assert "stack-exporter dsn" in await page(s, bearer(TOKEN))
            assert "stack-exporter dsn" not in await page(s)
            s.add(component("db"))
        assert "to see errors, messages" in await page(s)


@pytest.mark.parametrize("canary", CANARIES)
async def test_nothing_of_an_occurrence_becomes_markup(canary: str) -> None:
    def detail(poison: str) -> dict[str, Any]:
        frame = dict.fromkeys(("filename", "function", "module"), poison)
        raised = {"type": poison, "value": poison, "stacktrace": {"frames": [frame, frame | {"in_app": True}]}}
        return {"exception": {"values": [raised]}, "request": {"method": poison, "url": poison}}

    async with stand() as s:
        pages = []
        for poison in (canary, "canary"):
            rows = told(s, detail(poison), assignee=poison)
            texts = dict.fromkeys(("message", "release", "environment", "transaction", "user", "trace_id"), poison)
            rows.kept = [msgspec.structs.replace(rows.kept[0], **texts)]
            pages.append(await page(s, bearer(TOKEN)))
        assert skeleton(pages[0]) == skeleton(pages[1])
        assert Parsed(pages[0]).text.count("canary") >= 12
