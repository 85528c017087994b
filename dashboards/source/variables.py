"""What is chosen at the top of a dashboard: the data source, and of what its panels are."""

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable, TextBoxVariable
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

EXPORTER_URL = "http://localhost:9676"
"""Where the status page and the runbooks are; `stack-exporter dashboards --exporter-url` writes another one."""
Variable = Builder[VariableModel]
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def datasource() -> Variable:
    return DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def exporter_url() -> Variable:
    """For links alone."""
    current = VariableOption(text=EXPORTER_URL, value=EXPORTER_URL, selected=True)
    address = TextBoxVariable("exporter_url").label("Status page").default_value(EXPORTER_URL)
    return address.current(current).options([current]).hide(VariableHide.HIDE_VARIABLE)


def team() -> Variable:
    return _choice("team", "Team", "stack_component_info or stack_service_info", everything=".*")


def environment() -> Variable:
    return _choice("environment", "Environment", "stack_errors_total or stack_deploys_total", everything=".*")


def kind(kinds: str = ".+") -> Variable:
    return _choice("kind", "Kind", f'stack_component_info{{kind=~"{kinds}"}}', everything="" if kinds != ".+" else ".*")


def component(kinds: str = "", *, chosen_kinds: bool = False) -> Variable:
    """Of `kinds` (a regular expression), of the kinds that are chosen, or of all; and of the teams that are chosen."""
    of_kinds = 'kind=~"$kind", ' if chosen_kinds else f'kind=~"{kinds}", ' if kinds else ""
    return _choice("component", "Component", f'stack_component_info{{{of_kinds}team=~"$team"}}')


def service() -> Variable:
    return _choice("service", "Service", 'stack_service_info{team=~"$team"}')


def instance() -> Variable:
    # All is any: one that has been away for longer than the time shown is in no list, and has to be counted.
    return _choice("instance", "Daemon", "stack_exporter_build_info", everything=".*")


def slo() -> Variable:
    return _choice("slo", "Objective", 'stack_slo_info{team=~"$team"}')


def _choice(name: str, label: str, series: str, everything: str = "") -> Variable:
    """Several may be chosen, at first all: those that Prometheus finds, or `everything` as a regular expression."""
    query = f"query_result(count by ({name}) ({series}))" if " or " in series else f"label_values({series}, {name})"
    made = (
        QueryVariable(name).label(label).query({"qryType": 3 if " or " in series else 1, "query": query, "refId": name})
    )
    made.datasource(SOURCE).multi(True).include_all(True).sort(VariableSort.ALPHABETICAL_ASC)
    made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    made.current(VariableOption(text=["All"], value=["$__all"], selected=True))
    if " or " in series:
        made.regex(f'/{name}="([^"]*)"/')
    return made.all_value(everything) if everything else made
