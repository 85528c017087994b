"""PromQL that more than one dashboard of applications asks: what was counted in a time, shares, and whose it is."""

from dashboards.source.query import Query, Severity

NONE = "–"
"""In tables of several queries: what stands where one of them found nothing, and in place of no lines at all."""
OWNERS = 'topk by (service) (1, max by (service, team) (stack_service_info{team=~"$team"}))'
"""One team for each service, where daemons disagree as well."""


def counted(series: str, window: str = "$__range") -> str:
    """How much a counter grew; one that was born in that time counts as a whole, as the alerts count it."""
    return f"({series} unless {series} offset {window} or increase({series}[{window}]))"


def share(part: str, whole: str) -> str:
    """0 where there is no part, and nothing where there is no whole; both have the same labels."""
    return f"({part} or {whole} * 0)\n/ ({whole} > 0)"


def filled(expr: str, *labels: str) -> str:
    """A label that is missing is a dash; Grafana would write the panel's words for no data into that cell."""
    for label in labels:
        expr = f'label_replace({expr}, "{label}", "{NONE}", "{label}", "")'
    return expr


def owned(expr: str) -> str:
    """What has the label service, and its team."""
    return f"({expr})\n* on (service) group_left (team) {OWNERS}"


def requests(labels: str, by: str = "service", window: str = "5m") -> str:
    """Requests a second (EN-13: over 5 minutes)."""
    return f'sum by ({by}) (rate(stack_http_server_requests_total{{service=~"$service"{labels}}}[{window}]))'


def failed(by: str = "service", window: str = "5m") -> str:
    """The share of requests that were answered 5xx, as HttpErrorRateHigh computes it."""
    return share(requests(', status=~"5.."', by, window), requests("", by, window))


def took(quantile: float, by: str = "service", window: str = "5m") -> str:
    """A quantile of the time that requests took, as HttpResponsesSlow computes it."""
    bucket = f'stack_http_server_request_duration_seconds_bucket{{service=~"$service"}}[{window}]'
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({bucket})))"


def done() -> str:
    """The share of a service's background tasks that succeeded, of those that ended, as TasksFailing computes it."""
    ended = 'sum by (service) (rate(stack_task_duration_seconds_count{service=~"$service", state=~"%s"}[5m]))'
    return share(ended % "success", ended % "success|failure")


def least_limits(signal: str) -> list[Query]:
    """The thresholds of a share of failures, for a graph of what succeeded."""
    limit = 'stack_alert_threshold_ratio{signal="%s", severity="%s"}'
    severities: tuple[Severity, Severity] = ("warning", "critical")
    return [Query(f"1 - min({limit % (signal, one)})", f"{one} below", one) for one in severities]


def crash_free(window: str) -> str:
    """The share of sessions that did not crash, as SessionsCrashing computes it, with those of a release just born."""
    every, crashed = (
        "sum by (service, release) " + counted(f'stack_sessions_total{{service=~"$service"{status}}}', window)
        for status in ("", ', status="crashed"')
    )
    return f"1 - {share(crashed, every)}"
