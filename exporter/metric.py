"""A metric: its name, type, help, labels and buckets, declared once beside the code that measures it."""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal

Type = Literal["gauge", "counter", "histogram", "info"]

# Exact bounds wherever a documented threshold lies (0.1, 0.5, 1, 5, 30, 60 s), so that a quantile near one is not
# interpolated across it.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_NAME = re.compile(r"stack(_[a-z0-9]+)+")
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
# promtool's linter refuses these on every type that does not own them (prometheus/util/promlint).
_RESERVED = ("_sum", "_count", "_bucket", "_created", "_gsum", "_gcount")
_TYPES = ("gauge", "counter", "histogram", "summary", "untyped")
_FOREIGN_UNITS = (
    "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "ms", "us",
    "bits", "kilobytes", "megabytes", "gigabytes", "kb", "mb", "gb", "percent", "pct",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One family. `labels` are in the order of the samples; buckets are upper bounds in base units without +Inf.

    Equal to itself alone: a family is one constant, and hashing five fields for each reading would be slow.
    """

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ValueError(f"metric {self.name}: {problem}")

    @property
    def unit(self) -> str:
        """The base unit that the name ends with, or ''."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes", "ratio") if stem.endswith("_" + unit)), "")


def gauge(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - the format's own word
    return Metric(name, "gauge", help, labels)


def counter(name: str, help: str, *labels: str) -> Metric:  # noqa: A002
    return Metric(name, "counter", help, labels)


def histogram(name: str, help: str, *labels: str, buckets: tuple[float, ...] = SECONDS) -> Metric:  # noqa: A002
    return Metric(name, "histogram", help, labels, buckets)


def info(name: str, help: str, *labels: str) -> Metric:  # noqa: A002
    """A constant 1 whose labels are the information; the name ends in _info."""
    return Metric(name, "info", help, labels)


def label_value(text: str) -> str:
    """`text` as labels may hold it.

    Lone surrogates, which no encoder takes, and controls, which would act on the terminal of whoever reads the page,
    become U+FFFD.
    """
    return text if text.isprintable() else _UNFIT.sub("\ufffd", text)


def _problem(metric: Metric) -> str:
    name = metric.name
    if not _NAME.fullmatch(name):
        return "a name is stack_ and lower-case words"
    if (metric.type == "counter") != name.endswith("_total"):
        return "counters, and only they, end in _total"
    if (metric.type == "info") != name.endswith("_info"):
        return "infos, and only they, end in _info"
    if any(f"_{word}_" in f"{name}_" for word in _TYPES):
        return "a name holds no type"
    if name.endswith(_RESERVED):
        return f"the suffixes {', '.join(_RESERVED)} belong to histograms' samples"
    if any(f"_{unit}_" in f"{name}_" for unit in _FOREIGN_UNITS):
        return "base units only: seconds, bytes, ratio"
    if not metric.help.endswith("."):
        return "help is a sentence"
    if wrong := [label for label in metric.labels if not _LABEL.fullmatch(label) or label in ("le", "job", "instance")]:
        return f"not a label of ours: {', '.join(wrong)}"
    if len(set(metric.labels)) != len(metric.labels):
        return "a label is named twice"
    if (metric.type == "histogram") != bool(metric.buckets):
        return "histograms, and only they, have buckets"
    if list(metric.buckets) != sorted(set(metric.buckets)) or not all(map(isfinite, metric.buckets)):
        return "buckets rise, and +Inf is added to them"
    return ""
