"""The status page: what is broken comes first, and it refreshes itself without a script."""

import base64
import datetime as dt
import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from exporter import __version__
from exporter.health import Overall, overall
from exporter.ingest.values import Severity
from exporter.state import STATUSES, Record
from exporter.web import card, chart, told, told_onward
from exporter.web.call import Answer, Call, Refused
from exporter.web.markup import Markup, head, join, tag

REFRESH = 15
CHARTED = 200
"""Components that have charts; behind so many, the rest are names and statuses."""
STYLE = Markup((Path(__file__).parent / "style.css").read_text(encoding="utf-8"))
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src data:; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
_ORDER = ("unhealthy", "degraded", "unknown", "maintenance", "healthy")
_COLOURS = {"healthy": "1f9d61", "degraded": "d98a00", "unhealthy": "d3313d", "unknown": "8a94a3"}
_EXAMPLE = """components:
  database:
    kind: postgres
    dsn: ${DATABASE_URL}
    critical: true
  website:
    kind: http
    url: https://example.com/"""


async def show(call: Call) -> Answer:
    """GET /."""
    services = call.services
    records = sorted(
        services.state.records.values(),
        key=lambda record: (_ORDER.index(record.status), not record.component.critical, record.component.name),
    )
    found = overall(records)
    now = time.time()
    heard = await told.sections(call, now)
    title = " · ".join(filter(None, (services.service, services.environment))) or "stack-exporter"
    main = tag("main", _hero(found, records, heard), _body(call, records, now, heard))
    html = tag(
        "html",
        _head(title, found),
        tag("body", _top(title, now), main, _foot(call)),
        lang="en",
    )
    return Answer(
        body=("<!doctype html>" + html).encode("utf-8", "replace"),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": POLICY},
        compressible=True,
    )


async def login(call: Call) -> Answer:
    """GET /login: makes the browser ask for a user (any) and a password (an admin token), then goes to the page."""
    if call.admin:
        return Answer(303, "signed in", headers={"Location": "/"})
    raise challenge(call)


def challenge(call: Call) -> Refused:
    """To who may not see what is asked for: a browser asks its user, and comes back."""
    if not call.services.web.admin_tokens:
        return Refused(403, "there is nothing to sign in to: no admin token is configured (web.admin_tokens)")
    asking = {"WWW-Authenticate": 'Basic realm="stack-exporter", charset="UTF-8"'}
    return Refused(401, "sign in with any user name, and an admin token as the password", headers=asking)


def _head(title: str, found: Overall) -> Markup:
    circle = tag("circle", cx="8", cy="8", r="7", fill=f"#{_COLOURS[found.status]}")
    dot = tag("svg", circle, xmlns="http://www.w3.org/2000/svg", viewBox="0 0 16 16")
    encoded = base64.b64encode(dot.encode()).decode()
    return head(
        f"{found.status.capitalize()} – {title}",
        STYLE,
        tag("meta", http_equiv="refresh", content=str(REFRESH)),
        tag("link", rel="icon", href=f"data:image/svg+xml;base64,{encoded}"),
    )


def _top(title: str, now: float) -> Markup:
    stamp = dt.datetime.fromtimestamp(now, dt.UTC)
    clock = tag("time", f"{stamp:%H:%M:%S} UTC", datetime=stamp.isoformat(timespec="seconds"))
    return tag(
        "header",
        tag("span", title, class_="service"),
        tag("span", "Updated ", clock, f", every {REFRESH} s", class_="updated"),
    )


def _hero(found: Overall, records: Sequence[Record], heard: told.Told) -> Markup:
    counts = Counter(record.status for record in records)
    tally = [
        tag("li", chart.icon(status), tag("b", counts[status]), f" {status}") for status in STATUSES if counts[status]
    ]
    tally += [_grave(severity, n) for severity in ("critical", "high") if (n := heard.severities.get(severity, 0))]
    return tag(
        "section",
        chart.icon(found.status),
        tag("div", tag("h1", _headline(found, records)), tag("ul", *tally, class_="tally") if tally else None),
        chart.ring(found.score, found.status) if records else None,
        class_=f"hero {found.status}",
    )


def _grave(severity: Severity, n: int) -> Markup:
    """Unresolved errors of it, beside the health of components."""
    words = f"{severity} error" if n == 1 else f"{severity} errors"
    link = tag("a", tag("b", f"{n:,}"), f" {words}", href="#errors")
    return tag("li", link, class_=f"badge {'critical' if severity == 'critical' else 'warning'}")


def _headline(found: Overall, records: Sequence[Record]) -> str:
    if not records:
        return "Nothing is watched yet"
    if found.failing:
        names = found.failing
        return f"{names[0]} is down" if len(names) == 1 else f"{len(names)} critical components are down"
    if found.unhealthy:
        names = found.unhealthy
        return f"{names[0]} is unhealthy" if len(names) == 1 else f"{len(names)} components are unhealthy"
    if found.degraded:
        names = found.degraded
        return f"{names[0]} is degraded" if len(names) == 1 else f"{len(names)} components are degraded"
    if found.status == "healthy":
        return "Everything is healthy"
    awaited = any(record.component.probe.scheduled for record in records)
    return "The first runs are under way" if awaited else "Nothing has been asked for yet"


def _body(call: Call, records: Sequence[Record], now: float, heard: told.Told) -> Markup:
    onward = told_onward.section(call, now)
    if not records:
        return join(heard.body, onward, _empty(), _sending() if heard.silent else None)
    troubled = told_onward.troubled(call)
    bad = [record for record in records if record.status in ("unhealthy", "degraded")]
    rest = [record for record in records if record not in bad]
    charted = {record.component.name for record in records[:CHARTED]} if call.detailed else set()

    def drawn(record: Record) -> Markup:
        return card.full(record, now) if record.component.name in charted else card.brief(record)

    grid = "cards" if call.detailed else "cards brief"
    return join(
        None if call.detailed else _locked(call),
        tag("h2", "Needs attention") if bad else None,
        tag("section", *map(drawn, bad), class_=f"{grid} bad") if bad else None,
        heard.body,
        onward if troubled else None,
        tag("h2", "Everything else" if bad else "Components") if rest else None,
        tag("section", *map(drawn, rest), class_=grid) if rest else None,
        onward if not troubled else None,
        _sending() if heard.silent else None,
    )


def _sending() -> Markup:
    words = "To see the errors of your application here too, give its Sentry SDK the DSN that "
    return tag("p", words, tag("code", "stack-exporter dsn"), " prints.", class_="note")


def _empty() -> Markup:
    def code(text: str) -> Markup:
        return tag("code", text)

    return tag(
        "section",
        tag("p", "No component is configured, and none was found in the environment. Name what your application needs"),
        tag("pre", _EXAMPLE),
        tag("p", "in ", code("exporter.yaml"), " and start with ", code("--config.file=exporter.yaml"), "."),
        tag(
            "p",
            "Or set ",
            code("DATABASE_URL"),
            " or ",
            code("REDIS_URL"),
            " and start without a file: what they name is found.",
        ),
        class_="empty",
    )


def _locked(call: Call) -> Markup:
    if call.services.web.admin_tokens:
        link = tag("a", "Sign in", href="/login")
        words = (
            " with any user name, and an admin token as the password, to see errors, messages, history and thresholds."
        )
        return tag("p", link, words, class_="note")
    words = (
        "Errors, messages, history and thresholds are shown on the machine itself. To see them elsewhere, configure "
    )
    return tag("p", words, tag("code", "web.admin_tokens"), ".", class_="note")


def _foot(call: Call) -> Markup:
    pages = (("metrics", "/metrics"), ("health", "/health"), ("runbooks", "/runbooks/"))
    links = [tag("a", name, href=path) for name, path in pages]
    if call.services.web.admin_tokens and not call.admin:
        links.append(tag("a", "sign in", href="/login"))
    return tag("footer", tag("span", f"stack-exporter {__version__}"), tag("nav", *links))
