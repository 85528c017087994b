"""Data points of OTLP as numbers: of a sum one, of a histogram the sum and the counts in its buckets.

An exponential histogram is told in fixed buckets whose bounds are powers of two, where its own have their edges too:
nothing is estimated, and the bounds never change while its resolution does.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import inf, isfinite, log2

from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.foreign_lines import Summary

MOST_BOUNDS = 256
MOST_QUANTILES = 64

_SECONDS = range(-13, 13)
_MILLISECONDS = range(-3, 23)
_BYTES = range(4, 43, 2)
_OTHER = range(-10, 43, 2)
EXPONENTS = {"s": _SECONDS, "ms": _MILLISECONDS, "us": range(0, 33), "By": _BYTES, "1": range(-13, 1)}
"""Powers of two that are the bounds, by unit; with 0 before them, for what is not above it."""
_SCALES = range(-10, 21)
"""What OpenTelemetry lets a scale be."""


class Malformed(Exception):  # noqa: N818 - says the fact
    """The point says what no point may; its text may be shown to the sender."""


def number(point: pb.NumberDataPoint) -> float:
    """Its value, an int where it is one. Raises Malformed when it has none."""
    kind = point.WhichOneof("value")
    if kind is None:
        raise Malformed("a point has no value")
    return point.as_int if kind == "as_int" else point.as_double


def growing(value: float) -> float:
    """A part of a counter. Raises Malformed for what would spoil it."""
    if not isfinite(value) or value < 0:
        raise Malformed("a monotonic sum is negative or not finite")
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
    if not all(map(isfinite, bounds)) or any(low >= high for low, high in zip(bounds, bounds[1:], strict=False)):
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
    found = {one.quantile + 0.0: one.value for one in point.quantile_values if 0 <= one.quantile <= 1 and not one.value < 0}
    if len(found) > MOST_QUANTILES:
        raise Malformed(f"a summary has more than {MOST_QUANTILES} quantiles")
    whole = isfinite(point.sum) and point.sum >= 0
    return Summary(tuple(sorted(found.items())), point.sum if whole else None, point.count)
