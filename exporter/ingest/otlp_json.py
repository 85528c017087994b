"""OTLP/JSON into protobuf messages, by its own rules (OTLP specification, "JSON Protobuf Encoding").

They differ from protobuf's JSON mapping, which google.protobuf.json_format reads: the ids of traces and spans are
hexadecimal, where that mapping would take them for base64 and make other ids of them. Else they are the same:
lowerCamelCase alone, 64-bit integers as numbers or texts, unknown fields passed over, null as absent.
"""

import base64
import binascii
from functools import cache
from typing import Any, NamedTuple, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]

from exporter.ingest import text
from exporter.ingest.otlp_wire import Malformed, TooMany

M = TypeVar("M", bound=Message)

LARGEST_ITEM = 4 * 1024 * 1024
"""Bytes of one span, log record or metric, which becomes objects at once."""
_DEEPEST = 100
"""Levels of messages, as protobuf's own parsers allow."""
_HEX = frozenset({"trace_id", "span_id", "parent_span_id"})
WRONG = "the body is not OTLP/JSON"
_INT = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_REAL = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_UNREAL = {"NaN", "Infinity", "-Infinity"}


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
        raise Malformed(WRONG) from None
    return made


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
        raise Malformed(WRONG)
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
            raise Malformed(WRONG)
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
            raise Malformed(WRONG)
        return given
    if not isinstance(given, str):
        raise Malformed(WRONG)
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
        raise Malformed(WRONG)
    return given


def _real(given: Any) -> float:
    if isinstance(given, str) and (given in _UNREAL or (len(given) <= 400 and given[-1:].isdigit())):
        given = float(given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Malformed(WRONG)
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
        raise Malformed(WRONG) from None
