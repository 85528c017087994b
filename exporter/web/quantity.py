"""Numbers as people read them: 12 ms, 1.5 GiB, 80 %, 3 h 5 min. Pure."""

from exporter.probe import Unit


def quantity(value: float, unit: Unit) -> str:
    """A value in its base unit, with three digits that matter."""
    if unit == "seconds":
        return seconds(value)
    if unit == "ratio":
        return f"{_digits(100 * value)} %"
    return size(value) if unit == "bytes" else _digits(value)


def seconds(value: float) -> str:
    if 0 < value < 0.001:
        return f"{_digits(value * 1e6)} µs"
    if 0 < value < 1:
        return f"{_digits(value * 1e3)} ms"
    return f"{_digits(value)} s" if value < 120 else span(value)


def size(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{_digits(value)} {unit}"
        value /= 1024
    return f"{_digits(value)} TiB"


def span(value: float) -> str:
    """A time that passed, in its two largest units; below an hour in one."""
    left = max(0, int(value))
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
        if len(parts) == 2 or (parts and length <= 60):
            break
    return " ".join(parts)


def _digits(value: float) -> str:
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.3g}"
