"""Every key of the configuration file."""

from collections.abc import Iterable, Iterator
from textwrap import indent
from typing import Any, get_args, get_origin

import msgspec
import yaml
from msgspec import Struct

from exporter import catalogue
from exporter.config.check import metas
from exporter.config.file import File
from exporter.config.fit import members
from exporter.config.resolve import signals
from exporter.config.schema import default
from exporter.config.sections import Defaults
from exporter.docs.table import HEAD, description, first_line, plain, table, words
from exporter.probe import Probe
from exporter.thresholds import SIGNALS
from exporter.values import Duration

_GENERAL = {field.name for field in msgspec.structs.fields(Defaults)}
VALUES = """\
| value | is written |
|---|---|
| duration | with its unit: `500ms`, `30s`, `1h30m`, `7d` |
| size | with its unit: `10MB`, `500GiB` |
| ratio | `80%` or `0.8` |
| secret | as text, better as `${NAME}` or `${file:/run/secrets/name}`; shown nowhere |

`${NAME}` is the environment variable NAME, `${NAME:-default}` the same with a default for when it is unset or empty,
`${file:/path}` the text of a file; `$${` is a literal `${`. They are put in after the file is parsed, so a value can't
add YAML. Within `{…}` and `[…]` they are quoted: `{dsn: "${DATABASE_URL}"}`. The file is YAML 1.2 (`no`, `on`, `0o10`
and `12:30` are text) of at most 1 MiB, without anchors, aliases, merge keys and tags. Unknown keys and keys written
twice are refused.

An editor that knows yaml-language-server completes and checks the file by its schema:

```console
$ .venv/bin/stack-exporter schema > schema.json
```

```yaml
# yaml-language-server: $schema=schema.json
```
"""

ALERTS = f"""\
A mapping for each signal, as a component's `thresholds` have it, for what applications send and for the daemon itself.
They are the series `stack_alert_threshold_seconds`, `_ratio` and `_number`, with which the rules compare, so an alert
follows a reload of the configuration and the rule files stay as they are. Signals:
{", ".join(f"`{one.name}`" for one in SIGNALS)}.
Their defaults are in [metrics.md](metrics.md#of-every-component-and-of-the-daemon-itself).

```yaml
thresholds:
  error_rate: {{critical: 2%}}       # of a service's requests; 5% by default
  response_time: {{warning: 2s, critical: 10s}}
  ai_cost: {{warning: 50}}           # US dollars a day
  log_errors: {{warning: off}}
```
"""

TARGETS = """\
Several components of a kind that share all but where they are are written once, with `targets` in place of that key:
each becomes a component of its own, called after its host, port and path, or as the mapping says. A maintenance window
may name the whole.

```yaml
components:
  shop: {kind: http, interval: 30s, targets: ["https://shop.example/de", "https://shop.example/fr"]}
  replica: {kind: postgres, targets: {one: "${REPLICA_1_URL}", two: "${REPLICA_2_URL}"}}  # replica-one, replica-two
```

`component_files` names files with more of them, by glob, relative to the configuration's folder. They are looked at
every second, and when one has come, gone or changed, the configuration is reloaded. Such a file has `components`,
as here, or is a list in the form of Prometheus' file_sd, as YAML or JSON. Of a group's labels `kind`, `team` and
`component` (what the names begin with) count; the others are Prometheus' own.

```yaml
component_files:
  - components.d/*.yaml
  - {files: ["/etc/prometheus/targets/*.json"], kind: http, fields: {interval: 1m}}
```
"""


def page() -> Iterator[str]:
    yield f"# Configuration\n\n{HEAD}"
    yield "## Values\n"
    yield VALUES
    yield "## Top level\n"
    yield _fields(File)
    for field in msgspec.structs.fields(File):
        if (section := _nested(field.type)) is not None:
            yield f"## {field.encode_name}\n"
            yield f"{first_line(section)}\n"
            yield _fields(section)
        if field.encode_name == "thresholds":
            yield ALERTS
    yield "## components\n"
    yield "A component is a name of 1 to 63 of `a-z`, `0-9`, `_` and `-`, its `kind`, and the keys of that kind.\n"
    yield "Keys of every kind:\n"
    yield _fields(Probe)
    yield "`thresholds` has a mapping for each signal, with `warning` and `critical` in the signal's unit, or `off`:\n"
    yield "```yaml\nthresholds: {latency: {warning: 500ms, critical: off}}\n```\n"
    yield "## Targets and component files\n"
    yield TARGETS
    yield "## Kinds\n"
    for kind in catalogue.kinds():
        cls = catalogue.load(kind)
        yield f"### {kind}\n"
        yield f"{first_line(cls)}\n"
        if cls.drivers:
            needs = f"{'Needs' if cls.needs is Probe.needs else 'May need'} `pip install 'stack-exporter[{kind}]'`"
            yield f"{needs}; `make run` and the container image have it already.\n"
        yield f"```yaml\ncomponents:\n  {kind}:\n{indent(example(kind), '    ')}```\n"
        yield _fields(cls, without=Probe)
        names = ", ".join(f"`{name}`" for name in signals(cls))
        yield f"Signals: {names}. Their defaults are in [metrics.md](metrics.md#{kind}).\n"
        if cls.slow:
            yield f"`timeout` is by default {plain(Duration, cls.slow)}, but never longer than the interval.\n"


def _fields(cls: type[Struct], *, without: type[Struct] | None = None) -> str:
    known = {field.name for field in msgspec.structs.fields(without)} if without else set()
    rows = list(_rows(cls, "", known))
    return table(("key", "type", "default", "description"), rows) if rows else "It has no keys of its own.\n"


def _rows(cls: type[Struct], prefix: str, known: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    for field in msgspec.structs.fields(cls):
        if field.name in known:
            continue
        key = f"{prefix}{field.encode_name}"
        nested = None if cls is File else _nested(field.type)
        shown = default(field)
        if cls is Probe and field.name in _GENERAL:
            yield f"`{key}`", words(field.type), f"`defaults.{key}`", description(field.type)
            continue
        text = "required" if field.required else "" if shown in (None, "", [], {}) else f"`{_yaml(shown)}`"
        yield f"`{key}`", words(field.type), text, description(field.type)
        if nested is not None and field.name != "thresholds":
            yield from _rows(nested, f"{key}{_step(field.encode_name, field.type)}.")


def example(kind: str) -> str:
    """The keys of a component of a kind in YAML: what it shows itself, or what it requires."""
    cls = catalogue.load(kind)
    if cls.example:
        return f"kind: {kind}\n{cls.example}"
    required = [field for field in msgspec.structs.fields(cls) if field.required]
    shown = {
        field.encode_name: next((e for meta in metas(field.type) for e in meta.examples or ()), "…")
        for field in required
    }
    return yaml.safe_dump({"kind": kind, **shown}, sort_keys=False, width=1000)


def _step(key: str, wanted: Any) -> str:
    """What stands between a key and those of the mappings in it."""
    origins = [get_origin(one) for one in members(wanted) if _nested(one) is not None]
    if dict in origins:
        return ".<column>" if key == "values" else ".<name>"
    return "[]" if {tuple, list} & {*origins} else ""


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
