"""What is read from a store, and what is asked of it; the same for every store."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct, field

from exporter.ingest.ports import Entry, Outcome
from exporter.ingest.values import Severity

T = TypeVar("T")
State = Literal["unresolved", "resolved", "ignored"]


class Group(Struct, frozen=True):
    """Errors that are alike. Times are Unix seconds."""

    id: str
    """Grouped.fingerprint."""
    service: str
    title: str
    culprit: str
    type: str
    code: str
    severity: Severity
    security: bool
    team: str
    status: State
    first_seen: float
    last_seen: float
    count: int
    users: int
    """How many different ones, of the last 1,000."""
    releases: tuple[str, ...] = ()
    """The latest 20, oldest first."""
    environments: tuple[str, ...] = ()
    new: bool = False
    """First seen within the last 24 hours. Like the next two only of what is unresolved."""
    regressed: bool = False
    """It came back after it was resolved, and nobody has touched it since."""
    spiking: bool = False
    """This hour it comes at least ten times, and five times as often as in the mean hour of the last 24."""
    assignee: str = ""
    ignored_until: float | None = None
    trace_id: str = ""
    """Of the occurrence that came last of those that have one: 32 hexadecimal digits in lower case."""


class Kept(Struct, frozen=True):
    """One occurrence as it is kept."""

    id: str
    group: str
    at: float
    level: str
    release: str
    environment: str
    transaction: str
    user: str
    trace_id: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)
    """Empty in lists."""


class Noted(Struct, frozen=True):
    """One occasion as it is kept."""

    id: str
    at: float
    kind: str
    type: str
    severity: Severity
    service: str
    environment: str
    release: str
    user: str
    detail: dict[str, Any] = field(default_factory=dict)


class Act(Struct, frozen=True):
    """What somebody did to a group or an alert: a line of the audit trail."""

    at: float
    actor: str
    action: str
    """Such as resolved, ignored, assigned, regressed."""
    note: str = ""


class Alert(Struct, frozen=True):
    """One alert from when it began to fire until it was resolved, as Alertmanager told of it."""

    id: str
    """32 hexadecimal digits, of Alertmanager's fingerprint and `starts_at`."""
    fingerprint: str
    name: str
    severity: str
    team: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: float
    received_at: float
    """When it came to us first."""
    resolved_at: float | None = None
    resolved_by: str = ""
    """alertmanager, or who marked it."""
    false_alarm: bool = False
    note: str = ""
    notifications: int = 1
    receiver: str = ""
    generator_url: str = ""


class Wanted(Struct, frozen=True):
    """Which rows; an empty field is no condition. `text` occurs in a title, message or type, whatever its case."""

    service: str = ""
    environment: str = ""
    release: str = ""
    status: str = ""
    """Of groups also new, regressed, spiking; of alerts firing, resolved."""
    severity: str = ""
    team: str = ""
    type: str = ""
    kind: str = ""
    name: str = ""
    text: str = ""
    assignee: str = ""
    security: bool | None = None
    """Of groups: whether their class is one of security."""
    since: float | None = None
    until: float | None = None
    sort: str = ""
    """Of groups last_seen (the default), first_seen, count, users. All from the newest or largest down."""
    limit: int = 50
    cursor: str = ""
    """Page.next of the page before."""


class Page(Struct, Generic[T], frozen=True):
    """A part of what was asked for."""

    items: Sequence[T]
    next: str = ""
    """Asks for the following page; empty at the end."""
    total: int = 0
    """How many there are in all, counted to 10,000."""


class Change(Struct, frozen=True):
    """What is to become of a group; None leaves it."""

    status: State | None = None
    ignored_until: float | None = None
    assignee: str | None = None
    note: str = ""


class Shown(Struct, frozen=True):
    """A group with its latest occurrence, and how often it came by the hour."""

    group: Group
    latest: Kept | None
    hours: Sequence[tuple[float, int]]


class Foremost(Struct, frozen=True):
    """The gravest unresolved groups, and how many there are of each severity."""

    items: Sequence[Shown]
    severities: dict[Severity, int]


class Records(Protocol):
    """A store of what came in. Reading raises Refusing, too, when the store is gone."""

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]: ...

    async def refuses(self) -> str:
        """Why what comes in is refused now; empty when it is taken. Tries it, while the last was refused."""

    async def groups(self, wanted: Wanted) -> Page[Group]: ...
    async def group(self, id: str) -> Group | None: ...  # noqa: A002
    async def occurrences(self, group: str, wanted: Wanted) -> Page[Kept]: ...
    async def occurrence(self, id: str) -> Kept | None:  # noqa: A002
        """With its detail."""

    async def hours(self, group: str, since: float) -> list[tuple[float, int]]:
        """The hours' beginnings and how often it came in each, oldest first, none that had none."""

    async def change(self, group: str, change: Change, actor: str, at: float) -> Group | None:
        """The group as it is then; None when there is none."""

    async def acts(self, subject: str) -> list[Act]:
        """The audit trail of a group or an alert, newest first."""

    async def foremost(self, since: float, limit: int) -> Foremost:
        """What a page shows of unresolved groups, the gravest first, of them the last seen; hours from `since` on."""

    async def occasions(self, wanted: Wanted) -> Page[Noted]: ...

    async def alerted(self, alert: Alert) -> tuple[Alert, bool]:
        """Keep what Alertmanager tells: the alert as it is then, and whether it or its end is news."""

    async def alerts(self, wanted: Wanted) -> Page[Alert]: ...
    async def mark(
        self, alert: str, actor: str, at: float, *, resolved: bool, false_alarm: bool | None, note: str
    ) -> Alert | None: ...

    async def statuses(self) -> dict[tuple[str, str], int]:
        """Groups by service and unresolved, resolved, ignored; of the unresolved also new, regressed, spiking."""

    async def sweep(self, now: float) -> int:
        """Drop what is older or more than is kept, in small steps; how many rows went."""

    async def size(self) -> int:
        """Bytes that it takes."""
