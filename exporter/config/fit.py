"""Plain values as a struct of a given class, or every problem in them, each with its path and without a secret."""

import json
import re
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from exporter.config.check import check, metas
from exporter.config.document import scalar
from exporter.config.problem import Path, Report
from exporter.config.targets import ADDRESSES
from exporter.nearest import suggestion
from exporter.probe import Threshold
from exporter.values import Secret, decode

S = TypeVar("S", bound=Struct)

_AT = re.compile(r" - at `\$([^`]*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_AMOUNT = re.compile(r"[0-9.]{1,20} ?[A-Za-z]{0,3}%?|off")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_ADDRESSES = (*ADDRESSES, "uri", "hostname", "endpoint")
# A URL's user and password or its query, or an option such as password=…, in a field that is no Secret.
_CREDENTIALS = re.compile(r"(?is)://.*[@?]|(?:pass|secret|token|key)[a-z_]*=")
_TYPES = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "a mapping",
    "array": "a list", "null": "nothing",
}  # fmt: skip


def fit(cls: type[S], value: Any, path: Path, report: Report) -> S | None:
    """`value` as a `cls`, or None with the reasons added to `report`."""
    fitted = _fit(cls, value, path, report)
    if report.blames(path):
        return None
    return msgspec.convert(fitted, cls, dec_hook=decode)


def _fit(wanted: Any, value: Any, path: Path, report: Report) -> Any:
    """The value as msgspec will take it: what came from ${…} is a number where one is wanted."""
    options = list(members(wanted))
    if isinstance(value, dict):
        structs = [m for m in options if isinstance(m, type) and issubclass(m, Struct)]
        if len(structs) == 1:
            return _struct(structs[0], value, path, report)
        for member in options:
            if get_origin(member) is dict:
                return {key: _fit(get_args(member)[1], item, (*path, key), report) for key, item in value.items()}
    if isinstance(value, list):
        for member in options:
            if get_origin(member) in (list, tuple, set, frozenset):
                item_type = get_args(member)[0]
                return [_fit(item_type, item, (*path, n), report) for n, item in enumerate(value)]
    return _leaf(wanted, value, path, report)


def _struct(cls: type[Struct], value: dict[str, Any], path: Path, report: Report) -> dict[str, Any]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    for key in value:
        if key not in fields:
            report.add((*path, key), f"unknown key{_meant(key, fields, value)}")
    for key, field in fields.items():
        if field.required and key not in value:
            report.add((*path, key), "is required")
    fitted = {key: _fit(fields[key].type, item, (*path, key), report) for key, item in value.items() if key in fields}
    check(cls, fitted, path, report, lambda error: _words(error, cls, value, path, report))
    return fitted


def _meant(key: str, fields: Iterable[str], given: Iterable[str]) -> str:
    """'; did you mean dsn?' for a url, or for what is written like a key that there is."""
    others = [name for name in fields if name in _ADDRESSES and name not in given] if key in _ADDRESSES else []
    return f"; did you mean {others[0]}?" if others else suggestion(key, fields)


def _leaf(wanted: Any, value: Any, path: Path, report: Report) -> Any:
    if report.blames(path):  # a ${…} of it is not known, but what it gives is no list and no mapping
        shapes = {_shape(member) for member in members(wanted)} - {"null"}
        if len(shapes) == 1 and "" not in shapes:
            report.add(path, f"expected {_TYPES[shapes.pop()]}, got a text")
        return value
    if isinstance(value, str) and (name := _VARIABLE.fullmatch(value)) and not report.was_expanded(path):
        if path[-1:] and path[-1] in ADDRESSES:
            report.add(path, f"a variable is written with braces: ${{{name[1]}}}")
            return value
        if Secret in members(wanted) and value.isupper():  # its name is not told: a password may begin with $
            report.add(path, "a variable is written with braces, ${NAME}; a secret that looks so stands in one")
            return value
    try:
        msgspec.convert(value, wanted, dec_hook=decode)
    except msgspec.ValidationError as error:
        loose = path in report.plain or report.was_expanded(path)
        if loose and isinstance(value, str) and not isinstance(other := scalar(value), str):
            return _leaf(wanted, other, path, report)
        message, steps = _words(error, wanted, value, path, report), _steps(error)
        report.add((*path, *steps), message if steps else _shown(message, wanted, value, path, report))
    return value


def _shape(member: Any) -> str:
    """The word of _TYPES for what no text can be; '' for the rest."""
    if get_origin(member) in (list, tuple, set, frozenset):
        return "array"
    if get_origin(member) is dict or (isinstance(member, type) and issubclass(member, Struct)):
        return "object"
    return "null" if member is type(None) else ""


def members(wanted: Any) -> Iterator[Any]:
    """The types of a union, or the type itself; without Annotated."""
    origin = get_origin(wanted)
    if origin is Annotated:
        yield from members(get_args(wanted)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(wanted):
            yield from members(member)
    else:
        yield wanted


def _steps(error: msgspec.ValidationError) -> Path:
    """Where in the value msgspec saw it. A key of a dict is not told, so the path ends there."""
    if not (match := _AT.search(str(error))):
        return ()
    known = match[1].split("[...]")[0]
    return tuple(int(index) if index else key for key, index in _STEP.findall(known))


def _words(error: msgspec.ValidationError, wanted: Any, value: Any, path: Path, report: Report) -> str:
    """The error in the terms of YAML; never a secret, which __post_init__ may quote."""
    message = _AT.sub("", str(error))
    if message.startswith("Invalid enum value"):
        options = [str(o) for m in members(wanted) if get_origin(m) is Literal for o in get_args(m)]
        return f"expected one of {', '.join(options)}" if options else "is not one of the values it can have"
    if message.startswith("Expected "):
        pattern = re.search(r"matching regex '(.*)'\Z", message, re.DOTALL)
        if pattern:
            told = [f"{meta.title}, such as {(meta.examples or [''])[0]}" for meta in metas(wanted) if meta.title]
            return f"expected {told[0] if told else f'a text like {pattern[1]}'}"
        message = re.sub(r"`([a-z |]+)`", lambda m: " or ".join(_TYPES.get(t, t) for t in m[1].split(" | ")), message)
        message = "expected " + message.removeprefix("Expected ").replace("a text of length", "a length of")
        # That what stands in a file is a text says nothing, unless the shape is wrong.
        message = message.replace(" or nothing", "")
        return message if " mapping" in message or " list" in message else message.removesuffix(", got a text")
    return _without(message, set(_secrets(wanted, value, path, report)))


def _secrets(wanted: Any, value: Any, path: Path, report: Report) -> Iterator[str]:
    """The texts in a value that may be secret: of a Secret, from ${…}, with credentials, or where none was expected."""
    options = list(members(wanted))
    if isinstance(value, str):
        if Secret in options or Any in options or report.was_expanded(path) or _CREDENTIALS.search(value):
            yield value
    elif isinstance(value, dict | list):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _secrets(_inner(options, step), item, (*path, step), report)


def _inner(options: list[Any], step: str | int) -> Any:
    """The type of what is at a key or an index; Secret where it is not known."""
    found = []
    for member in options:
        if isinstance(member, type) and issubclass(member, Struct):
            found += [one.type for one in msgspec.structs.fields(member) if one.encode_name == step]
        elif get_origin(member) is dict and isinstance(step, str):
            found.append(get_args(member)[1])
        elif get_origin(member) in (list, tuple, set, frozenset) and isinstance(step, int):
            found.append(get_args(member)[0])
    return found[0] if len(found) == 1 else Secret


def _without(message: str, secrets: set[str]) -> str:
    """A message in which … stands for each secret, for quoted parts of one, and for short ones that are a word."""
    message = _QUOTED.sub(lambda m: "…" if any((m[1] or m[2] or "") in secret for secret in secrets) else m[0], message)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        whole = re.escape(secret) if len(secret) >= 8 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        message = re.sub(whole, "…", message)
    return message


def _shown(message: str, wanted: Any, value: Any, path: Path, report: Report) -> str:
    """What is wrong with the shape of a value, and the right one: by what is written, or by the field's example."""
    shape = message.partition(", got ")[0]
    if shape not in ("expected a mapping", "expected a list"):
        return message
    options = list(members(wanted))
    if Threshold in options and path:
        plain = not report.was_expanded(path) and _AMOUNT.fullmatch(str(value))
        return message.replace(shape, f"{shape}, such as {{{path[-1]}: {{warning: {value if plain else '…'}}}}}")
    items = [get_args(one)[0] for one in options if get_origin(one) in (list, tuple, set, frozenset)]
    if isinstance(value, int | float) and items and int in members(items[0]):
        return message.replace(shape, f"{shape}, such as [{value}]")
    examples = [example for meta in metas(wanted) for example in meta.examples or ()]
    example = json.dumps(examples[0]).replace('"', "") if examples else ""
    return message.replace(shape, f"{shape}, such as {example}") if example else message
