"""Application: what users get of each service, by the four signals over five minutes (EN-13), and by route."""

from dashboards.source import variables
from dashboards.source.application_parts import ROWS
from dashboards.source.board import Board, Row
from dashboards.source.looks import CRITICAL, GOOD, UNKNOWN, WARNING
from dashboards.source.panels import Panel, heat, stat, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import done, failed, least_limits, requests, took
from dashboards.source.tables import Column, table

OF = 'service=~"$service"'
NAMED = "{{service}}"


def _mean() -> str:
    took_all = f"sum by (service) (rate(stack_http_server_request_duration_seconds_sum{{{OF}}}[5m]))"
    return f"{took_all}\n/ (sum by (service) (rate(stack_http_server_request_duration_seconds_count{{{OF}}}[5m])) > 0)"


def _numbers() -> list[Panel]:
    return [
        stat(
            "Requests a second",
            "What all chosen services answered, over five minutes, with its past behind it. Nothing where there used "
            "to be much is an outage too: users or the proxy don't reach the service (HttpTrafficGone).",
            Query(f"sum(rate(stack_http_server_requests_total{{{OF}}}[5m]))", "requests"),
            unit="reqps",
            width=5,
            trend=True,
            colored="none",
            none="no requests",
        ),
        stat(
            "Most failures",
            "The service with the largest share of answers 5xx over five minutes, and that share. From 5 % on it is "
            "red, and HttpErrorRateHigh pages: see below which routes fail, and whether a deploy was just before.",
            Query(f"topk(1, {failed()})", NAMED),
            unit="percentunit",
            width=5,
            first=UNKNOWN,
            steps_=[(0, GOOD), (0.01, WARNING), (0.05, CRITICAL)],
            names=True,
            colored="background",
            decimals=1,
            none="no requests",
        ),
        stat(
            "Slowest, 95 of 100 within",
            "The service whose slowest requests take longest: 95 of 100 were quicker, over five minutes. From 5 s on "
            "it is orange (HttpResponsesSlow): look at the routes below, then at the databases that they wait for.",
            Query(f"topk(1, {took(0.95)})", NAMED),
            unit="s",
            width=5,
            first=UNKNOWN,
            steps_=[(0, GOOD), (5, WARNING)],
            names=True,
            colored="background",
            decimals=2,
            none="no requests",
        ),
        stat(
            "Slowest on average",
            "The service with the longest mean response time over five minutes. If it is much more than usual while "
            "the rest of the numbers is calm, all requests became slower: a resource that all share.",
            Query(f"topk(1, {_mean()})", NAMED),
            unit="s",
            width=4,
            names=True,
            colored="none",
            decimals=2,
            none="no requests",
        ),
        stat(
            "Fewest tasks succeed",
            "The service with the smallest share of background tasks that succeeded over five minutes; a retry is no "
            "end. Below 90 % it is orange and below 50 % red (TasksFailing); which tasks fail is on the dashboard of "
            "workers.",
            Query(f"bottomk(1, {done()})", NAMED),
            unit="percentunit",
            width=5,
            first=UNKNOWN,
            steps_=[(0, CRITICAL), (0.501, WARNING), (0.901, GOOD)],
            names=True,
            colored="background",
            decimals=0,
            none="no tasks",
        ),
    ]


def _signals() -> list[Panel]:
    return [
        timeseries(
            "Request rate, over 5 minutes",
            "Requests a second that each service answered. A fall to nothing is an outage that no error tells of "
            "(HttpTrafficGone); a rise that response times follow is load: add instances, or find who sends it.",
            Query(requests(""), NAMED),
            unit="reqps",
            height=9,
            none="no requests",
        ),
        timeseries(
            "Error rate, over 5 minutes",
            "The share of requests that were answered 5xx. Above the dashed line HttpErrorRateHigh fires: see which "
            "routes fail, open the errors of the service, and roll back if it began with a deploy (marked in purple).",
            Query(failed(), NAMED),
            *alert_limits("ratio", "error_rate"),
            unit="percentunit",
            decimals=1,
            height=9,
            none="no requests",
        ),
        timeseries(
            "Mean response time, over 5 minutes",
            "How long requests took on average. The mean hides the slow few: compare it with the 95th percentile "
            "below, which is what HttpResponsesSlow is about.",
            Query(_mean(), NAMED),
            unit="s",
            height=9,
            none="no requests",
        ),
        timeseries(
            "Task success rate, over 5 minutes",
            "The share of background tasks that succeeded, of those that ended; a retry is no end. Below the dashed "
            "lines TasksFailing fires: the dashboard of workers says which tasks, its runbook what to do.",
            Query(done(), NAMED),
            *least_limits("task_failures"),
            unit="percentunit",
            most=1,
            calcs=("lastNotNull", "min"),
            height=9,
            none="no tasks",
        ),
    ]


def _durations() -> list[Panel]:
    return [
        timeseries(
            "Response time: half, 95 and 99 of 100",
            "How long requests of all chosen services took at most: half of them (p50), 95 and 99 of 100. If only p99 "
            "rises, few are hit: one route, or one customer; if p50 rises, everybody waits. Above the line "
            "HttpResponsesSlow fires.",
            Query(took(0.5, "", "$__rate_interval"), "p50"),
            Query(took(0.95, "", "$__rate_interval"), "p95"),
            Query(took(0.99, "", "$__rate_interval"), "p99"),
            *alert_limits("seconds", "response_time"),
            unit="s",
            none="no requests",
        ),
        heat(
            "How many requests took how long",
            "Each column is a moment; the more a cell stands out, the more requests took that long. A second band is "
            "a part of the requests that waits for something; a dot is a request with a trace: click it, and read "
            "where its time went.",
            Query(f"sum by (le) (rate(stack_http_server_request_duration_seconds_bucket{{{OF}}}[$__rate_interval]))"),
            none="no requests",
        ),
    ]


def _routes() -> list[Panel]:
    by = "service, method, route"
    share = f"{failed(by, '$__range')} > 0"
    slow = f"{took(0.95, by, '$__range')} > 0"
    return [
        _route_table(
            "Routes: most requests",
            "The eight routes that are asked most, over the chosen time. What is on top here hurts most people when "
            "it fails.",
            f"topk(8, {requests('', by, '$__range')} > 0)",
            Column("Value", "Requests", unit="reqps", width=100),
            "no requests",
        ),
        _route_table(
            "Routes: most failures",
            "The eight routes with the largest share of answers 5xx over the chosen time. A route that always fails "
            "is broken by itself (HttpRouteFailing); if all fail alike, what they share is broken.",
            f"topk(8, {share})",
            Column(
                "Value", "Failed", "percentunit", 1, steps=((0, WARNING), (0.05, CRITICAL)), color="text", width=100
            ),
            "No route failed",
        ),
        _route_table(
            "Routes: slowest",
            "The eight routes whose slowest requests take longest: 95 of 100 were quicker, over the chosen time. "
            "Click one in a trace (dots in the heatmap above) to see whether it waits for a database, a model or "
            "another service.",
            f"topk(8, {slow})",
            Column("Value", "p95", "s", 2, steps=((5, WARNING),), color="text", width=100),
            "no requests",
        ),
    ]


def _route_table(title: str, about: str, expr: str, value: Column, none: str) -> Panel:
    columns = [
        Column("service", "Service", width=90),
        Column("method", "Method", width=80),
        Column("route", "Route"),
        value,
    ]
    return table(title, about, Query(expr), columns=columns, sort=value.name, width=8, height=10, none=none)


BOARD = Board(
    uid="stack-application",
    title="Stack: application",
    about="What users get of each service: how much, how well, how fast; and what the service itself waits for.",
    variables=[variables.team(), variables.service(), variables.component("logs")],
    rows=[
        Row("", [*_numbers(), *_signals()]),
        Row("How long requests take", _durations()),
        Row("Routes", _routes()),
        *ROWS,
    ],
    alerts='service=~"$service", service!=""',
    deploys=True,
)
