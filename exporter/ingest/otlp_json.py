"""OTLP/JSON into protobuf messages, by its own rules (OTLP specification, "JSON Protobuf Encoding").

They differ from protobuf's JSON mapping, which google.protobuf.json_format reads: the ids of traces and spans are
hexadecimal, where that mapping would take them for base64 and make other ids of them. Else they are the same:
lowerCamelCase alone, 64-bit integers as numbers or texts, unknown fields passed over, null as absent.
"""

import base64
import binascii
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from msgspec import Raw, Struct

from exporter.ingest import text
from exporter.ingest.otlp_wire import ITEMS, PIECE, Malformed, Piece, TooMany

Signal = Literal["traces", "metrics", "logs"]
M = TypeVar("M", bound=Message)

NODES = 1_000_000
"""Objects, lists and members in one request; real ones have one in some 25 bytes."""
LARGEST_ITEM = 4 * 1024 * 1024
"""Bytes of one span, log record or metric, which becomes objects at once."""
_DEEPEST = 100
"""Levels of messages, as protobuf's own parsers allow."""
_HEX = frozenset({"trace_id", "span_id", "parent_span_id"})
_WRONG = "the body is not OTLP/JSON"
_INT = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_REAL = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_UNREAL = {"NaN", "Infinity", "-Infinity"}


_NULL = Raw(b"null")


class _Scope(Struct, rename="camel"):
    scope: Raw = _NULL
    spans: list[Raw] | None = None
    metrics: list[Raw] | None = None
    log_records: list[Raw] | None = None


class _Resource(Struct, rename="camel"):
    resource: Raw = _NULL
    scope_spans: list[_Scope | None] | None = None
    scope_metrics: list[_Scope | None] | None = None
    scope_logs: list[_Scope | None] | None = None


class _Request(Struct, rename="camel"):
    resource_spans: list[_Resource | None] | None = None
    resource_metrics: list[_Resource | None] | None = None
    resource_logs: list[_Resource | None] | None = None


class _Field(NamedTuple):
    name: str
    repeated: bool
    cpp: int
    message: Descriptor | None
    number: int


def parse(data: bytes, message: type[M]) -> M:
    """The message that a JSON text stands for. Raises Malformed."""
    if len(data) > LARGEST_ITEM:
        raise TooMany(f"more than {LARGEST_ITEM} bytes in one span, log record or metric")
    try:
        made: M = message(**_fields(text.decode(data), message.DESCRIPTOR, _DEEPEST))
    except Malformed:
        raise
    except (text.Malformed, ValueError, TypeError, ArithmeticError, RecursionError):
        # upb's words for what is wrong quote the input.
        raise Malformed(_WRONG) from None
    return made


def cut(data: bytes, signal: Signal) -> Iterator[Piece]:
    """An export request in pieces, each converted when its turn comes. Raises Malformed, also in the midst."""
    if sum(map(data.count, (b"{", b"[", b","))) > NODES:
        raise TooMany(f"more than {NODES} values in one request")
    try:
        request = msgspec.json.decode(data, type=_Request)
    except (ValueError, RecursionError):
        raise Malformed(_WRONG) from None
    types = _types(signal)
    left = ITEMS
    for resource in getattr(request, types.resources) or ():
        if resource is None:
            continue
        of = _wire(resource.resource, types.resource)
        for scope in getattr(resource, types.scopes) or ():
            if scope is None:
                continue
            items = getattr(scope, types.items) or ()
            left -= len(items)
            if left < 0:
                raise TooMany(f"more than {ITEMS} items in one request")
            head = types.scope()
            if bytes(scope.scope) != b"null":
                head.scope.MergeFrom(parse(bytes(scope.scope), type(head.scope)))
            for begin in range(0, len(items), PIECE):
                piece, part = types.scope(), items[begin : begin + PIECE]
                piece.CopyFrom(head)
                getattr(piece, types.items).extend([parse(bytes(item), types.item) for item in part])
                yield Piece(of, piece.SerializeToString(), len(part))


class _Types(NamedTuple):
    resources: str
    scopes: str
    items: str
    resource: Any
    scope: Any
    item: Any


@cache
def _types(signal: Signal) -> _Types:
    """OpenTelemetry's own classes, which are imported when JSON comes."""
    from opentelemetry.proto.logs.v1 import logs_pb2  # noqa: PLC0415
    from opentelemetry.proto.metrics.v1 import metrics_pb2  # noqa: PLC0415
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # noqa: PLC0415
    from opentelemetry.proto.trace.v1 import trace_pb2  # noqa: PLC0415

    names: dict[Signal, tuple[str, str, str, Any, Any]] = {
        "traces": ("resource_spans", "scope_spans", "spans", trace_pb2.ScopeSpans, trace_pb2.Span),
        "metrics": ("resource_metrics", "scope_metrics", "metrics", metrics_pb2.ScopeMetrics, metrics_pb2.Metric),
        "logs": ("resource_logs", "scope_logs", "log_records", logs_pb2.ScopeLogs, logs_pb2.LogRecord),
    }
    resources, scopes, items, scope, item = names[signal]
    return _Types(resources, scopes, items, Resource, scope, item)


def _wire(raw: Raw, message: type[Message]) -> bytes:
    if bytes(raw) == b"null":
        return b""
    serialized: bytes = parse(bytes(raw), message).SerializeToString()
    return serialized


@cache
def _table(descriptor: Descriptor) -> dict[str, _Field]:
    """A message's fields by their names in JSON."""
    return {
        field.json_name: _Field(field.name, field.is_repeated, field.cpp_type, field.message_type, field.number)
        for field in descriptor.fields
    }


def _fields(value: Any, descriptor: Descriptor, deepest: int) -> dict[str, Any]:
    """What a message's constructor takes."""
    if not isinstance(value, dict):
        raise Malformed(_WRONG)
    if deepest <= 0:
        raise Malformed("too many levels in one another")
    table = _table(descriptor)
    found: dict[str, Any] = {}
    for key, given in value.items():
        field = table.get(key)
        if field is None or given is None:
            continue
        if not field.repeated:
            found[field.name] = _value(given, field, descriptor, deepest)
        elif isinstance(given, list):
            found[field.name] = [_value(each, field, descriptor, deepest) for each in given]
        else:
            raise Malformed(_WRONG)
    return found


def _value(given: Any, field: _Field, descriptor: Descriptor, deepest: int) -> Any:
    if field.message is not None:
        if given is None and field.message.full_name.endswith(".AnyValue"):
            return {}
        return _fields(given, field.message, deepest - 1)
    if field.cpp in _INT:
        return _integer(given)
    if field.cpp in _REAL:
        return _real(given)
    if field.cpp == FieldDescriptor.CPPTYPE_ENUM:
        return _enumerated(given, field, descriptor)
    if field.cpp == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(given, bool):
            raise Malformed(_WRONG)
        return given
    if not isinstance(given, str):
        raise Malformed(_WRONG)
    if descriptor.fields_by_number[field.number].type != FieldDescriptor.TYPE_BYTES:
        return given if given.isprintable() else _whole(given)
    return bytes.fromhex(given) if field.name in _HEX else _base64(given)


def _whole(given: str) -> str:
    """Without halves of surrogate pairs, which JavaScript leaves when it cuts a text."""
    return given.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _integer(given: Any) -> int:
    if isinstance(given, str) and len(given) <= 32:
        # int() would also take 1_000 and digits of other scripts.
        given = int(given) if given.isascii() and given.lstrip("-").isdigit() else float(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise Malformed(_WRONG)
    return given


def _real(given: Any) -> float:
    if isinstance(given, str) and (given in _UNREAL or (len(given) <= 400 and given[-1:].isdigit())):
        given = float(given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Malformed(_WRONG)
    return float(given)


def _enumerated(given: Any, field: _Field, descriptor: Descriptor) -> int:
    """A number, as the specification has it; by name as well, as protobuf's own mapping writes it."""
    if isinstance(given, str):
        found = descriptor.fields_by_number[field.number].enum_type.values_by_name.get(given)
        if found is not None:
            return int(found.number)
    return _integer(given)


def _base64(given: str) -> bytes:
    try:
        return base64.b64decode(given.replace("-", "+").replace("_", "/") + "=" * (-len(given) % 4), validate=True)
    except binascii.Error:
        raise Malformed(_WRONG) from None
