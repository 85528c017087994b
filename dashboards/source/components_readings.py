"""Row of the Components dashboard: whatever a kind measures, by its unit, so that every kind has its readings."""

from dashboards.source.components_now import FEW, near
from dashboards.source.panels import Panel, timeseries
from dashboards.source.query import Query
from dashboards.source.tables import Column, table

OURS = 'component=~"$component"'
HERE = f'component!="", {OURS}'
OTHERS = "stack_(component|probe|threshold|exporter|slo|health|maintenance)_.+|.+_(bucket|sum|count)"
"""What every component has, and the parts of histograms; without a kind chosen their names would match too."""
LABELS = [
    "state",
    "type",
    "status_class",
    "level",
    "result",
    "outcome",
    "signal",
    "statement",
    "method",
    "resource",
    "expectation",
    "health",
    "mode",
    "rule",
    "device",
    "file",
    "prefix",
    "database",
    "db",
    "vhost",
    "queue",
    "node",
    "worker",
    "task",
    "channel",
    "member",
    "replica",
    "integration",
    "logger",
    "service",
    "subject",
    "app",
    "tool",
    "journal_mode",
    "encoding",
    "software",
    "version",
    "current",
    "expected",
    "issuer",
]
"""By which a kind's readings are told apart; `of` is them all in one column."""
BY = ", ".join(f'"{label}"' for label in LABELS)


def _named(names: str, but: str = "") -> str:
    """The readings whose names end so: a name becomes a label, as functions drop it, and other labels become one."""
    left_out = f"{OTHERS}|{but}" if but else OTHERS
    found = f'{{__name__=~"stack_${{kind}}_{names}", __name__!~"{left_out}", {HERE}}}'
    named = f'label_replace({found}, "reading", "$1", "__name__", "stack_(.+)")'
    joined = f'label_join({named}, "of", " ", {BY})'
    return f'label_replace({joined}, "of", "$1 $2", "of", " *([^ ]*) *(.*?) *")'


def _now(names: str, but: str = "") -> str:
    return f"max by (component, reading, of) ({_named(names, but)})"


def _each_second(names: str) -> str:
    """Rates of counters with different names need them as a label first, so it is a subquery."""
    return f"sum by (component, reading, of) (rate(({_named(names)})[$__rate_interval:5s]))"


def _p95() -> str:
    found = f'{{__name__=~"stack_${{kind}}_.+_seconds_bucket", __name__!~"stack_(probe|exporter)_.+", {HERE}}}'
    named = f'label_replace({found}, "reading", "$1", "__name__", "stack_(.+)_bucket")'
    return f"histogram_quantile(0.95, sum by (le, component, reading) (rate(({named})[5m:15s])))"


RATIOS = ".+_ratio"
SECONDS = ".+_seconds"
TIMES = ".*(timestamp|boot_time)_seconds"
BYTES = ".+_bytes"
COUNTERS = ".+_total"
INFOS = ".+_info"
NUMBERS = ".+"
NOT_NUMBERS = f"{RATIOS}|{SECONDS}|{BYTES}|{COUNTERS}|{INFOS}"
LEGEND = "{{component}}: {{reading}} {{of}}"


NEAR = near(HERE)


def _lines(title: str, about: str, *exprs: tuple[str, str], unit: str) -> Panel:
    queries = [Query(f"{expr}\nand on (component) {NEAR}", legend) for expr, legend in exprs]
    return timeseries(title, about, *queries, unit=unit, none=FEW, width=12, height=9)


READINGS = [
    table(
        "Everything it measures, now",
        "Every reading of the components that are chosen, each in the column of its unit; what it means is in "
        "docs/metrics.md. Choose one component above, or the table is long; then look for what is near a limit, or "
        "0 where it should not be.",
        Query(_now(RATIOS)),
        Query(_now(SECONDS, TIMES)),
        Query(_now(BYTES)),
        Query(_now(NUMBERS, NOT_NUMBERS)),
        Query(_each_second(COUNTERS)),
        Query(f"time() - {_now(TIMES)}"),
        columns=[
            Column("component", "Component", width=170),
            Column("reading", "Reading"),
            Column("of", "Of"),
            Column("Value #A", "Share", unit="percentunit", decimals=1, width=95),
            Column("Value #B", "Time", unit="s", width=110),
            Column("Value #C", "Size", unit="bytes", width=100),
            Column("Value #D", "Number", unit="short", width=100),
            Column("Value #E", "A second", unit="ops", width=110),
            Column("Value #F", "Ago", unit="s", width=110),
        ],
        height=12,
        sort="Component",
        descending=False,
        none="This kind measures nothing but how long runs take",
    ),
    table(
        "Its thresholds",
        "From where on a signal is degraded (warning) or unhealthy (critical), as configured or by default; a signal "
        "without one is not judged. To change one, see “thresholds” in docs/configuration.md.",
        Query(f"max by (component, signal, severity) (stack_threshold_ratio{{{OURS}}})"),
        Query(f"max by (component, signal, severity) (stack_threshold_seconds{{{OURS}}})"),
        Query(f"max by (component, signal, severity) (stack_threshold_bytes{{{OURS}}})"),
        Query(f"max by (component, signal, severity) (stack_threshold_number{{{OURS}}})"),
        columns=[
            Column("component", "Component"),
            Column("signal", "Signal"),
            Column("severity", "From here", width=85),
            Column("Value #A", "Share", unit="percentunit", width=75),
            Column("Value #B", "Time", unit="s", width=95),
            Column("Value #C", "Size", unit="bytes", width=80),
            Column("Value #D", "Number", unit="short", width=75),
        ],
        width=12,
        height=9,
        sort="Component",
        descending=False,
        none="No thresholds",
    ),
    _lines(
        "Shares",
        "Readings that are a part of one: what is used of what there is, hits of all look-ups. Near 100% something "
        "is full, for hits it is good; the thresholds are in the table beside.",
        (_now(RATIOS), LEGEND),
        unit="percentunit",
    ),
    _lines(
        "Times",
        "Readings in seconds, and the 95th percentile over five minutes of those that are histograms. One that climbs "
        "steadily is an age: something that should have come has not.",
        (_now(SECONDS, TIMES), LEGEND),
        (_p95(), "{{component}}: {{reading}} p95"),
        unit="s",
    ),
    _lines(
        "Sizes",
        "Readings in bytes. A line that only climbs will meet its limit: Storage and host, and Databases and caches, "
        "say when.",
        (_now(BYTES), LEGEND),
        unit="bytes",
    ),
    _lines(
        "Numbers",
        "Readings that are plain numbers: connections, messages, files; 1 or 0 for yes or no. Compare the time of a "
        "step with the marks of alerts and deploys.",
        # What is not limited has a limit of 2^63, beside which all others are 0.
        (f"({_now(NUMBERS, NOT_NUMBERS)} < 1e15)", LEGEND),
        unit="short",
    ),
    _lines(
        "How often, a second",
        "Counters, as happenings a second. A rate that falls to 0 at the moment of an alert means that nobody gets "
        "through any more; one that jumps is the load that caused it.",
        (_each_second(COUNTERS), LEGEND),
        unit="ops",
    ),
]
