"""What Prometheus answers to each query of a dashboard, asked as Grafana asks for panels of that size."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from dashboards.source import reading

Json = dict[str, Any]
FOLDER = Path(__file__).resolve().parent.parent
WIDTH = 1600
"""Of the picture, in pixels."""
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Grafana rounds a step to one of these, in seconds."""
MARKS = 60.0
"""The step of annotations that name none."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom, for which time (Unix), and what variables stand for. `step`: none is finer, as scrapes are not."""

    prometheus: str
    start: float
    end: float
    rate: str = "1m"
    values: Mapping[str, str] = field(default_factory=dict)
    step: float = 15


def read(names: Sequence[str] = (), folder: Path = FOLDER) -> list[Json]:
    """The dashboards of these names, or all."""
    paths = [folder / f"{name}.json" for name in names] or sorted(folder.glob("stack-*.json"))
    return [json.loads(path.read_text()) for path in paths]


def found(dashboard: Json, asking: Asking) -> Json:
    """By panel id and query: `result` as Prometheus' API has it, `step` in seconds, `exemplars`; or `error`."""
    results: Json = {}
    for _, panel in reading.panels(dashboard):
        points = max(100, int(panel["gridPos"]["w"] / 24 * WIDTH))
        results[str(panel["id"])] = {
            target["refId"]: _answer(target, asking, points) for target in panel.get("targets", [])
        }
    return {
        "dashboard": dashboard,
        "from": asking.start * 1000,
        "to": asking.end * 1000,
        "values": dict(asking.values),
        "results": results,
        "annotations": [_marks(one, asking) for one in dashboard["annotations"]["list"] if "expr" in one],
    }


def _answer(target: Json, asking: Asking, points: int) -> Json:
    step = _step(asking, points)
    expr = _substituted(target["expr"], asking, step)
    if target.get("instant"):
        return _api(asking, "query", query=expr, time=asking.end)
    answer = _range(asking, expr, step)
    if target.get("exemplar"):
        exemplars = _api(asking, "query_exemplars", query=expr, start=asking.start, end=asking.end)
        answer["exemplars"] = sampled(exemplars.get("result", []), step)
    return answer


def sampled(series: Sequence[Json], step: float) -> list[Json]:
    """Of the exemplars in each step the greatest, and those twice the deviation apart; Grafana shows no more either."""
    found = [(one["timestamp"] // step, float(one["value"]), one) for each in series for one in each["exemplars"]]
    apart = 2 * statistics.pstdev(value for _, value, _ in found) if found else 0
    kept: list[tuple[float, float, Json]] = []
    for at, value, one in sorted(found, key=lambda item: (item[0], -item[1])):
        if not kept or kept[-1][0] != at or kept[-1][1] - value > apart:
            kept.append((at, value, one))
    return [one for _, _, one in kept]


def _marks(annotation: Json, asking: Asking) -> Json:
    step = float(annotation.get("step", "").removesuffix("s") or MARKS)
    return {**annotation, **_range(asking, _substituted(annotation["expr"], asking, step), step)}


def _range(asking: Asking, expr: str, step: float) -> Json:
    # Grafana's first point is on a whole multiple of the step too.
    start, end = asking.start // step * step, asking.end // step * step
    return _api(asking, "query_range", query=expr, start=start, end=end, step=step) | {"step": step}


def _step(asking: Asking, points: int) -> float:
    least = max(asking.step, (asking.end - asking.start) / points)
    return next((step for step in STEPS if step >= least), STEPS[-1])


def _substituted(expr: str, asking: Asking, step: float) -> str:
    span = f"{max(1, round(asking.end - asking.start))}s"
    return reading.substituted(expr, asking.values, rate=asking.rate, span=span, step=f"{step:g}s")


def _api(asking: Asking, path: str, **parameters: object) -> Json:
    body = urlencode(parameters).encode()
    try:
        with urlopen(f"{asking.prometheus}/api/v1/{path}", body, timeout=30) as reply:  # noqa: S310 - our own Prometheus
            data = json.load(reply)["data"]
    except HTTPError as error:
        with error:
            return {"error": json.load(error).get("error", str(error))}
    if isinstance(data, list):
        return {"result": data, "kind": "exemplars"}
    return {"result": data["result"], "kind": data["resultType"]}
