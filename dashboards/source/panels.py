"""The kinds of panels that are used, each with the looks that all of its kind have."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grafana_foundation_sdk.builders import common, heatmap
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.text import Panel as Text
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.dashboard import Panel as Built
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from dashboards.source.looks import CRITICAL, GOOD, WARNING, Steps, Words, mappings, steps
from dashboards.source.query import Query

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
LIMITS = {"warning": WARNING, "critical": CRITICAL}


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn, and how much of the 24 columns, and how many rows, it takes."""

    builder: Builder[Built]
    width: int
    height: int


def timeseries(
    title: str,
    about: str,
    *queries: Query,
    unit: str,
    width: int = 12,
    height: int = 8,
    least: float | None = 0,
    most: float | None = None,
    decimals: int | None = None,
    stacked: bool = False,
    none: str = "",
    calcs: Sequence[str] = ("lastNotNull", "max"),
) -> Panel:
    """Lines over time; thresholds among the queries are dashed lines. `none`: what is said where no data is healthy."""
    panel = (
        TimeSeries()
        .unit(unit)
        .line_width(1)
        .fill_opacity(30 if stacked else 0)
        .show_points(options.VisibilityMode.NEVER)
    )
    panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.TABLE)
        .placement(options.LegendPlacement.BOTTOM)
        .calcs(list(calcs))
        # Where there are more lines than room, the worst is seen: where the least matters, the lowest.
        .sort_by("Last *" if "lastNotNull" in calcs else "Max")
        .sort_desc("min" not in calcs)
    )
    panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    if least is not None:
        panel.axis_soft_min(least)
    if most is not None:
        panel.min(least or 0).max(most)
    if decimals is not None:
        panel.decimals(decimals)
    for ref, query in _named(queries):
        if query.limit:
            panel.override_by_query(ref, _dashed(LIMITS[query.limit]))
    return panel_of(panel, title, about, queries, width, height, none)


def stat(
    title: str,
    about: str,
    *queries: Query,
    unit: str,
    width: int = 4,
    height: int = 4,
    first: str = GOOD,
    steps_: Steps = (),
    words: Words | None = None,
    names: bool = False,
    trend: bool = False,
    colored: str = "value",
    decimals: int | None = None,
    none: str = "",
) -> Panel:
    """One big number for each series. `colored`: value, background or none. `trend`: its past as a line behind it."""
    mode = {"value": options.BigValueColorMode.VALUE, "background": options.BigValueColorMode.BACKGROUND}
    panel = Stat().unit(unit).color_mode(mode.get(colored, options.BigValueColorMode.NONE))
    panel.graph_mode(options.BigValueGraphMode.AREA if trend else options.BigValueGraphMode.NONE)
    panel.text_mode(options.BigValueTextMode.VALUE_AND_NAME if names else options.BigValueTextMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.thresholds(steps(first, steps_)).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    if words:
        panel.mappings(mappings(words))
    if decimals is not None:
        panel.decimals(decimals)
    return panel_of(panel, title, about, queries, width, height, none, instant=not trend)


def bars(
    title: str,
    about: str,
    *queries: Query,
    unit: str,
    width: int = 8,
    height: int = 8,
    first: str = GOOD,
    steps_: Steps = (),
    most: float | None = None,
    none: str = "",
) -> Panel:
    """One horizontal bar for each series, as it is now."""
    panel = BarGauge().unit(unit).min(0).orientation(options.VizOrientation.HORIZONTAL)
    panel.display_mode(options.BarGaugeDisplayMode.BASIC).value_mode(options.BarGaugeValueMode.TEXT).show_unfilled(True)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.thresholds(steps(first, steps_)).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    if most is not None:
        panel.max(most)
    return panel_of(panel, title, about, queries, width, height, none, instant=True)


def timeline(
    title: str, about: str, *queries: Query, words: Words, width: int = 24, height: int = 8, none: str = ""
) -> Panel:
    """A bar for each series, in the colour of its state at each time."""
    panel = StateTimeline().unit("short").mappings(mappings(words)).merge_values(True).fill_opacity(75).line_width(0)
    # By thresholds: with its default, a continuous scale, Grafana shows no legend of the states.
    panel.thresholds(steps("text", ())).color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.show_value(options.VisibilityMode.NEVER).row_height(0.8)
    panel.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
    )
    return panel_of(panel, title, about, queries, width, height, none)


def heat(
    title: str, about: str, query: Query, *, unit: str = "s", width: int = 12, height: int = 8, none: str = ""
) -> Panel:
    """How many fell into each bucket of a histogram at each time (`sum by (le) (…_bucket…)`), with exemplars."""
    panel = heatmap.Panel().calculate(False).y_axis(heatmap.YAxisConfig().unit(unit)).cell_gap(1)
    panel.color(
        heatmap.HeatmapColorOptions()
        .mode(HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .exponent(0.5)
        .steps(64)
        .fill("dark-orange")
    )
    panel.filter_values(heatmap.FilterValueRange().le(1e-9)).exemplars_color("rgba(50,180,255,0.9)").show_legend()
    target = replace(query, exemplars=True, legend="{{le}}")
    return panel_of(panel, title, about, (target,), width, height, none, form=PromQueryFormat.HEATMAP)


def text(content: str, *, width: int = 24, height: int = 3, title: str = "") -> Panel:
    """Markdown."""
    return Panel(Text().title(title).mode(TextMode.MARKDOWN).content(content).span(width).height(height), width, height)


def panel_of(panel, title, about, queries, width, height, none, *, instant=False, form=None):
    """What a kind's builder became, with what all kinds have."""
    panel.title(title).description(about).datasource(SOURCE).span(width).height(height)
    if none:
        panel.no_value(none)
    for ref, query in _named(queries):
        target = Dataquery().ref_id(ref).expr(query.expr).datasource(SOURCE)
        target.legend_format(query.legend or "__auto")
        target = target.instant() if instant else target.range()
        if form:
            target.format(form)
        if query.exemplars:
            target.exemplar(True)
        panel.with_target(target)
    return Panel(panel, width, height)


def _named(queries: Sequence[Query]) -> list[tuple[str, Query]]:
    return [(chr(ord("A") + index), query) for index, query in enumerate(queries)]


def _dashed(color: str) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color}),
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        DynamicConfigValue(id_val="custom.stacking", value={"mode": "none", "group": "limits"}),
        # Its colour says what it is; its legend would take the room of the data's.
        DynamicConfigValue(id_val="custom.hideFrom", value={"legend": True, "tooltip": False, "viz": False}),
    ]
