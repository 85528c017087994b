"""Runs a struct's own checks (__post_init__), one after the other, although the first of them ends the construction.

What a check blames is replaced by the field's default, or, where one is required, by the first of its Meta's examples;
then the struct is made again, until nothing more is found.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from exporter.config.problem import Path, Report
from exporter.values import decode

_NAMED = re.compile(r"([a-z_]+)(?:\.([^\s:]+)|\[(\d+)\])?(: )?")


def check(
    cls: type[Struct],
    fitted: Mapping[str, Any],
    path: Path,
    report: Report,
    words: Callable[[msgspec.ValidationError], str],
) -> None:
    """Add to `report` what the checks of `cls` say of the fields that are right by themselves.

    A check names its field at its beginning (`url: …`, `headers.x-key: …`, `keys[0]: …`, or `timeout is …`); one that
    does not is asked with each field replaced in turn: the one that makes a difference is meant. One that found several
    says them in a line each, all with their fields.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    failed = {key for key in fields if report.blames((*path, key))}
    given = {key: value for key, value in fitted.items() if key not in failed}
    while (complete := _complete(fields, given)) is not None:
        error = _error(cls, complete)
        # What speaks of a field that failed may be true of what stands in for it alone.
        if error is None or any(re.search(rf"\b{key}\b", str(error)) for key in failed):
            return
        message = words(error)
        if named := _several(message, given):
            for blamed, below, each in named:
                report.add((*path, *blamed, *below), each)
            names = {blamed[0] for blamed, *_ in named}
            failed |= names
            given = {key: value for key, value in given.items() if key not in names}
            continue
        blamed, below, message = _named(message, given)
        if not blamed:
            blamed = _telling(cls, fields, given, str(error))
        report.add((*path, *(blamed if len(blamed) == 1 else ()), *below), message)
        if not blamed:
            return
        if below and isinstance(given[blamed[0]], dict) and len(given[blamed[0]]) > 1:
            given[blamed[0]] = {key: value for key, value in given[blamed[0]].items() if key != below[0]}
        else:
            failed.update(blamed)
            given = {key: value for key, value in given.items() if key not in blamed}


def metas(wanted: Any) -> Iterator[Meta]:
    """What a type is annotated with."""
    if get_origin(wanted) is Annotated:
        inner, *annotations = get_args(wanted)
        yield from (one for one in annotations if isinstance(one, Meta))
        yield from metas(inner)


def _complete(fields: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """`given`, and examples for what else is required; None when one of them has none."""
    complete = dict(given)
    for key, field in fields.items():
        if field.required and key not in complete:
            examples = [example for meta in metas(field.type) for example in meta.examples or ()]
            if not examples:
                return None
            complete[key] = examples[0]
    return complete


def _error(cls: type[Struct], values: Mapping[str, Any]) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(values, cls, dec_hook=decode)
    except msgspec.ValidationError as error:
        return error
    return None


def _several(message: str, given: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Path, str]]:
    """The lines of a message, if there are several and each names its field."""
    lines = message.split("\n")
    named = [_named(line, given) for line in lines]
    return named if len(lines) > 1 and all(blamed for blamed, *_ in named) else []


def _named(message: str, given: Mapping[str, Any]) -> tuple[tuple[str, ...], Path, str]:
    """The field that a message begins with, the key in it, and the rest of the message."""
    match = _NAMED.match(message)
    if match is None or match[1] not in given:
        return (), (), message
    value, key, index = given[match[1]], match[2], match[3]
    below: Path = (key,) if key is not None and isinstance(value, dict) and key in value else ()
    if index is not None and isinstance(value, list) and int(index) < len(value):
        below = (int(index),)
    whole = match[4] and bool(below) == bool(key or index)
    return (match[1],), below, message[match.end() :] if whole else message


def _telling(
    cls: type[Struct], fields: Mapping[str, FieldInfo], given: Mapping[str, Any], message: str
) -> tuple[str, ...]:
    """The fields without which the message would be another one."""
    found = []
    for key in given:
        without = _complete(fields, {other: value for other, value in given.items() if other != key})
        if without is not None and str(_error(cls, without)) != message:
            found.append(key)
    return tuple(found)
