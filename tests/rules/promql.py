"""Which labels a query's answer can have, and what in it names a metric, a label or a value that there is not."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import promql_parser as p

from exporter import catalogue
from exporter.probe import COMMON_REASONS
from exporter.process import NAMES
from exporter.state import STATUSES
from exporter.thresholds import SIGNALS
from tests.tree import ROOT

TARGET = frozenset({"cluster", "namespace", "job", "instance"})
"""What Prometheus adds to every series that it scrapes, or its external labels do."""
OTHERS = {
    "up": TARGET,
    **{name: TARGET for name, _ in NAMES},
    "ALERTS": TARGET
    | {"alertname", "alertstate", "severity", "subject", "component", "service", "kind", "team", "escalated"},
}
OTHERS["ALERTS_FOR_STATE"] = OTHERS["ALERTS"] - {"alertstate"}
GIVEN = (*TARGET, "component", "service", "team", "slo", "alertname", "backend")
"""Labels whose values users choose."""
FOREIGN = ("stack_client_lost_events_total",)
"""Whose labels have the words of others: of Sentry's SDKs."""
NAMELESS = "a selector has no metric's name, written out"
SET = {"and", "or", "unless"}
ABSENT = {"absent", "absent_over_time"}
Labels = frozenset[str]


@dataclass
class Metrics:
    """Every series that there can be: its labels, and the values of those of which they are known."""

    labels: Mapping[str, Labels]
    helps: Mapping[str, str]
    signals: Mapping[str, frozenset[str]]
    """Of each metric of thresholds."""
    kinds: frozenset[str]
    reasons: frozenset[str]
    """Of probes, whatever the kind."""
    words: frozenset[str]
    """All that the package writes in quotes: what isn't among it can be no fixed value of a label."""


@functools.cache
def metrics() -> Metrics:
    """Of the catalogue."""
    labels, helps = dict(OTHERS), {}
    for metric, _ in catalogue.metrics():
        own = TARGET | set(metric.labels)
        labels[metric.name], helps[metric.name] = own, metric.help
        if metric.type == "histogram":
            del labels[metric.name]
            labels |= {f"{metric.name}_bucket": own | {"le"}, f"{metric.name}_sum": own, f"{metric.name}_count": own}
            helps |= {f"{metric.name}{part}": metric.help for part in ("_bucket", "_sum", "_count")}
    signals: dict[str, set[str]] = {}
    kinds = catalogue.kinds()
    reasons = {"", *COMMON_REASONS}
    for kind in kinds:
        reasons |= set(catalogue.load(kind).reasons)
        for signal in catalogue.load(kind).signals:
            signals.setdefault(f"stack_threshold_{signal.unit}", set()).add(signal.name)
    signals.setdefault("stack_threshold_seconds", set()).add("latency")
    for one in SIGNALS:
        signals.setdefault(f"stack_alert_threshold_{one.unit}", set()).add(one.name)
    words = frozenset(re.findall(r'"([\w.-]+)"', "\n".join(_sources())))
    thresholds = {name: frozenset(of) for name, of in signals.items()}
    return Metrics(labels, helps, thresholds, frozenset(kinds), frozenset(reasons), words)


def _sources() -> Iterator[str]:
    for path in (ROOT / "exporter").rglob("*.py"):
        yield path.read_text()


@dataclass
class Reading:
    """What was found in a query: problems in words, and every selector in it."""

    known: Metrics
    recorded: Mapping[str, Labels] = field(default_factory=dict)
    """Labels of what recording rules make."""
    problems: list[str] = field(default_factory=list)
    selectors: list[p.VectorSelector] = field(default_factory=list)
    joins: list[tuple[str, tuple[str, ...], Labels, Labels]] = field(default_factory=list)
    """Operator, labels of `on`, and which labels the two sides can have."""
    groups: list[tuple[str, ...]] = field(default_factory=list)
    """Labels that sums are by."""

    def labels(self, node: p.Expr) -> Labels:
        """Those that the answer can have."""
        match node:
            case p.VectorSelector():
                return self._selected(node)
            case p.MatrixSelector():
                return self._selected(node.vector_selector)
            case p.ParenExpr() | p.UnaryExpr() | p.SubqueryExpr():
                return self.labels(node.expr)
            case p.AggregateExpr():
                return self._aggregated(node)
            case p.BinaryExpr():
                return self._joined(node)
            case p.Call():
                return self._called(node)
        return frozenset()

    def _selected(self, node: p.VectorSelector) -> Labels:
        self.selectors.append(node)
        name = node.name
        if name is None:
            self.problems.append(NAMELESS)
            return frozenset()
        own = self.recorded.get(name, self.known.labels.get(name))
        if own is None:
            self.problems.append(f"there is no metric {name}")
            return frozenset()
        for matcher in node.matchers.matchers:
            if matcher.name not in own | TARGET:
                self.problems.append(f"{name} has no label {matcher.name}")
            elif str(matcher.op).endswith(("Equal", "Re")):
                self._valued(name, matcher.name, matcher.value, literal=str(matcher.op).endswith("Equal"))
        return own

    def _valued(self, name: str, label: str, value: str, *, literal: bool) -> None:
        values = [value] if literal else value.removeprefix("(").removesuffix(")").split("|")
        for one in values:
            # In capitals stands what the reader of a runbook puts in.
            if re.fullmatch(r"[\w-]+", one) and not one.isupper() and not self._is_value(name, label, one):
                self.problems.append(f'{name} has no {label}="{one}"')

    def _is_value(self, name: str, label: str, value: str) -> bool:
        if label in GIVEN or name in FOREIGN:
            return True
        if label == "signal" and name in self.known.signals:
            return value in self.known.signals[name]
        if label == "severity" and name in self.known.signals:
            return value in ("warning", "critical")
        if name == "stack_component_status" and label == "status":
            return value in STATUSES
        if label == "kind":
            return value in self.known.kinds
        if label == "reason" and name == "stack_probe_runs_total":
            return value in self.known.reasons
        said = re.findall(r"\w+", self.known.helps.get(name, ""))
        return value in said or value in self.known.words or value.isdigit()

    def _aggregated(self, node: p.AggregateExpr) -> Labels:
        inner = self.labels(node.expr)
        if isinstance(node.param, p.Expr):
            self.labels(node.param)
        if node.modifier is None:
            return frozenset()
        named = tuple(node.modifier.labels)
        self._known_labels(named, inner, "by")
        if str(node.modifier.type).endswith("Without"):
            return inner - set(named)
        self.groups.append(named)
        return inner if str(node.op) in ("topk", "bottomk") else inner & set(named)

    def _joined(self, node: p.BinaryExpr) -> Labels:
        left, right = self.labels(node.lhs), self.labels(node.rhs)
        operator = str(node.op)
        matching = node.modifier.matching if node.modifier else None
        if matching is not None:
            named = tuple(matching.labels)
            if str(matching.type).endswith("Include"):
                self._known_labels(named, left, "on")
                self._known_labels(named, right, "on")
                self.joins.append((operator, named, left, right))
            else:
                self._known_labels(named, left | right, "ignoring")
        more = frozenset(node.modifier.group_labels or ()) if node.modifier else frozenset()
        card = str(node.modifier.card) if node.modifier else ""
        if operator == "or":
            return left | right
        if operator in SET:
            return left
        if card.endswith("ManyToOne"):
            self._known_labels(more, right, "group_left")
            return left | more
        if card.endswith("OneToMany"):
            self._known_labels(more, left, "group_right")
            return right | more
        if matching is not None and str(matching.type).endswith("Include"):
            return (left | right) & set(matching.labels)
        return left | right

    def _called(self, node: p.Call) -> Labels:
        name = node.func.name
        inner: Labels = frozenset()
        for argument in node.args:
            inner |= self.labels(argument)
        if name == "histogram_quantile":
            return inner - {"le"}
        if name in ("label_replace", "label_join"):
            return inner | {node.args[1].val}
        if name in ("scalar", "time", "vector"):
            return frozenset()
        if name in ABSENT:
            matchers = self.selectors[-1].matchers.matchers
            return frozenset(m.name for m in matchers if str(m.op).endswith("Equal"))
        return inner

    def _known_labels(self, named: Iterable[str], there: Labels, word: str) -> None:
        for label in named:
            if label not in there | TARGET | {"__name__"}:
                self.problems.append(f"{word} ({label}): no such label there")


def read(query: str, recorded: Mapping[str, Labels] | None = None) -> tuple[Reading, Labels]:
    """The query gone through, and the labels of its answer. A wrong query is the only problem that is then told."""
    reading = Reading(metrics(), recorded or {})
    try:
        tree = p.parse(query)
    except ValueError as error:
        reading.problems.append(f"no PromQL: {error}")
        return reading, frozenset()
    return reading, reading.labels(tree)
