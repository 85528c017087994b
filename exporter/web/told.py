"""What was told, on the status page: alerts that fire, unresolved errors, slow operations."""

import asyncio
import re
from collections.abc import Mapping

from msgspec import Struct

from exporter.ingest.intake import EVENTS
from exporter.ingest.ports import Refusing
from exporter.ingest.values import Severity
from exporter.quantity import seconds
from exporter.store.rows import Alert, Foremost, Page, Records, Shown, Wanted
from exporter.web import shelf, told_errors
from exporter.web.call import Call
from exporter.web.markup import Markup, join, tag
from exporter.web.told_parts import LISTED, ago, cut, heading, table, tone, under

PATIENCE = 2.0
"""Seconds that the page waits for the store."""
_ID = re.compile(r"[0-9a-f]{32}")
EXAMINED = 100
"""Operations that are looked at: those that took longest once."""
FIRING = 200
"""Alerts that are looked at, the newest."""
GRAVE = ("critical", "page", "high", "error", "warning", "medium", "low", "info")
"""Severities, the gravest first; what has another follows them."""


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
            alerts = await records.alerts(Wanted(status="firing", limit=FIRING))
            found = await records.foremost(told_errors.first(now), LISTED)
            found = await _asked(call, records, found, now)
    except (Refusing, TimeoutError):
        gone = tag("p", "Errors and alerts can't be read now: the store does not answer.", class_="note")
        return Told(join(gone, _slow(call)))
    body = join(told_errors.nothing(call), _alerts(alerts, now), told_errors.section(call, found, now), _slow(call))
    return Told(body or None, found.severities, silent=not body and not _heard(call))


async def _asked(call: Call, records: Records, found: Foremost, now: float) -> Foremost:
    """With the error first that the address names, if it is not among the foremost."""
    id_ = call.request.rel_url.query.get("error", "")
    if not _ID.fullmatch(id_) or any(shown.group.id == id_ for shown in found.items):
        return found
    group = await records.group(id_)
    if group is None or group.status != "unresolved":
        return found
    page = await records.occurrences(group.id, Wanted(limit=1))
    latest = await records.occurrence(page.items[0].id) if page.items else None
    hours = await records.hours(group.id, told_errors.first(now))
    return Foremost([Shown(group, latest, hours), *found.items], found.severities)


def _heard(call: Call) -> bool:
    family = call.services.state.tallies.families.get(EVENTS)
    return family is not None and any(child.value for child in family.children.values())


def _alerts(page: Page[Alert], now: float) -> Markup | None:
    """The gravest first. Not what always fires and is no alarm: the Watchdog, of severity none."""
    firing = [alert for alert in page.items if alert.severity != "none"]
    if not firing:
        return None
    firing.sort(key=lambda alert: GRAVE.index(alert.severity) if alert.severity in GRAVE else len(GRAVE))
    rows = [
        tag(
            "tr",
            tag("td", tag("b", _name(alert)), under(alert.annotations.get("summary", "")), class_="what"),
            tag("td", tag("span", alert.severity, class_=f"badge {tone(alert.severity)}") if alert.severity else None),
            tag("td", alert.team),
            tag("td", ago(alert.starts_at, now)),
        )
        for alert in firing[:LISTED]
    ]
    title = heading("Alerts firing", page.total - len(page.items) + len(firing), id="alerts")
    return join(title, table(("Alert", "Severity", "Team", "For"), rows, "alerts"))


def _name(alert: Alert) -> Markup | str:
    """With its runbook, if it has one."""
    address = shelf.address(alert.name)
    return tag("a", alert.name, href=address) if address else alert.name


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
