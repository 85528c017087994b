"""What every alert rule has to look like: each check gives problems in words."""

import re
from collections.abc import Callable, Iterator

import promql_parser as p

from tests.rules.cases import seconds
from tests.rules.promql import read
from tests.rules.written import Rule

IDS = {"PS": 12, "EN": 20, "FH": 14, "AR": 14, "CO": 10}
"""The requirements' ids: so many of each."""
EXPORTER, GRAFANA = "http://localhost:9676", "http://localhost:3000"
BOARDS = "overview components application errors workers databases storage security exporter".split()
REQUIRED, FURTHER = ("summary", "description", "runbook_url", "dashboard_url"), ("error_url", "trace_url")
COMPONENT = ("cluster", "namespace", "job", "instance", "component")
QUERY = re.compile(r'printf "(?P<query>(?:[^"\\]|\\.)*)"[^|}"]*\| query|query "(?P<plain>(?:[^"\\]|\\.)*)"')
NOT_OURS = ("slo", "monitoring")
"""Subjects whose alerts may be of a component without being of its probe: objectives, and alerts about alerts."""


def ids(rule: Rule) -> Iterator[str]:
    """A comment above says which requirements the rule answers."""
    found = re.findall(r"\b(PS|EN|FH|AR|CO)-(\d+)\b", rule.comment)
    if not found:
        yield "no comment above names a requirement's id"
    yield from (f"there is no {name}-{number}" for name, number in found if not 0 < int(number) <= IDS[name])


def labels(rule: Rule) -> Iterator[str]:
    """severity, subject and nothing more; escalated where it is one."""
    own = dict(rule.written.get("labels", {}))
    severities = ("none",) if rule.name == "Watchdog" else ("critical", "warning", "info")
    if own.pop("severity", None) not in severities:
        yield f"severity is one of {', '.join(severities)}"
    if own.pop("subject", None) != rule.stem:
        yield f"subject is {rule.stem}"
    if own.pop("escalated", "true") != "true":
        yield "escalated is true"
    if own:
        yield f"labels that alerts don't have: {', '.join(own)}"


def waits(rule: Rule) -> Iterator[str]:
    """`for` is there; and a page never comes of a single run."""
    if "for" not in rule.written:
        yield "has no for (0m where an event is enough)"
    elif not seconds(rule.written["for"]) and not re.search(
        r"\[\d|offset|:\w*(increase|rate|ratio)\w*\d|vector\(1\)", rule.expr
    ):
        yield "of a newest value, without any for: one bad run would be enough"


def annotations(rule: Rule) -> Iterator[str]:
    """All four, with the exact addresses."""
    own = rule.annotations
    yield from (f"no {name}" for name in REQUIRED if not own.get(name))
    yield from (f"an annotation that alerts don't have: {name}" for name in own if name not in REQUIRED + FURTHER)
    if own.get("runbook_url") != f"{EXPORTER}/runbooks/{rule.name}":
        yield f"runbook_url is {EXPORTER}/runbooks/{rule.name}"
    board = re.match(rf"{GRAFANA}/d/stack-(\w+)(\?|$)", own.get("dashboard_url", ""))
    if board is None or board[1] not in BOARDS:
        yield f"dashboard_url is {GRAFANA}/d/stack- and one of {', '.join(BOARDS)}"
    for name in FURTHER:
        if name in own and not own[name].startswith((f"{EXPORTER}/", "{{")):
            yield f"{name} leads to {EXPORTER}"
    if "\n" in own.get("summary", "").strip():
        yield "summary is one line"


def description(rule: Rule) -> Iterator[str]:
    """Value, threshold, component or service, and team are in it where there are any."""
    text = rule.annotations.get("description", "") + rule.annotations.get("summary", "")
    for label in ("component", "service", "team"):
        if label in rule.result and f"$labels.{label}" not in text:
            yield f"description does not say the {label}"
    for signal, severity in rule.thresholds:
        if not re.search(rf"signal=~?\W+(?:\w+\|)*{signal}\b", text):
            yield f"description does not say the threshold of {signal}"
        elif severity and not re.search(rf"severity=\W+{severity}\W", text):
            yield f"description says the threshold of {signal}, but not that of {severity}"
    if rule.thresholds and "$value" not in text:
        yield "description does not say the value"


def named(rule: Rule) -> Iterator[str]:
    """What its annotations show is there to be shown."""
    there = rule.result | {"severity", "subject", "alertname"} | set(rule.written.get("labels", {}))
    for label in sorted(set(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values())))):
        if label not in there:
            yield f"annotations show {label}, which the alert does not have"


def asked(rule: Rule) -> Iterator[str]:
    """The queries in its annotations ask for what there is."""
    for text in rule.annotations.values():
        for match in QUERY.finditer(text):
            query = re.sub(r"%[sdv]", "x", match["query"] or match["plain"]).replace('\\"', '"').replace("%q", "'x'")
            reading, _ = read(query, rule.reading.recorded)
            yield from (f"query in an annotation: {problem}" for problem in reading.problems)


def joins(rule: Rule) -> Iterator[str]:
    """Joins keep clusters, namespaces and jobs apart: the same instance in two jobs would break the rule."""
    for operator, on, left, right in rule.reading.joins:
        if "component" in on and on[:5] != COMPONENT:
            yield f"{operator} on ({', '.join(on)}): on ({', '.join(COMPONENT)}) and what else there is"
        elif on and on[:3] != COMPONENT[:3]:
            yield f"{operator} on ({', '.join(on)}): begins with cluster, namespace, job"
        elif "component" not in on and "component" in left & right and "instance" in left & right:
            yield f"{operator} on ({', '.join(on)}): two components of an instance are the same to it"
    for by in rule.reading.groups:
        if by[:3] != COMPONENT[:3] and by[:4] != ("le", *COMPONENT[:3]):
            yield f"by ({', '.join(by)}): begins with cluster, namespace, job"


def maintenance(rule: Rule) -> Iterator[str]:
    """A component in maintenance alerts nobody."""
    if "component" not in rule.result or rule.stem in NOT_OURS:
        return
    for selector in rule.reading.selectors:
        matched = {one.name: one.value for one in selector.matchers.matchers}
        if selector.name == "stack_component_status" and matched.get("status") == "maintenance":
            return
    yield "does not leave out components in maintenance"


def units(rule: Rule) -> Iterator[str]:
    """No duration is written as a number: it could not be divided."""

    def visit(node: p.Expr) -> None:
        if isinstance(node, p.BinaryExpr) and str(node.op) in (">", "<", ">=", "<=", "==", "!="):
            for side, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
                text = side.prettify().replace(" ", "").replace("vector(time())", "")  # whose own range can be divided
                if isinstance(other, p.NumberLiteral) and other.val and "time()" in text:
                    found.append(f"compares time() with {other.val:g}: a duration as a number can't be divided")

    found: list[str] = []
    if rule.result or rule.reading.selectors:
        p.walk(p.parse(rule.expr), visit)
    yield from found


def known(rule: Rule) -> Iterator[str]:
    """Metrics, labels and values are those of the catalogue."""
    yield from dict.fromkeys(rule.reading.problems)


CHECKS: tuple[Callable[[Rule], Iterator[str]], ...] = (
    known, ids, labels, waits, annotations, description, named, asked, joins, maintenance, units,
)  # fmt: skip


def problems(rule: Rule) -> list[str]:
    """What is wrong with a rule."""
    if any(one.startswith("no PromQL") for one in rule.reading.problems):
        return rule.reading.problems
    return [f"{rule.called}: {problem}" for check in CHECKS for problem in check(rule)]
