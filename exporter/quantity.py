"""Numbers as people read them: 12 ms, 1.5 GiB, 80 %, 3 h 5 min, in 20 days. Pure."""

import datetime as dt
from math import isfinite

from exporter.component import Limit
from exporter.probe import Signal, Unit

_DAY = 86400


def quantity(value: float, unit: Unit) -> str:
    """A value in its base unit, with three digits that matter."""
    if unit == "seconds":
        return seconds(value)
    if unit == "ratio":
        return f"{_digits(100 * value)} %"
    return size(value) if unit == "bytes" else _digits(value)


def reading(signal: Signal, value: float) -> str:
    """A signal's value: as a moment where it is the time until one."""
    return until(value) if counts_down(signal) else quantity(value, signal.unit)


def crossing(limit: Limit, value: float) -> str:
    """In words, that a value is beyond a threshold."""
    signal = limit.signal
    bound = f"at or {signal.direction} its {limit.severity} threshold {quantity(limit.value, signal.unit)}"
    if counts_down(signal):
        return f"{signal.name} {'ends' if value >= 0 else 'ended'} {until(value)}, {bound}"
    return f"{signal.name} {quantity(value, signal.unit)} is {bound}"


def counts_down(signal: Signal) -> bool:
    """Whether it is the time until something ends, negative after, as the name of such a gauge says."""
    return signal.metric.name.endswith("_remaining_seconds")


def until(value: float) -> str:
    """When something is that many seconds away, or was: in 20 days, 3 h 5 min ago."""
    length = abs(value)
    words = f"{_digits(length // _DAY)} days" if length >= 2 * _DAY and isfinite(length) else seconds(length)
    return f"{words} ago" if value < 0 else f"in {words}"


def moment(value: float) -> str:
    """A time in Unix seconds, to the minute."""
    try:
        return f"{dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):  # no such year
        return _digits(value)


def seconds(value: float) -> str:
    if value < 0:
        return f"-{seconds(-value)}"
    if 0 < value < 0.001:
        return f"{_digits(value * 1e6)} µs"
    if 0 < value < 1:
        return f"{_digits(value * 1e3)} ms"
    return span(value) if value >= 120 and isfinite(value) else f"{_digits(value)} s"


def size(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{_digits(value)} {unit}"
        value /= 1024
    return f"{_digits(value)} TiB"


def span(value: float) -> str:
    """A time that passed, in its two largest units; below an hour, and from 100 days on, in one."""
    left = max(0, int(value))
    if left >= 100 * _DAY:
        return f"{_digits(left // _DAY)} d"
    parts: list[str] = []
    for unit, length in (("d", _DAY), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
        if len(parts) == 2 or (parts and length <= 60):
            break
    return " ".join(parts)


def _digits(value: float) -> str:
    if not isfinite(value):  # which a server may report, and a gauge holds
        return f"{value}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3g}"
