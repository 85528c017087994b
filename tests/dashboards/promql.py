"""What is wrong with a dashboard's query: by the catalogue and what rules record, and by how Prometheus counts."""

import functools
import re
from collections.abc import Iterator, Mapping

import promql_parser as p

from exporter import catalogue
from tests.rules.promql import NAMELESS, TARGET, Labels, read
from tests.rules.test_lint import TEXTS
from tests.rules.written import records

RISING = {"rate", "irate", "increase", "resets"}
OF_KIND = re.compile(r'__name__=~"(stack_[^"]*)"')
"""Readings of whatever kind is chosen have no other name: `stack_` and the kind's."""
SUBJECT = re.compile(r'ALERTS(?:_FOR_STATE)? has no subject="(.*)"')


@functools.cache
def recorded() -> Mapping[str, Labels]:
    return records(TEXTS)


@functools.cache
def types() -> Mapping[str, str]:
    """Of each series' name: counter, gauge or histogram, whose parts rise too."""
    found: dict[str, str] = {}
    for metric, _ in catalogue.metrics():
        parts = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        found |= {f"{metric.name}{part}": metric.type for part in parts}
    return found


def problems(expr: str) -> list[str]:
    """In words. The variables have been filled in."""
    reading, _ = read(expr, recorded())
    found = [one for one in reading.problems if not ((subject := SUBJECT.fullmatch(one)) and subject[1] in TEXTS)]
    if any(problem.startswith("no PromQL") for problem in found):
        return found
    if patterns := OF_KIND.findall(expr):
        found = [problem for problem in found if problem != NAMELESS and not problem.endswith("no such label there")]
        found += [
            f"there is no metric {one}" for one in patterns if not any(re.fullmatch(one, name) for name in types())
        ]
    for operator, on, left, right in reading.joins:
        lost = (left & right & TARGET) - set(on)
        if lost:
            found.append(f"{operator} on ({', '.join(on)}): {', '.join(sorted(lost))} are one to it")
    return [*found, *_within(p.parse(expr))]


def names(expr: str) -> set[str]:
    """The metrics that it asks for."""
    return {selector.name or "" for selector in read(expr, recorded())[0].selectors}


def _within(tree: p.Expr) -> Iterator[str]:
    found: list[str] = []

    def visit(node: p.Expr) -> None:
        if isinstance(node, p.Call):
            found.extend(_called(node))

    p.walk(tree, visit)
    yield from found


def _called(node: p.Call) -> Iterator[str]:
    name = node.func.name
    if name in RISING:
        yield from (f"{name}() of {one}, which is no counter" for one in _of(node.args[0]) if not _rises(one))
    elif name in ("delta", "idelta", "deriv", "predict_linear"):
        yield from (f"{name}() of {one}, which is a counter" for one in _of(node.args[0]) if _rises(one))
    elif name == "histogram_quantile":
        inner = node.args[1]
        while isinstance(inner, p.ParenExpr):
            inner = inner.expr
        if isinstance(inner, p.AggregateExpr) and "le" not in (inner.modifier.labels if inner.modifier else ()):
            yield "histogram_quantile() of what has no le"


def _rises(name: str) -> bool:
    return types().get(name, "counter" if name.endswith("_total") else "gauge") in ("counter", "histogram")


def _of(node: p.Expr) -> Iterator[str]:
    while isinstance(node, p.ParenExpr):
        node = node.expr
    if isinstance(node, p.MatrixSelector) and node.vector_selector.name:
        yield node.vector_selector.name
