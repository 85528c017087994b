"""Values as people write them in YAML: durations, sizes, ratios and secrets, and their base units inside."""

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_BYTES = {"B": 1, **{f"{p}B": 1000 ** (i + 1) for i, p in enumerate("kMGTP")}, "KB": 1000}
_BYTES |= {f"{p}iB": 1024 ** (i + 1) for i, p in enumerate("KMGTP")}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
_RATIO = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")
_LONGEST = 3650 * 86400.0
_LARGEST = 2**63

if TYPE_CHECKING:
    Duration = float
    Size = int
    Ratio = float
else:
    # To a type checker these are numbers. To msgspec each is a type of its own, which `decode` makes from text;
    # a default may be a plain number, which JSON Schema can show.
    class Duration(float):
        """Seconds; in YAML a text with its unit: 500ms, 30s, 1h30m."""

    class Size(int):
        """Bytes; in YAML a text with its unit: 10MB, 500GiB."""

    class Ratio(float):
        """A part of one; in YAML 80% or 0.8."""


class Secret:
    """A text that shows itself nowhere: repr, str and format give [REDACTED]; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "[REDACTED]"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "[REDACTED]"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled")


def duration(text: str) -> float:
    """Seconds in `text`, such as 500ms or 1h30m. Raises ValueError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise ValueError("expected a duration with its unit, such as 500ms, 30s or 1h30m")
    seconds = sum(float(n) * _SECONDS[unit] for n, unit in parts)
    if seconds > _LONGEST:
        raise ValueError("expected a duration of ten years at most")
    return seconds


def size(text: str) -> int:
    """Bytes in `text`, such as 10MB or 500GiB. Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if not match or match[2] not in _BYTES:
        raise ValueError("expected a size with its unit, such as 10MB or 500GiB")
    amount: float = float(match[1]) * _BYTES[match[2]]
    if amount > _LARGEST:
        raise ValueError("expected a size of 8 EiB at most")
    return round(amount)


def ratio(text: str | float) -> float:
    """The part of one in `text`, such as 80% or 0.8. Raises ValueError."""
    if isinstance(text, str):
        if not (match := _RATIO.fullmatch(text)):
            raise ValueError("expected a ratio, such as 80% or 0.8")
        part = float(match[1]) / (100 if match[2] else 1)
    else:
        part = float(text) if abs(text) < 1e9 else float("inf")
    if not (isfinite(part) and part >= 0):
        raise ValueError("expected a ratio, such as 80% or 0.8")
    return part


def decode(type_: Any, value: Any) -> Any:
    """YAML's value as one of the types above; msgspec's dec_hook. Raises ValueError that doesn't show the value."""
    if type_ is Secret and isinstance(value, str):
        return Secret(value)
    if type_ is Duration and isinstance(value, str):
        return Duration(duration(value))
    if type_ is Duration:
        raise ValueError("expected a duration with its unit, such as 500ms, 30s or 1h30m")
    if type_ is Size:
        if not isinstance(value, str):
            raise ValueError("expected a size with its unit, such as 10MB or 500GiB")
        return Size(size(value))
    if type_ is Ratio and not isinstance(value, bool) and isinstance(value, (str, int, float)):
        return Ratio(ratio(value))
    raise ValueError("expected a ratio, such as 80% or 0.8" if type_ is Ratio else "expected a text")


def schema(type_: Any) -> dict[str, Any]:
    """JSON Schema of the same types; msgspec's schema_hook."""
    if type_ is Duration:
        return {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$", "examples": ["500ms", "30s", "1h30m"]}
    if type_ is Size:
        return {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|[KkMGTP]B|[KMGTP]iB)$", "examples": ["10MB", "500GiB"]}
    if type_ is Ratio:
        text = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%?$"}
        return {"anyOf": [{"type": "number", "minimum": 0}, text], "examples": ["80%"]}
    return {"type": "string", "writeOnly": True, "examples": ["${NAME}", "${file:/run/secrets/name}"]}
