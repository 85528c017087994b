"""What every panel has to be like: it says what it means, and its numbers have units, scales and names."""

import re
from collections.abc import Iterator

from dashboards.source.reading import panels
from tests.dashboards.shown import Json

DRAWN = ("timeseries", "stat", "bargauge")


def described(board: Json) -> Iterator[str]:
    """A title; and what it means, and what to do: two sentences at least."""
    for _row, panel in panels(board):
        if panel["type"] == "text":
            continue
        title, text = panel.get("title", ""), panel.get("description", "")
        if not title:
            yield f"panel {panel['id']} has no title"
        if len(re.findall(r"[.:;?!](?:\s|$)", text)) < 2 or not text.rstrip().endswith((".", "?", ")")):
            yield f"{title}: the description is less than two sentences"
        if not panel.get("targets"):
            yield f"{title}: asks for nothing"
        refs = [one["refId"] for one in panel.get("targets", [])]
        if len(set(refs)) < len(refs):
            yield f"{title}: two queries of one name"


def units(board: Json) -> Iterator[str]:
    """Every number has one; ratios have a scale."""
    for _row, panel in panels(board):
        title, defaults = panel.get("title"), panel.get("fieldConfig", {}).get("defaults", {})
        if panel["type"] in DRAWN and not defaults.get("unit"):
            yield f"{title}: no unit"
        if panel["type"] == "heatmap" and not panel["options"]["yAxis"].get("unit"):
            yield f"{title}: no unit"
        if panel["type"] == "state-timeline" and not defaults.get("mappings"):
            yield f"{title}: numbers without words"
        if panel["type"] == "table":
            yield from _columns(panel)
        if panel["type"] == "timeseries" and defaults.get("unit") == "percentunit":
            if defaults.get("min") != 0 and defaults.get("custom", {}).get("axisSoftMin") is None:
                yield f"{title}: a ratio whose scale does not begin at 0"
        if panel["type"] == "bargauge" and defaults.get("unit") == "percentunit" and defaults.get("max") is None:
            yield f"{title}: bars of a ratio without their full length"
        yield from _steps(title or "", panel)


def _columns(panel: Json) -> Iterator[str]:
    """Of a table, those with numbers."""
    renamed: dict[str, str] = {}
    for one in panel.get("transformations", []):
        renamed |= one.get("options", {}).get("renameByName", {})
    overrides = {
        one["matcher"]["options"]: {each["id"] for each in one["properties"]}
        for one in panel["fieldConfig"]["overrides"]
    }
    shown = [
        name for one in panel.get("transformations", []) for name in one["options"].get("include", {}).get("names", [])
    ]
    for name in shown or ["Value"]:
        called = renamed.get(name, name)
        if name.startswith("Value") and not {"unit", "mappings"} & overrides.get(called, set()):
            yield f"{panel['title']}: the column {called} has no unit"
    yield from (
        f"{panel['title']}: there is no column {name}"
        for name in overrides
        if name not in {renamed.get(s, s) for s in shown}
    )


def _steps(title: str, panel: Json) -> Iterator[str]:
    found = [panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds")]
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        found += [one["value"] for one in override["properties"] if one["id"] == "thresholds"]
    for thresholds in filter(None, found):
        values = [step["value"] for step in thresholds["steps"]]
        if values[:1] != [None] or None in values[1:] or values[1:] != sorted(set(values[1:])):
            yield f"{title}: thresholds are not in order: {values}"


def legends(board: Json) -> Iterator[str]:
    """A line says whose it is: by a legend that names labels which the query has, or by words."""
    for _row, panel in panels(board):
        if panel["type"] == "timeseries" and not panel["options"].get("legend", {}).get("showLegend"):
            yield f"{panel['title']}: no legend"
        for one in panel.get("targets", []) if panel["type"] in ("timeseries", "state-timeline", "bargauge") else ():
            if one.get("legendFormat", "__auto") in ("__auto", ""):
                yield f"{panel['title']}: {one['refId']} has no legend"
