"""What a handler is called with, and how it refuses."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp.web import BaseRequest

from exporter.blackbox.probing import Probing
from exporter.config import Config
from exporter.config.sections import Web
from exporter.exposition import Page
from exporter.forward.forwarding import Forwarding
from exporter.ingest.intake import Intake
from exporter.ingest.otlp_metrics import OtlpMetrics
from exporter.ingest.performance import Performance
from exporter.process import Process
from exporter.schedule import Scheduler
from exporter.state import State
from exporter.store.rows import Records
from exporter.supervise import Tasks
from exporter.web.auth import Guard
from exporter.web.refused import Full, Refused

__all__ = ["Answer", "Call", "Full", "Handler", "Refused", "Room", "Services"]


IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of bodies that are held at once (design.md, decision 17)."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes answer from; a reload puts another in its place."""

    state: State
    page: Page
    tasks: Tasks
    scheduler: Scheduler
    reload: Callable[[], Awaitable[Sequence[str]]]
    """Reads the configuration anew; gives what is wrong with it, nothing when it was applied."""
    keep: Callable[[], Awaitable[bool]]
    """Writes what components keep; whether it is written, so that a 200 can say so."""
    web: Web
    started: Callable[[], bool]
    stopping: Callable[[], bool]
    process: Process | None = None
    """The daemon's own process, which /metrics shows too."""
    probing: Probing | None = None
    """What /probe answers from; None when it is off."""
    service: str = ""
    environment: str = ""
    config: Config = field(default_factory=Config)
    """All of it, for what has settings of its own."""
    intake: Intake | None = None
    """Takes in what applications send; None where nothing listens for it."""
    records: Records | None = None
    """What is kept of that."""
    performance: Performance | None = None
    """How long what they do took in the last hour."""
    otlp_metrics: OtlpMetrics | None = None
    """Metrics that applications send, which /metrics shows too."""
    forwarding: Forwarding | None = None
    """Sends onward what applications send."""


class Room:
    """A budget of bytes in flight, over all requests of a listener."""

    def __init__(self, most: int = IN_FLIGHT) -> None:
        self.most = most
        self.taken = 0

    def take(self, size: int) -> None:
        """Raises Refused when there is no room; then nothing is taken."""
        if self.taken + size > self.most:
            retry = {"Retry-After": "1"}
            raise Full(429, "too much is being received at once; send it again later", headers=retry)
        self.taken += size

    def free(self, size: int) -> None:
        self.taken -= size


@dataclass(slots=True)
class Call:
    """One request, and what its sender may see."""

    request: BaseRequest
    services: Services
    id: str
    guard: Guard
    """Of the listener: who guesses credentials waits."""
    room: Room
    name: str = ""
    """The {…} of the route's path."""
    body: bytes = b""
    held: int = 0
    """Bytes of its body that are in the room, until it is answered."""
    admin: bool = False
    """A valid admin token came with it."""
    local: bool = False
    """It comes from this machine, and no admin token is configured that could tell its owner from others."""

    def hold(self, size: int) -> None:
        """Take room for so many bytes until it is answered. Raises Refused when there is none."""
        self.room.take(size)
        self.held += size

    @property
    def detailed(self) -> bool:
        """Whether messages, times, history and thresholds may be shown (PS-12)."""
        return self.admin or self.local

    def components(self) -> set[str]:
        """The names in `?component=`, given again and again or separated by commas; empty when there are none."""
        given = self.request.rel_url.query.getall("component", [])
        return {name for text in given for name in text.split(",") if name}


Handler = Callable[[Call], Awaitable["Answer"]]


@dataclass(slots=True)
class Answer:
    """Body and headers before they become a response. `data` of the JSON form when there is no `body`."""

    status: int = 200
    message: str = ""
    data: object = None
    errors: Sequence[str] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    """Of the JSON form, beside the request's id: where the next page begins, how many there are."""
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    compressible: bool = False
