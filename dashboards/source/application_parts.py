"""Application, below requests: operations, AI models, files, caches, databases, business and log lines."""

from dashboards.source.application_logs import log_panels
from dashboards.source.board import Row
from dashboards.source.looks import CRITICAL, WARNING
from dashboards.source.panels import Panel, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import NONE, counted, share
from dashboards.source.tables import Column, table

OF = 'service=~"$service"'
FEW = ((0.1, WARNING), (0.5, CRITICAL))
"""The defaults of operation_failures and ai_failures."""
MODEL = "service, provider, model"
OPERATION = "service, operation"


def _ended(metric: str, by: str, window: str, outcome: str = "") -> str:
    return f"sum by ({by}) {counted(f'{metric}{{{OF}{outcome}}}', window)}"


def _failing(metric: str, by: str, window: str) -> str:
    """The share that failed, as the alerts compute it: of what was counted, the newborn too."""
    return share(_ended(metric, by, window, ', outcome="failure"'), _ended(metric, by, window))


def _p95(metric: str, by: str, window: str) -> str:
    return f"histogram_quantile(0.95, sum by (le, {by}) (rate({metric}{{{OF}}}[{window}])))"


def _operations() -> list[Panel]:
    runs, slow = "stack_operation_duration_seconds_count", "stack_operation_slow_total"
    ran = f"({_ended(runs, OPERATION, '$__range')} > 0)"
    return [
        table(
            "Operations",
            "What the application names itself, such as an extraction or a payment: how often it ran in the chosen "
            "time, the share that failed, how long 95 of 100 took, and how many were slower than `operations:` in the "
            "configuration allows. Begin with what fails; the runbooks are OperationsFailing and OperationSlow.",
            Query(ran),
            Query(_failing(runs, OPERATION, "$__range")),
            Query(f"{_p95('stack_operation_duration_seconds_bucket', OPERATION, '$__range')} > 0"),
            Query(f"{_ended(slow, OPERATION, '$__range')} and {ran}\nor {ran} * 0"),
            columns=[
                Column("service", "Service", width=80),
                Column("operation", "Operation"),
                Column("Value #A", "Ran", unit="short", decimals=0, width=70),
                Column("Value #B", "Failed", unit="percentunit", decimals=0, steps=FEW, color="text", width=80),
                Column("Value #C", "p95", unit="s", decimals=2, width=90),
                Column("Value #D", "Slow", unit="short", decimals=0, steps=((3, WARNING),), color="text", width=70),
            ],
            sort="Failed",
            width=10,
            none=NONE,
        ),
        timeseries(
            "Slow operations, in 15 minutes",
            "How many runs were slower than their threshold in the configuration (operations:), over 15 minutes, of "
            "the service that had most. From the dashed line on OperationSlow fires: is the input larger, the worker "
            "busier, or what it calls slower?",
            Query(f"max by (operation) ({_ended(slow, OPERATION, '15m')})", "{{operation}}"),
            *alert_limits("number", "slow_operations"),
            unit="short",
            decimals=0,
            width=7,
            none="no operations have a threshold",
        ),
        timeseries(
            "Share that failed: operations and files, in 15 minutes",
            "Of each operation, and of files that were uploaded, read, written or deleted. Above the dashed lines "
            "fire OperationsFailing, UploadsFailing and FileOperationsFailing: if all files fail, look at the storage "
            "behind them.",
            Query(_failing(runs, OPERATION, "15m"), "{{service}} {{operation}}"),
            Query(_failing("stack_file_operations_total", OPERATION, "15m"), "{{service}} {{operation}} of files"),
            *alert_limits("ratio", "operation_failures"),
            unit="percentunit",
            most=1,
            width=7,
            none="no operations",
        ),
    ]


def _models() -> list[Panel]:
    calls, duration = "stack_ai_call_duration_seconds_count", "stack_ai_call_duration_seconds_bucket"
    tokens = f"sum by ({MODEL}) {counted(f'stack_ai_tokens_total{{{OF}}}')}"
    cost = f"sum by ({MODEL}) {counted(f'stack_ai_cost_dollars_total{{{OF}}}')}"
    return [
        table(
            "AI models: calls, failures, tokens and cost",
            "For each service and model, in the chosen time: calls, the share that failed, how long 95 of 100 took, "
            "tokens, and what they cost in US dollars. If one provider fails (AiCallsFailing), read its status page "
            "and switch the model.",
            Query(f"{_ended(calls, MODEL, '$__range')} > 0"),
            Query(_failing(calls, MODEL, "$__range")),
            Query(f"{_p95(duration, MODEL, '$__range')} > 0"),
            Query(f"{tokens} > 0"),
            Query(f"{cost} > 0"),
            columns=[
                Column("service", "Service", width=90),
                Column("model", "Model"),
                Column("Value #A", "Calls", unit="short", decimals=0, width=80),
                Column("Value #B", "Failed", unit="percentunit", decimals=0, steps=FEW, color="text", width=80),
                Column("Value #C", "p95", unit="s", decimals=1, steps=((30, WARNING),), color="text", width=80),
                Column("Value #D", "Tokens", unit="short", width=90),
                Column("Value #E", "Cost", unit="currencyUSD", decimals=2, width=90),
            ],
            sort="Cost",
            width=12,
            none=NONE,
        ),
        timeseries(
            "AI models: 95 of 100 calls within",
            "How long calls of each model took, over 15 minutes. Above the dashed line AiCallsSlow fires: the "
            "provider is slow, or prompts and answers became longer; compare the tokens.",
            Query(_p95(duration, "service, model", "15m"), "{{service}} {{model}}"),
            *alert_limits("seconds", "ai_latency"),
            unit="s",
            width=6,
            none="no calls of AI models",
        ),
        timeseries(
            "AI models: cost of 24 hours",
            "What each service spent on models in the 24 hours before, in US dollars. Above the dashed line, where "
            "one is configured (ai_cost), AiCostHigh fires: look for a loop of retries, or a customer who sends much.",
            Query(f"sum by (service) {counted(f'stack_ai_cost_dollars_total{{{OF}}}', '1d')}", "{{service}}"),
            *alert_limits("number", "ai_cost"),
            unit="currencyUSD",
            width=6,
            none="no calls of AI models",
        ),
    ]


def _waits() -> list[Panel]:
    hits, database = "stack_cache_requests_total", "stack_db_client_operation_duration_seconds"
    looked_up = f"sum by (service, cache) (rate({hits}{{{OF}%s}}[15m]))"
    return [
        timeseries(
            "Calls of databases: 95 of 100 within",
            "How long the services' own calls of databases and caches took, over five minutes. Above the dashed lines "
            "DatabaseCallsSlow fires: the dashboard of databases says whether the server is slow, or the way to it.",
            Query(_p95(f"{database}_bucket", "service, system", "5m"), "{{service}} {{system}}"),
            *alert_limits("seconds", "database_time"),
            unit="s",
            width=8,
            none="no calls of databases",
        ),
        timeseries(
            "Calls of databases: share that failed, in 15 minutes",
            "The share of the services' calls of databases and caches that ended in an error. Above the dashed lines "
            "DatabaseCallsFailing fires: if the database is well, look at its connections, locks and permissions.",
            Query(_failing(f"{database}_count", "service, system", "15m"), "{{service}} {{system}}"),
            *alert_limits("ratio", "operation_failures"),
            unit="percentunit",
            width=8,
            most=1,
            none="no calls of databases",
        ),
        timeseries(
            "Look-ups found in the cache",
            "The share of look-ups of the services' caches that found something, over 15 minutes. Below the dashed "
            "line CacheHitsFew fires: the cache was emptied, is too small, or its keys changed with a release; "
            "databases feel it next.",
            Query(share(looked_up % ', result="hit"', looked_up % ""), "{{service}} {{cache}}"),
            *alert_limits("ratio", "cache_hits", above=False),
            unit="percentunit",
            width=8,
            most=1,
            calcs=("lastNotNull", "min"),
            none="no look-ups",
        ),
        timeseries(
            "Bytes of files",
            "Bytes a second that the services uploaded, read, wrote or deleted. If uploads end while requests go on, "
            "users can't save their work (UploadsFailing); a jump of writes fills the storage.",
            Query(
                f"sum by (service, operation) (rate(stack_file_bytes_total{{{OF}}}[$__rate_interval]))",
                "{{service}} {{operation}}",
            ),
            unit="Bps",
            none="no files",
        ),
        timeseries(
            "Business events, by the hour",
            "What users achieved: orders placed, documents signed, and so on, as an hour's worth at the present rate. "
            "If one ends while requests go on, something is broken that no error tells of (BusinessEventsStopped): "
            "try it yourself.",
            Query(
                f"sum by (service, type) (rate(stack_business_events_total{{{OF}}}[15m])) * 3600",
                "{{service}} {{type}}",
            ),
            unit="short",
            none="no business events",
        ),
    ]


ROWS = [
    Row("Operations and files", _operations()),
    Row("AI models: calls, failures, tokens, cost", _models(), folded=True),
    Row("What the services wait for (databases, caches, files), and what users achieve", _waits(), folded=True),
    Row("Log lines, and the files that are followed", log_panels(), folded=True),
]
