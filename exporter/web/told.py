"""What was told, on the status page: alerts that fire, unresolved errors, slow operations."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from exporter.ingest.intake import EVENTS
from exporter.ingest.ports import Refusing
from exporter.ingest.values import Severity
from exporter.quantity import seconds
from exporter.store.rows import Alert, Page, Wanted
from exporter.web import told_errors
from exporter.web.call import Call
from exporter.web.markup import Markup, join, tag
from exporter.web.told_parts import LISTED, ago, cut, heading, table, tone, under

PATIENCE = 2.0
"""Seconds that the page waits for the store."""
EXAMINED = 100
"""Operations that are looked at: those that took longest once."""


class Told(Struct, frozen=True):
    """The sections, none where nothing was told; and the unresolved errors by severity."""

    body: Markup | None = None
    severities: Mapping[Severity, int] = {}
    silent: bool = False
    """Nothing was ever sent: how to send it is worth a line."""


async def sections(call: Call, now: float) -> Told:
    """Nothing for who may not see it (PS-12)."""
    records = call.services.records
    if records is None or not call.detailed:
        return Told()
    try:
        async with asyncio.timeout(PATIENCE):
            alerts = await records.alerts(Wanted(status="firing", limit=LISTED))
            found = await records.foremost(told_errors.first(now), LISTED)
    except (Refusing, TimeoutError):
        gone = tag("p", "Errors and alerts can't be read now: the store does not answer.", class_="note")
        return Told(join(gone, _slow(call)))
    body = join(_alerts(alerts, now), told_errors.section(call, found, now), _slow(call))
    return Told(body or None, found.severities, silent=not body and not _heard(call))


def _heard(call: Call) -> bool:
    family = call.services.state.tallies.families.get(EVENTS)
    return family is not None and any(child.value for child in family.children.values())


def _alerts(page: Page[Alert], now: float) -> Markup | None:
    if not page.items:
        return None
    rows = [
        tag(
            "tr",
            tag("td", tag("b", alert.name), under(alert.annotations.get("summary", "")), class_="what"),
            tag("td", tag("span", alert.severity, class_=f"badge {tone(alert.severity)}") if alert.severity else None),
            tag("td", alert.team),
            tag("td", ago(alert.starts_at, now)),
        )
        for alert in page.items
    ]
    title = heading("Alerts firing", page.total)
    return join(title, table(("Alert", "Severity", "Team", "For"), rows, "alerts"))


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
            tag("td", tag("b", cut(row.name)), under(f"{row.kind} · {row.service}"), class_="what"),
            tag("td", f"{row.count:,.0f}", class_="number"),
            tag("td", f"{100 * row.error_rate:.3g} %", class_="number"),
            tag("td", seconds(row.p50), class_="number"),
            tag("td", tag("b", seconds(row.p95), class_="warning"), class_="number"),
            tag("td", seconds(row.slow or 0), class_="number"),
        )
        for _, row in sorted(slow, key=lambda pair: -pair[0])[:LISTED]
    ]
    columns = ("Operation", "Count", "Errors", "Median", "p95", "Slow from")
    return join(heading("Slow operations", len(slow), "in the last hour"), table(columns, rows, "slow"))
