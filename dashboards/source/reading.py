"""A dashboard's panels and queries as they stand in its JSON, with the variables filled in as Grafana would."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a panel."""

    row: str
    panel: Json
    ref: str
    expr: str
    instant: bool


def panels(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """The title of the row that it stands below, and the panel; rows themselves are left out."""
    row = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
            yield from ((row, inner) for inner in panel.get("panels", []))
        else:
            yield row, panel


def queries(dashboard: Json) -> Iterator[Asked]:
    """What its panels ask."""
    for row, panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield Asked(row, panel, target["refId"], target["expr"], bool(target.get("instant")))


def annotations(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Name and PromQL of what is marked in its graphs."""
    for one in dashboard["annotations"]["list"]:
        yield one["name"], one["expr"]


def substituted(expr: str, values: Mapping[str, str], *, rate: str = "1m", span: str = "1h", step: str = "15s") -> str:
    """PromQL that Prometheus takes. `values`: by variable, as a regular expression; one that is not there is `.*`."""
    given = {"__rate_interval": rate, "__range": span, "__interval": step, **values}
    return re.sub(
        r"\$(?:\{([A-Za-z_]\w*)(?::\w+)?\}|([A-Za-z_]\w*))", lambda found: given.get(found[1] or found[2], ".*"), expr
    )
