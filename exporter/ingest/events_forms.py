"""What POST /api/v1/events takes, one struct for each `type`: they check what comes and make the published schema.

error, security, business, deploy   kept, listed and counted
request, task, operation, query, cache, ai_call, file, upload   measured
"""

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.json import schema_components

from exporter.ingest.values import Level, Severity

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=65_536)]
Seconds = Annotated[float, Meta(ge=0, le=1e9, description="In seconds.")]
Number = Annotated[float, Meta(ge=0, le=1e15)]
Status = Annotated[int, Meta(ge=100, le=599)]
Context = Annotated[dict[str, Any], Meta(description="Whatever else is known; shown with it, after scrubbing.")]
DEFAULT_CACHE = "default"
MOST_CAUSES = 10


class Event(Struct, kw_only=True, frozen=True, tag_field="type"):
    """What every event may say."""

    id: Annotated[
        str, Meta(max_length=1_000, description="The sender's own; what is sent again under it counts once. Any text.")
    ] = ""
    at: Annotated[
        float | str | None,
        Meta(description="When: Unix seconds, or RFC 3339. By default now; for work, when it ended."),
    ] = None
    service: Annotated[Word, Meta(description="By default the `service` of the configuration.")] = ""
    environment: Annotated[Word, Meta(description="By default that of the configuration.")] = ""
    release: Annotated[Word, Meta(description="The version that runs.")] = ""
    user: Annotated[
        str | int | dict[str, Any] | None,
        Meta(description="An id, or an object with id, username or email. Kept as a keyed hash."),
    ] = None
    trace_id: Annotated[Word, Meta(description="W3C trace id: 32 hexadecimal digits.")] = ""
    request_id: Annotated[Word, Meta(description="Of the request in which it happened.")] = ""


class Line(Struct, kw_only=True, frozen=True):
    """A call on the stack, in the fields of a Sentry frame."""

    function: Text = ""
    module: Text = ""
    filename: Text = ""
    lineno: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    in_app: Annotated[bool | None, Meta(description="Whether it is the application's own code.")] = None


class Cause(Struct, kw_only=True, frozen=True):
    """An exception that led to another."""

    exception: Text = ""
    message: Text = ""
    stack: Annotated[tuple[Line, ...], Meta(max_length=250)] = ()


class Error(Event, frozen=True, tag="error"):
    """An error of the application, or a message that is one. Alike ones become a group."""

    exception: Annotated[Text, Meta(description="The exception's class, such as ValueError.")] = ""
    message: Annotated[Text, Meta(description="What it says.")] = ""
    stack: Annotated[
        tuple[Line, ...],
        Meta(
            max_length=250,
            description="A stack trace as the language prints it, as one text; or its calls, from the outermost to "
            "where it was raised.",
        ),
    ] = ()
    causes: Annotated[
        tuple[Cause, ...], Meta(max_length=MOST_CAUSES, description="What led to it, from the first on.")
    ] = ()
    severity: Annotated[
        Severity | None, Meta(description="By default by its class, its level and whether it was handled.")
    ] = None
    level: Level = "error"
    handled: Annotated[bool | None, Meta(description="Whether the application went on as it should.")] = None
    code: Annotated[Word, Meta(description="The application's own, such as VALIDATION_ERROR.")] = ""
    status: Annotated[Status | None, Meta(description="The HTTP status that it led to.")] = None
    method: Annotated[Word, Meta(description="Of the request.")] = ""
    path: Annotated[Text, Meta(description="Of the request's URL.")] = ""
    transaction: Annotated[Text, Meta(description="The route, task or function in which it happened.")] = ""
    logger: Word = ""
    platform: Annotated[Word, Meta(description="The language, such as php.")] = ""
    fingerprint: Annotated[
        tuple[Text, ...], Meta(max_length=20, description="What makes its group, instead of type and stack.")
    ] = ()
    tags: dict[str, Any] = {}
    context: Context = {}


class Security(Event, frozen=True, tag="security"):
    """Something that matters for security: counted, kept and listed."""

    name: Annotated[Name, Meta(description="What happened, such as brute_force. A label: no ids in it.")]
    severity: Severity = "medium"
    message: Text = ""
    context: Context = {}


class Business(Event, frozen=True, tag="business"):
    """Something that happened in the business: counted, kept and listed."""

    name: Annotated[Name, Meta(description="What happened, such as order_placed. A label: no ids in it.")]
    message: Text = ""
    context: Context = {}


class Deploy(Event, frozen=True, tag="deploy"):
    """A release went out."""

    release: Annotated[Name, Meta(description="The version that runs from now on.")]
    message: Text = ""
    context: Context = {}


class Request(Event, frozen=True, tag="request"):
    """A request that the application answered, where no SDK tells of it."""

    method: Name
    status: Status
    duration: Seconds
    route: Annotated[Text, Meta(description="A template, such as /orders/{id}.")] = ""
    path: Annotated[Text, Meta(description="Where there is no template: ids in it are collapsed.")] = ""


class Task(Event, frozen=True, tag="task"):
    """A message that a worker handled."""

    name: Name
    duration: Seconds
    state: Annotated[Word, Meta(description="Celery's words: success, failure, retry, …")] = "success"


class Operation(Event, frozen=True, tag="operation"):
    """A piece of the application's work, such as geometry_extraction."""

    name: Annotated[Name, Meta(description="As in `operations:` of the configuration, where it has a threshold.")]
    duration: Seconds
    failed: bool = False


class Query(Event, frozen=True, tag="query"):
    """A call of a database."""

    system: Annotated[Name, Meta(description="As OpenTelemetry names it: postgresql, redis, …")]
    duration: Seconds
    operation: Annotated[Word, Meta(description="Such as SELECT.")] = ""
    failed: bool = False


class Cache(Event, frozen=True, tag="cache"):
    """Look-ups in a cache: one with `hit`, or many with `hits` and `misses`."""

    name: Annotated[Name, Meta(description="Which cache.")] = DEFAULT_CACHE
    cache: Annotated[Word, Meta(description="The same; it counts where both are given.")] = ""
    hit: bool | None = None
    hits: Number = 0
    misses: Number = 0


class AiCall(Event, frozen=True, tag="ai_call"):
    """A call of a model."""

    model: Name
    provider: Annotated[Word, Meta(description="Such as openai.")] = ""
    operation: Annotated[Word, Meta(description="Such as chat or embeddings.")] = "chat"
    duration: Seconds | None = None
    failed: bool = False
    input_tokens: Number = 0
    output_tokens: Number = 0
    cost: Annotated[Number | None, Meta(description="In US dollars; by default from ai_prices.")] = None


class File(Event, frozen=True, tag="file"):
    """A file that was read, written or deleted."""

    operation: Annotated[Name, Meta(description="Such as read, write or delete.")]
    file_type: Annotated[Word, Meta(description="Its extension or media type: pdf, image/png.")] = ""
    bytes: Number = 0
    duration: Seconds | None = None
    failed: bool = False


class Upload(Event, frozen=True, tag="upload"):
    """A file that came in."""

    file_type: Annotated[Word, Meta(description="Its extension or media type: pdf, image/png.")] = ""
    bytes: Number = 0
    duration: Seconds | None = None
    failed: bool = False


Known = Error | Security | Business | Deploy | Request | Task | Operation | Query | Cache | AiCall | File | Upload
FORMS: dict[str, type[Event]] = {
    "error": Error,
    "security": Security,
    "business": Business,
    "deploy": Deploy,
    "request": Request,
    "task": Task,
    "operation": Operation,
    "query": Query,
    "cache": Cache,
    "ai_call": AiCall,
    "file": File,
    "upload": Upload,
}
_STACK_TEXT = {"type": "string", "maxLength": 65_536}
_SAID = {"pattern": r"\S"}
"""More than blanks."""


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of one event."""
    (event,), parts = schema_components([Known], ref_template="#/$defs/{name}")
    for name in ("Error", "Cause"):
        properties = parts[name]["properties"]
        stack = dict(properties["stack"])
        said = {key: stack.pop(key) for key in ("description", "default") if key in stack}
        # A text becomes calls before it is checked.
        properties["stack"] = {"anyOf": [_STACK_TEXT, stack], **said}
    parts["Error"]["anyOf"] = [
        {"required": [name], "properties": {name: said}}
        for name, said in {"exception": _SAID, "message": _SAID, "stack": _SAID | {"minItems": 1}}.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event",
        "description": 'One event of POST /api/v1/events, which takes one, an array, {"events": […]}, or one a line. '
        f"Its `type` is one of {', '.join(FORMS)}. Durations are in seconds. Fields that a type does not know are "
        "kept beside the `context` where it has one, and told as warnings.",
        **event,
        "$defs": parts,
    }
