"""Tables: a line for each set of labels, and the looks of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as grid
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue as Property
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.source.looks import Steps, Words, mappings, steps
from dashboards.source.panels import Panel, panel_of
from dashboards.source.query import Query


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table. `field`: a label, or `Value #A` for what the first query found (`Value`, where it is the only one).

    `color`: none, `text`, `background`, or `bar` (a bar in the cell). `url`: where a click on it leads.
    """

    field: str
    name: str
    unit: str = ""
    decimals: int | None = None
    words: Words | None = None
    steps: Steps = ()
    color: str = ""
    url: str = ""
    width: int | None = None


def table(
    title: str,
    about: str,
    *queries: Query,
    columns: Sequence[Column],
    width: int = 24,
    height: int = 8,
    sort: str = "",
    descending: bool = True,
    none: str = "",
) -> Panel:
    """A line for each set of labels, as it is now; queries with the same labels are columns of one line."""
    panel = grid.Panel().show_header(True).filterable(False).cell_height(options.TableCellHeight.SM)
    for column in columns:
        if found := _looks(column):
            panel.override_by_name(column.name, found)
    shown = [column.field for column in columns]
    organized = {
        "renameByName": {column.field: column.name for column in columns if column.field != column.name},
        "indexByName": {field: index for index, field in enumerate(shown)},
        "excludeByName": {},
        "includeByName": {},
    }
    transformations = [("merge", {})] if len(queries) > 1 else []
    transformations += [("filterFieldsByName", {"include": {"names": shown}}), ("organize", organized)]
    panel.transformations([DataTransformerConfig(id_val=name, options=how) for name, how in transformations])
    if sort:
        panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel_of(panel, title, about, queries, width, height, none, instant=True, form=PromQueryFormat.TABLE)


def _looks(column: Column) -> list[Property]:
    cell = {"text": "color-text", "background": "color-background", "bar": "gauge"}
    # A cell without a value would show what an empty table says.
    found = [Property(id_val="noValue", value="–")]
    if column.unit:
        found.append(Property(id_val="unit", value=column.unit))
    if column.decimals is not None:
        found.append(Property(id_val="decimals", value=column.decimals))
    if column.words:
        found.append(Property(id_val="mappings", value=mappings(column.words)))
    if column.steps:
        found.append(Property(id_val="thresholds", value=steps("text", column.steps).build()))
        found.append(Property(id_val="color", value={"mode": "thresholds"}))
    if column.color:
        look: dict[str, object] = {"type": cell[column.color]}
        if column.color == "bar":
            look |= {"mode": "basic", "valueDisplayMode": "text"}
            found += [Property(id_val="min", value=0), Property(id_val="max", value=1)]
        found.append(Property(id_val="custom.cellOptions", value=look))
    if column.url:
        found.append(Property(id_val="links", value=[{"title": "Look closer", "url": column.url}]))
    if column.width:
        found.append(Property(id_val="custom.width", value=column.width))
    return found
