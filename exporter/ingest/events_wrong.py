"""What is wrong with an event by its form: everything at once, quoting nothing of it but names of fields."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from exporter.ingest import events_forms as forms
from exporter.nearest import suggestion

_PLACE = re.compile(r" - at `\$([^`]{0,200})`")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_TYPE = re.compile(r"`([a-z |]+)`")
_WORDS = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "an object",
    "array": "a list", "null": "null",
}  # fmt: skip
_MOST = 100


def type_of(given: Any) -> str:
    """What is wrong with a `type` that there is not."""
    meant = suggestion(given, forms.FORMS) if isinstance(given, str) else ""
    return f"type: expected one of {', '.join(forms.FORMS)}{meant}"


def problems(event: Mapping[str, Any], form: type[forms.Event]) -> str:
    """Why an event is not of its form; '' when each of its fields is right."""
    fields = msgspec.structs.fields(form)
    missing = [field.encode_name for field in fields if field.required and field.encode_name not in event]
    found = [f"{', '.join(missing)}: {'are' if len(missing) > 1 else 'is'} required"] if missing else []
    for field in fields:
        if field.encode_name in event:
            try:
                msgspec.convert(event[field.encode_name], field.type)
            except msgspec.ValidationError as error:
                found.append(_said(str(error), field.encode_name, field.type))
    return "; ".join(found)


class Unknown:
    """The fields of a request's events that their forms do not know, each once for a type."""

    def __init__(self) -> None:
        self._seen: dict[tuple[type[forms.Event], str], tuple[int, int]] = {}

    def note(self, place: int, keys: Iterable[Any], form: type[forms.Event]) -> None:
        for key in keys:
            if key == "type" or key in form.__struct_fields__:
                continue
            first, times = self._seen.get((form, key), (place, 0))
            if times or len(self._seen) < _MOST:
                self._seen[form, key] = (first, times + 1)

    def warnings(self) -> list[str]:
        return list(self._warnings())

    def _warnings(self) -> Iterator[str]:
        for (form, key), (first, times) in self._seen.items():
            name = f".{key}" if _NAME.fullmatch(key) else ""
            kept = "kept as `extra`" if "context" in form.__struct_fields__ else "left out"
            more = f"; in {times} events" if times > 1 else ""
            what = f"{form.__struct_config__.tag} has no such field, {kept}"
            yield f"events[{first}]{name}: {what}{suggestion(key, form.__struct_fields__)}{more}"


def _said(error: str, name: str, wanted: Any) -> str:
    """The library's words as ours."""
    place = _PLACE.search(error)
    where = name + (place[1] if place else "")
    message = _PLACE.sub("", error)
    if message.startswith("Object missing required field"):
        return f"{where}: {message.rpartition(' ')[2].strip('`')} is required"
    if not message.startswith("Expected "):
        allowed = [str(one) for one in _allowed(wanted)]
        return f"{where}: expected one of {', '.join(allowed)}" if allowed else f"{where}: not one of those allowed"
    message = _TYPE.sub(lambda m: " or ".join(_WORDS.get(one, one) for one in m[1].split(" | ")), message)
    return f"{where}: expected {message.removeprefix('Expected ').removesuffix('.0')}"


def _allowed(wanted: Any) -> Iterator[Any]:
    """The values of the Literal in a type."""
    if get_origin(wanted) is Literal:
        yield from get_args(wanted)
    elif get_origin(wanted) is Annotated:
        yield from _allowed(get_args(wanted)[0])
    else:
        for inner in get_args(wanted):
            yield from _allowed(inner)
