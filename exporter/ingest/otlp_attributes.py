"""What the bytes of attributes mean: those that measuring reads are remembered, as they come again and again."""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_wire import messages

LONGEST = 64 * 1024
"""Characters of a text that are read: a stack trace; what is kept of others is cut later."""
LARGEST = 1024 * 1024
"""Bytes of an attribute that is looked at."""
MOST = 128
"""Attributes that are kept of a span, an event or a record: OpenTelemetry's own default limit."""
DEEPEST = 32
REMEMBERED, REMEMBERED_BYTES = 8_192, 160
"""Attributes that are remembered, and bytes of the longest: 3 MB at most. Beyond it all are forgotten."""

MEASURED = frozenset(
    {
        "http.request.method", "http.method", "http.response.status_code", "http.status_code", "http.route",
        "url.path", "http.target", "url.full", "http.url", "rpc.system", "rpc.system.name",
        "celery.task_name", "celery.state", "celery.action",
        "messaging.system", "messaging.destination.name", "messaging.destination", "messaging.operation.type",
        "messaging.operation", "messaging.destination.template", "messaging.operation.name",
        "db.system.name", "db.system", "db.operation.name", "db.operation", "db.query.text", "db.statement",
        "db.query.summary", "cache.hit", "db.response.returned_rows",
        "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model",
        "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "gen_ai.usage.cost",
        "stack.operation", "error.type",
    }
)  # fmt: skip
_MEASURED = frozenset(key.encode() for key in MEASURED)
LATER = frozenset({"url.path", "http.target", "url.full", "http.url"})
"""Those that differ from span to span and are seldom wanted: they stay as they came, for `text_of`."""
_LATER = {key.encode(): key for key in LATER}
_NEW: Any = object()
IGNORED, HERE = 0, 1


class Marks(dict[bytes, int]):
    """A number for each attribute, so that spans that say the same are known by their numbers.

    IGNORED for what measuring does not read, HERE for what is there but differs from span to span.
    """

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = HERE

    def __missing__(self, raw: bytes) -> int:
        key = _key(raw)
        if key in _LATER:
            mark = HERE
        elif key is not None and key not in _MEASURED:
            mark = IGNORED
        else:
            # Never given twice: what is forgotten and comes again is another.
            self._number = mark = self._number + 1
        if len(raw) <= REMEMBERED_BYTES:
            if len(self) >= REMEMBERED:
                self.clear()
            self[raw] = mark
        return mark


class Attributes:
    """Those of MEASURED among a span's attributes."""

    __slots__ = ("_key_value", "_known", "mark")

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, Any] | None] = {}
        self._key_value = messages()["KeyValue"]
        self.mark: Callable[[bytes], int] = Marks().__getitem__

    def of(self, raws: Iterable[bytes]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        known = self._known
        for raw in raws:
            pair = known.get(raw, _NEW)
            if pair is _NEW:
                pair = self._learn(raw)
            if pair is not None:
                found[pair[0]] = pair[1]
        return found

    def _learn(self, raw: bytes) -> tuple[str, Any] | None:
        key = _key(raw)
        pair: tuple[str, Any] | None
        if key in _LATER:
            pair = _LATER[key], raw
        elif key is not None and key not in _MEASURED:
            pair = None
        else:
            pair = read(raw, self._key_value)
            pair = pair if pair and pair[0] in MEASURED else None
        if len(raw) <= REMEMBERED_BYTES:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[raw] = pair
        return pair


def _key(raw: bytes) -> bytes | None:
    """A serializer writes the key first: what is not wanted is seen by that, and not parsed. None where it is not."""
    return raw[2 : 2 + raw[1]] if raw[:1] == b"\n" and len(raw) > 1 else None


def text_of(given: Any) -> str:
    """The text of an attribute, also of one that stayed as it came."""
    if isinstance(given, bytes):
        pair = read(given, messages()["KeyValue"])
        given = pair[1] if pair else None
    return given if isinstance(given, str) else ""


def every(raws: Iterable[bytes]) -> dict[str, Any]:
    """All of them, as JSON would have them; the first MOST, and without those that are malformed."""
    key_value = messages()["KeyValue"]
    found: dict[str, Any] = {}
    for raw in raws:
        if len(found) >= MOST:
            break
        if (pair := read(raw, key_value)) is not None:
            found[pair[0]] = pair[1]
    return found


def read(raw: bytes, key_value: Any) -> tuple[str, Any] | None:
    """Key and value; None for what is none, is too large or nested too deep."""
    if len(raw) > LARGEST:
        return None
    try:
        pair = key_value.FromString(raw)
    except (DecodeError, RecursionError):
        return None
    return pair.key.decode(errors="replace"), plain(pair.value)


def value(raw: bytes) -> Any:
    """An AnyValue as JSON would have it; None for what is none."""
    if len(raw) > LARGEST:
        return None
    try:
        return plain(messages()["AnyValue"].FromString(raw))
    except (DecodeError, RecursionError):
        return None


def plain(given: Any, deepest: int = DEEPEST) -> Any:
    """An AnyValue as JSON would have it."""
    match given.WhichOneof("one"):
        case "string_value":
            return given.string_value[: 4 * LONGEST].decode(errors="replace")[:LONGEST]
        case "array_value":
            return [plain(each, deepest - 1) for each in given.array_value.values[:MOST]] if deepest else None
        case "kvlist_value":
            pairs = given.kvlist_value.values[:MOST] if deepest else ()
            return {pair.key.decode(errors="replace"): plain(pair.value, deepest - 1) for pair in pairs}
        case "bytes_value":
            return f"[{len(given.bytes_value)} bytes]"
        case None:
            return None
        case name:
            return getattr(given, name)
