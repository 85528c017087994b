"""What a client asks, from the query or a JSON body into a struct; every fault is named, none quotes a value."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import inspect

from exporter.nearest import suggestion
from exporter.web.api.moment import EXPECTED, Moment, moment
from exporter.web.call import Call, Refused

T = TypeVar("T")
LONGEST_NAME = 64
_BODY = 'the body is not a JSON object, such as {"status": "resolved"}'


def query(call: Call, wanted: type[T], now: float) -> T:
    """Of the query. Raises Refused."""
    given: dict[str, object] = {}
    faults = []
    for name, value in call.request.rel_url.query.items():
        if name in given:
            faults.append(f"{name[:LONGEST_NAME]}: came twice")
        given[name] = value
    return _struct(wanted, given, now, faults, text=True)


def body(call: Call, wanted: type[T], now: float) -> T:
    """Of the body, whatever its Content-Type: curl -d says that it is a form. The query is to be empty.

    Raises Refused.
    """
    faults = [f"{name[:LONGEST_NAME]}: is not known in the query" for name in call.request.rel_url.query]
    return _struct(wanted, _object(call.body), now, faults, text=False)


def _object(raw: bytes) -> dict[str, object]:
    if not raw.strip():
        return {}
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, _BODY) from None
    if not isinstance(found, dict):
        raise Refused(400, _BODY)
    return found


def _struct(wanted: type[T], given: Mapping[str, object], now: float, faults: list[str], *, text: bool) -> T:
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in given.items():
        field = fields.get(name)
        if field is None:
            known = f"; known are {', '.join(sorted(fields))}" if fields else "; none is"
            faults.append(f"{_shown(name)}: is not known{suggestion(name, fields) or known}")
            continue
        try:
            values[field.name] = _value(value, field.type, now, text=text, ahead=name.endswith("until") and not text)
        except ValueError:
            faults.append(f"{name}: expected {expected(field.type)}")
    if faults:
        raise Refused(400, faults[0] if len(faults) == 1 else f"{len(faults)} faults in what was asked", errors=faults)
    try:
        return wanted(**values)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _shown(name: str) -> str:
    return name[:LONGEST_NAME] if name.isprintable() else "a name with unprintable characters"


def _value(value: object, wanted: Any, now: float, *, text: bool, ahead: bool) -> Any:
    """Raises ValueError, of which msgspec's is one."""
    if value is None:
        if not text and _holds(wanted, type(None)):
            return None
        raise ValueError
    if _holds(wanted, Moment):
        return moment(value, now, ahead=ahead)
    pattern = next((part.pattern for part in _parts(wanted) if isinstance(part, inspect.StrType)), None)
    if isinstance(value, str) and pattern is not None:
        # Python's $, which msgspec goes by, lets a last newline pass.
        if not re.fullmatch(pattern, value):
            raise ValueError
    elif text and _holds(wanted, bool):
        # msgspec would take 1 and 0 as well; the description says true and false.
        if value not in ("true", "false"):
            raise ValueError
    elif text and (value in ("", "null") or value != str(value).strip()):
        raise ValueError  # which msgspec takes for nothing, or passes over
    return msgspec.convert(value, wanted, strict=not text)


def _parts(wanted: Any) -> list[inspect.Type]:
    """The types that it is one of, None left out."""
    found = inspect.type_info(wanted)
    if isinstance(found, inspect.Metadata):
        found = found.type
    parts = found.types if isinstance(found, inspect.UnionType) else (found,)
    bare = [part.type if isinstance(part, inspect.Metadata) else part for part in parts]
    return [part for part in bare if not isinstance(part, inspect.NoneType)]


def _holds(wanted: Any, part: type) -> bool:
    return wanted is part or any(_holds(each, part) for each in get_args(wanted))


def expected(wanted: Any) -> str:
    """What is allowed, in words."""
    if _holds(wanted, Moment):
        return EXPECTED
    return " or ".join(map(_words, _parts(wanted)))


def _words(found: inspect.Type) -> str:
    match found:
        case inspect.LiteralType():
            return f"one of {', '.join(str(value) for value in found.values)}"
        case inspect.IntType():
            return f"a whole number from {found.ge} to {found.le}"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return f"a text of at most {found.max_length} characters, without control characters"
    return "another type"


_IS_ID = re.compile("[0-9a-f]{32}")


def id_of(call: Call) -> str:
    """The {…} of the path. Raises Refused."""
    if not _IS_ID.fullmatch(call.name):
        raise Refused(400, "id: expected 32 hexadecimal digits in lower case")
    return call.name
