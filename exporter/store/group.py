"""What occurrences make of their group, and what it says of itself."""

from typing import Any

import msgspec
from msgspec import Struct, field

from exporter.ingest.ports import Grouped, Outcome
from exporter.ingest.values import SEVERITIES, Occurrence
from exporter.store import codec
from exporter.store.rows import Group

HOUR, DAY = 3600, 86_400.0
RELEASES = ENVIRONMENTS = 20
PEOPLE = 1_000
OURS = "stack-exporter"
UNRESOLVED, RESOLVED, IGNORED = range(3)

COLUMNS = (
    "key, id, service, title, culprit, type, code, severity, security, team, status, regressed, assignee, "
    "ignored_until, first_seen, last_seen, total, users, releases, environments, folded, sample, trace"
)
EFFECTIVE = "CASE WHEN status = 2 AND ignored_until <= ? THEN 0 ELSE status END"
"""The status, of which the time of being ignored may have passed; takes the time."""


class Fold(Struct):
    """A group while occurrences are added to it."""

    key: int
    id: bytes
    service: str
    title: str
    culprit: str
    type: str
    code: str
    severity: int
    security: int
    team: str
    status: int
    regressed: int
    assignee: str
    ignored_until: float | None
    first_seen: float
    last_seen: float
    total: int
    users: int
    releases: list[str]
    environments: list[str]
    folded: str
    sample: int
    trace: str = ""
    """Of the occurrence that came last of those that have one."""
    fresh: bool = False
    """Made by this transaction."""
    hours: dict[int, int] = field(default_factory=dict)
    people: set[bytes] = field(default_factory=set)
    acts: list[str] = field(default_factory=list)

    def take(self, occurrence: Occurrence, grouped: Grouped, now: float) -> Outcome:
        """Count it; what came of it."""
        at = codec.number(occurrence.at)
        outcome: Outcome = "new" if self.fresh and not self.total else "occurrence"
        if self.status == RESOLVED:
            self.status, self.regressed, outcome = UNRESOLVED, 1, "regressed"
            self.acts.append("regressed")
        elif self.status == IGNORED and self.ignored_until is not None and self.ignored_until <= now:
            self.status, self.ignored_until = UNRESOLVED, None
            self.acts.append("expired")
        self.total += 1
        self.first_seen = min(self.first_seen, at)
        self.last_seen = max(self.last_seen, at)
        self.severity, self.security = SEVERITIES.index(grouped.severity), int(grouped.security)
        self.team, self.code = codec.text(grouped.team), codec.text(grouped.code)
        _note(self.releases, codec.text(occurrence.origin.release), RELEASES)
        _note(self.environments, codec.text(occurrence.origin.environment), ENVIRONMENTS)
        self.trace = codec.trace(occurrence.trace_id) or self.trace
        hour = int(at // HOUR)
        self.hours[hour] = self.hours.get(hour, 0) + 1
        if occurrence.user and self.users < PEOPLE:
            self.people.add(codec.person(occurrence.user))
        return outcome

    def row(self) -> tuple[Any, ...]:
        """Its columns but for the key, in their order."""
        return (
            self.id, self.service, self.title, self.culprit, self.type, self.code, self.severity, self.security,
            self.team, self.status, self.regressed, self.assignee, self.ignored_until, self.first_seen,
            self.last_seen, self.total, self.users, _json(self.releases), _json(self.environments), self.folded,
            self.sample, self.trace,
        )  # fmt: skip


def made(occurrence: Occurrence, grouped: Grouped) -> Fold:
    """A group that nothing is counted in yet."""
    at = codec.number(occurrence.at)
    title = codec.text(grouped.title, 500)
    return Fold(
        0, codec.binary(grouped.fingerprint), codec.text(occurrence.origin.service), title,
        codec.text(grouped.culprit, 500), codec.text(grouped.type), codec.text(grouped.code),
        SEVERITIES.index(grouped.severity), int(grouped.security), codec.text(grouped.team), UNRESOLVED, 0, "", None,
        at, at, 0, 0, [], [], codec.folded(title, grouped.type), 0, fresh=True,
    )  # fmt: skip


def fold(row: Any) -> Fold:
    """A group as it is kept."""
    values = list(row)
    values[18:20] = [msgspec.json.decode(values[18]), msgspec.json.decode(values[19])]
    return Fold(*values)


def group(row: Any, now: float, hours: dict[int, int]) -> Group:
    """A group as it is read; `hours` are its last 25, by their numbers."""
    one = fold(row)
    over = one.status == IGNORED and one.ignored_until is not None and one.ignored_until <= now
    open_ = over or one.status == UNRESOLVED
    this = hours.get(int(now // HOUR), 0)
    before = sum(hours.values()) - this
    return Group(
        id=one.id.hex(),
        service=one.service,
        title=one.title,
        culprit=one.culprit,
        type=one.type,
        code=one.code,
        severity=codec.severity(one.severity),
        security=bool(one.security),
        team=one.team,
        status="unresolved" if over else codec.STATUSES[one.status],
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        count=one.total,
        users=one.users,
        releases=tuple(one.releases),
        environments=tuple(one.environments),
        new=open_ and one.first_seen >= now - DAY,
        regressed=open_ and bool(one.regressed),
        spiking=open_ and this >= 10 and this * 24 >= 5 * before,
        assignee=one.assignee,
        ignored_until=None if over else one.ignored_until,
        trace_id=one.trace,
    )


def _note(known: list[str], value: str, most: int) -> None:
    if value and value not in known:
        known.append(value)
        del known[:-most]


def _json(texts: list[str]) -> str:
    return msgspec.json.encode(texts).decode()
