"""Row of Databases and caches: what the applications that call them see of them."""

from dashboards.source.panels import timeseries
from dashboards.source.query import Query, alert_limits

OURS = 'service=~"$service"'
CALLED = "stack_db_client_operation_duration_seconds"
ALL = f"sum by (service, system) (increase({CALLED}_count{{{OURS}}}[15m]))"
FAILED = f'sum by (service, system) (increase({CALLED}_count{{{OURS}, outcome="failure"}}[15m]))'
ASKED = f"sum by (service, cache) (rate(stack_cache_requests_total{{{OURS}}}[15m]))"
FOUND = f'sum by (service, cache) (rate(stack_cache_requests_total{{{OURS}, result="hit"}}[15m]))'

CALLS = [
    timeseries(
        "How long calls take",
        "The 95th percentile over five minutes of calls of databases and caches, as applications measure them. Slow "
        "here and quick above: the time goes into waiting for a connection of the pool, or into the network "
        "(DatabaseCallsSlow).",
        Query(
            f"histogram_quantile(0.95, sum by (le, service, system) (rate({CALLED}_bucket{{{OURS}}}[5m])))",
            "{{service}} → {{system}}",
        ),
        *alert_limits("seconds", "database_time"),
        unit="s",
        width=8,
        none="no application reports its calls",
    ),
    timeseries(
        "Calls that fail",
        "The share of calls of the last 15 minutes that failed. Above the dashed lines, and from three failures on, "
        "DatabaseCallsFailing fires: the dashboard Errors says with which error.",
        Query(f"({FAILED} or {ALL} * 0) / ({ALL} > 0)", "{{service}} → {{system}}"),
        *alert_limits("ratio", "operation_failures"),
        unit="percentunit",
        most=1,
        width=8,
        none="no application reports its calls",
    ),
    timeseries(
        "Look-ups in caches that found something",
        "The share of an application's own look-ups of the last 15 minutes that found something. Below the dashed line "
        "CacheHitsFew fires, from 100 look-ups on: keys changed with a deploy, or live too short.",
        Query(f"({FOUND} or {ASKED} * 0) / ({ASKED} > 0)", "{{service}} {{cache}}"),
        *alert_limits("ratio", "cache_hits", above=False),
        unit="percentunit",
        most=1,
        width=8,
        none="no application reports look-ups",
        calcs=("lastNotNull", "min"),
    ),
]
