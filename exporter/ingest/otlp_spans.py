"""What a span measures: a request, a task, a query, a call of a model or an operation; by its kind and its attributes.

Old and new semantic conventions are read alike. A request is a SERVER span and nothing else: FastAPI's instrumentation
makes two INTERNAL spans more for each.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from exporter.ingest import text
from exporter.ingest.otlp_attributes import text_of
from exporter.ingest.otlp_resource import Resource
from exporter.ingest.ports import Held, Scrubber
from exporter.ingest.values import AiCall, CacheUse, Measured, Operation, Origin, Query, Request, Task

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
OTHER = "_OTHER"
"""Semantic conventions' word for a method that is none of HTTP's."""
CACHES = frozenset({"redis", "valkey", "memcached", "memcache"})
LONGEST_NAME = 200
HELD = 4_096
"""Series of a resource that are held; beyond it all are looked up anew."""
_AGENT = frozenset({"invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "plan"})
"""GenAI operations around calls of a model, whose tokens they repeat."""
_VERBS = frozenset(
    {
        "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "WITH", "CREATE", "ALTER", "DROP", "TRUNCATE",
        "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "CALL", "COPY", "FIND", "AGGREGATE", "GET", "SET", "MGET", "MSET",
        "DEL", "HGET", "HSET", "HGETALL", "INCR", "EXPIRE", "PUBLISH", "LPUSH", "RPUSH", "LPOP", "BRPOP", "ZADD",
        "PING",
    }
)  # fmt: skip
_LARGEST_COUNT = 1e15


class Reader:
    """Spans as measurements. Pure; remembers what names mean after scrubbing."""

    def __init__(self, scrubber: Scrubber, hold: Callable[[Request], Held], operations: Collection[str] = ()) -> None:
        """`operations`: names of spans that are measured wherever they stand in a trace."""
        self._hold = hold
        self._operations = frozenset(operations)
        self._name: Callable[[str], str] = lru_cache(4_096)(lambda raw: _named(raw, scrubber))
        self._route: Callable[[str], str] = lru_cache(4_096)(lambda raw: _path(raw, scrubber))

    def held(
        self, found: Mapping[str, Any], resource: Resource, marks: tuple[int, ...] = (), *, failed: bool
    ) -> Held | None:
        """Where a SERVER span's request is measured; None when it is no HTTP request.

        With its route it is known by its marks from then on, which are all that it is made of.
        """
        method = found.get("http.request.method") or found.get("http.method")
        if method is None:
            return None
        status = found.get("http.response.status_code") or found.get("http.status_code")
        route = found.get("http.route")
        templated = route.__class__ is str and route != ""
        key = (method, route if templated else path(found), status, failed, templated)
        try:
            held = resource.held.get(key)
        except TypeError:  # a list where a text belongs
            return None
        if held is None:
            held = self._hold(self._request(*key, resource.origin))
            if len(resource.held) >= HELD:
                resource.held.clear()
            resource.held[key] = held
        if marks and templated:
            known = resource.known[failed]
            if len(known) >= HELD:
                known.clear()
            known[marks] = held
        return held

    def _request(self, method: Any, route: Any, status: Any, failed: bool, templated: bool, origin: Origin) -> Request:
        method, status = _answered(method, status, failed=failed)
        return Request(origin, "otlp", method, self._route(str(route)), status, 0.0, templated)

    def answered(self, found: Mapping[str, Any], *, failed: bool) -> tuple[str, int]:
        """Method and status of a SERVER span."""
        method = found.get("http.request.method") or found.get("http.method")
        status = found.get("http.response.status_code") or found.get("http.status_code")
        return _answered(method, status, failed=failed) if method is not None else ("", 0)

    def path(self, raw: str) -> str:
        """A path as it may be shown."""
        return self._route(raw)

    def others(
        self,
        span: Any,
        found: Mapping[str, Any],
        origin: Origin,
        weight: float,
        at: float,
        trace_id: bytes,
        *,
        failed: bool,
    ) -> Iterator[Measured]:
        """Of a span that is no request. `trace_id`: to be shown, empty where the trace does not go onward."""
        kind = span.kind
        duration = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        trace = trace_id.hex()
        if kind == CONSUMER and (task := self._task(span, found, failed=failed)):
            yield Task(origin, "otlp", *task, duration, weight, at, trace)
        elif kind != SERVER and (call := self._ai(found)):
            input_, output = (_tokens(found, *keys) for keys in (_INPUT, _OUTPUT))
            cost = _number(found.get("gen_ai.usage.cost"))
            yield AiCall(origin, *call, duration, failed, input_, output, cost, weight, "otlp", at, trace)
        elif kind == CLIENT and (system := _text(found, "db.system.name", "db.system")):
            system = self._name(system)
            operation = self._name(_query(span, found))
            yield Query(origin, system, operation, duration, failed, weight)
            if (hit := _hit(found, system, operation)) is not None:
                yield CacheUse(origin, system, "hit" if hit else "miss", weight)
        named = _text(found, "stack.operation")
        name = named or _decoded(span.name)
        entry = kind == SERVER or (kind <= INTERNAL and not span.parent_span_id)
        if named or name in self._operations or (entry and not self._ai(found)):
            yield Operation(origin, "otlp", self._name(name) or "unknown", duration, failed, weight, at, trace)

    def transaction(self, span: Any, found: Mapping[str, Any]) -> str:
        """What an error in this span happened in."""
        if span.kind == SERVER and (route := _text(found, "http.route") or path(found)):
            return self._route(route)
        if span.kind == CONSUMER and (task := self._task(span, found, failed=False)):
            return task[0]
        return self._name(_decoded(span.name))

    def _task(self, span: Any, found: Mapping[str, Any], *, failed: bool) -> tuple[str, str] | None:
        """Name and state of what a worker handled."""
        if name := _text(found, "celery.task_name"):
            state = _text(found, "celery.state").lower()
            return self._name(name), self._name(state) or ("failure" if failed else "success")
        operation = _text(found, "messaging.operation.type", "messaging.operation")
        if not _text(found, "messaging.system") or operation in ("receive", "settle", "create", "publish", "send"):
            return None  # to fetch a message is not to handle it
        name = _text(found, "messaging.destination.template", "messaging.destination.name", "messaging.destination")
        return self._name(name or _decoded(span.name)), "failure" if failed else "success"

    def _ai(self, found: Mapping[str, Any]) -> tuple[str, str, str] | None:
        """Provider, model and operation of a call of a model."""
        provider = _text(found, "gen_ai.provider.name", "gen_ai.system")
        model = _text(found, "gen_ai.request.model", "gen_ai.response.model")
        operation = _text(found, "gen_ai.operation.name")
        if not (provider or model) or operation in _AGENT:
            return None
        return self._name(provider), self._name(model), self._name(operation) or "chat"


def _answered(method: Any, status: Any, *, failed: bool) -> tuple[str, int]:
    method = str(method)[:20].upper()
    status = _integer(status)
    if not 100 <= status <= 599:
        # An exception left the application before there was a status.
        status = 500 if failed and not status else 0
    return method if method in METHODS else OTHER, status


_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")


def path(found: Mapping[str, Any]) -> str:
    """The URL's path, without its query."""
    for key in ("url.path", "http.target"):
        if key in found and (plain := text_of(found[key])):
            return plain.partition("?")[0].partition("#")[0]
    try:
        return urlsplit((text_of(found.get("url.full")) or text_of(found.get("http.url")))[:8_192]).path
    except ValueError:
        return ""


def _path(raw: str, scrubber: Scrubber) -> str:
    route = _named(raw, scrubber)
    # Django's templates begin without a slash, or with the anchor of a regular expression.
    return route if not route or route[0] in "/^*" else f"/{route}"


def _named(raw: str, scrubber: Scrubber) -> str:
    # Scrubbed whole: what is cut in two no longer looks like what it is.
    return text.line(scrubber.text(raw[:2_048]), LONGEST_NAME).strip()


def _decoded(raw: bytes) -> str:
    return raw[:8_192].decode(errors="replace")


def _text(found: Mapping[str, Any], *keys: str) -> str:
    for key in keys:
        if (value := found.get(key)) and isinstance(value, str):
            return value
    return ""


def _integer(value: Any) -> int:
    """A status that came as a text or a float."""
    if isinstance(value, str) and len(value) <= 4 and value.isascii() and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) and 0 < value < 1_000 else 0


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST_COUNT:
        return None
    return float(value)


def _tokens(found: Mapping[str, Any], *keys: str) -> float:
    return next((number for key in keys if (number := _number(found.get(key))) is not None), 0.0)


def _query(span: Any, found: Mapping[str, Any]) -> str:
    """The operation's name; of a query's text no more than its first word, and only one that is known."""
    if operation := _text(found, "db.operation.name", "db.operation"):
        return operation.upper() if operation.upper() in _VERBS else operation
    for given in (_text(found, "db.query.summary", "db.query.text", "db.statement"), _decoded(span.name)):
        word = given.lstrip()[:20].partition(" ")[0].upper()
        if word in _VERBS:
            return word
    return ""


def _hit(found: Mapping[str, Any], system: str, operation: str) -> bool | None:
    """Whether a look-up in a cache found something; None where the span does not say."""
    if isinstance(hit := found.get("cache.hit"), bool):
        return hit
    rows = _number(found.get("db.response.returned_rows"))
    return bool(rows) if rows is not None and system in CACHES and operation.upper() in ("GET", "HGET") else None
