"""What the parts of forwarding ask of each other: a queue that lasts, and a client that sends."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Signal = Literal["traces", "logs", "metrics"]
SIGNALS: tuple[Signal, ...] = ("traces", "logs", "metrics")

Lost = Literal["full", "expired", "corrupt", "refused", "rejected", "partial", "stopped"]
"""Why items are dropped: no room for them (the oldest), too old, unreadable on disk, not taken in as there was no room;
rejected by the back end for good, or in part; or the daemon ended with them in memory alone."""
LOST: tuple[Lost, ...] = ("full", "expired", "corrupt", "refused", "rejected", "partial", "stopped")


class Record(NamedTuple):
    """What was taken in at once."""

    body: bytes
    """An Export…ServiceRequest. Several joined are one, too: protobuf appends what is repeated."""
    items: int
    """Spans, log records or data points."""
    at: float
    """Unix seconds."""


class Queue(Protocol):
    """What waits for one back end, in the order in which it came. Of the loop's thread, whatever it does in others."""

    durable: bool
    """Whether what it holds outlives the process."""

    @property
    def items(self) -> int:
        """That wait, those that are being sent among them."""
        ...

    @property
    def size(self) -> int:
        """Bytes that it takes up, on disk or in memory."""
        ...

    @property
    def oldest(self) -> float:
        """When the oldest came, in Unix seconds; 0.0 when nothing waits."""
        ...

    @property
    def refusing(self) -> str:
        """Why it takes nothing now: full, unavailable; empty when it does."""
        ...

    async def put(self, body: bytes, items: int) -> None:
        """Keep it; returns when it would survive kill -9 and power loss. Raises Refusing, and then it is not kept."""
        ...

    async def some(self, most: int) -> Sequence[Record]:
        """Wait until there is something, then the oldest records that are not done, `most` bytes or a single one.

        Asked again before `done`, the same ones come again, less those that were dropped meanwhile.
        """
        ...

    async def done(self, count: int) -> int:
        """The first `count` of those that `some` gave last are dealt with; how many items were not dropped before."""
        ...

    async def close(self, seconds: float) -> None:
        """Write down what is not, within `seconds`, and let go of files and locks."""
        ...


class Reply(NamedTuple):
    """What a back end answered, or the way to it."""

    result: Literal["taken", "later", "rejected"]
    """later: the specification allows to send it again. rejected: it does not."""
    code: str
    """For a label: an HTTP status such as 200, a gRPC code such as UNAVAILABLE, else timeout or unreachable."""
    retry_after: float | None = None
    """Seconds that it wants to be left alone; None where it does not say, or what it says is none."""
    partial: int = 0
    """Items of those taken that it rejected."""
    detail: str = ""
    """For people: short, one line, and nothing of the headers that were sent in it."""


class Client(Protocol):
    """A way to one back end."""

    async def send(self, body: bytes) -> Reply:
        """Send an Export…ServiceRequest. Never raises but CancelledError."""
        ...

    async def close(self) -> None: ...
