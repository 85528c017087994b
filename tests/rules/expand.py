"""Cases become unit tests of promtool: their scenarios side by side, each in a namespace of its own."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.rules.cases import Case, Values, seconds

JOB, OTHER_JOB, INSTANCE = "stack-exporter", "stack-exporter-blue", "shop-1:9676"
SCENARIOS = {
    "fires": "quiet, then firing, then quiet again, in two jobs with the same instance; in the other nobody owns it",
    "under": "just under the threshold all the time",
    "absent": "the metric is not there",
    "unconfigured": "no threshold is configured",
    "maintenance": "the component is in maintenance",
    "born": "the series appears with 1",
}
SILENT = ("under", "absent", "unconfigured", "maintenance")
PARTS = {"jobs": "the other job", "teamless": "that nobody owns it there"}
"""Of `fires`, which a case can leave out."""
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scenarios(case: Case) -> list[str]:
    """Those that apply to the case and are not left out by it."""
    changing = bool(case.varying) and not case.always
    apply = {
        "fires": True,
        "under": changing,
        "absent": changing,
        "unconfigured": changing and any("threshold" in series for series in case.given),
        "maintenance": changing and bool(case.component),
        "born": case.born,
    }
    unknown = sorted(set(case.without) - set(SCENARIOS) - set(PARTS))
    assert not unknown, f"{case.name}: without {unknown}"
    return [name for name, does in apply.items() if does and name not in case.without]


def jobs(case: Case, scenario: str) -> list[str]:
    """Where the series are."""
    two = scenario == "fires" and not (case.always or case.alone or "jobs" in case.without)
    return [JOB, OTHER_JOB] if two else [JOB]


def team(case: Case, job: str) -> str:
    """Who owns the component or the service there."""
    owner = case.component.get("team") or case.service.get("team") or ""
    return owner if job == JOB or "teamless" in case.without else ""


def place(case: Case, scenario: str) -> str:
    """The namespace that a scenario is in; of a case that is alone, the name of its test."""
    return f"{case.name}/{scenario}"


def tests(every: Iterable[Case], step: int) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """promtool's tests of these cases, made so that each claim is wrong: promtool then shows what there was instead. And
    the places that are in each.

    Cases of about one length are one test, because making a storage for each takes longer than what is done in it.
    """
    together: dict[int, list[Case]] = defaultdict(list)
    for case in every:
        if case.alone:
            for scenario in scenarios(case):
                there = place(case, scenario)
                yield _test(there, step, [case], list(_series(case, scenario))), [there]
        else:
            together[len(moments(case)).bit_length()].append(case)
    for length, cases in together.items():
        all_of = [(case, scenario) for case in cases for scenario in scenarios(case)]
        series = [one for case, scenario in all_of for one in _series(case, scenario)]
        yield _test(f"up to {1 << length} steps", step, cases, series), [place(*one) for one in all_of]


def moments(case: Case) -> range:
    """When ALERTS is looked at."""
    return range(0, case.over, case.step)


def _test(name: str, step: int, cases: list[Case], series: list[dict[str, str]]) -> dict[str, Any]:
    # promtool lists alerts with their annotations only where a claim about them fails.
    asked = dict.fromkeys((at, case.alert) for case in cases for at in _asked(case))
    wrong = {"exp_labels": {"nothing": "like this"}}
    looked = sorted({at for case in cases for at in moments(case)})
    claim = {"expr": "ALERTS", "exp_samples": [{"labels": "nothing", "value": 0}]}
    return {
        "name": name,
        "interval": f"{step}s",
        "input_series": series,
        "alert_rule_test": [
            {"eval_time": f"{at}s", "alertname": alert, "exp_alerts": [wrong]} for at, alert in sorted(asked)
        ],
        "promql_expr_test": [{**claim, "eval_time": f"{at}s"} for at in looked],
    }


def _asked(case: Case) -> Iterator[int]:
    """When the annotations are looked at: at the end, and of what ends by itself, soon."""
    true = case.changes + case.wait
    if case.born:
        yield from (at for at in (true, true + case.step, true + case.within) if at < case.over)
    if not case.itself:
        yield case.ends - case.step


def _series(case: Case, scenario: str) -> Iterator[dict[str, str]]:
    for job in jobs(case, scenario):
        common = {} if case.alone else {"job": job, "instance": INSTANCE, "namespace": place(case, scenario)}
        for series, values in _contents(case, scenario, job):
            yield {"series": _labelled(series, common), "values": values}


def _contents(case: Case, scenario: str, job: str) -> Iterator[tuple[str, str]]:
    for series, value in case.given.items():
        if scenario != "unconfigured" or "threshold" not in series:
            yield series, value if isinstance(value, str) else _constant(value, _points(case))
    yield from _owned(case, scenario, job)
    if scenario == "absent":
        return
    for series in case.varying:
        values = list(_phases(case, scenario, series))
        if values:
            yield series, " ".join(values)


def _owned(case: Case, scenario: str, job: str) -> Iterator[tuple[str, str]]:
    """What the daemon says of the component or the service itself, where the case does not say it."""
    points = _points(case)
    said = "\n".join([*case.given, *case.varying])
    if case.component:
        name, kind = case.component["name"], case.component["kind"]
        critical = case.component.get("critical", "false")
        labels = f'component="{name}",kind="{kind}"'
        yield f'stack_component_info{{{labels},critical="{critical}",team="{team(case, job)}"}}', _constant(1, points)
        states = {"healthy": scenario != "maintenance", "maintenance": scenario == "maintenance"}
        for status, value in states.items():
            if not re.search(rf'stack_component_status{{[^}}]*status="{status}"', said):
                yield f'stack_component_status{{{labels},status="{status}"}}', _constant(int(value), points)
    if case.service and "stack_service_info" not in said:
        yield f'stack_service_info{{service="{case.service["name"]}",team="{team(case, job)}"}}', _constant(1, points)


def _phases(case: Case, scenario: str, series: str) -> Iterator[str]:
    before, during, after = (
        case.changes // case.step,
        (case.ends - case.changes) // case.step,
        -(-(case.over - case.ends) // case.step) + 1,
    )
    if scenario == "born" or (case.itself and scenario != "under"):
        yield f"_x{before}" if scenario == "born" else _constant(0, before)
        yield _constant(1, during + after)
        return
    if scenario == "under":
        before, during, after = before + during + after, 0, 0
    if series in case.calm:
        yield from _growing(case, series, (before, during, after))
        return
    at, held = 0, ""
    for values, points in ((case.quiet, before), (case.firing, during), (case.quiet, after)):
        if points:
            yield _level(values[series], at, points, case.step, held)
            held = held if values[series] == "held" else _last(values[series], at + points - 1, case.step)
            at += points


def _growing(case: Case, series: str, phases: tuple[int, int, int]) -> Iterator[str]:
    value = Decimal(str(case.start.get(series, 0)))
    first = True
    for values, points in zip((case.calm, case.busy, case.calm), phases, strict=True):
        growth = Decimal(str(values[series])) * case.step / 60
        if points:
            value += 0 if first else growth
            yield f"{value:f}{growth:+f}x{points - 1}"
            value, first = value + growth * (points - 1), False


def _level(value: Any, at: int, points: int, step: int, held: str) -> str:
    if value == "absent":
        return "stale" + (f" _x{points - 1}" if points > 1 else "") if at else f"_x{points}"
    if value == "held":
        return _constant(held, points)
    if isinstance(value, str):
        return f"{_last(value, at, step)}+{step}x{points - 1}"
    return _constant(value, points)


def _last(value: Any, index: int, step: int) -> str:
    """Of a level at a point: `now+20d` is 20 days after the moment."""
    if not isinstance(value, str):
        return f"{Decimal(str(value)):f}"
    match = re.fullmatch(r"now(?:([+-])(\w+))?", value)
    assert match or value == "absent", f"{value!r} is neither a number nor now, now-5m, now+20d, held, absent"
    if not match:
        return "0"
    sign, offset = match[1] or "+", match[2] or "0s"
    offset = int(offset) if offset.isdigit() else seconds(offset)
    return str(index * step + (offset if sign == "+" else -offset))


def _constant(value: Any, points: int) -> str:
    return f"{Decimal(str(value)):f}x{points - 1}"


def _points(case: Case) -> int:
    return case.over // case.step + 1


def _labelled(series: str, common: Mapping[str, str]) -> str:
    name, _, inside = series.strip().partition("{")
    own = dict(LABEL.findall(inside))
    labels = {**{label: value for label, value in common.items() if label not in own}, **own}
    return name.strip() + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}"


def own_labels(case: Case, varying: Values | None = None) -> dict[str, str]:
    """What the labels of an alert are beyond those of the rule, by the case's series, component, service and labels."""
    found = [dict(LABEL.findall(series)) for series in (varying or case.varying)]
    shared = {label: value for label, value in (found[0] if found else {}).items() if label != "le"}
    shared = {label: value for label, value in shared.items() if all(one.get(label) == value for one in found)}
    if case.component:
        shared |= {"component": case.component["name"], "kind": case.component["kind"]}
    if case.service:
        shared["service"] = case.service["name"]
    return {label: value for label, value in shared.items() if value}
