"""The sections on what the application sends: who may send, what an error is worth, who owns it, what is scrubbed."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from exporter.config import patterns
from exporter.config.sections import SHORTEST_TOKEN, Section
from exporter.values import Duration, Ratio, Secret, Size

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_BUILT_IN = "key cookie pem jwt auth email iban card ssn userpath user mac imei uuid ip withheld filtered"
_PATH = re.compile(r"[^\s:]{1,64}")
_PATTERN_NAME = "a name is lower-case letters, digits and _, and none of the rules' own"
Severities = Literal["low", "medium", "high", "critical"]


class Project(Section, frozen=True):
    """What may send by the Sentry protocol under a project's id."""

    keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Public keys of its DSN, all valid at once.", min_length=1, examples=[["${SENTRY_KEY}"]]),
    ]
    service: Annotated[str, Meta(description="Name of the service; by default the file's `service`.")] = ""
    environment: Annotated[
        str,
        Meta(
            description="Of events that have none; by default the file's. Most SDKs send one of their own, "
            "`production` where nothing else is set, and then that counts."
        ),
    ] = ""
    origins: Annotated[
        tuple[str, ...],
        Meta(description="Web sites whose pages may send, such as https://shop.example; * for any."),
    ] = ()

    def __post_init__(self) -> None:
        wrong = [
            f"keys[{index}]: a key has at least {SHORTEST_TOKEN} letters and digits, and nothing else"
            for index, key in enumerate(self.keys)
            if len(key.reveal()) < SHORTEST_TOKEN or not (key.reveal().isascii() and key.reveal().isalnum())
        ]
        wrong += [
            f"origins[{index}]: expected scheme and host, such as https://shop.example, or *"
            for index, origin in enumerate(self.origins)
            if origin != "*" and not _is_origin(origin)
        ]
        _refuse(wrong)


def _is_origin(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and not url.path and not url.query
    except ValueError:
        return False


def _refuse(wrong: Iterable[str]) -> None:
    """Raises ValueError of what is wrong, a line each that begins with the field's name."""
    if lines := "\n".join(wrong):
        raise ValueError(lines)


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
        wrong = [
            f"tokens[{index}]: a token has at least {SHORTEST_TOKEN} characters"
            for index, token in enumerate(self.tokens)
            if len(token.reveal()) < SHORTEST_TOKEN
        ]
        bounds = (("series_ttl", self.series_ttl), ("metrics_ttl", self.metrics_ttl))
        wrong += [f"{name}: expected more than 0s" for name, seconds in bounds if seconds <= 0]
        wrong += ["bytes_per_second: expected more than 0B"] if self.bytes_per_second <= 0 else []
        _refuse(wrong)


class Alerting(Section, frozen=True):
    """Alertmanager's webhook, POST /hooks/alertmanager on the scrape listener."""

    token: Annotated[
        Secret | None, Meta(description="What Alertmanager sends, as bearer token or password; without it, nobody may.")
    ] = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token.reveal()) < SHORTEST_TOKEN:
            raise ValueError(f"token: a token has at least {SHORTEST_TOKEN} characters")


class Measuring(Section, frozen=True):
    """Who owns one service, and where its figures come from, so that nothing counts twice."""

    team: Annotated[str, Meta(description="Who owns it: a label for routing alerts.", examples=["web"])] = ""
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

    def __post_init__(self) -> None:
        if self.slow <= 0:
            raise ValueError("slow: expected more than 0s")


class Class(Section, frozen=True):
    """What an error of a class, code or HTTP status is worth."""

    severity: Annotated[Severities | None, Meta(description="Instead of what its level says.")] = None
    security: Annotated[bool, Meta(description="Whether it is a security event too.")] = False
    code: Annotated[str, Meta(description="The application's code of it, shown beside it.")] = ""
    status: Annotated[
        Annotated[int, Meta(ge=100, le=599)] | None,
        Meta(description="The HTTP status it leads to, where the event has none."),
    ] = None


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
        said = ((index, patterns.variable(part)) for index, part in enumerate(self.fingerprint))
        _refuse(f"fingerprint[{index}]: {problem}" for index, problem in said if problem)


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
        wrong = []
        for name, pattern in self.patterns.items():
            if not _NAME.fullmatch(name) or name in _BUILT_IN.split():
                path = f"patterns.{name}" if _PATH.fullmatch(name) else "patterns"
                wrong.append(f"{path}: {_PATTERN_NAME}")
            elif problem := patterns.expression(pattern):
                wrong.append(f"patterns.{name}: {problem}")
        _refuse(wrong)


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
