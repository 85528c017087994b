"""Names of OTLP metrics and attributes as Prometheus has them, by OpenTelemetry's compatibility specification."""

import re2

from exporter.foreign_lines import Kind

LONGEST = 255
"""Characters of a name, as OpenTelemetry limits its instruments' names."""

# UCUM codes that OpenTelemetry's conventions use, and what Prometheus calls them.
_UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "wk": "weeks", "mo": "months", "a": "years",
    "By": "bytes", "kBy": "kilobytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tebibytes", "bit": "bits",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "%": "percent", "1": "",
}  # fmt: skip
_PER = {"s": "second", "ms": "millisecond", "m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week",
        "wk": "week", "mo": "month", "y": "year", "a": "year"}  # fmt: skip

_ANNOTATION = re2.compile(r"\{[^}]*\}")
_WORDS = re2.compile(r"[A-Za-z0-9:]+")
_UNFIT = re2.compile(r"[^A-Za-z0-9]+")
# A point's own attributes of these names would be taken for what they mean in Prometheus.
_RESERVED = {"le", "quantile", "job", "instance"}


def family_name(name: str, unit: str, kind: Kind) -> tuple[str, str]:
    """The family's name, and its unit as a word; the name is empty where nothing of it is left."""
    words = _WORDS.findall(name)
    if not words:
        return "", ""
    main, per = unit_words(unit)
    if kind == "gauge" and unit.strip() == "1":
        main = "ratio"
    if main and not _has(words, main):
        words += main.split("_")
    if per and not _has(words, per):
        words += ["per", *per.split("_")]
    said = f"{main}_per_{per}" if per and main else main
    if kind == "counter":
        words = [*(word for word in words if word != "total"), "total"]
    elif main == "ratio":
        words = [*(word for word in words if word != "ratio"), "ratio"]
    found = "_".join(words)
    found = f"_{found}" if found[0].isdigit() else found
    return (found if len(found) <= LONGEST else ""), said


def unit_words(unit: str) -> tuple[str, str]:
    """`By/s` as bytes and second; what stands in braces says nothing of the unit."""
    main, _, per = _ANNOTATION.sub("", unit[:LONGEST]).partition("/")
    main, per = main.strip(), per.strip()
    return _word(_UNITS.get(main, main)), _word(_PER.get(per, per))


def label_name(key: str) -> str:
    """An attribute's key as a label's name."""
    found = _UNFIT.sub("_", key[:LONGEST])
    if found[:1].isdigit():
        found = f"key_{found}"
    return f"exported_{found}" if found in _RESERVED else str(found)


def _word(text: str) -> str:
    return str(_UNFIT.sub("_", text)).strip("_")


def _has(words: list[str], unit: str) -> bool:
    wanted = unit.split("_")
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words)))
