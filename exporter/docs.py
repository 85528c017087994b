"""Writes docs/metrics.md and docs/configuration.md from the code, or with --check says whether they are up to date."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from exporter import catalogue
from exporter.config.fit import members
from exporter.config.resolve import signals
from exporter.config.schema import default, written
from exporter.config.sections import File
from exporter.probe import COMMON_REASONS, Probe, Signal
from exporter.values import Duration, Ratio, Secret, Size

FOLDER = Path(__file__).parent.parent / "docs"

_HEAD = "<!-- Written by `make docs` from the code; not by hand. -->\n"
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
_VALUES = """\
| value | is written |
|---|---|
| duration | with its unit: `500ms`, `30s`, `1h30m`, `7d` |
| size | with its unit: `10MB`, `500GiB` |
| ratio | `80%` or `0.8` |
| secret | as text, better as `${NAME}` or `${file:/run/secrets/name}`; shown nowhere |

`${NAME}` is the environment variable NAME, `${NAME:-default}` the same with a default for when it is unset or empty,
`${file:/path}` the text of a file; `$${` is a literal `${`. They are put in after the file is parsed, so a value can't
add YAML. The file is YAML 1.2 (`no`, `on`, `0o10` and `12:30` are text) of at most 1 MiB, without anchors, aliases,
merge keys and tags. Unknown keys and keys written twice are refused.
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or compare them; 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m exporter.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    check = parser.parse_args(arguments).check
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(f"docs/{name}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale and check:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run make docs\n")
        return 1
    return 0


def show_metrics(output: str) -> None:
    """Print the catalogue as a table, markdown or json."""
    found = catalogue.metrics()
    if output == "markdown":
        sys.stdout.write("\n".join(_metrics()))
    elif output == "json":
        rows = [{**asdict(metric), "unit": metric.unit, "module": module} for metric, module in found]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        table = Table(Column("name", no_wrap=True), "type", "labels", "help", box=None, pad_edge=False)
        for metric, _ in sorted(found, key=lambda pair: pair[0].name):
            table.add_row(metric.name, metric.type, ", ".join(metric.labels), Text(metric.help))
        # A pipe has no width of its own, and what reads it wants a row in a line.
        Console(highlight=False, width=None if sys.stdout.isatty() else 400).print(table)


def pages() -> dict[str, str]:
    """The generated pages by file name."""
    return {"metrics.md": "\n".join(_metrics()), "configuration.md": "\n".join(_configuration())}


def _metrics() -> Iterator[str]:
    yield f"# Metrics\n\n{_HEAD}"
    of: dict[str, list[tuple[str, ...]]] = {}
    kinds = catalogue.kinds()
    for metric, module in catalogue.metrics():
        # By its name, as a kind of several files declares some in its helpers.
        of_probes = module.startswith("exporter.probes.")
        kind = next((k for k in kinds if of_probes and metric.name.startswith(f"stack_{k}_")), "")
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        row = (f"`{metric.name}`", metric.type, labels, metric.unit, metric.help)
        of.setdefault(kind, []).append(row)
    yield "## Of every component, and of the daemon itself\n"
    yield _table(("name", "type", "labels", "unit", "help"), sorted(of.pop("", [])))
    yield "Reasons that every kind can have:\n"
    yield _table(("reason", "meaning"), ((f"`{word}`", text) for word, text in COMMON_REASONS.items()))
    for kind in kinds:
        cls = catalogue.load(kind)
        yield f"## {kind}\n"
        yield f"{_first_line(cls)}\n"
        yield _table(("name", "type", "labels", "unit", "help"), of.get(kind, []))
        yield "Signals and their default thresholds:\n"
        yield _table(
            ("signal", "metric", "compared", "warning", "critical", "help"), map(_signal, signals(cls).values())
        )
        if cls.reasons:
            yield "Reasons:\n"
            yield _table(("reason", "meaning"), ((f"`{word}`", text) for word, text in cls.reasons.items()))


def _signal(signal: Signal) -> tuple[str, ...]:
    statistic = {"last": "the newest value", "p95": "p95 over 5 m", "rate": "rate over 5 m"}[signal.statistic]
    unit: Any = {"seconds": Duration, "bytes": Size, "ratio": Ratio}.get(signal.unit, float)
    bounds = ("" if value is None else str(_plain(unit, value)) for value in (signal.warning, signal.critical))
    return (f"`{signal.name}`", f"`{signal.metric.name}`", f"{statistic}, {signal.direction}", *bounds, signal.help)


def _plain(unit: Any, value: float) -> Any:
    shown = written(unit, value)
    return f"{shown:g}" if isinstance(shown, float) else shown


def _configuration() -> Iterator[str]:
    yield f"# Configuration\n\n{_HEAD}"
    yield "## Values\n"
    yield _VALUES
    yield "## Top level\n"
    yield _fields(File)
    for field in msgspec.structs.fields(File):
        if (section := _nested(field.type)) is not None:
            yield f"## {field.encode_name}\n"
            yield f"{_first_line(section)}\n"
            yield _fields(section)
    yield "## components\n"
    yield "A component is a name of 1 to 63 of `a-z`, `0-9`, `_` and `-`, its `kind`, and the keys of that kind.\n"
    yield "Keys of every kind:\n"
    yield _fields(Probe)
    yield "`thresholds` has a mapping for each signal, with `warning` and `critical` in the signal's unit, or `off`:\n"
    yield "```yaml\nthresholds: {latency: {warning: 500ms, critical: off}}\n```\n"
    for kind in catalogue.kinds():
        cls = catalogue.load(kind)
        yield f"### {kind}\n"
        yield f"{_first_line(cls)}\n"
        if cls.drivers:
            yield f"Needs `pip install 'stack-exporter[{kind}]'`.\n"
        yield _fields(cls, without=Probe)
        names = ", ".join(f"`{name}`" for name in signals(cls))
        yield f"Signals: {names}. Their defaults are in [metrics.md](metrics.md#{kind}).\n"
        if cls.slow:
            yield f"`timeout` is by default {_plain(Duration, cls.slow)}, but never longer than the interval.\n"


def _fields(cls: type[Struct], *, without: type[Struct] | None = None) -> str:
    known = {field.name for field in msgspec.structs.fields(without)} if without else set()
    rows = list(_rows(cls, "", known))
    return _table(("key", "type", "default", "description"), rows) if rows else "It has no keys of its own.\n"


def _rows(cls: type[Struct], prefix: str, known: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    for field in msgspec.structs.fields(cls):
        if field.name in known:
            continue
        key = f"{prefix}{field.encode_name}"
        nested = None if cls is File else _nested(field.type)
        shown = default(field)
        text = "required" if field.required else "" if shown in (None, "", [], {}) else f"`{_yaml(shown)}`"
        many = any(get_origin(t) in (tuple, list) for t in members(field.type))
        yield f"`{key}`", _words(field.type), text, description(field.type)
        if nested is not None and field.name != "thresholds":
            yield from _rows(nested, f"{key}[]." if many else f"{key}.")


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _nested(wanted: Any) -> type[Struct] | None:
    for member in members(wanted):
        if isinstance(member, type) and issubclass(member, Struct):
            return member
        if get_origin(member) in (tuple, list, dict) and (
            inner := _nested(get_args(member)[-1 if get_origin(member) is dict else 0])
        ):
            return inner
    return None


def _words(wanted: Any) -> str:
    words = []
    for member in members(wanted):
        origin, arguments = get_origin(member), get_args(member)
        if origin is Literal:
            words.append(", ".join(f"`{option}`" for option in arguments))
        elif origin in (tuple, list, set, frozenset):
            words.append(f"list of {_words(arguments[0])}")
        elif origin is dict:
            words.append(f"mapping to {_words(arguments[1])}")
        elif isinstance(member, type) and issubclass(member, Struct):
            words.append("mapping")
        else:
            words.append(_TYPES.get(member, str(member)))
    return " or ".join(dict.fromkeys(word for word in words if word))


def description(wanted: Any) -> str:
    if get_origin(wanted) is not Annotated:
        return ""
    inner, *metas = get_args(wanted)
    texts = [meta.description for meta in metas if isinstance(meta, Meta) and meta.description]
    return texts[-1] if texts else description(inner)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |" for row in rows]
    return "\n".join([*lines, ""])


def _first_line(cls: type) -> str:
    """What the class's docstring, or else its module's, says in its first line."""
    own = cls.__doc__ if "__doc__" in vars(cls) else None
    return ((own or sys.modules[cls.__module__].__doc__ or "").strip().splitlines() or [""])[0]


if __name__ == "__main__":
    sys.exit(main())
