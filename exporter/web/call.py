"""What a handler is called with, and how it refuses."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp.web import BaseRequest

from exporter.blackbox.probing import Probing
from exporter.config.sections import Web
from exporter.exposition import Page
from exporter.process import Process
from exporter.schedule import Scheduler
from exporter.state import State
from exporter.supervise import Tasks


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


@dataclass(slots=True)
class Call:
    """One request, and what its sender may see."""

    request: BaseRequest
    services: Services
    id: str
    name: str = ""
    """The {…} of the route's path."""
    body: bytes = b""
    admin: bool = False
    """A valid admin token came with it."""
    local: bool = False
    """It comes from this machine, and no admin token is configured that could tell its owner from others."""

    @property
    def detailed(self) -> bool:
        """Whether messages, times, history and thresholds may be shown (PS-12)."""
        return self.admin or self.local

    def components(self) -> set[str]:
        """The names in `?component=`, given again and again or separated by commas; empty when there are none."""
        given = self.request.rel_url.query.getall("component", [])
        return {name for text in given for name in text.split(",") if name}


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The request is answered with `status`; `message` is shown and discloses nothing internal."""

    def __init__(
        self, status: int, message: str, *, errors: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


Handler = Callable[[Call], Awaitable["Answer"]]


@dataclass(slots=True)
class Answer:
    """Body and headers before they become a response. `data` of the JSON form when there is no `body`."""

    status: int = 200
    message: str = ""
    data: object = None
    errors: Sequence[str] = ()
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    compressible: bool = False
