"""Headers and sample lines as Prometheus text and OpenMetrics 1.0 both want them."""

from functools import cache
from itertools import accumulate
from math import isfinite, isinf

from exporter.metric import Metric, label_value
from exporter.tally import Child, Exemplar, Labels

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HERE = "\0"
"""Stands in a histogram's template for its labels: no label value holds it."""


@cache
def header(metric: Metric, *, openmetrics: bool) -> bytes:
    """HELP, TYPE and, in OpenMetrics, UNIT. There a family is named without _total and _info."""
    name, type_, unit = metric.name, metric.type, ""
    if openmetrics:
        name = name.removesuffix({"counter": "_total", "info": "_info"}.get(type_, ""))
        unit = f"# UNIT {name} {metric.unit}\n" if metric.unit else ""
        text = metric.help.translate(_ESCAPES)
    else:
        type_ = "gauge" if type_ == "info" else type_
        text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {type_}\n{unit}".encode()


def escaped(text: str) -> str:
    """A label's value as both formats want it between the quotes."""
    return label_value(text).translate(_ESCAPES)


def number(value: float) -> str:
    """As both formats spell it."""
    if isfinite(value):
        return repr(float(value))
    return ("+Inf" if value > 0 else "-Inf") if isinf(value) else "NaN"


def reading(metric: Metric, component: str, labels: Labels) -> str:
    """A reading's line as a % template; `component` is taken as it stands. Raises ValueError on a wrong number."""
    rest = [f'{name}="{escaped(text)}"' for name, text in zip(metric.labels[1:], labels, strict=True)]
    pairs = ",".join((f'{metric.labels[0]}="{component}"', *rest)).replace("%", "%%")
    return f"{metric.name}{{{pairs}}} %s\n"


def render(child: Child) -> None:
    """Write a child's lines into it, and those with exemplars where it has any."""
    metric = child.family.metric
    pairs = ",".join([f'{n}="{escaped(text)}"' for n, text in zip(metric.labels, child.labels, strict=True)])
    if child.cells is None:
        child.rendered = f"{_braced(metric.name, pairs)} {number(child.value)}\n".encode()
        return
    counts = tuple(accumulate(child.cells))
    text = (_buckets(metric) % (*counts, number(child.value), counts[-1])).replace(_HERE, pairs)
    child.rendered = text.encode()
    if child.exemplars is not None:
        child.exemplified = _exemplary(text, child.exemplars).encode()


@cache
def _buckets(metric: Metric) -> str:
    """The lines of a histogram's child as a % template, its labels left open."""
    pairs = _HERE if metric.labels else ""
    bounds = [number(bound) for bound in (*metric.buckets, float("inf"))]
    lines = [_braced(f"{metric.name}_bucket", ",".join(filter(None, (pairs, f'le="{b}"')))) for b in bounds]
    lines += [_braced(f"{metric.name}_{part}", pairs) for part in ("sum", "count")]
    return "".join(f"{line} %s\n" for line in lines)


def _braced(name: str, pairs: str) -> str:
    return f"{name}{{{pairs}}}" if pairs else name


def _exemplary(text: str, exemplars: list[Exemplar | None]) -> str:
    lines = text.split("\n")
    for i, seen in enumerate(exemplars):
        if seen is not None:
            trace_id, value, at = seen
            lines[i] += f' # {{trace_id="{trace_id}"}} {number(value)} {at:.3f}'
    return "\n".join(lines)
