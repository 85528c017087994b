"""The families that are made from what applications send."""

from exporter.metric import Metric, counter, gauge, histogram, info

REQUESTS = counter(
    "stack_http_server_requests_total",
    "HTTP requests that applications answered.",
    "service",
    "method",
    "route",
    "status",
)
REQUEST_DURATION = histogram(
    "stack_http_server_request_duration_seconds",
    "How long applications took to answer HTTP requests.",
    "service",
    "method",
    "route",
    "status_class",
)
TASK_DURATION = histogram(
    "stack_task_duration_seconds", "How long background tasks took, by how they ended.", "service", "task", "state"
)
OPERATION_DURATION = histogram(
    "stack_operation_duration_seconds",
    "How long named operations of applications took; outcome is success or failure.",
    "service",
    "operation",
    "outcome",
)
SLOW = counter(
    "stack_operation_slow_total",
    "Operations, requests and tasks that took at least as long as their configured threshold.",
    "service",
    "operation",
)
SLOW_THRESHOLD = gauge(
    "stack_operation_slow_threshold_seconds",
    "The duration from which on an operation counts as slow, as configured.",
    "operation",
)
QUERY_DURATION = histogram(
    "stack_db_client_operation_duration_seconds",
    "How long calls of databases and caches took, as seen by applications.",
    "service",
    "system",
    "operation",
    "outcome",
)
CACHE = counter(
    "stack_cache_requests_total",
    "Look-ups that applications made in caches; result is hit or miss.",
    "service",
    "cache",
    "result",
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
    "Tokens that calls of AI models used; type is input or output.",
    "service",
    "provider",
    "model",
    "type",
)
AI_COST = counter(
    "stack_ai_cost_dollars_total",
    "Cost of calls of AI models in US dollars, as the application says or by the price table ai_prices.",
    "service",
    "provider",
    "model",
)
AI_UNPRICED = counter(
    "stack_ai_unpriced_calls_total",
    "Calls of AI models for which neither the application nor the price table ai_prices has a price.",
    "service",
    "provider",
    "model",
)
FILES = counter(
    "stack_file_operations_total",
    "Files that applications uploaded, read, wrote or deleted; outcome is success or failure.",
    "service",
    "operation",
    "type",
    "outcome",
)
FILE_BYTES = counter(
    "stack_file_bytes_total",
    "Bytes of files that applications uploaded, read, wrote or deleted.",
    "service",
    "operation",
    "type",
)
FILE_DURATION = histogram(
    "stack_file_operation_duration_seconds",
    "How long applications took to upload, read, write or delete a file.",
    "service",
    "operation",
)
LOGGED = counter(
    "stack_logged_lines_total", "Log lines that applications sent to stack-exporter, by level.", "service", "level"
)
SESSIONS = counter(
    "stack_sessions_total",
    "User sessions that ended, by how: exited, errored, crashed or abnormal (Sentry's release health).",
    "service",
    "release",
    "status",
)
LOST = counter(
    "stack_client_lost_events_total",
    "Events that clients report as thrown away before they were sent, by category and reason.",
    "service",
    "category",
    "reason",
)
UNKNOWN_SAMPLING = counter(
    "stack_sampled_at_unknown_rate_total",
    "HTTP requests counted once each although the client samples at an unknown rate: the true number is higher.",
    "service",
)
ERRORS = counter(
    "stack_errors_total",
    "Errors that applications sent and that were stored.",
    "service",
    "environment",
    "severity",
    "type",
)
CLASSIFIED = counter(
    "stack_errors_by_code_total", "Errors with an error code, such as VALIDATION_ERROR, by code.", "service", "code"
)
NEW_GROUPS = counter(
    "stack_error_groups_new_total", "Error groups seen for the first time.", "service", "severity", "team"
)
REGRESSED = counter(
    "stack_error_groups_regressed_total",
    "Error groups that came back after they were resolved.",
    "service",
    "severity",
    "team",
)
SECURITY = counter(
    "stack_security_events_total",
    "Security events that applications reported, such as login_failed, and errors of classes marked as security.",
    "service",
    "type",
    "severity",
)
BUSINESS = counter(
    "stack_business_events_total",
    "Business events that applications reported, such as order_placed.",
    "service",
    "type",
)
FEEDBACK = counter("stack_user_feedback_total", "Messages that users wrote about a problem (user feedback).", "service")
DEPLOYS = counter("stack_deploys_total", "Deploys that were reported.", "service", "environment")
DEPLOYED_AT = gauge(
    "stack_last_deploy_timestamp_seconds", "When a service was last deployed, in Unix time.", "service", "environment"
)
RELEASE = gauge(
    "stack_release_first_seen_timestamp_seconds",
    "When the first event of a release of a service arrived or its deploy was reported, in Unix time.",
    "service",
    "environment",
    "release",
)
SERVICE_INFO = info(
    "stack_service_info",
    "A service that there are series of, and who owns it (services.NAME.team).",
    "service",
    "team",
)

ALL: tuple[Metric, ...] = (
    REQUESTS, REQUEST_DURATION, TASK_DURATION, OPERATION_DURATION, SLOW, QUERY_DURATION, CACHE,
    AI_DURATION, AI_TOKENS, AI_COST, AI_UNPRICED, FILES, FILE_BYTES, FILE_DURATION, LOGGED, SESSIONS, LOST,
    UNKNOWN_SAMPLING, ERRORS, CLASSIFIED, NEW_GROUPS, REGRESSED, SECURITY, BUSINESS, FEEDBACK, DEPLOYS, DEPLOYED_AT,
    RELEASE,
)  # fmt: skip
"""All whose labels are what senders say."""
