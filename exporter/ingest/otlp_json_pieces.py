"""An OTLP/JSON request in pieces: down to its items by a sketch of types, then each item by itself."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from google.protobuf.message import Message  # type: ignore[import-untyped]
from msgspec import Raw, Struct

from exporter.ingest.otlp_json import WRONG, parse
from exporter.ingest.otlp_wire import ITEMS, PIECE, Malformed, Piece, TooMany

Signal = Literal["traces", "metrics", "logs"]

NODES = 1_000_000
"""Objects, lists and members in one request; real ones have one in some 25 bytes."""
# JavaScript cuts texts between the halves of a surrogate pair, which msgspec refuses: the second alternative.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)

_NULL = Raw(b"null")


class _Scope(Struct, rename="camel"):
    scope: Raw = _NULL
    schema_url: Raw = _NULL
    spans: list[Raw] | None = None
    metrics: list[Raw] | None = None
    log_records: list[Raw] | None = None


class _Resource(Struct, rename="camel"):
    resource: Raw = _NULL
    schema_url: Raw = _NULL
    scope_spans: list[_Scope | None] | None = None
    scope_metrics: list[_Scope | None] | None = None
    scope_logs: list[_Scope | None] | None = None


class _Request(Struct, rename="camel"):
    resource_spans: list[_Resource | None] | None = None
    resource_metrics: list[_Resource | None] | None = None
    resource_logs: list[_Resource | None] | None = None


def cut(data: bytes, signal: Signal) -> Iterator[Piece]:
    """An export request in pieces, each converted when its turn comes. Raises Malformed, also in the midst."""
    if sum(map(data.count, (b"{", b"[", b","))) > NODES:
        raise TooMany(f"more than {NODES} values in one request")
    if not _is_utf8(data):
        raise Malformed(WRONG)
    request = _outline(data)
    types = _types(signal)
    left = ITEMS
    for resource in getattr(request, types.resources) or ():
        if resource is None:
            continue
        of = _wire(resource.resource, types.resource)
        more = types.scope(schema_url=_text(resource.schema_url)).SerializeToString()
        for scope in getattr(resource, types.scopes) or ():
            if scope is None:
                continue
            items = getattr(scope, types.items) or ()
            left -= len(items)
            if left < 0:
                raise TooMany(f"more than {ITEMS} items in one request")
            head = types.scope(schema_url=_text(scope.schema_url))
            if bytes(scope.scope) != b"null":
                head.scope.MergeFrom(parse(bytes(scope.scope), type(head.scope)))
            for begin in range(0, len(items), PIECE):
                piece, part = types.scope(), items[begin : begin + PIECE]
                piece.CopyFrom(head)
                getattr(piece, types.items).extend([parse(bytes(item), types.item) for item in part])
                yield Piece(of, piece.SerializeToString(), len(part), more)


def _text(raw: Raw) -> str:
    """A schema's URL, which has the same number in ResourceSpans and in ScopeSpans."""
    try:
        found = msgspec.json.decode(raw)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def _outline(data: bytes) -> _Request:
    """The request down to its items, which are left as they are."""
    try:
        return msgspec.json.decode(data, type=_Request)
    except (ValueError, RecursionError):
        mended = _ESCAPE.sub(_mended, data)
    try:
        return msgspec.json.decode(mended, type=_Request)
    except (ValueError, RecursionError):
        raise Malformed(WRONG) from None


def _is_utf8(data: bytes) -> bool:
    """Msgspec does not look into what it passes over."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mended(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


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
