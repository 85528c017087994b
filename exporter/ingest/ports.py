"""What intake asks of those it works with; each is given to it."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from exporter.ingest.values import Measured, Occasion, Occurrence, Request, Severity

Outcome = Literal["duplicate", "seen", "occurrence", "new", "regressed"]
"""Of an entry: its id was known; it is kept; it is an occurrence of a known group, of a new one, of one that had been
resolved. All but the first are in the store when it is said."""


class Grouped(Struct, frozen=True):
    """What an occurrence is one of."""

    fingerprint: str
    """32 hexadecimal digits, of the service and all that makes the group."""
    title: str
    """Type and message of the first, for people."""
    culprit: str
    """Where: function in module, or the transaction."""
    type: str
    """The exception's class, or `message`; a label."""
    severity: Severity
    security: bool = False
    code: str = ""
    team: str = ""


class Entry(Struct, frozen=True):
    """One thing to keep: an occurrence with its group, an occasion, or no more than an id that was measured."""

    id: str
    at: float
    occurrence: Occurrence | None = None
    grouped: Grouped | None = None
    occasion: Occasion | None = None


class Refusing(Exception):  # noqa: N818 - says the fact
    """The store takes nothing now: full, slow, read-only or gone. Nothing of the entries is kept."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.reason = reason
        """One word, for a label: full, slow, unavailable."""
        self.retry_after = retry_after


class Ledger(Protocol):
    """Where entries are kept."""

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Keep them all or none, and return when they would survive kill -9. Raises Refusing."""


class Scrubber(Protocol):
    """Takes out what is personal or secret. Pure; scrubbing twice gives the same."""

    counts: dict[str, int]
    """How often each rule took something out, since the beginning."""

    def tree(self, value: Any) -> Any:
        """A JSON value (dict with text keys, list, str, int, float, bool, None) without it, also in its keys."""

    def text(self, text: str) -> str:
        """A free text, of which only what matches is replaced; also names, routes, and whatever becomes a label."""

    def user(self, user: Any) -> str:
        """Occurrence.user of a Sentry user object as it came: a keyed hash of its id, else name, email, address."""


class Grouper(Protocol):
    """Says what an occurrence is one of, by the rules in force."""

    def group(self, occurrence: Occurrence) -> Grouped: ...


Seen = tuple[float, float, bytes, float]
"""Of a request: seconds, how many it stands for, the 16 bytes of its trace id, empty where no back end has
the trace, and when it ended in Unix seconds."""


class Held(Protocol):
    """Where requests of the same labels are measured."""

    def many(self, seen: Sequence[Seen]) -> object:
        """Measure them; each differs from the others in nothing else."""


class Meter(Protocol):
    """Takes measurements into the tallies."""

    def take(self, measured: Measured) -> None: ...
    def hold(self, request: Request) -> Held:
        """Takes requests that differ from this one in duration, weight, trace id and time alone, faster."""

    def error(self, occurrence: Occurrence, grouped: Grouped, outcome: Outcome) -> None:
        """Count an error that is kept, and its group when it is new or regressed."""

    def occasion(self, occasion: Occasion) -> None: ...


class Onward(Protocol):
    """What is sent on to back ends, and waits for them on disk."""

    def takes(self, signal: Literal["traces", "logs", "metrics"]) -> bool:
        """Whether a back end takes this signal."""
        ...

    async def put(self, signal: Literal["traces", "logs", "metrics"], body: bytes, items: int) -> None:
        """Keep an Export…ServiceRequest for all back ends of its signal; durable when it returns.

        Raises Refusing, and then the sender may send it again.
        """
        ...
