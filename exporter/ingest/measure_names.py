"""The families that are made from what applications send."""

from exporter.metric import Metric, counter, gauge, histogram

REQUESTS = counter(
    "stack_http_server_requests_total",
    "Requests that the application answered, whoever told of them.",
    "service",
    "method",
    "route",
    "status",
)
REQUEST_DURATION = histogram(
    "stack_http_server_request_duration_seconds",
    "How long those requests took.",
    "service",
    "method",
    "route",
    "status_class",
)
TASK_DURATION = histogram(
    "stack_task_duration_seconds", "How long tasks took, by how they ended.", "service", "task", "state"
)
OPERATION_DURATION = histogram(
    "stack_operation_duration_seconds",
    "How long operations took; outcome is success or failure.",
    "service",
    "operation",
    "outcome",
)
SLOW = counter(
    "stack_operation_slow_total",
    "Operations, requests and tasks that took as long as their threshold or longer.",
    "service",
    "operation",
)
SLOW_THRESHOLD = gauge(
    "stack_operation_slow_threshold_seconds", "From which duration on an operation is slow.", "operation"
)
QUERY_DURATION = histogram(
    "stack_db_client_operation_duration_seconds",
    "How long calls of databases and caches took, as the application saw it.",
    "service",
    "system",
    "operation",
    "outcome",
)
CACHE = counter(
    "stack_cache_requests_total", "Look-ups in caches; result is hit or miss.", "service", "cache", "result"
)
AI_DURATION = histogram(
    "stack_ai_call_duration_seconds",
    "How long calls of AI models took; outcome is success or failure.",
    "service",
    "provider",
    "model",
    "operation",
    "outcome",
)
AI_TOKENS = counter(
    "stack_ai_tokens_total",
    "Tokens of those calls; type is input or output.",
    "service",
    "provider",
    "model",
    "type",
)
AI_COST = counter(
    "stack_ai_cost_dollars_total",
    "What those calls cost, as the application says or by ai_prices.",
    "service",
    "provider",
    "model",
)
AI_UNPRICED = counter(
    "stack_ai_unpriced_calls_total",
    "Calls of models for which neither the application nor ai_prices has a price.",
    "service",
    "provider",
    "model",
)
FILES = counter(
    "stack_file_operations_total",
    "Files that were uploaded, read, written or deleted; outcome is success or failure.",
    "service",
    "operation",
    "type",
    "outcome",
)
FILE_BYTES = counter("stack_file_bytes_total", "Bytes of those files.", "service", "operation", "type")
FILE_DURATION = histogram("stack_file_operation_duration_seconds", "How long that took.", "service", "operation")
LOGGED = counter("stack_logged_lines_total", "Lines that the application logged and sent.", "service", "level")
SESSIONS = counter(
    "stack_sessions_total",
    "Sessions of users that ended: exited, errored, crashed or abnormal.",
    "service",
    "release",
    "status",
)
LOST = counter(
    "stack_client_lost_events_total",
    "What clients say that they threw away before they sent it.",
    "service",
    "category",
    "reason",
)
UNKNOWN_SAMPLING = counter(
    "stack_sampled_at_unknown_rate_total",
    "Requests of clients that sample at a rate they do not tell: the true number is higher.",
    "service",
)
ERRORS = counter(
    "stack_errors_total", "Errors that were kept.", "service", "environment", "severity", "type"
)  # fmt: skip
CLASSIFIED = counter(
    "stack_errors_by_code_total", "Errors that have a code of the application's own.", "service", "code"
)
NEW_GROUPS = counter(
    "stack_error_groups_new_total", "Errors of a kind that was not seen before.", "service", "severity"
)
REGRESSED = counter(
    "stack_error_groups_regressed_total", "Errors that came back after they were resolved.", "service", "severity"
)
SECURITY = counter("stack_security_events_total", "Security events.", "service", "type", "severity")
BUSINESS = counter("stack_business_events_total", "Business events.", "service", "type")
FEEDBACK = counter("stack_user_feedback_total", "Messages in which users say what went wrong.", "service")
DEPLOYS = counter("stack_deploys_total", "Deploys that were told of.", "service", "environment")
DEPLOYED_AT = gauge(
    "stack_last_deploy_timestamp_seconds", "When the last of them was, in Unix time.", "service", "environment"
)
RELEASE = gauge(
    "stack_release_first_seen_timestamp_seconds",
    "When a release of a service was first heard of, in Unix time, by this daemon since its start.",
    "service",
    "environment",
    "release",
)

ALL: tuple[Metric, ...] = (
    REQUESTS, REQUEST_DURATION, TASK_DURATION, OPERATION_DURATION, SLOW, QUERY_DURATION, CACHE,
    AI_DURATION, AI_TOKENS, AI_COST, AI_UNPRICED, FILES, FILE_BYTES, FILE_DURATION, LOGGED, SESSIONS, LOST,
    UNKNOWN_SAMPLING, ERRORS, CLASSIFIED, NEW_GROUPS, REGRESSED, SECURITY, BUSINESS, FEEDBACK, DEPLOYS, DEPLOYED_AT,
    RELEASE,
)  # fmt: skip
"""All whose labels are what senders say."""
