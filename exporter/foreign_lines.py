"""Headers and sample lines of families that are not ours, as Prometheus text and OpenMetrics 1.0 both want them."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal

from msgspec import Struct

from exporter.sample import number

Kind = Literal["gauge", "counter", "histogram", "summary", "info"]

# What a family's samples are called after its name; no two families may want one name between them, which OpenMetrics
# asks and its strict parsers check.
_SUFFIXES: Mapping[Kind, tuple[str, ...]] = {
    "gauge": ("",),
    "counter": ("", "_total", "_created"),
    "histogram": ("", "_bucket", "_sum", "_count", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
    "info": ("", "_info"),
}
_STEMS: Mapping[Kind, str] = {"counter": "_total", "info": "_info"}
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})
_OPENMETRICS_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Histogram(Struct, frozen=True):
    """Counts in buckets, +Inf last, not added up. `sum` is None where something observed was negative or unknown."""

    bounds: tuple[float, ...]
    cells: Sequence[int]
    sum: float | None


class Summary(Struct, frozen=True):
    """Quantiles that the application worked out itself."""

    quantiles: tuple[tuple[float, float], ...]
    sum: float | None
    count: int


Value = float | Histogram | Summary


def claimed(name: str, kind: Kind) -> list[str]:
    """Every name that a family of this kind has for itself."""
    stem = name.removesuffix(_STEMS.get(kind, ""))
    return [stem + suffix for suffix in _SUFFIXES[kind]]


def headers(name: str, kind: Kind, text: str, unit: str) -> tuple[bytes, bytes]:
    """HELP and TYPE as text has them; and with UNIT, where the name ends with it, as OpenMetrics does."""
    plain = f"# HELP {name} {text.translate(_ESCAPES)}\n# TYPE {name} {'gauge' if kind == 'info' else kind}\n"
    stem = name.removesuffix(_STEMS.get(kind, ""))
    strict = f"# HELP {stem} {text.translate(_OPENMETRICS_ESCAPES)}\n# TYPE {stem} {kind}\n"
    if unit and stem.endswith(f"_{unit}"):
        strict += f"# UNIT {stem} {unit}\n"
    return plain.encode(), strict.encode()


def lines(name: str, pairs: str, value: Value, exemplars: Mapping[int, str]) -> tuple[bytes, bytes]:
    """A series' lines, and those with exemplars where it has any (the same bytes where it has none)."""
    if isinstance(value, Histogram):
        found = _histogram(name, pairs, value)
    elif isinstance(value, Summary):
        found = _summary(name, pairs, value)
    else:
        found = [f"{_braced(name, pairs)} {number(value)}"]
    plain = ("\n".join(found) + "\n").encode()
    if not exemplars:
        return plain, plain
    for index, text in exemplars.items():
        if index < len(found):
            found[index] += text
    return plain, ("\n".join(found) + "\n").encode()


def _histogram(name: str, pairs: str, value: Histogram) -> list[str]:
    before = f"{name}_bucket{{{pairs},le=" if pairs else f"{name}_bucket{{le="
    counts = list(accumulate(value.cells))
    bounds = [*map(number, value.bounds), "+Inf"]
    found = [f'{before}"{bound}"}} {count}' for bound, count in zip(bounds, counts, strict=True)]
    if value.sum is not None:  # OpenMetrics has _count with _sum or not at all
        found.append(f"{_braced(f'{name}_sum', pairs)} {number(value.sum)}")
        found.append(f"{_braced(f'{name}_count', pairs)} {counts[-1]}")
    return found


def _summary(name: str, pairs: str, value: Summary) -> list[str]:
    before = f"{name}{{{pairs},quantile=" if pairs else f"{name}{{quantile="
    found = [f'{before}"{number(quantile)}"}} {number(at)}' for quantile, at in value.quantiles]
    if value.sum is not None:
        found.append(f"{_braced(f'{name}_sum', pairs)} {number(value.sum)}")
    found.append(f"{_braced(f'{name}_count', pairs)} {value.count}")
    return found


def _braced(name: str, pairs: str) -> str:
    return f"{name}{{{pairs}}}" if pairs else name
