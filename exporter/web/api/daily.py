"""The daily report (FH-6): what is new, what came back, what recurs, whom it reaches, and whose it is."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from exporter.ingest.values import Severity
from exporter.store import rows
from exporter.web.api import asked
from exporter.web.api.endpoint import records
from exporter.web.api.moment import stamp
from exporter.web.api.shapes import Id, Stamp
from exporter.web.call import Answer, Call

DAY = 86_400.0
EXAMINED = 200
"""Groups whose hours are added up: those that came most often."""
LISTED = 20


class Line(Struct, frozen=True):
    """A group, and how often it came within the time of the report."""

    id: Id
    service: str
    title: str
    severity: Severity
    team: str
    status: rows.State
    count: int
    users: Annotated[int, Meta(description="How many different ones, of the last 1,000 occurrences.")]
    last_seen: Stamp


class Day(Struct, frozen=True):
    """A day in UTC."""

    day: Annotated[str, Meta(extra_json_schema={"format": "date"})]
    count: int


class Team(Struct, frozen=True):
    """What is a team's; an empty name: nobody's."""

    team: str
    groups: int
    count: int


class Report(Struct, frozen=True):
    """What happened since then."""

    since: Stamp
    until: Stamp
    groups: Annotated[int, Meta(description="How many came in this time.")]
    examined: Annotated[int, Meta(description=f"Of how many the figures below are: {EXAMINED} at most.")]
    count: Annotated[int, Meta(description="Errors, of the groups examined, by whole hours.")]
    new: tuple[Line, ...]
    regressed: tuple[Line, ...]
    spiking: tuple[Line, ...]
    recurring: Annotated[tuple[Line, ...], Meta(description="Known before, most often first.")]
    impact: Annotated[tuple[Line, ...], Meta(description="Those that reach most users.")]
    days: tuple[Day, ...]
    teams: tuple[Team, ...]


async def report(call: Call, wanted: asked.Span, now: float) -> Answer:
    """Of the last 24 hours, or since when is asked."""
    since = min(wanted.since, now) if wanted.since is not None else now - DAY
    found = records(call)
    asking = rows.Wanted(service=wanted.service, since=since, sort="count", limit=EXAMINED)
    page = await found.groups(asking)
    hours = [await found.hours(group.id, since - since % 3_600) for group in page.items]
    counts = [sum(count for _, count in each) for each in hours]
    days: Counter[str] = Counter()
    for each in hours:
        for at, count in each:
            days[stamp(at)[:10]] += count
    data = _report(page, counts, days, since, now)
    message = f"{data.count} errors in {data.groups} groups, {len(data.new)} new, {len(data.regressed)} came back"
    return Answer(message=message, data=data, compressible=True)


def _report(page: rows.Page[rows.Group], counts: Sequence[int], days: Counter[str], since: float, now: float) -> Report:
    pairs = sorted(zip(page.items, counts, strict=True), key=lambda pair: -pair[1])
    by_users = sorted((pair for pair in pairs if pair[0].users), key=lambda pair: -pair[0].users)
    groups = Counter(group.team for group, _ in pairs)
    errors: Counter[str] = Counter()
    for group, count in pairs:
        errors[group.team] += count
    return Report(
        since=stamp(since),
        until=stamp(now),
        groups=page.total,
        examined=len(pairs),
        count=sum(counts),
        new=_lines([pair for pair in pairs if pair[0].first_seen >= since]),
        regressed=_lines([pair for pair in pairs if pair[0].regressed]),
        spiking=_lines([pair for pair in pairs if pair[0].spiking]),
        recurring=_lines([pair for pair in pairs if pair[0].first_seen < since]),
        impact=_lines(by_users),
        days=tuple(Day(day, count) for day, count in sorted(days.items())),
        teams=tuple(Team(team, groups[team], count) for team, count in errors.most_common()),
    )


def _lines(pairs: Sequence[tuple[rows.Group, int]]) -> tuple[Line, ...]:
    return tuple(
        Line(
            id=group.id,
            service=group.service,
            title=group.title,
            severity=group.severity,
            team=group.team,
            status=group.status,
            count=count,
            users=group.users,
            last_seen=stamp(group.last_seen),
        )
        for group, count in pairs[:LISTED]
    )
