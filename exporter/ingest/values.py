"""What comes in, whatever it came as: the values between parsing and keeping. Texts in them are clean and scrubbed."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from exporter.bounds import cut

Source = Literal["sdk", "otlp", "logs", "events"]
"""Who told us: a Sentry SDK, OTLP, access logs, JSON events."""

Level = Literal["fatal", "error", "warning", "info", "debug"]
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
UNNAMED = "unknown_service"
"""The service of what names none, as OpenTelemetry calls it."""


class Origin(Struct, frozen=True):
    """Whose word it is. The service is as labels have it, so that store, API and metrics have the same."""

    service: str
    environment: str = ""
    release: str = ""

    def __post_init__(self) -> None:
        service = cut(self.service).strip() or UNNAMED
        if service != self.service:
            force_setattr(self, "service", service)


class Frame(Struct, frozen=True):
    """A call on the stack."""

    module: str = ""
    function: str = ""
    filename: str = ""
    line: int = 0
    in_app: bool | None = None
    """None: the SDK did not say."""


class Raised(Struct, frozen=True):
    """One exception of a chain; frames from the outermost call to where it was raised."""

    type: str = ""
    value: str = ""
    module: str = ""
    frames: tuple[Frame, ...] = ()
    handled: bool | None = None


class Occurrence(Struct, frozen=True):
    """One error, or a message that was captured as one."""

    id: str
    """32 hexadecimal digits in lower case: it counts once."""
    at: float
    """When, in Unix seconds, never later than a minute from now."""
    origin: Origin
    source: Source
    level: Level = "error"
    raised: tuple[Raised, ...] = ()
    """The chain from its first cause to what came of it in the end: the last is what the error is called by."""
    message: str = ""
    template: str = ""
    """The message before its parameters were filled in, where the SDK has it."""
    fingerprint: tuple[str, ...] = ()
    """The SDK's own; `{{ default }}` stands for ours."""
    transaction: str = ""
    """The route, task or function in which it happened."""
    path: str = ""
    """Of the request's URL, without its query."""
    status: int = 0
    """The HTTP status that it led to; 0: not known."""
    code: str = ""
    """The application's own code of the error, such as VALIDATION_ERROR."""
    severity: Severity | None = None
    """The application's own word, which is taken where no class of the configuration says another."""
    user: str = ""
    """Tells one user from another, and is no name: 16 hexadecimal digits of a keyed hash."""
    trace_id: str = ""
    span_id: str = ""
    platform: str = ""
    logger: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    """What is shown of it: exceptions with their frames, request, user, tags, contexts, extra, breadcrumbs, in the form
    of a Sentry event."""


class Occasion(Struct, frozen=True):
    """Something that happened and is kept, but is no error: a security or business event, a deploy, feedback."""

    id: str
    at: float
    origin: Origin
    kind: Literal["security", "business", "deploy", "feedback"]
    type: str = ""
    """Such as brute_force or order_placed."""
    severity: Severity = "low"
    user: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class CheckIn(Struct, frozen=True):
    """A job says that it begins, has ended well, or has failed; for the heartbeat component of the monitor's name."""

    id: str
    monitor: str
    status: Literal["in_progress", "ok", "error"]
    duration: float | None = None


class Request(Struct, frozen=True):
    """A request that the application answered. `weight`: how many it stands for, where the client samples."""

    origin: Origin
    source: Source
    method: str
    route: str
    """A template; or a path, which measuring makes one of. Empty: not known."""
    status: int
    duration: float
    templated: bool = False
    """Whether `route` is a template already."""
    weight: float = 1.0
    sampled: bool = False
    """The client samples, and its rate is not known: `weight` is then 1."""
    at: float = 0.0
    trace_id: str = ""


class Task(Struct, frozen=True):
    """A message that a worker handled: Celery's tasks and what else consumes from a queue."""

    origin: Origin
    source: Source
    task: str
    state: str
    """Celery's word, in lower case: success, failure, retry, …"""
    duration: float
    weight: float = 1.0
    at: float = 0.0
    trace_id: str = ""


class Operation(Struct, frozen=True):
    """A named piece of work: a span that is none of the others, or an event of the application's."""

    origin: Origin
    source: Source
    operation: str
    duration: float
    failed: bool = False
    weight: float = 1.0
    at: float = 0.0
    trace_id: str = ""


class Query(Struct, frozen=True):
    """A call of a database or a cache. `system` as OpenTelemetry names it: postgresql, redis, …"""

    origin: Origin
    system: str
    operation: str
    duration: float
    failed: bool = False
    weight: float = 1.0


class CacheUse(Struct, frozen=True):
    """Look-ups in a cache."""

    origin: Origin
    cache: str
    result: Literal["hit", "miss"]
    count: float = 1.0


class AiCall(Struct, frozen=True):
    """A call of a model (OpenTelemetry's GenAI conventions)."""

    origin: Origin
    provider: str
    model: str
    operation: str = "chat"
    duration: float = 0.0
    failed: bool = False
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    cost: float | None = None
    """In US dollars where the application says it; else by the price table."""
    weight: float = 1.0
    source: Source | None = None
    """None: it counts whoever else tells of it."""
    at: float = 0.0
    trace_id: str = ""


class FileUse(Struct, frozen=True):
    """A file that was uploaded, read, written or deleted. `type`: its extension or media type."""

    origin: Origin
    operation: str
    type: str = ""
    bytes: float = 0.0
    duration: float | None = None
    failed: bool = False


class Logged(Struct, frozen=True):
    """Lines that the application logged."""

    origin: Origin
    level: Level
    count: float = 1.0


class Sessions(Struct, frozen=True):
    """Sessions of users that ended, by how: Sentry's release health."""

    origin: Origin
    status: Literal["exited", "errored", "crashed", "abnormal"]
    count: float = 1.0


class Lost(Struct, frozen=True):
    """What the client says it threw away before it came here (Sentry's client reports)."""

    origin: Origin
    category: str
    reason: str
    count: float = 1.0


Measured = Request | Task | Operation | Query | CacheUse | AiCall | FileUse | Logged | Sessions | Lost


class Batch(Struct):
    """All of one request. `ids` of what is only measured: it counts once too, so its measurements hang on the id."""

    occurrences: list[Occurrence] = field(default_factory=list)
    occasions: list[Occasion] = field(default_factory=list)
    check_ins: list[CheckIn] = field(default_factory=list)
    measured: list[tuple[str, Measured]] = field(default_factory=list)
    """With the event id that it belongs to; empty where it has none and counts as often as it comes."""
    events: int = 0
    """How many things it holds, by which the rate is limited."""
    invalid: int = 0
    """How many of them were malformed and are left out."""
    repeated: int = 0
    """How many of what is measured came a second time in it and are left out."""
    ids: set[str] = field(default_factory=set)
    """Of what is measured, by which that is told."""

    def measure(self, id_: str, measured: Iterable[Measured]) -> None:
        """What one event says, unless it was in the batch before."""
        if id_ and id_ in self.ids:
            self.repeated += 1
            return
        self.ids.add(id_)
        self.measured += [(id_, one) for one in measured]
