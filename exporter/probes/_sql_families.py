"""Metrics that are named in the configuration, and the cells of a row as their values and labels."""

import datetime as dt
import json
import re
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from exporter.metric import Metric

PREFIX = "stack_sql_"
OWN = "query_"
"""What the kind's own metrics begin with after PREFIX, so that none of a later version is somebody's already."""
_WORDS = {"sum", "count", "bucket", "created", "gsum", "gcount", "total", "info"}
_WORDS |= {"gauge", "counter", "histogram", "summary", "untyped"}
"""What no metric of ours may be called, or end in."""
_UNITS = dict.fromkeys(
    ("milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "ms", "us"), "seconds"
)
_UNITS |= dict.fromkeys(("bits", "kilobytes", "megabytes", "gigabytes", "kb", "mb", "gb"), "bytes")
_UNITS |= {"percent": "ratio", "pct": "ratio"}
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = ("component", "instance", "job", "le")
LONGEST = 200
"""Characters of a label's value."""
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s*")


class Value(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How a column becomes a metric."""

    name: Annotated[
        str, Meta(description="The metric's name after `stack_sql_`; by default the column's, in lower case.")
    ] = ""
    type: Annotated[
        Literal["gauge", "counter"], Meta(description="A counter only rises, and its name ends in `_total`.")
    ] = "gauge"
    help: Annotated[str, Meta(description="What it is.")] = ""


@cache
def family(name: str, type_: Literal["gauge", "counter"], says: str, labels: tuple[str, ...]) -> Metric:
    """The one Metric that is so declared: components with the same one share a family. Raises ValueError."""
    try:
        return Metric(PREFIX + name, type_, says, ("component", *labels))
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"metric {PREFIX}{name}: ")) from None


def families(values: tuple[str, ...] | dict[str, Value], labels: tuple[str, ...]) -> dict[str, Metric]:
    """The Metric of each column. Raises ValueError, which begins with the column's path."""
    for name in labels:
        if not _LABEL.fullmatch(name) or name in _TAKEN or labels.count(name) > 1:
            raise ValueError(
                f"labels: {name} can't be a label, which has a-z, 0-9 and _, once, and is none of {', '.join(_TAKEN)}: "
                "rename the column with AS"
            )
    written = values if isinstance(values, dict) else dict.fromkeys(values, Value())
    found: dict[str, Metric] = {}
    for column, value in written.items():
        name = value.name or column.lower()
        if name.startswith(OWN):
            told = f"names that begin with {PREFIX}{OWN} are the exporter's own"
            raise ValueError(f"{_another(column, name, value.type)}; {told}")
        says = " ".join((value.help or f"The column {column} of a configured query").split()).rstrip(".") + "."
        try:
            found[column] = family(name, value.type, says, labels)
        except ValueError:
            raise ValueError(_another(column, name, value.type)) from None
    if len({metric.name.removesuffix("_total") for metric in found.values()}) < len(found):
        raise ValueError("values: two columns become the same metric")
    return found


def _another(column: str, name: str, type_: str) -> str:
    """What to write for a column whose name is no metric's."""
    words = re.findall(r"[a-z0-9]+", name.removeprefix(OWN).lower())
    rises = "; or type: counter, if it only rises" if type_ == "gauge" and words[-1:] == ["total"] else ""
    units = "; metrics are in base units: convert it in the query" if _UNITS.keys() & {*words} else ""
    words = [_UNITS.get(word, word) for word in words if word not in _WORDS]
    name = "_".join([*(words or ["orders"]), *(["total"] if type_ == "counter" else [])])
    also = "type: counter, " if type_ == "counter" else ""
    shown = column if re.fullmatch(r"[\w ()*]+", column) else json.dumps(column, ensure_ascii=False)
    return f"values: the column {column} needs another name: {{{shown}: {{{also}name: {name}}}}}{rises}{units}"


def number(cell: Any) -> float | None:
    """A cell's number: a duration in seconds, a time as Unix time (without a zone, it is UTC); None if it is none."""
    try:
        found = _number(cell)
    except (OverflowError, ValueError):  # 10**400; a signalling NaN; the year 0 of a zone in the east
        return None
    return found if found is not None and isfinite(found) else None


def _number(cell: Any) -> float | None:
    if isinstance(cell, bytes | bytearray):
        cell = bytes(cell).decode(errors="replace")
    if isinstance(cell, str):
        return float(cell) if len(cell) <= LONGEST and _NUMBER.fullmatch(cell) else None
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    if isinstance(cell, dt.date):
        moment = cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    return float(cell) if isinstance(cell, int | float | Decimal) else None


def label(cell: Any) -> str:
    """A cell as a label's value; NULL is the empty one."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    text = bytes(cell).decode(errors="replace") if isinstance(cell, bytes | bytearray) else str(cell)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
