"""What `debug=true` shows: the log of the probe, its metrics, its module; as blackbox writes them, without secrets."""

import datetime as dt
from typing import Any

import msgspec
import yaml

from exporter.blackbox.family import page
from exporter.blackbox.run import Run
from exporter.redact import redacted
from exporter.values import Secret

HIDDEN = "<secret>"


def text(run: Run, name: str) -> str:
    """The plain text; `name` is the module's."""
    log = "".join(_line(*line, module=name, target=run.target) for line in run.lines or ())
    module = yaml.safe_dump(_shown(run.module), sort_keys=False, allow_unicode=True)
    parts = (
        f"Logs for the probe:\n{log}",
        f"Metrics that would have been returned:\n{page(run.values).decode()}",
        f"Module configuration:\n{module}",
    )
    return redacted("\n\n\n".join(parts), run.module)


def _line(at: float, level: str, message: str, pairs: dict[str, object], **more: object) -> str:
    stamp = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    given = {"time": stamp, "level": level, "msg": message, **more, **pairs}
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in given.items()) + "\n"


def _quoted(value: str) -> str:
    plain = value.isprintable() and value and not any(letter in ' "=' for letter in value)
    return value if plain else msgspec.json.encode(value.encode("utf-8", "replace").decode()).decode()


def _shown(value: Any) -> Any:
    """The module's keys that are not at their defaults, and of the sections only the one that its prober uses."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, msgspec.Struct):
        fields = {one.encode_name: (one, getattr(value, one.name)) for one in msgspec.structs.fields(value)}
        return {key: _shown(given) for key, (one, given) in fields.items() if given not in (one.default, None, {}, ())}
    if isinstance(value, dict):
        return {str(key): _shown(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, float):  # seconds
        return f"{value:g}s"
    return value if isinstance(value, int) else str(value)
