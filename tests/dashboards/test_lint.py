"""Every dashboard by itself, and all of them together with what leads to them."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.dashboards.lint import leads, problems
from tests.dashboards.shown import UIDS, Json, boards
from tests.tree import rule_groups


def test_there_are_the_nine() -> None:
    assert sorted(boards()) == sorted(UIDS)


@pytest.mark.parametrize("uid", boards())
def test_a_dashboard_is_as_all_are(uid: str) -> None:
    found = problems(boards()[uid], uid, boards())
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_titles_are_each_others() -> None:
    assert len({board["title"] for board in boards().values()}) == len(boards())


def test_alerts_lead_to_dashboards_that_there_are() -> None:
    alerts = [rule for group in rule_groups() for rule in group["rules"] if "alert" in rule]
    urls = {(rule["alert"], rule["annotations"]["dashboard_url"]) for rule in alerts}
    found = {f"{alert}: {url}: {problem}" for alert, url in urls for problem in leads(url, boards())}
    if found:
        pytest.fail("\n".join(sorted(found)), pytrace=False)


def first(board: Json, type_: str) -> Json:
    found: Json = next(one for one in board["panels"] if one["type"] == type_)
    return found


def over_another(board: Json) -> None:
    board["panels"][1]["gridPos"] = dict(board["panels"][0]["gridPos"])


def with_value(*path: Any, of: str = "", value: Any) -> Callable[[Json], None]:
    def change(board: Json) -> None:
        place = first(board, of) if of else board
        for key in path[:-1]:
            place = place[key]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


STEPS = [{"value": None, "color": "green"}, {"value": 9, "color": "red"}, {"value": 1, "color": "orange"}]
NOT_OURS = {"type": "prometheus", "uid": "abc"}
DATA_LINK = {"id": "links", "value": [{"title": "x", "url": "/d/stack-overview?var-planet=x"}]}
WRONG = {
    "uid is": with_value("uid", value="other"),
    "has an id": with_value("id", value=7),
    "version is": with_value("version", value=2),
    "schemaVersion": with_value("schemaVersion", value=16),
    "refreshes": with_value("refresh", value=""),
    "shows what led": with_value("time", "from", value="2026-11-23"),
    "title and description": with_value("description", value=""),
    "have the id": with_value("panels", 1, "id", value=1),
    "have the title": lambda board: board["panels"][1].update(title=board["panels"][0]["title"]),
    "is not within": with_value("gridPos", "w", of="stat", value=30),
    "lies over": over_another,
    "a data source of its own": with_value("datasource", of="stat", value=NOT_OURS),
    "no data source": with_value("datasource", of="stat", value=None),
    "is not declared": with_value("targets", 0, "expr", of="stat", value="up[$interval]"),
    "is declared and not used": lambda board: board["templating"]["list"].append({"name": "planet", "type": "textbox"}),
    "has no label": with_value("templating", "list", 1, "label", value=None),
    "can be chosen": with_value("templating", "list", 1, "multi", value=False),
    "never asked": with_value("templating", "list", 1, "refresh", value=0),
    "less than two sentences": with_value("description", of="stat", value="How many are down."),
    "asks for nothing": with_value("targets", of="stat", value=[]),
    "two queries of one name": lambda board: first(board, "timeseries")["targets"].append({"refId": "A"}),
    "no unit": with_value("fieldConfig", "defaults", "unit", of="timeseries", value=None),
    "numbers without words": with_value("fieldConfig", "defaults", "mappings", of="state-timeline", value=[]),
    "has no unit": with_value("fieldConfig", "overrides", of="table", value=[]),
    "not in order": with_value("fieldConfig", "defaults", "thresholds", of="stat", value={"steps": STEPS}),
    "no legend": with_value("options", "legend", "showLegend", of="timeseries", value=False),
    "A has no legend": with_value("targets", 0, "legendFormat", of="timeseries", value="__auto"),
    "no such dashboard": with_value("links", 1, "url", value="/d/stack-nowhere"),
    "has no $planet": lambda board: first(board, "table")["fieldConfig"]["overrides"][0]["properties"].append(
        DATA_LINK
    ),
    "the daemon has no such page": with_value("links", 1, "url", value="${exporter_url}/nowhere"),
    "leads neither": with_value("links", 1, "url", value="https://shop.example/"),
}


@pytest.mark.parametrize("problem", WRONG)
def test_the_lint_finds(problem: str) -> None:
    board = copy.deepcopy(boards()["stack-overview"])
    before = problems(board, "stack-overview", boards())
    WRONG[problem](board)
    found = set(problems(board, "stack-overview", boards())) - set(before)
    assert any(re.search(re.escape(problem), one) for one in found), found
