"""What was told, on the status page: alerts that fire, unresolved errors, slow operations."""

import asyncio

from exporter.ingest.ports import Refusing
from exporter.quantity import seconds, span
from exporter.store.rows import Alert, Group, Page, Records, Wanted
from exporter.web import chart
from exporter.web.api.moment import stamp
from exporter.web.call import Call
from exporter.web.markup import Markup, join, tag

LISTED = 10
HOURS = 24
PATIENCE = 2.0
"""Seconds that the page waits for the store."""
EXAMINED = 100
"""Operations that are looked at: those that took longest once."""
LONGEST = 240
"""Characters of a title or message."""


async def sections(call: Call, now: float) -> Markup | None:
    """None where nothing was told, or its reader may not see it (PS-12)."""
    records = call.services.records
    if records is None or not call.detailed:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            alerts = await records.alerts(Wanted(status="firing", limit=LISTED))
            groups = await records.groups(Wanted(status="unresolved", limit=LISTED))
            trends = [await _trend(records, group, now) for group in groups.items]
    except (Refusing, TimeoutError):
        gone = tag("p", "Errors and alerts can't be read now: the store does not answer.", class_="note")
        return join(gone, _slow(call))
    return join(_alerts(alerts, now), _errors(groups, trends, now), _slow(call))


async def _trend(records: Records, group: Group, now: float) -> list[int]:
    """How often it came in each of the last hours, the one that has begun last."""
    first = now - now % 3_600 - (HOURS - 1) * 3_600
    counts = [0] * HOURS
    for at, count in await records.hours(group.id, first):
        place = int((at - first) // 3_600)
        if 0 <= place < HOURS:
            counts[place] += count
    return counts


def _alerts(page: Page[Alert], now: float) -> Markup | None:
    if not page.items:
        return None
    rows = [
        tag(
            "tr",
            tag("td", tag("b", alert.name), _under(alert.annotations.get("summary", "")), class_="what"),
            tag("td", tag("span", alert.severity, class_=f"badge {_tone(alert.severity)}") if alert.severity else None),
            tag("td", alert.team),
            tag("td", _ago(alert.starts_at, now)),
        )
        for alert in page.items
    ]
    heading = _heading("Alerts firing", page.total)
    return join(heading, _table(("Alert", "Severity", "Team", "For"), rows, "alerts"))


def _errors(page: Page[Group], trends: list[list[int]], now: float) -> Markup | None:
    if not page.items:
        return None
    rows = [
        tag(
            "tr",
            tag("td", tag("b", _cut(group.title)), *_badges(group), _under(_where(group)), class_="what"),
            tag("td", group.team or "–"),
            tag("td", f"{group.count:,}", class_="number"),
            tag("td", f"{group.users:,}", class_="number"),
            tag("td", _ago(group.last_seen, now, " ago")),
            tag("td", chart.trend(trend), class_="trend"),
        )
        for group, trend in zip(page.items, trends, strict=True)
    ]
    columns = ("Error", "Team", "Count", "Users", "Last seen", "24 hours")
    return join(_heading("Errors", page.total, "unresolved"), _table(columns, rows, "errors"))


def _slow(call: Call) -> Markup | None:
    """What took longer than its threshold, by the p95 of the last hour."""
    performance = call.services.performance
    found = performance.rows(sort="max", limit=EXAMINED).items if performance is not None else []
    slow = [(row.p95 / row.slow, row) for row in found if row.slow and row.p95 >= row.slow]
    if not slow:
        return None
    rows = [
        tag(
            "tr",
            tag("td", tag("b", _cut(row.name)), _under(f"{row.kind} · {row.service}"), class_="what"),
            tag("td", f"{row.count:,.0f}", class_="number"),
            tag("td", f"{100 * row.error_rate:.3g} %", class_="number"),
            tag("td", seconds(row.p50), class_="number"),
            tag("td", tag("b", seconds(row.p95), class_="warning"), class_="number"),
            tag("td", seconds(row.slow or 0), class_="number"),
        )
        for _, row in sorted(slow, key=lambda pair: -pair[0])[:LISTED]
    ]
    columns = ("Operation", "Count", "Errors", "Median", "p95", "Slow from")
    return join(_heading("Slow operations", len(slow), "in the last hour"), _table(columns, rows, "slow"))


def _heading(name: str, total: int, which: str = "") -> Markup:
    most = f", {LISTED} shown" if total > LISTED else ""
    return tag("h2", f"{name} ({' '.join(filter(None, (f'{total:,}', which)))}{most})")


def _table(columns: tuple[str, ...], rows: list[Markup], name: str) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", column, scope="col") for column in columns)))
    return tag("div", tag("table", head, tag("tbody", *rows), class_=name), class_="told")


def _badges(group: Group) -> list[Markup]:
    words: list[tuple[str, str]] = []
    words += [(group.severity, _tone(group.severity))] if group.severity in ("high", "critical") else []
    words += [("security", "critical")] if group.security else []
    words += [("back", "warning")] if group.regressed else []
    words += [("spiking", "warning")] if group.spiking else []
    words += [("new", "maintenance")] if group.new else []
    return [tag("span", word, class_=f"badge {tone}") for word, tone in words]


def _tone(severity: str) -> str:
    if severity in ("critical", "page"):
        return "critical"
    return "warning" if severity in ("high", "warning", "error") else "unknown"


def _where(group: Group) -> str:
    release = group.releases[-1] if group.releases else ""
    return " · ".join(filter(None, (group.service, _cut(group.culprit), release)))


def _under(text: str) -> Markup | None:
    return tag("small", _cut(text)) if text else None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _ago(at: float, now: float, after: str = "") -> Markup:
    when = stamp(at)
    return tag("time", f"{span(max(0.0, now - at))}{after}", datetime=when, title=when)
