"""What every dashboard has to be like: each check gives problems in words."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from dashboards.source.reading import panels
from exporter.web.routes import scraping
from tests.dashboards import lint_panels
from tests.dashboards.shown import Json

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRAFANAS = re.compile(r"__\w+(\.\w+)*")
"""Variables that Grafana has itself: __range, __value.text, …"""
USED = re.compile(r"\$\{([\w.]+)(?::\w+)?\}|\$(\w+)")
Boards = Mapping[str, Json]


def identity(board: Json, uid: str) -> Iterator[str]:
    """Importing it anew replaces it: no id of a Grafana's own, and the version of a file."""
    if board["uid"] != uid:
        yield f"uid is {uid}"
    if "id" in board:
        yield "has an id, which is one Grafana's own"
    wanted = {"version": 1, "tags": ["stack-exporter"], "timezone": "browser", "editable": True}
    yield from (f"{key} is {value}" for key, value in wanted.items() if board.get(key) != value)
    if board.get("schemaVersion", 0) < 39:
        yield "schemaVersion is that of Grafana 11"
    if not re.fullmatch(r"\d+[sm]", board.get("refresh", "")):
        yield "refreshes by itself"
    if not re.fullmatch(r"now-\d+[hd]", board.get("time", {}).get("from", "")) or board["time"].get("to") != "now":
        yield "shows what led to now"
    if not board.get("title") or not board.get("description"):
        yield "title and description say what it is for"


def ids(board: Json) -> Iterator[str]:
    every = [*board["panels"], *(inner for row in board["panels"] for inner in row.get("panels", []))]
    for number, times in Counter(panel.get("id") for panel in every).items():
        if times > 1 or not isinstance(number, int) or number < 1:
            yield f"{times} panels have the id {number}"
    titles = Counter(panel["title"] for panel in every if panel.get("title"))
    yield from (f"{times} panels have the title {title}" for title, times in titles.items() if times > 1)


def places(board: Json) -> Iterator[str]:
    """Within 24 columns, none over another."""
    every = [(one.get("title", one["type"]), one["gridPos"]) for one in board["panels"]]
    for title, at in every:
        if at["x"] < 0 or at["y"] < 0 or at["w"] < 1 or at["h"] < 1 or at["x"] + at["w"] > 24:
            yield f"{title}: is not within 24 columns"
    for (one, a), (two, b) in combinations(every, 2):
        if (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        ):
            yield f"{one}: lies over {two}"


def sources(board: Json) -> Iterator[str]:
    """Whichever data source is chosen."""

    def visit(node: Any, where: str) -> Iterator[str]:
        if isinstance(node, dict):
            if "datasource" in node and node["datasource"] != SOURCE:
                yield f"{where}: a data source of its own: {node['datasource']}"
            for key, value in node.items():
                yield from visit(
                    value, node.get("title") or node.get("name") or where if key != "datasource" else where
                )
        elif isinstance(node, list):
            for one in node:
                yield from visit(one, where)

    yield from visit(board, "")
    for _row, panel in panels(board):
        targets = panel.get("targets", [])
        if panel["type"] != "text" and "datasource" not in panel:
            yield f"{panel['title']}: no data source"
        yield from (
            f"{panel['title']}: {one['refId']} has no data source" for one in targets if "datasource" not in one
        )


def variables(board: Json) -> Iterator[str]:
    """What is declared is used, and what is used is declared."""
    declared = [one["name"] for one in board["templating"]["list"]]
    used = {found[0] or found[1] for found in USED.findall(json.dumps(board))}
    ours = {name for name in used if not GRAFANAS.fullmatch(name) and not name.isdigit()}
    yield from (f"${name} is not declared" for name in sorted(ours - set(declared)))
    yield from (f"${name} is declared and not used" for name in declared if name not in ours)
    for one in board["templating"]["list"]:
        if not one.get("label"):
            yield f"${one['name']} has no label"
        if one["type"] == "query" and not (one.get("multi") and one.get("includeAll")):
            yield f"${one['name']}: not several, or not all, can be chosen"
        if one["type"] == "query" and not one.get("refresh"):
            yield f"${one['name']} is never asked for again"
    if [one["type"] for one in board["templating"]["list"]][:1] != ["datasource"]:
        yield "the first variable is the data source"


def links(board: Json, boards: Boards) -> Iterator[str]:
    """Each leads to a dashboard, and to variables that it has, or to a page of the daemon's."""
    for url in sorted(set(re.findall(r'"url": "([^"]*)"', json.dumps(board)))):
        yield from (f"{url}: {problem}" for problem in leads(url, boards))


def leads(url: str, boards: Boards) -> Iterator[str]:
    """What is wrong with where a link leads."""
    if match := re.match(r"(?:http://localhost:3000)?/d/([\w-]+)(?:/[\w-]*)?(?:\?(.*))?$", url):
        uid, query = match[1], match[2] or ""
        if uid not in boards:
            yield "there is no such dashboard"
            return
        declared = {one["name"] for one in boards[uid]["templating"]["list"]}
        yield from (f"{uid} has no ${name}" for name in re.findall(r"var-(\w+)=", query) if name not in declared)
    elif match := re.match(r"\$\{exporter_url\}(/[^?#]*)", url):
        path = re.sub(r"\$\{[^}]*\}", "x", match[1])
        routes = [re.sub(r"\{\w+\}", "[^/]+", route.path) for route in scraping() if route.method == "GET"]
        if not any(re.fullmatch(route, path) for route in routes):
            yield "the daemon has no such page"
    else:
        yield "leads neither to a dashboard nor to the daemon"


ALONE: tuple[Callable[[Json], Iterator[str]], ...] = (
    ids, places, sources, variables, lint_panels.described, lint_panels.units, lint_panels.legends,
)  # fmt: skip


def problems(board: Json, uid: str, boards: Boards) -> list[str]:
    found = [*identity(board, uid), *links(board, boards)]
    return [*found, *(problem for check in ALONE for problem in check(board))]
