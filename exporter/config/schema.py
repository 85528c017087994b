"""The configuration file in JSON Schema 2020-12, for editors: completes keys, and marks what `check` would refuse."""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from exporter import catalogue, values
from exporter.config.file import File
from exporter.config.fit import members
from exporter.config.resolve import NAME, signals
from exporter.config.targets import address
from exporter.probe import Probe, Signal
from exporter.thresholds import SIGNALS, AlertSignal
from exporter.values import Duration, Ratio, Secret, Size

_PLACEHOLDER = {"$ref": "#/$defs/placeholder"}
_PLAIN: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "pattern": "pattern"}


def json_schema() -> dict[str, Any]:
    """The schema of the whole file, with every kind; imports them all."""
    schema = _of(File)
    kinds = catalogue.kinds()
    schema["properties"]["components"] = {
        "type": "object",
        "description": "What is probed, by name; each has a kind.",
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"enum": kinds, "description": "What sort of component it is."}},
            # Each kind by its own condition, because editors report oneOf as one failure that names every kind.
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                    "then": {"$ref": f"#/$defs/{kind}"},
                }
                for kind in kinds
            ],
        },
    }
    _name_signals(schema["properties"]["thresholds"], SIGNALS)
    placeholder = {"type": "string", "pattern": r"\$\{", "description": "${NAME}, ${NAME:-default} or ${file:/path}."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of stack-exporter",
        **schema,
        "$defs": {"placeholder": placeholder, **{kind: _kind(catalogue.load(kind)) for kind in kinds}},
    }


def written(wanted: Any, value: Any) -> Any:
    """A default as it would stand in YAML: 15.0 as 15s. None where it can't be shown."""
    types = list(members(wanted))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        if Duration in types:
            return _units(value, (("d", 86400), ("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001)))
        if Size in types:
            units = [
                (f"{p}{i}B", n**e) for e, p in ((4, "T"), (3, "G"), (2, "M")) for i, n in (("i", 1024), ("", 1000))
            ]
            return _units(value, (*units, ("KiB", 1024), ("kB", 1000), ("B", 1)))
        return f"{value * 100:g}%" if Ratio in types else value
    if isinstance(value, tuple | list | set | frozenset):
        item = next((get_args(t)[0] for t in types if get_origin(t) in (tuple, list, set, frozenset)), Any)
        shown = [written(item, one) for one in value]
        return None if None in shown else shown
    if isinstance(value, dict) and not value:
        return value
    return value if isinstance(value, str) else None


def default(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a struct's field as YAML; None where there is none to show."""
    value = field.default_factory() if field.default_factory is not NODEFAULT else field.default
    return None if value is NODEFAULT or isinstance(value, Secret) else written(field.type, value)


def _units(value: float, units: tuple[tuple[str, float], ...]) -> str:
    # The largest unit in which it is a whole number, by thousandths of the smallest.
    for unit, factor in units:
        if value and abs(value / factor - round(value / factor)) < 1e-9:
            return f"{round(value / factor)}{unit}"
    return f"{value:g}{units[-2][0]}" if value else f"0{'s' if units[-1][0] == 'ms' else 'B'}"


def _kind(cls: type[Probe]) -> dict[str, Any]:
    schema = _of(cls)
    schema["description"] = (sys.modules[cls.__module__].__doc__ or "").strip().partition("\n")[0]
    properties = schema["properties"]
    schema["properties"] = {"kind": {"const": cls.__module__.rpartition(".")[2]}, **properties}
    _name_signals(properties["thresholds"], signals(cls).values())
    if key := address(cls):
        schema["properties"]["targets"] = {
            "description": f"In place of {key}: one component for each.",
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ],
        }
        schema["required"] = [name for name in schema["required"] if name != key]
        schema["oneOf"] = [{"required": [key]}, {"required": ["targets"]}]
    return schema


def _name_signals(thresholds: dict[str, Any], known: Iterable[Signal | AlertSignal]) -> None:
    of_each = thresholds["additionalProperties"]
    thresholds["properties"] = {signal.name: {**of_each, "description": _signal(signal)} for signal in known}
    thresholds["additionalProperties"] = False


def _signal(signal: Signal | AlertSignal) -> str:
    bounds = [
        f"{word} {getattr(signal, word):g}" for word in ("warning", "critical") if getattr(signal, word) is not None
    ]
    return f"{signal.help} By default {', '.join(bounds) or 'none'} ({signal.unit}, {signal.direction})."


def _of(wanted: Any) -> dict[str, Any]:
    origin = get_origin(wanted)
    if origin is Annotated:
        inner, *metas = get_args(wanted)
        return _constrained(inner, [meta for meta in metas if isinstance(meta, Meta)])
    types = list(members(wanted))
    if len(types) > 1:
        every = [option for one in types for option in (_of(one).get("anyOf") or [_of(one)])]
        return {"anyOf": [option for index, option in enumerate(every) if option not in every[:index]]}
    if origin is Literal:
        return _or_placeholder({"enum": list(get_args(wanted))})
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(get_args(wanted)[1])}
    if origin in (list, tuple, set, frozenset):
        return {"type": "array", "items": _of(get_args(wanted)[0])}
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return _struct(wanted)
    if wanted in (int, float, bool):
        return _or_placeholder(_PLAIN[wanted])
    if wanted in _PLAIN:
        return dict(_PLAIN[wanted])
    plain = values.schema(wanted)
    return plain if wanted is Secret else _or_placeholder(plain)


def _constrained(inner: Any, metas: list[Meta]) -> dict[str, Any]:
    schema = _of(inner)
    for meta in metas:
        bounds = {word: getattr(meta, key) for key, word in _BOUNDS.items() if getattr(meta, key) is not None}
        for key, suffix in (("min_length", "min"), ("max_length", "max")):
            if (length := getattr(meta, key)) is not None:
                bounds[suffix + ("Items" if schema.get("type") == "array" else "Length")] = length
        if bounds:
            # In a union each keyword binds only the type that it speaks of, so all but null and ${…} may carry them.
            options = schema.get("anyOf") or [schema]
            options = [one if one in (_PLACEHOLDER, _PLAIN[type(None)]) else {**one, **bounds} for one in options]
            bare = len(options) == 1 and "pattern" not in bounds
            schema = options[0] if bare else _or_placeholder(*options)
        if meta.description:
            schema = {**schema, "description": meta.description}
    return schema


def _struct(cls: type[Struct]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    fields = msgspec.structs.fields(cls)
    for field in fields:
        properties[field.encode_name] = _of(field.type)
        if (shown := default(field)) is not None:
            properties[field.encode_name]["default"] = shown
    required = [field.encode_name for field in fields if field.required]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _or_placeholder(*options: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*(option for option in options if option != _PLACEHOLDER), _PLACEHOLDER]}
