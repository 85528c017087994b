"""Data points of OTLP as numbers: of a sum one, of a histogram the sum and the counts in its buckets.

An exponential histogram is told in fixed buckets whose bounds are powers of two, where its own have their edges too:
nothing is estimated, and the bounds never change while its resolution does.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, isfinite, log2
from typing import Any

from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign_lines import Summary

MOST_BOUNDS = 256
MOST_QUANTILES = 64
NO_TRACE = bytes(16)

_SECONDS = range(-13, 13)
_MILLISECONDS = range(-3, 23)
_BYTES = range(4, 43, 2)
_OTHER = range(-10, 43, 2)
EXPONENTS = {"s": _SECONDS, "ms": _MILLISECONDS, "us": range(33), "By": _BYTES, "1": range(-13, 1)}
"""Powers of two that are the bounds, by unit; with 0 before them, for what is not above it."""
_SCALES = range(-10, 21)
"""What OpenTelemetry lets a scale be."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a point says."""

    time: int
    start: int
    delta: bool = False
    kept: bool = False
    """It only grows."""
    latest: float | Summary | None = None
    """Of a gauge or a summary; of the others None."""
    numbers: Sequence[float] = ()
    bounds: tuple[float, ...] | None = None
    summed: bool = True
    exemplars: dict[int, str] = field(default_factory=dict)


class Malformed(Exception):  # noqa: N818 - says the fact
    """The point says what no point may; its text may be shown to the sender."""


def reading(data: str, unit: str, holder: Any, point: Any, now: int) -> Reading:
    """A point of a metric's `data`, which is `holder`; `now` stands for a time it does not say. Raises Malformed."""
    time, start = point.time_unix_nano or now, point.start_time_unix_nano
    if data == "summary":
        return Reading(time, start, latest=summary(point))
    if data == "gauge":
        return Reading(time, start, latest=float(_number(point)))
    temporality = holder.aggregation_temporality
    if temporality not in (pb.AGGREGATION_TEMPORALITY_DELTA, pb.AGGREGATION_TEMPORALITY_CUMULATIVE):
        raise Malformed("a sum or histogram does not say its temporality")
    delta = temporality == pb.AGGREGATION_TEMPORALITY_DELTA
    if data == "sum":
        value, kept = _number(point), holder.is_monotonic
        if not isfinite(value) or (kept and value < 0):
            raise Malformed("a sum is not finite, or monotonic and negative")
        return Reading(time, start, delta, kept, numbers=[value], exemplars=exemplars(point, ()) if kept else {})
    if data == "histogram":
        bounds, numbers = explicit(point)
    else:
        bounds, numbers = fixed_bounds(unit), exponential(point, unit)
    return Reading(time, start, delta, True, None, numbers, bounds, summed(point), exemplars(point, bounds))


def exemplars(point: Any, bounds: Sequence[float]) -> dict[int, str]:
    """A trace for each bucket, the one of the largest value, as it stands behind the bucket's line."""
    found: dict[int, str] = {}
    known = [
        (_number(one), one) for one in point.exemplars if len(one.trace_id) == len(NO_TRACE) and one.WhichOneof("value")
    ]
    for value, one in sorted(known, key=lambda pair: pair[0]):
        if one.trace_id != NO_TRACE and isfinite(value):
            trace = f'trace_id="{one.trace_id.hex()}"'
            span = f',span_id="{one.span_id.hex()}"' if len(one.span_id) == 8 else ""
            found[bisect_left(bounds, value)] = f" # {{{trace}{span}}} {value!r} {one.time_unix_nano / 1e9:.3f}"
    return found


def _number(point: Any) -> float:
    kind = point.WhichOneof("value")
    if kind is None:
        raise Malformed("a point has no value")
    value: float = point.as_int if kind == "as_int" else point.as_double
    return value


def explicit(point: pb.HistogramDataPoint) -> tuple[tuple[float, ...], list[float]]:
    """Bounds, and sum and counts of a histogram. Raises Malformed."""
    bounds, counts = tuple([bound + 0.0 for bound in point.explicit_bounds]), list(point.bucket_counts)  # -0.0 is 0.0
    if not counts and not bounds:
        counts = [point.count]
    if len(counts) != len(bounds) + 1:
        raise Malformed("a histogram has not one count more than bounds")
    if len(bounds) > MOST_BOUNDS:
        raise Malformed(f"a histogram has more than {MOST_BOUNDS} bounds")
    if bounds and bounds[-1] == inf:
        bounds, counts = bounds[:-1], [*counts[:-2], counts[-2] + counts[-1]]
    if not all(map(isfinite, bounds)) or any(low >= high for low, high in pairwise(bounds)):
        raise Malformed("a histogram's bounds do not rise")
    return bounds, [_sum(point), *counts]


def fixed_bounds(unit: str) -> tuple[float, ...]:
    """The bounds of every exponential histogram in this unit."""
    return (0.0, *(2.0**exponent for exponent in EXPONENTS.get(unit, _OTHER)))


def exponential(point: pb.ExponentialHistogramDataPoint, unit: str) -> list[float]:
    """Sum and counts of an exponential histogram, for `fixed_bounds`. Raises Malformed."""
    if point.scale not in _SCALES:
        raise Malformed("an exponential histogram's scale is not from -10 to 20")
    exponents = EXPONENTS.get(unit, _OTHER)
    cells = [0] * (len(exponents) + 2)
    cells[0] = sum(point.negative.bucket_counts)
    threshold = point.zero_threshold
    if threshold > 0:
        cells[_cell(exponents, log2(threshold) if threshold < inf else inf)] += point.zero_count
    else:
        cells[0] += point.zero_count
    scale, index = point.scale, point.positive.offset
    for count in point.positive.bucket_counts:
        index += 1  # a bucket is named by its lower edge
        if count:
            # Its upper edge is 2 to this power; rounded up, so that nothing is told smaller than it was.
            cells[_cell(exponents, -(-index >> scale) if scale >= 0 else index << -scale)] += count
    return [_sum(point), *cells]


def _cell(exponents: Sequence[int], power: float) -> int:
    return 1 + bisect_left(exponents, power)


def summed(point: pb.HistogramDataPoint | pb.ExponentialHistogramDataPoint) -> bool:
    """Whether it has a sum that only grows: nothing negative was observed, as far as it says."""
    if isinstance(point, pb.ExponentialHistogramDataPoint) and any(point.negative.bucket_counts):
        return False
    negative = point.HasField("min") and not point.min >= 0
    return point.HasField("sum") and isfinite(point.sum) and point.sum >= 0 and not negative


def _sum(point: pb.HistogramDataPoint | pb.ExponentialHistogramDataPoint) -> float:
    return point.sum if summed(point) else 0.0


def summary(point: pb.SummaryDataPoint) -> Summary:
    """Its quantiles in order, without those that are none. Raises Malformed."""
    found = {
        one.quantile + 0.0: one.value for one in point.quantile_values if 0 <= one.quantile <= 1 and not one.value < 0
    }
    if len(found) > MOST_QUANTILES:
        raise Malformed(f"a summary has more than {MOST_QUANTILES} quantiles")
    whole = isfinite(point.sum) and point.sum >= 0
    return Summary(tuple(sorted(found.items())), point.sum if whole else None, point.count)
