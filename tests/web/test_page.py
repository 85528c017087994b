"""The status page: what it shows, that no input becomes markup (F54), and that a browser draws it."""

import shutil
import subprocess
import tempfile
import time
from html.parser import HTMLParser

import pytest

from exporter.config import load
from exporter.state import STATUSES
from exporter.web import chart, markup
from tests.chromium import FLAGS
from tests.web.client import ask, bearer
from tests.web.kept import Rows, group
from tests.web.sent import Sent, forwarding
from tests.web.stand import TOKEN, Stand, asked_alone, component, result, stand

CANARIES = [
    "<img src=x onerror=canary()>",
    '"><svg onload=canary()>',
    "' onmouseover='canary()",
    "</style><script>canary()</script>",
    "</title><script>canary()</script>",
    "javascript:canary()",
    "&lt;canary&gt; &#60;canary&#62;",
    "\u2028canary()\u2029 \u202ecanary \x1b[31m\x00 \ud800",
    "]]><canary/><!--",
]
ELEMENTS = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "nav", "section", "article", "div", "span",
    "p", "a", "b", "i", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "time", "small", "pre", "code", "svg", "path", "circle", "rect", "text",
}  # fmt: skip


class Parsed(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def skeleton(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and the names of their attributes: what no input may change."""
    return [(tag, tuple(attributes)) for tag, attributes in Parsed(page).found]


async def poisoned(s: Stand, poison: str) -> str:
    s.use(service=poison, environment=poison)
    s.add(component(poison, kind=poison or "made_up", team=poison, critical=True))
    s.take(result(poison, "unhealthy", "refused", poison, started=1000.0))
    return (
        await ask(
            s.port, "GET /", bearer(TOKEN), f"X-Request-ID: {poison.encode('ascii', 'ignore').decode()}".rstrip("\0")
        )
    ).text


@pytest.mark.parametrize(
    "canary", [c for c in CANARIES if "\0" not in c] + ["\u2028canary()\u2029 \u202ecanary \ud800"]
)
async def test_no_input_becomes_an_element_or_an_attribute(canary: str) -> None:
    async with stand() as s, stand() as plain:
        page, other = await poisoned(s, canary), await poisoned(plain, "canary")
        assert skeleton(page) == skeleton(other)
        assert {tag for tag, _ in Parsed(page).found} <= ELEMENTS
        assert not set(page) & set("\u2028\u2029\u202e\x1b\x00")
        visible = canary.translate({code: "\ufffd" for code in (0x2028, 0x2029, 0x202E, 0xD800)})
        assert Parsed(page).text.count(visible) >= 4


@pytest.mark.parametrize("canary", CANARIES)
async def test_json_carries_input_as_text_and_is_never_html(canary: str) -> None:
    async with stand() as s:
        s.add(component("db", team=canary))
        s.take(result("db", "unhealthy", "refused", canary))
        reply = await ask(s.port, "GET /health/db", bearer(TOKEN), "Accept: text/html")
        assert reply.json["data"]["message"] == canary.replace("\ud800", "?")
        assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == (
            "application/json; charset=utf-8",
            "nosniff",
        )


async def test_the_page_needs_no_script_no_asset_and_only_the_style_whose_hash_it_names() -> None:
    async with stand() as s:
        reply = await ask(s.port, "GET /")
        parsed = Parsed(reply.text)
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "style-src 'sha256-" in policy
        names = {name for _, attributes in parsed.found for name in attributes}
        assert not {name for name in names if name.startswith("on")} | {"style", "src"} & names
        links = {attributes["href"].split(";")[0] for _, attributes in parsed.found if "href" in attributes}
        assert links == {"data:image/svg+xml", "/metrics", "/health", "/runbooks/", "/login"}
        assert {"http-equiv": "refresh", "content": "15"} in [attributes for _, attributes in parsed.found]


async def test_what_is_broken_comes_first_and_critical_before_the_rest() -> None:
    async with stand() as s:
        for name, critical in (("a", False), ("b", False), ("c", True), ("d", False), ("e", False)):
            s.add(component(name, critical=critical))
        s.take(result("a"))
        s.take(result("b", "unhealthy", "refused"))
        s.take(result("c", "unhealthy", "refused"))
        s.take(result("d", "degraded", "pool"))
        page = (await ask(s.port, "GET /")).text
        order = [page.index(f'<span class="name">{name}<') for name in "cbdea"]
        assert order == sorted(order)
        assert "c is down" in page and "Needs attention" in page
        assert "refused" in page and "The server refuses connections." in page


async def test_a_status_is_told_by_word_and_shape_as_well_as_by_colour() -> None:
    async with stand() as s:
        for name in ("healthy", "degraded", "unhealthy"):
            s.add(component(f"x-{name}"))
            s.take(result(f"x-{name}", name, "" if name == "healthy" else "refused"))
        s.add(component("x-unknown"))
        s.add(component("x-maintenance"))
        s.take(result("x-maintenance"), maintenance=True)
        page = (await ask(s.port, "GET /")).text
        for status in STATUSES:
            assert f'<span class="status">{status}</span>' in page
    assert len({str(chart.icon(status)).split(">", 1)[1] for status in STATUSES}) == len(STATUSES)


async def test_with_a_token_runs_latency_phases_and_thresholds_are_shown() -> None:
    async with stand() as s:
        s.add(component("db"))
        now = time.time()
        for n in range(70):
            bad = n % 10 == 0
            s.take(
                result(
                    "db",
                    *(("unhealthy", "refused", "no") if bad else ()),
                    started=now - 700 + 10 * n,
                    duration=0.01 * (n % 7 + 1),
                    pool=0.9,
                )
            )
        page = (await ask(s.port, "GET /", bearer(TOKEN))).text
        text = Parsed(page).text
        assert 'aria-label="Last 60 runs: 54 healthy, 6 unhealthy"' in page
        assert "90 % up" in text and "median40 ms" in text and "p9570 ms" in text
        assert "connect 21 ms" in text and "90 % over warning" in text and "warning 80 %, critical 95 %" in text
        assert "latency (p95)70 ms" in text and "for 11 min" in text


async def test_signed_out_what_is_critical_is_marked_as_such() -> None:
    async with stand() as s:
        s.add(component("db", critical=True))
        s.add(component("mail"))
        page = (await ask(s.port, "GET /")).text
        assert page.count("<span>made_up</span><span>critical</span>") == 1
        assert page.index('<span class="name">db<') < page.index("<span>critical</span>") < page.index("mail<")


async def test_where_nothing_is_scheduled_no_run_is_said_to_be_under_way() -> None:
    async with stand() as s:
        s.add(asked_alone("shop"))
        assert "Nothing has been asked for yet" in (await ask(s.port, "GET /")).text
        s.add(component("db"))
        assert "The first runs are under way" in (await ask(s.port, "GET /")).text


async def test_an_empty_page_says_what_to_do() -> None:
    async with stand() as s:
        text = Parsed((await ask(s.port, "GET /")).text).text
        assert "Nothing is watched yet" in text and "DATABASE_URL" in text and "components:" in text


async def test_500_components_are_drawn_soon_and_those_with_charts_are_the_broken_ones() -> None:
    async with stand(tokens=()) as s:
        for n in range(500):
            s.add(component(f"component-{n:03}"))
            for _ in range(60):
                s.take(result(f"component-{n:03}", *(("unhealthy", "refused") if n == 499 else ())))
        began = time.process_time()
        reply = await ask(s.port, "GET /", "Accept-Encoding: gzip")
        assert time.process_time() - began < 1.0
        assert len(reply.body) < 300_000
        page = (await ask(s.port, "GET /")).text
        assert page.count('class="bars"') == 200
        assert page.index("component-499") < page.index("component-000")


def test_markup_is_escaped_unless_it_is_markup() -> None:
    assert (
        markup.tag("p", "<b>", markup.tag("b", "&"), class_='a"b', title=None)
        == '<p class="a&quot;b">&lt;b&gt;<b>&amp;</b></p>'
    )


@pytest.mark.debian
async def test_chromium_draws_the_page_runs_nothing_and_breaks_no_policy() -> None:
    browser = shutil.which("chromium")
    assert browser, "needs chromium: make deps"
    import asyncio

    async with stand(tokens=()) as s:
        for n, canary in enumerate(CANARIES):
            s.add(component(f"{n} {canary}", team=canary))
            s.take(result(f"{n} {canary}", "unhealthy", "refused", canary))
        rows = Rows()
        rows.all_groups = [group(n, title=canary, culprit=canary) for n, canary in enumerate(CANARIES)]
        away = [Sent(str(n), state="later", detail=canary) for n, canary in enumerate(CANARIES)]
        linked = load("forward: {trace_url: 'https://x.example/{trace_id}'}", source="test", environ={})
        s.use(records=rows, forwarding=forwarding(*away), config=linked)
        with tempfile.TemporaryDirectory() as folder:
            command = [
                browser,
                *FLAGS,
                f"--user-data-dir={folder}",
                "--enable-logging=stderr",
                "--log-level=0",
                "--dump-dom",
                f"http://127.0.0.1:{s.port}/",
            ]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.stdout.count('class="card unhealthy"') == len(CANARIES)
        assert done.stdout.count('class="trend"') == 2 * len(CANARIES)
        assert done.stdout.count(">waits<") == len(CANARIES)
        assert done.stdout.count('href="https://x.example/') == 1
        assert "<script" not in done.stdout and "<img" not in done.stdout
        assert "Content Security Policy" not in done.stderr and ":CONSOLE" not in done.stderr
