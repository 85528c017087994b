"""Security: who attacks, what leaked or nearly did, and which certificate ends next."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.looks import CRITICAL, UNKNOWN, WARNING, Words
from dashboards.source.panels import stat, timeseries
from dashboards.source.query import Query, alert_limits, risen
from dashboards.source.security_certificates import CERTIFICATES, FIRST_TO_END, KINDS
from dashboards.source.shares import owned
from dashboards.source.tables import Column, table

OF = 'service=~"$service"'
EVENTS = f"stack_security_events_total{{{OF}}}"
LOGINS = f'stack_security_events_total{{{OF}, type="login_failed"}}'
GRAVE = f'stack_security_events_total{{{OF}, severity=~"high|critical"}}'
SERVICE = "cluster, namespace, job, service"
SEVERITIES: Words = {
    "low": ("low", UNKNOWN),
    "medium": ("medium", WARNING),
    "high": ("high", CRITICAL),
    "critical": ("critical", CRITICAL),
}
WITHIN_HOUR = risen(EVENTS, "1h")
FAILED = f"sum by ({SERVICE}) (\n{risen(LOGINS, '5m')}\n)"
REFUSED = "increase(stack_exporter_auth_failures_total[15m])"
NOUGHT = "or 0 * count(stack_exporter_build_info)"
"""Where nothing was counted and a daemon is there to count."""

FIRST = [
    stat(
        "High and critical events, 1 h",
        "Security events of the severities high and critical within an hour, at the chosen services. Each pages at "
        "once (SecurityEventCritical, SecurityEventHigh): until somebody has looked, take it for an attack.",
        Query(f"sum(\n{risen(GRAVE, '1h')}\n) {NOUGHT}"),
        unit="none",
        decimals=0,
        steps_=[(0.5, CRITICAL)],
        colored="background",
        none="no daemon",
    ),
    stat(
        "Failed logins, 5 minutes",
        "At the service that refused most. From 20 on somebody tries passwords, or a job has an old one (BruteForce): "
        "find the address in the service's log, and block it or lock the account.",
        Query(f"max(\n{FAILED}\n)"),
        unit="none",
        decimals=0,
        steps_=[(20, WARNING), (100, CRITICAL)],
        none="no service",
    ),
    stat(
        "Compliance, 24 h",
        "Errors of classes that the configuration marks with `security: true`, such as export control, within a day. "
        "Access may have to be stopped and the matter reported, within hours by some laws (runbook "
        "ComplianceViolation).",
        Query(
            f"sum(\n(\n{risen(EVENTS, '1d')}\n)\n"
            "and on (cluster, namespace, job, instance, service, type) stack_errors_total\n)"
            f" {NOUGHT}"
        ),
        unit="none",
        decimals=0,
        steps_=[(0.5, CRITICAL)],
        colored="background",
        none="no daemon",
    ),
    FIRST_TO_END,
    stat(
        "Refused keys, 15 minutes",
        "Requests that stack-exporter itself refused for their credentials, at both of its listeners. More than 20 "
        "(AuthFailures) are a sender with an old key, whose errors are lost, or somebody who tries.",
        Query(f"sum({REFUSED})"),
        unit="none",
        decimals=0,
        steps_=[(20, WARNING)],
        none="no daemon",
    ),
    stat(
        "Personal data taken out, 1 h",
        "How often the daemon took secrets and personal data out of what services sent, before it kept or forwarded "
        "anything. Many are no fault of the daemon, but the service should not send them: see below which rule, and "
        "tell its owner.",
        Query(f"sum(\n{risen('stack_exporter_scrubbed_total', '1h')}\n) {NOUGHT}"),
        unit="none",
        decimals=0,
        first=UNKNOWN,
        none="no daemon",
    ),
    table(
        "What was reported within the hour, where, and whose it is",
        "Security events by service, type and severity. Begin with critical and high; click a service for its newest "
        "error and its trace. Many of one low type are a scan, or a release that refuses the wrong ones.",
        Query(f"{owned(f'sum by (service, type, severity) ({WITHIN_HOUR})')} > 0.5"),
        columns=[
            Column(
                "service", "Service", url="${exporter_url}/go/error?service=${__value.text:percentencode}", width=120
            ),
            Column("type", "Type"),
            Column("severity", "Severity", words=SEVERITIES, color="text", width=90),
            Column("Value", "Events", unit="none", decimals=0, width=80),
            Column("team", "Team", width=120),
        ],
        width=12,
        sort="Events",
        none="Nothing was reported",
    ),
    timeseries(
        "Failed logins in 5 minutes",
        "By service, counted as the alert BruteForce does. Above the dashed lines somebody tries passwords, or a job "
        "has an old one: look for one address or one account in the service's log, and lock it.",
        Query(f"sum by (service) (\n{risen(LOGINS, '5m')}\n)", "{{service}}"),
        *alert_limits("number", "brute_force"),
        unit="short",
        none="no service reports security events",
    ),
]

REPORTED = [
    timeseries(
        "Security events in 10 minutes, by service",
        "Of whatever type and severity. Far more than in the service's own past (SecurityEventsSpiking) is a scan, or "
        "a release that refuses the wrong ones: compare with the time of the latest deploy.",
        Query(f"sum by (service) (\n{risen(EVENTS, '10m')}\n)", "{{service}}"),
        unit="short",
        width=8,
        none="no service reports security events",
    ),
    timeseries(
        "By severity, in 10 minutes",
        "All chosen services together. High and critical ones matter: each of them pages; a rise of low and medium "
        "ones says that somebody is looking for a way in.",
        Query(f"sum by (severity) (\n{risen(EVENTS, '10m')}\n)", "{{severity}}"),
        unit="short",
        width=8,
        stacked=True,
        none="no service reports security events",
    ),
    timeseries(
        "By type, in 10 minutes",
        "The types that there were in that time. permission_denied and token_invalid together with one service's "
        "deploy are that deploy; with no deploy they are somebody who tries what he may.",
        Query(f"sum by (type) (\n{risen(EVENTS, '10m')}\n) > 0.5", "{{type}}"),
        unit="short",
        width=8,
        stacked=True,
        none="nothing in this time",
    ),
]

DOOR = [
    timeseries(
        "Refused credentials at the daemon, in 15 minutes",
        "By listener (web: status page and metrics; ingest: what services send) and reason. Above the dashed line, at "
        "one daemon, AuthFailures fires: find the sender by its address in the daemon's log and give it the right "
        "key.",
        Query(f"sum by (listener, reason) ({REFUSED})", "{{listener}} {{reason}}"),
        Query("vector(20)", "warning from", "warning"),
        unit="short",
        stacked=True,
        width=8,
        none="no daemon",
    ),
    timeseries(
        "Answers 401, 403 and 429 of the daemon",
        "Requests a second that it did not let in, or told to slow down, by route. One route that begins with a "
        "deploy is that deploy's key; 429 is a limit, or the store that keeps nothing new.",
        Query(
            'sum by (handler, code) (rate(stack_exporter_http_requests_total{code=~"401|403|429"}[$__rate_interval]))',
            "{{handler}} {{code}}",
        ),
        unit="reqps",
        width=8,
        none="none was refused",
    ),
    timeseries(
        "Personal data and secrets taken out, in 10 minutes",
        "What the daemon removed from incoming events, by the rule that found it. A new line, or one that jumps, is a "
        "service that began to send what it should not: look at its newest release.",
        Query(f"sum by (rule) (\n{risen('stack_exporter_scrubbed_total', '10m')}\n)", "{{rule}}"),
        unit="short",
        stacked=True,
        width=8,
        none="nothing had to be taken out",
    ),
]

BOARD = Board(
    "stack-security",
    "Security",
    "Is somebody attacking? Did something leak? Which certificate ends next?",
    variables=[variables.team(), variables.service(), variables.component(KINDS)],
    rows=[
        Row("", FIRST),
        Row("Security events of services", REPORTED),
        Row("Certificates and TLS", CERTIFICATES),
        Row("The daemon's own door, and personal data", DOOR),
    ],
    alerts='subject=~"security|certificates"',
)
