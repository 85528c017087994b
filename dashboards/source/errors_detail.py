"""Errors, below where to look: of which sort they are, what releases brought, and what clients could not send."""

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue as Property

from dashboards.source.board import Row
from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.overview_services import latest_releases
from dashboards.source.panels import Panel, bars, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import NONE, counted, crash_free, filled, owned
from dashboards.source.tables import Column, table

COLOURS = {"critical": "dark-red", "high": CRITICAL, "medium": WARNING, "low": "blue"}
ERRORS = 'service=~"$service", environment=~"$environment"'
OURS = 'service=~"$service", team=~"$team"'


def _by_severity() -> Panel:
    panel = timeseries(
        "Errors in 5 minutes, by severity",
        "Critical ones wake somebody at once, high ones within minutes; of medium and low ones only new kinds and "
        "spikes are told. If low ones drown the rest, lower or ignore them in the configuration (classes:).",
        Query(f"sum by (severity) {counted(f'stack_errors_total{{{ERRORS}}}', '5m')}", "{{severity}}"),
        unit="short",
        decimals=0,
        stacked=True,
        width=12,
        none="no errors",
    )
    for severity, colour in COLOURS.items():
        panel.builder.override_by_name(
            severity, [Property(id_val="color", value={"mode": "fixed", "fixedColor": colour})]
        )
    return panel


def _sorts() -> list[Panel]:
    every = counted(f"stack_errors_total{{{ERRORS}}}")
    codes = counted('stack_errors_by_code_total{service=~"$service"}')
    nought = 'max by (team) (stack_service_info{service=~"$service", team=~"$team"}) * 0'
    return [
        _by_severity(),
        bars(
            "By team",
            "Errors in the chosen time of the services that a team owns. Whose bar grew since yesterday has something "
            "to do.",
            Query(f"round(sum by (team) ({owned(f'sum by (service) {every}')})) or {nought}", "{{team}}"),
            unit="short",
            width=6,
            first="blue",
            none="no errors",
        ),
        table(
            "By code",
            "Errors in the chosen time that had a code of the application, such as VALIDATION_ERROR, the ten most "
            "frequent. A code far above its past fires ErrorCodeSpiking: codes name the cause better than types do.",
            Query(f"topk(10, sum by (service, code) {codes} > 0)"),
            columns=[
                Column("service", "Service", width=80),
                Column("code", "Code"),
                Column("Value", "Errors", unit="short", decimals=0, width=80),
            ],
            sort="Errors",
            width=6,
            none="no errors with a code",
        ),
        table(
            "Most frequent types",
            "The 20 types of errors that came most often in the chosen time. Its service leads to the newest error "
            "with its stack trace; one type that makes up most of all is where to begin.",
            Query(filled(f"topk(20, sum by (service, environment, severity, type) {every} > 0)", "environment")),
            columns=[
                Column("type", "Type"),
                Column("service", "Service", url="${exporter_url}/go/error?service=${__value.text:percentencode}"),
                Column("environment", "Environment", width=110),
                Column("severity", "Severity", width=85),
                Column("Value", "Errors", unit="short", decimals=0, width=80),
            ],
            sort="Errors",
            width=12,
            none="no errors",
        ),
        timeseries(
            "New kinds, and kinds that are back, in an hour",
            "How many kinds of errors were seen for the first time, and how many came back after they were resolved, "
            "by team. A step at a release's mark was brought by it: roll back, or mend it before the next.",
            Query(f"sum by (team) {counted(f'stack_error_groups_new_total{{{OURS}}}', '1h')}", "{{team}} new"),
            Query(f"sum by (team) {counted(f'stack_error_groups_regressed_total{{{OURS}}}', '1h')}", "{{team}} back"),
            unit="short",
            decimals=0,
            width=12,
            none="no service has reported yet",
        ),
    ]


def _releases() -> list[Panel]:
    sessions = "sum by (service, release) " + counted('stack_sessions_total{service=~"$service"}')
    return [
        latest_releases(9, 8),
        timeseries(
            "Crash-free sessions, over an hour",
            "The share of users' sessions that did not crash, by release. Below the dashed lines SessionsCrashing "
            "fires: if the newest release is below the one before, roll it back.",
            Query(crash_free("1h"), "{{service}} {{release}}"),
            *alert_limits("ratio", "crash_free", above=False),
            unit="percentunit",
            width=8,
            most=1,
            calcs=("lastNotNull", "min"),
            none="no sessions",
        ),
        table(
            "Sessions, by release",
            "How many sessions each release had in the chosen time, and the share that did not crash. A release with "
            "few sessions says little: the alert asks for 20 in an hour.",
            Query(f"{sessions} > 0"),
            Query(crash_free("$__range")),
            columns=[
                Column("service", "Service", width=80),
                Column("release", "Release"),
                Column("Value #A", "Sessions", unit="short", decimals=0, width=85),
                Column(
                    "Value #B",
                    "Crash-free",
                    unit="percentunit",
                    decimals=1,
                    steps=((-1, CRITICAL), (0.901, WARNING), (0.981, GOOD)),
                    color="text",
                    width=95,
                ),
            ],
            sort="Crash-free",
            descending=False,
            width=7,
            none=NONE,
        ),
    ]


def _unseen() -> list[Panel]:
    of = 'service=~"$service"'
    lost = counted(f"stack_client_lost_events_total{{{of}}}", "5m")
    feedback = counted(f"stack_user_feedback_total{{{of}}}", "1h")
    nought = f"max by (service) (stack_service_info{{{of}}}) * 0"
    return [
        timeseries(
            "Events that clients threw away, in 5 minutes",
            "What the applications' SDKs say they did not send, by reason. sample and before_send are wanted; "
            "network_error, queue_overflow and ratelimit_backoff mean that errors are missing here: look at the "
            "dashboard of the exporter.",
            Query(f"sum by (service, reason) {lost}\nor on (service) {nought}", "{{service}} {{reason}}"),
            unit="short",
            decimals=0,
            none="no service has reported yet",
        ),
        timeseries(
            "What users wrote, in an hour",
            "Messages that users sent about a problem (user feedback). Several within minutes mean that many are hit, "
            "whatever the other panels say: read them on the status page.",
            Query(f"sum by (service) {feedback}\nor {nought}", "{{service}}"),
            unit="short",
            decimals=0,
            none="no service has reported yet",
        ),
    ]


ROWS = [
    Row("Of which sort", _sorts()),
    Row("Releases and sessions", _releases()),
    Row("What is not seen here: events that were lost, and what users wrote", _unseen(), folded=True),
]
