"""Errors: which are new, back or far more frequent, whose they are, and since which release."""

from dashboards.source import variables
from dashboards.source.board import Board, Row
from dashboards.source.errors_detail import ROWS
from dashboards.source.looks import CRITICAL, GOOD, UNKNOWN, WARNING
from dashboards.source.panels import Panel, stat, timeseries
from dashboards.source.query import Query, alert_limits
from dashboards.source.shares import NONE, counted, crash_free, filled, owned
from dashboards.source.tables import Column, table

GROUPS = 'service=~"$service"'
OURS = 'service=~"$service", team=~"$team"'
ERRORS = 'service=~"$service", environment=~"$environment"'
NOUGHT = 'max by (service) (stack_service_info{service=~"$service", team=~"$team"}) * 0'
GO = "${exporter_url}/go/error?service=${__data.fields.Service:percentencode}&state="
ANY = ((1, WARNING),)


def _notable(state: str) -> str:
    """Of several replicas with one store only one shows them; those that have stores of their own may overlap."""
    return f'max by (service) (stack_error_groups_notable{{{GROUPS}, state="{state}"}})'


def _number(title: str, about: str, expr: str, colour: str) -> Panel:
    """0 only where the daemon knows services."""
    return stat(
        title,
        about,
        Query(f"sum({expr})\nor sum({NOUGHT})", title),
        unit="none",
        first=CRITICAL,
        steps_=[(0, GOOD), (1, colour)],
        colored="value" if colour == UNKNOWN else "background",
        none="no daemon",
    )


def _numbers() -> list[Panel]:
    grave = f'stack_error_groups_oldest_age_seconds{{{OURS}, severity=~"high|critical"}}'
    return [
        _number(
            "New",
            "Kinds of errors that were seen for the first time within 24 hours and are not resolved. Most often a "
            "release or a customer brought them: compare with the marks of deploys, and read the runbook "
            "ErrorGroupNew.",
            _notable("new"),
            WARNING,
        ),
        _number(
            "Back after resolved",
            "Kinds of errors that somebody resolved, and that came back. The repair does not hold, or an old release "
            "runs again somewhere (ErrorGroupRegressed).",
            _notable("regressed"),
            CRITICAL,
        ),
        _number(
            "Spiking",
            "Kinds of errors that come far more often than they used to. Something that worked an hour ago is broken: "
            "a dependency, or a release (ErrorGroupSpiking).",
            _notable("spiking"),
            CRITICAL,
        ),
        _number(
            "Unresolved",
            "All kinds of errors that nobody has resolved or ignored. If the number only grows, nobody reads them: "
            "agree on who does, and ignore what will not be mended, so that the rest can be seen.",
            f'max by (service) (stack_error_groups{{{GROUPS}, status="unresolved"}})',
            UNKNOWN,
        ),
        stat(
            "Oldest high or critical",
            "How long the oldest unresolved error of severity high or critical has been there. From 4 hours on "
            "ErrorGroupUnresolved pages its team; the table below says which team's it is.",
            Query(f"max({grave})", "oldest"),
            unit="s",
            steps_=[(3600, WARNING), (14400, CRITICAL)],
            colored="background",
            decimals=0,
            none="none",
        ),
        stat(
            "Crash-free sessions, worst",
            "The release whose sessions crash most, and the share that did not, over an hour. Below 98 % it is "
            "orange, below 90 % red (SessionsCrashing): roll this release back.",
            Query(f"bottomk(1, {crash_free('1h')})", "{{service}} {{release}}"),
            unit="percentunit",
            first=UNKNOWN,
            steps_=[(0, CRITICAL), (0.901, WARNING), (0.981, GOOD)],
            names=True,
            colored="background",
            decimals=1,
            none="no sessions",
        ),
    ]


def _by_service() -> Panel:
    recent = f"sum by (service) {counted(f'stack_errors_total{{{ERRORS}}}', '10m')}"
    unresolved = f'max by (service) (stack_error_groups{{{GROUPS}, status="unresolved"}})'
    return table(
        "Where to look: each service's errors",
        "Errors in 10 minutes, and how many kinds are new, back, spiking or unresolved. A number leads to the newest "
        "error of that sort, with its stack trace; the service's name leads to what its users get.",
        Query(owned(f"{recent} or {NOUGHT}")),
        Query(owned(f"{_notable('new')} or {NOUGHT}")),
        Query(owned(f"{_notable('regressed')} or {NOUGHT}")),
        Query(owned(f"{_notable('spiking')} or {NOUGHT}")),
        Query(owned(f"{unresolved} or {NOUGHT}")),
        columns=[
            Column(
                "service",
                "Service",
                url="/d/stack-application?var-service=${__value.text:percentencode}&${__url_time_range}",
            ),
            Column("team", "Team", width=110),
            Column("Value #A", "In 10 m", unit="short", decimals=0, width=80),
            Column("Value #B", "New", unit="none", steps=ANY, color="text", width=65, url=f"{GO}new"),
            Column(
                "Value #C", "Back", unit="none", steps=((1, CRITICAL),), color="text", width=65, url=f"{GO}regressed"
            ),
            Column(
                "Value #D", "Spiking", unit="none", steps=((1, CRITICAL),), color="text", width=80, url=f"{GO}spiking"
            ),
            Column("Value #E", "Unresolved", unit="none", width=105, url="${exporter_url}/#errors"),
        ],
        sort="In 10 m",
        width=12,
        none=NONE,
    )


def _oldest() -> Panel:
    oldest = f"max by (service, team, severity) (stack_error_groups_oldest_age_seconds{{{OURS}}})"
    return table(
        "Oldest unresolved",
        "By service, team and severity, how long the oldest unresolved error has been there, or has been back. Those "
        "of severity high and critical page their team after 4 hours (ErrorGroupUnresolved): resolve, ignore or mend "
        "them.",
        Query(f"sort_desc({filled(oldest, 'team')})"),
        columns=[
            Column("severity", "Severity", words=SEVERITIES, color="text"),
            Column("service", "Service", url="${exporter_url}/go/error?service=${__value.text:percentencode}"),
            Column("team", "Team"),
            Column("Value", "Unresolved for", unit="s", decimals=0),
        ],
        sort="Severity",
        descending=False,
        width=12,
        none="Nothing is unresolved",
    )


SEVERITIES = {
    "critical": ("critical", CRITICAL),
    "high": ("high", CRITICAL),
    "medium": ("medium", WARNING),
    "low": ("low", "text"),
}


def _rates() -> list[Panel]:
    return [
        timeseries(
            "Errors in 5 minutes, by service",
            "Errors that each service sent. Blue marks are new releases, purple ones deploys, red ones alerts: a step "
            "up at a mark names its cause. Errors of severity high and critical alert each time (ErrorsRecurring).",
            Query(f"sum by (service) {counted(f'stack_errors_total{{{ERRORS}}}', '5m')} or {NOUGHT}", "{{service}}"),
            unit="short",
            decimals=0,
            none="no service has reported yet",
        ),
        timeseries(
            "Times as many as usual",
            "Errors in 10 minutes by what is usual for the service, the mean of a day before; at least one in ten "
            "minutes counts as usual. Above the dashed lines, and beyond its usual spread, ErrorsSpiking fires.",
            Query(
                'max by (service) (service:stack_errors:increase10m{service=~"$service"}'
                ' / clamp_min(service:stack_errors:mean1d{service=~"$service"}, 1))',
                "{{service}}",
            ),
            *alert_limits("number", "error_spike"),
            unit="none",
            decimals=1,
            none="no rules, or no past yet",
        ),
    ]


BOARD = Board(
    uid="stack-errors",
    title="Stack: errors",
    about="What the applications report as errors: new, back, spiking, unresolved; whose, and since which release.",
    variables=[variables.team(), variables.service(), variables.environment()],
    rows=[Row("", [*_numbers(), _by_service(), _oldest(), *_rates()]), *ROWS],
    alerts='service=~"$service", service!=""',
    deploys=True,
)
