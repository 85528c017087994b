"""The sections on what the application sends: who may send, what an error is worth, who owns it, what is scrubbed."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from exporter.config.sections import SHORTEST_TOKEN, Section
from exporter.values import Duration, Ratio, Secret, Size

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_BUILT_IN = "key cookie pem jwt auth email iban card ssn userpath user mac imei uuid ip withheld filtered"
_PATTERN_MEMORY = 1 << 16
Severities = Literal["low", "medium", "high", "critical"]


class Project(Section, frozen=True):
    """What may send by the Sentry protocol under a project's id."""

    keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Public keys of its DSN, all valid at once.", min_length=1, examples=[["${SENTRY_KEY}"]]),
    ]
    service: Annotated[str, Meta(description="Name of the service; by default the file's `service`.")] = ""
    environment: Annotated[str, Meta(description="Where the events do not say it.")] = ""
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Web sites whose pages may send, such as https://shop.example; * for any."),
    ] = ()

    def __post_init__(self) -> None:
        for origin in self.origins:
            url = urlsplit(origin)
            if origin != "*" and (url.scheme not in ("http", "https") or not url.hostname or url.path or url.query):
                raise ValueError("origins: expected scheme and host, such as https://shop.example, or *")


class Ingest(Section, frozen=True):
    """What applications may send, and how much."""

    projects: Annotated[
        dict[str, Project],
        Meta(description="By id, the number at the end of a DSN. None: any, from this machine alone."),
    ] = {}
    tokens: Annotated[
        tuple[Secret, ...],
        Meta(description="Bearer tokens for OTLP and JSON events; without any, only this machine may send."),
    ] = ()
    events_per_minute: Annotated[int, Meta(description="Of one key; beyond it 429.", ge=1)] = 6_000
    burst: Annotated[int, Meta(description="Events that may come at once.", ge=1)] = 12_000
    bytes_per_second: Annotated[Size, Meta(description="Of OTLP, from one sender.")] = 16 * 1024 * 1024
    series: Annotated[int, Meta(description="Series that what is sent may make in one family.", ge=10)] = 10_000
    series_ttl: Annotated[Duration, Meta(description="When a series that nobody updates goes.")] = 86_400.0
    metrics_ttl: Annotated[Duration, Meta(description="The same of metrics that come over OTLP.")] = 300.0

    def __post_init__(self) -> None:
        if any(len(token.reveal()) < SHORTEST_TOKEN for token in self.tokens):
            raise ValueError(f"tokens: a token has at least {SHORTEST_TOKEN} characters")
        if any(not name.isdigit() for name in self.projects):
            raise ValueError("projects: an id is a number, as it stands at the end of a DSN")
        keys = [key for project in self.projects.values() for key in project.keys]
        if any(len(key.reveal()) < SHORTEST_TOKEN or not key.reveal().isalnum() for key in keys):
            raise ValueError(f"projects: a key has at least {SHORTEST_TOKEN} letters and digits, and nothing else")
        if self.series_ttl <= 0 or self.metrics_ttl <= 0:
            raise ValueError("series_ttl and metrics_ttl are more than 0s")


class Alerting(Section, frozen=True):
    """Alertmanager's webhook, POST /hooks/alertmanager on the scrape listener."""

    token: Annotated[
        Secret | None, Meta(description="What Alertmanager sends, as bearer token or password; without it, nobody may.")
    ] = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token.reveal()) < SHORTEST_TOKEN:
            raise ValueError(f"token: a token has at least {SHORTEST_TOKEN} characters")


class Measuring(Section, frozen=True):
    """Where the figures of one service come from, so that nothing counts twice."""

    requests: Annotated[
        Literal["auto", "otlp", "sdk", "logs"],
        Meta(description="Source of requests. auto: otlp if it comes, else sdk, else logs."),
    ] = "auto"
    tasks: Annotated[
        Literal["auto", "otlp", "sdk", "events"], Meta(description="Source of tasks, operations and AI calls.")
    ] = "auto"


class Slow(Section, frozen=True):
    """When an operation is slow."""

    slow: Annotated[Duration, Meta(description="From this duration on.", examples=["30s"])]


class Class(Section, frozen=True):
    """What an error of a class, code or HTTP status is worth."""

    severity: Annotated[Severities | None, Meta(description="Instead of what its level says.")] = None
    security: Annotated[bool, Meta(description="Whether it is a security event too.")] = False
    code: Annotated[str, Meta(description="The application's code of it, shown beside it.")] = ""
    status: Annotated[int | None, Meta(description="The HTTP status it leads to, where the event has none.")] = None


class Owner(Section, frozen=True):
    """Errors that match every pattern given here are a team's; * stands for any characters."""

    team: Annotated[str, Meta(description="Whom it belongs to.", examples=["cad"])]
    path: Annotated[str, Meta(description="Of a file on the stack, or of the request's URL.")] = ""
    module: Annotated[str, Meta(description="Of a frame of the application's own.")] = ""
    type: Annotated[str, Meta(description="The exception's class.")] = ""
    service: Annotated[str, Meta(description="Name of the service.")] = ""

    def __post_init__(self) -> None:
        if not (self.path or self.module or self.type or self.service):
            raise ValueError("a rule has one of path, module, type and service at least")


class Grouping(Section, frozen=True):
    """Errors that match every pattern given here are one group; * stands for any characters."""

    fingerprint: Annotated[
        tuple[str, ...],
        Meta(description="What makes the group: texts, {{ default }}, {{ type }}, {{ message }}.", min_length=1),
    ]
    type: Annotated[str, Meta(description="The exception's class.")] = ""
    message: Annotated[str, Meta(description="The exception's or the log's message.")] = ""
    module: Annotated[str, Meta(description="Of a frame of the application's own.")] = ""
    service: Annotated[str, Meta(description="Name of the service.")] = ""

    def __post_init__(self) -> None:
        if not (self.type or self.message or self.module or self.service):
            raise ValueError("a rule has one of type, message, module and service at least")


class Scrub(Section, frozen=True):
    """What is taken out beside what is by default."""

    keys: Annotated[tuple[str, ...], Meta(description="Keys whose values go, wherever the text occurs in a key.")] = ()
    patterns: Annotated[
        dict[str, str], Meta(description="Regular expressions (RE2) by name; what matches becomes [name].")
    ] = {}
    keep: Annotated[tuple[str, ...], Meta(description="Keys that stay although they would go.")] = ()
    rules: Annotated[
        tuple[Literal["ip", "mac", "imei", "uuid", "userpath"], ...],
        Meta(description="Rules that are not in force by default; userpath is, unless this list is given without it."),
    ] = ("userpath", "ip")

    def __post_init__(self) -> None:
        for name, pattern in self.patterns.items():
            if not _NAME.fullmatch(name) or name in _BUILT_IN.split():
                raise ValueError("patterns: a name is lower-case letters, digits and _, and none of the rules' own")
            _check(pattern)


def _check(pattern: str) -> None:
    """Raises ValueError when it is no pattern, matches nothing at all, or is too large for a million characters."""
    import re2  # noqa: PLC0415 - 5 MB and 20 ms, for those only that have a pattern

    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False  # to stderr, past the log
    try:
        compiled = re2.compile(pattern.encode(errors="replace"), options)
    except re2.error:
        raise ValueError(
            "patterns: not a regular expression of RE2 (there is neither look-around nor backreference), or too large"
        ) from None
    if compiled.fullmatch(b"") is not None:
        raise ValueError("patterns: an expression matches one character at least")


class Price(Section, frozen=True):
    """US dollars for a million tokens."""

    input: Annotated[float, Meta(description="Of what is sent to the model.", ge=0)]
    output: Annotated[float, Meta(description="Of what it answers.", ge=0)]


class Retention(Section, frozen=True):
    """How long things are kept."""

    errors: Annotated[Duration, Meta(description="Occurrences, and groups since their last.")] = 30 * 86_400.0
    events: Annotated[Duration, Meta(description="Security and business events, deploys, feedback.")] = 30 * 86_400.0
    alerts: Annotated[Duration, Meta(description="Alerts since they were resolved.")] = 7 * 86_400.0
    size: Annotated[Size, Meta(description="Of the store; beyond it the oldest occurrences go first.")] = 2 * 1024**3
    low_space: Annotated[Ratio, Meta(description="Free part of the disk below which nothing new is kept.")] = 0.02
