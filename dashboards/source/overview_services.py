"""Overview, below what is broken: objectives, what users of each service get, and what was changed."""

from dashboards.source.board import Row
from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import Panel, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import NONE, counted, failed, owned, requests, took
from dashboards.source.tables import Column, table

SERVICE = "/d/stack-application?var-service=${__value.text:percentencode}&${__url_time_range}"
ERRORS = "/d/stack-errors?var-service=${__data.fields.Service:percentencode}&${__url_time_range}"
GO = "${exporter_url}/go/error?service=${__data.fields.Service:percentencode}&state="
MUCH = ((0.01, WARNING), (0.05, CRITICAL))
ANY = ((1, WARNING),)
BURNS = ((1, WARNING), (14.4, CRITICAL))
SLOW_BURNS = ((1, WARNING), (6, CRITICAL))
LEFT = ((-1e6, CRITICAL), (0.0001, WARNING), (0.1, GOOD))


def _of_slo(expr: str, worst: str = "max") -> str:
    owners = 'topk by (slo) (1, max by (slo, team) (stack_slo_info{slo=~"$slo"}))'
    return f"{worst} by (slo) ({expr})\n* on (slo) group_left (team) {owners}"


def _burn(window: str) -> str:
    errors = f'slo:stack_slo_errors:ratio_rate{window}{{slo=~"$slo"}}'
    return f"{errors} / on (cluster, namespace, job, slo) slo:stack_slo_error_budget:ratio"


def _objectives() -> list[Panel]:
    left = 'slo:stack_slo_error_budget:remaining_ratio{slo=~"$slo"}'
    return [
        table(
            "Objectives, and how fast their budgets burn",
            "At a burn rate of 1 the budget lasts exactly 30 days, at 14.4 two days. SloBudgetBurning pages above "
            "14.4 over an hour and five minutes both, or 6 over six hours; it opens a ticket above 3 over a day, or 1 "
            "over three.",
            Query(_of_slo('stack_slo_objective_ratio{slo=~"$slo"}')),
            Query(_of_slo(left, "min")),
            Query(_of_slo(_burn("5m"))),
            Query(_of_slo(_burn("1h"))),
            Query(_of_slo(_burn("6h"))),
            Query(_of_slo(_burn("3d"))),
            columns=[
                Column("slo", "Objective"),
                Column("team", "Team", width=110),
                Column("Value #A", "Promised", unit="percentunit", decimals=2, width=90),
                Column("Value #B", "Budget left", "percentunit", 0, steps=LEFT, color="bar", width=180),
                Column("Value #C", "Burn 5 m", unit="none", decimals=1, steps=BURNS, color="text", width=85),
                Column("Value #D", "1 h", unit="none", decimals=1, steps=BURNS, color="text", width=70),
                Column("Value #E", "6 h", unit="none", decimals=1, steps=SLOW_BURNS, color="text", width=70),
                Column("Value #F", "3 d", unit="none", decimals=1, steps=SLOW_BURNS, color="text", width=70),
            ],
            sort="Budget left",
            descending=False,
            width=14,
            none=NONE,
        ),
        timeseries(
            "Burn rate over an hour",
            "How many times as fast as allowed each budget is spent, over the last hour. Above the red line it pages, "
            "if the last five minutes are as bad (SloBudgetBurning); a line that falls is an outage that is over.",
            Query(f"max by (slo) ({_burn('1h')})", "{{slo}}"),
            Query("vector(14.4)", "page above", "critical"),
            unit="none",
            decimals=1,
            width=10,
            none="no objectives",
        ),
    ]


def _services() -> list[Panel]:
    notable = (
        'sum by (service) (max by (service, state) (stack_error_groups_notable{service=~"$service", state=~"%s"}))'
    )
    unresolved = 'max by (service) (stack_error_groups{service=~"$service", status="unresolved"})'
    nought = 'max by (service) (stack_service_info{service=~"$service"}) * 0'
    return [
        table(
            "Services: what their users get, and their errors",
            "For each service its requests a second, the share that failed (5xx), how long 95 of 100 took, and its "
            "kinds of errors: unresolved, new within 24 hours, back after they were resolved, and far more frequent "
            "than usual. Begin with the service whose users notice most; numbers lead to the errors themselves.",
            Query(owned(requests(""))),
            Query(owned(failed())),
            Query(owned(took(0.95))),
            Query(owned(f"{unresolved} or {nought}")),
            Query(owned(f"{notable % 'new'} or {nought}")),
            Query(owned(f"{notable % 'regressed'} or {nought}")),
            Query(owned(f"{notable % 'spiking'} or {nought}")),
            columns=[
                Column("service", "Service", url=SERVICE),
                Column("team", "Team"),
                Column("Value #A", "Requests", unit="reqps"),
                Column("Value #B", "Failed", unit="percentunit", decimals=1, steps=MUCH, color="text"),
                Column("Value #C", "p95", unit="s", decimals=2, steps=((5, WARNING),), color="text"),
                Column("Value #D", "Unresolved", unit="none", url=ERRORS),
                Column("Value #E", "New", unit="none", steps=ANY, color="text", url=f"{GO}new"),
                Column("Value #F", "Back", unit="none", steps=ANY, color="text", url=f"{GO}regressed"),
                Column("Value #G", "Spiking", unit="none", steps=ANY, color="text", url=f"{GO}spiking"),
            ],
            sort="Failed",
            width=24,
            height=6,
            none=NONE,
        ),
        timeseries(
            "Requests",
            "Requests a second that each service answered. A fall to nothing is as bad as errors: nobody reaches it "
            "(HttpTrafficGone). A rise that others' latency follows is load.",
            Query(requests("", window="$__rate_interval"), "{{service}}"),
            unit="reqps",
            width=8,
            height=9,
            none="no requests",
        ),
        timeseries(
            "Share of requests that failed",
            "Answers 5xx of all, for each service. Above the dashed line HttpErrorRateHigh fires: open the service's "
            "dashboard, see which routes fail, and compare with the last deploy.",
            Query(failed(window="$__rate_interval"), "{{service}}"),
            *alert_limits("ratio", "error_rate"),
            unit="percentunit",
            width=8,
            height=9,
            none="no requests",
        ),
        timeseries(
            "Response time, 95 of 100",
            "95 of 100 requests were quicker. Above the dashed line HttpResponsesSlow fires: look at the databases "
            "and external services that the slow routes wait for.",
            Query(took(0.95, window="$__rate_interval"), "{{service}}"),
            *alert_limits("seconds", "response_time"),
            unit="s",
            width=8,
            height=9,
            none="no requests",
        ),
    ]


def latest_releases(width: int, height: int = 7) -> Panel:
    """On the dashboard of errors, too."""
    of = 'service=~"$service"'
    seen = f"max by (service, environment, release) (stack_release_first_seen_timestamp_seconds{{{of}}})"
    newest = f"topk by (service, environment) (1, {seen})"
    deployed = f"max by (service, environment) (stack_last_deploy_timestamp_seconds{{{of}}})"
    joined = f"{deployed} * on (service, environment) group_left (release) ({newest} * 0 + 1)"
    return table(
        "Newest releases",
        "Each service's newest release: when its first event came, and when the service was last deployed. If it "
        "broke soon after, roll back first and look for the cause afterwards; the time is marked in the graphs of "
        "errors.",
        Query(f"{newest} * 1000"),
        Query(f"{joined} * 1000"),
        columns=[
            Column(
                "service",
                "Service",
                url="/d/stack-errors?var-service=${__value.text:percentencode}&${__url_time_range}",
                width=85,
            ),
            Column("environment", "Environment", width=105),
            Column("release", "Release"),
            Column("Value #A", "First seen", unit="dateTimeFromNow", width=110),
            Column("Value #B", "Deployed", unit="dateTimeFromNow", width=110),
        ],
        sort="First seen",
        width=width,
        height=height,
        none=NONE,
    )


def _changes() -> list[Panel]:
    of = '{service=~"$service", team=~"$team"}'
    new = "sum by (service) " + counted(f"stack_error_groups_new_total{of}", "15m")
    back = "sum by (service) " + counted(f"stack_error_groups_regressed_total{of}", "15m")
    return [
        latest_releases(12),
        timeseries(
            "Kinds of errors that are new, or back, in 15 minutes",
            "When each service had an error that was never seen before, or one that was resolved and came back. Just "
            "after a release it is the release's. The runbooks are ErrorGroupNew and ErrorGroupRegressed.",
            Query(new, "{{service}} new"),
            Query(back, "{{service}} back"),
            unit="none",
            decimals=0,
            width=12,
            height=7,
        ),
    ]


ROWS = [
    Row("Promises to users (objectives)", _objectives()),
    Row("Services", _services()),
    Row("What was changed", _changes()),
]
