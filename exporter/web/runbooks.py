"""Runbooks: what an alert means and how to mend it, as notifications link to it; read from the package when asked."""

import asyncio
import base64
import difflib
import hashlib
import re
import time
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from exporter import __version__
from exporter.ingest.ports import Refusing
from exporter.store.rows import Alert, Wanted
from exporter.web import negotiate, page, shelf
from exporter.web.call import Answer, Call, Refused
from exporter.web.markdown import rendered
from exporter.web.markup import Markup, head, join, tag
from exporter.web.told_parts import LISTED, ago, tone, under

PATIENCE = 1.0
"""Seconds that a runbook waits for the store, to say what fires."""
NEAR = 5
STYLE = Markup(page.STYLE + (Path(__file__).parent / "runbook.css").read_text(encoding="utf-8"))
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
PLACES = tag(
    "p",
    "In commands, ",
    tag("code", "NAME"),
    " and what begins with $ are for you to put in: the name that the alert has, the server's host, a token of ",
    tag("code", "web.admin_tokens"),
    " as ",
    tag("code", "$ADMIN_TOKEN"),
    ", this daemon's host:port as ",
    tag("code", "$EXPORTER"),
    ".",
    class_="places",
)
_ABBREVIATIONS = frozenset({"ai", "http", "slo"})
_RULE = re.compile(r"Rule: alert_rules/([a-z0-9_-]+)\.yml")


class Book(Struct, frozen=True):
    """What the list says of a runbook."""

    subject: str
    name: str
    summary: str


async def every(call: Call) -> Answer:
    """GET /runbooks/."""
    books = await asyncio.to_thread(_books)
    parts: list[Markup] = []
    for subject, some in groupby(books, key=lambda book: book.subject):
        rows = [tag("li", tag("a", one.name, href=f"/runbooks/{one.name}"), under(one.summary)) for one in some]
        parts += [tag("h2", _titled(subject), id=subject), tag("ul", *rows, class_="books")]
    subjects = dict.fromkeys(book.subject for book in books)
    leaps = tag("nav", *(tag("a", _titled(each), href=f"#{each}") for each in subjects), class_="leaps")
    return _answer(call, "Runbooks", tag("h1", f"Runbooks ({len(books)})"), leaps, *parts)


async def one(call: Call) -> Answer:
    """GET /runbooks/{alert}."""
    name = call.name.removesuffix(".md")
    if not shelf.address(name):
        return _missing(call, name)
    html = await asyncio.to_thread(lambda: rendered(shelf.text(name), {*shelf.names()} - {name}))
    # Below the title: whoever follows a notification wants to know first whether it still holds.
    title, end, rest = html.partition("</h1>")
    firing = _firing(await _alerts(call, name))
    return _answer(call, name, tag("article", Markup(title + end), firing, Markup(rest)), PLACES, others=True)


def _titled(subject: str) -> str:
    return subject.upper() if subject in _ABBREVIATIONS else subject.replace("_", " ").capitalize()


def _books() -> list[Book]:
    return sorted(map(_book, shelf.names()), key=lambda book: (book.subject, book.name))


def _book(name: str) -> Book:
    text = shelf.text(name)
    said = [line for line in text.splitlines() if line and not line.startswith("#")]
    rule = _RULE.search(text)
    # A sentence of Markdown, without its marks.
    return Book(rule[1] if rule else "others", name, said[0].replace("`", "").replace("**", "") if said else "")


async def _alerts(call: Call, name: str) -> list[Alert]:
    """Those of the name that fire, for who may see them (PS-12)."""
    records = call.services.records
    if records is None or not call.detailed:
        return []
    try:
        async with asyncio.timeout(PATIENCE):
            return [*(await records.alerts(Wanted(status="firing", name=name, limit=LISTED))).items]
    except (Refusing, TimeoutError):
        return []


def _firing(alerts: list[Alert]) -> Markup | None:
    if not alerts:
        return None
    now = time.time()
    rows = [
        tag(
            "li",
            tag("a", alert.annotations.get("summary") or alert.name, href=_where(alert)),
            tag("small", " for ", ago(alert.starts_at, now)),
        )
        for alert in alerts
    ]
    gravest = "critical" if any(tone(alert.severity) == "critical" for alert in alerts) else "warning"
    return tag("section", tag("b", "Fires now"), tag("ul", *rows), class_=f"firing {gravest}")


def _where(alert: Alert) -> str:
    component = alert.labels.get("component", "")
    return f"/#component-{component}" if shelf.is_name(component) else "/#alerts"


def _missing(call: Call, name: str) -> Answer:
    """404, with the names that are near."""
    known = {each.lower(): each for each in shelf.names()}
    near = [known[each] for each in difflib.get_close_matches(name[:100].lower(), known, n=NEAR, cutoff=0.5)]
    said = "there is no runbook of this name"
    if not negotiate.html(",".join(call.request.headers.getall("Accept", ()))):
        told = f"near: {', '.join(near)}" if near else "all are at /runbooks/"
        raise Refused(404, f"{said}; {told}")
    rows = [tag("li", tag("a", each, href=f"/runbooks/{each}")) for each in near]
    words = [tag("h1", "Not Found"), tag("p", "There is no runbook of this name.")]
    words += [tag("p", "The nearest:"), tag("ul", *rows, class_="books")] if rows else []
    return _answer(call, "Not Found", *words, status=404, others=True)


def _answer(call: Call, title: str, *main: Markup, status: int = 200, others: bool = False) -> Answer:
    service = " · ".join(filter(None, (call.services.service, call.services.environment))) or "stack-exporter"
    trail = [tag("a", "Status page", href="/")] + ([tag("a", "All runbooks", href="/runbooks/")] if others else [])
    html = tag(
        "html",
        head(f"{title} – {service}", STYLE),
        tag(
            "body",
            tag("header", tag("span", service, class_="service"), tag("nav", *trail, class_="trail")),
            tag("main", join(*main), class_="runbook"),
            tag("footer", tag("span", f"stack-exporter {__version__}")),
        ),
        lang="en",
    )
    return Answer(
        status,
        body=("<!doctype html>" + html).encode("utf-8", "replace"),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": POLICY},
        compressible=True,
    )
