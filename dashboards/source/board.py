"""A dashboard of rows of panels: where each stands, and what every dashboard has."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink
from grafana_foundation_sdk.builders.dashboard import Row as RowPanel
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, GridPos

from dashboards.source import variables
from dashboards.source.panels import SOURCE, Panel

WIDTH = 24
TAG = "stack-exporter"
ALERTS = 'ALERTS{alertstate="firing", severity="%s", alertname!="Watchdog"%s}'
"""What annotations of alerts are of: a severity, and a dashboard's own labels."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels below a title; the first of a dashboard has none. `folded`: they are hidden until it is clicked."""

    title: str
    panels: Sequence[Panel]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """`alerts`: labels of the alerts that are marked in its graphs. `deploys`: mark releases and deploys too."""

    uid: str
    title: str
    about: str
    variables: Sequence[variables.Variable]
    rows: Sequence[Row]
    alerts: str = ""
    deploys: bool = False
    since: str = "now-3h"


def built(board: Board) -> Dashboard:
    made = Dashboard(f"{board.title}").uid(board.uid).description(board.about).tags([TAG]).editable()
    made.time(board.since, "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR).version(1)
    made.variables([variables.datasource(), *board.variables, variables.exporter_url()])
    made.links(_links()).annotations(_annotations(board))
    number, y = 0, 0
    for row in board.rows:
        header = None
        if row.title:
            number += 1
            header = RowPanel(row.title).id(number).grid_pos(GridPos(h=1, w=WIDTH, x=0, y=y)).collapsed(row.folded)
            made.with_row(header)
            y += 1
        x, tallest = 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            place = GridPos(h=panel.height, w=panel.width, x=x, y=y)
            shown = panel.builder.id(number).grid_pos(place)
            # Where it stands once the row is unfolded; until then Grafana closes the gap.
            header.with_panel(shown) if header and row.folded else made.with_panel(shown)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return made


def _links() -> list[DashboardLink]:
    others = DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    page = DashboardLink("Status page").type(DashboardLinkType.LINK).url("${exporter_url}/").icon("heart")
    page.tooltip("The daemon's own page: every component, its reason, its latest runs").target_blank(True)
    return [others.include_vars(True).keep_time(True), page]


def _annotations(board: Board) -> list[AnnotationQuery]:
    labels = f", {board.alerts}" if board.alerts else ""
    # When each began, and not while it fires: an outage with thirty alerts would paint the graphs red. Of an outage the
    # pages are enough to see where it begins; the rest is a click away.
    made = [
        _annotation(
            name, f"ALERTS_FOR_STATE * 1000 and ignoring (alertstate) {ALERTS % (severity, labels)}", color, shown=shown
        )
        for name, severity, color, shown in (
            ("Critical alerts", "critical", "red", True),
            ("Warnings", "warning", "orange", False),
        )
    ]
    if board.deploys:
        of = '{service=~"$service"}'
        made.append(_annotation("Releases", f"stack_release_first_seen_timestamp_seconds{of} * 1000", "blue"))
        made.append(_annotation("Deploys", f"stack_last_deploy_timestamp_seconds{of} * 1000", "purple"))
    return made


def _annotation(name: str, expr: str, color: str, *, shown: bool = True) -> AnnotationQuery:
    return AnnotationQuery().name(name).datasource(SOURCE).enable(shown).icon_color(color).expr(expr)
