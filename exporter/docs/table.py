"""What the generated pages are made of: tables, and words for types and values."""

import sys
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import Meta, Struct

from exporter.config.fit import members
from exporter.config.schema import written
from exporter.values import Duration, Ratio, Secret, Size

HEAD = "<!-- Written by `make docs` from the code; not by hand. -->\n"
_TYPES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true, false",
    Duration: "duration",
    Size: "size",
    Ratio: "ratio",
    Secret: "secret",
    type(None): "",
    Any: "mapping",
}


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |" for row in rows]
    return "\n".join([*lines, ""])


def first_line(cls: type) -> str:
    """What the class's docstring, or else its module's, says in its first line."""
    own = cls.__doc__ if "__doc__" in vars(cls) else None
    return ((own or sys.modules[cls.__module__].__doc__ or "").strip().splitlines() or [""])[0]


def plain(unit: Any, value: float) -> Any:
    shown = written(unit, value)
    if not isinstance(shown, float):
        return shown
    # 1e+09 is read wrong: groups of three digits.
    return f"{shown:,.0f}".replace(",", " ") if shown.is_integer() else f"{shown:g}"


def words(wanted: Any) -> str:
    found = []
    for member in members(wanted):
        origin, arguments = get_origin(member), get_args(member)
        if origin is Literal:
            found.append(", ".join(f"`{option}`" for option in arguments))
        elif origin in (tuple, list, set, frozenset):
            found.append(f"list of {words(arguments[0])}")
        elif origin is dict:
            found.append(f"mapping to {words(arguments[1])}")
        elif isinstance(member, type) and issubclass(member, Struct):
            found.append("mapping")
        else:
            found.append(_TYPES.get(member, str(member)))
    return " or ".join(dict.fromkeys(word for word in found if word))


def description(wanted: Any) -> str:
    if get_origin(wanted) is not Annotated:
        return ""
    inner, *metas = get_args(wanted)
    texts = [meta.description for meta in metas if isinstance(meta, Meta) and meta.description]
    return texts[-1] if texts else description(inner)
