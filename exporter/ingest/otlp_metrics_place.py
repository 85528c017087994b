"""Gives a point to its series, makes the series where there is room, and to the overflow series where there is none."""

from typing import Literal, NamedTuple

from exporter.foreign import Family, Foreign, Series
from exporter.ingest.otlp_metrics_points import Reading
from exporter.ingest.otlp_metrics_streams import Latest, Taken, Total

OVERFLOW = 'otel_metric_overflow="true"'
"""The labels of what a full family has no room for, as OpenTelemetry's SDKs have it."""
LINE = 40
"""Bytes of a line beside name and labels."""
EACH = 1_000
"""Bytes of a series beside its lines."""


class Spot(NamedTuple):
    """Where a point belongs."""

    pairs: str
    """The series' labels."""
    stream: bytes
    """Tells the senders of one series from each other."""


def place(foreign: Foreign, family: Family, spot: Spot, reading: Reading, now: float) -> Taken | Literal["overflow"]:
    """What became of a point."""
    series = family.series.get(spot.pairs)
    if series is not None and not _fits(series, reading):
        foreign.drop(series)  # other buckets, or told in another way: it begins anew
        series = None
    if series is None:
        series = _made(foreign, family, spot.pairs, reading)
    if series is not None:
        return _given(foreign, series, spot.stream, reading, now)
    # Of totals since a start nothing can be added up without remembering each stream, which there is no room for.
    if not (reading.delta and reading.kept):
        return "full"
    series = family.series.get(OVERFLOW) or _made(foreign, family, OVERFLOW, reading, extra=True)
    if series is None or not _fits(series, reading):
        return "full"
    taken = _given(foreign, series, spot.stream, reading, now)
    return "overflow" if taken == "accepted" else taken


def forget(foreign: Foreign, family: Family, pairs: str) -> None:
    """Drop a series, if it is there."""
    series = family.series.get(pairs)
    if series is not None:
        foreign.drop(series)


def _fits(series: Series, reading: Reading) -> bool:
    source = series.source
    if isinstance(source, Total):
        return reading.latest is None and source.bounds == reading.bounds
    return reading.latest is not None


def _made(foreign: Foreign, family: Family, pairs: str, reading: Reading, *, extra: bool = False) -> Series | None:
    rows = len(reading.numbers) + 2 if reading.bounds is not None else 1
    if reading.latest is not None and not isinstance(reading.latest, float):
        rows = len(reading.latest.quantiles) + 2
    source = Latest() if reading.latest is not None else Total(reading.bounds, foreign.ttl, kept=reading.kept)
    return foreign.add(family, pairs, source, EACH + rows * (LINE + len(family.name) + len(pairs)), extra=extra)


def _given(foreign: Foreign, series: Series, stream: bytes, reading: Reading, now: float) -> Taken:
    source = series.source
    taken: Taken
    if reading.latest is not None:
        assert isinstance(source, Latest)  # noqa: S101 - _fits says so
        taken = source.take(reading.latest, reading.time)
    else:
        assert isinstance(source, Total)  # noqa: S101
        if not source.known(stream, reading.start) and not foreign.room(500 + 8 * len(reading.numbers)):
            taken = "full"
        elif reading.delta:
            taken = source.since_last(stream, reading.time, reading.numbers)
        else:
            taken = source.since_start(stream, reading.start, reading.time, reading.numbers, now)
        source.summed = source.summed and reading.summed
        foreign.resize(series, series.cost + source.size - source.accounted)
        source.accounted = source.size
    if taken == "accepted":
        series.exemplars |= reading.exemplars
        foreign.updated(series, now)
    elif series.seen < 0:
        foreign.drop(series)
    return taken
