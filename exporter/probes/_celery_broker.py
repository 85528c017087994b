"""What a broker is asked, whichever it is; _celery_redis and _celery_amqp do it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

ROOM = 64 << 20
"""Bytes that a whole round may bring: 500 workers with ten tasks each have some 4 MB to say."""
Quote = Callable[[str], str]
"""What a server said, without secrets."""


@dataclass(frozen=True, slots=True)
class Names:
    """What an application calls its parts at the broker, as Celery's settings have it."""

    control: str
    events: str
    prefix: str
    fanout: str
    steps: tuple[int, ...]


@dataclass(slots=True)
class Backlog:
    """What lies at the broker. `ready` by queue; `lacking` are queues that it does not have."""

    ready: dict[str, int] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    unacknowledged: int | None = None
    oldest: float | None = None
    """Since when the oldest unacknowledged message is with a worker, in Unix seconds."""


class Answer(NamedTuple):
    ticket: str
    content_type: str
    body: bytes


class Event(NamedTuple):
    content_type: str
    body: bytes


OTHER = Event("", b"")
"""What came is none: something that the broker says of itself."""


class Session(Protocol):
    """One connection for one round. All of it raises Down; `close` does not, and takes no time."""

    async def backlog(self, queues: Sequence[str]) -> Backlog: ...

    async def ask(self, requests: Sequence[bytes], reply_to: str) -> int | None:
        """Send these to every worker. How many heard it, where the broker tells."""

    async def answers(self) -> list[Answer]:
        """Those that have come; after some milliseconds none."""

    async def leave(self) -> None:
        """Take away what the round put there."""

    def close(self) -> None: ...


class Stream(Protocol):
    """A connection on which the events of tasks come."""

    @property
    def heard(self) -> float:
        """When anything came last, on time.monotonic's clock."""

    async def subscribe(self) -> None:
        """Have events sent from now on. Raises Down."""

    def event(self) -> Event | None:
        """The next event, or OTHER; None when none is there. Raises Down."""

    async def more(self) -> None:
        """Wait until more has come. Raises Down."""

    def touch(self) -> None:
        """Make the other side say something, and show it that we live."""

    def close(self) -> None: ...
