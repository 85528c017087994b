"""What the daemon takes in, keeps, sends on and answers, and what of it gets lost."""

from dashboards.source.looks import CRITICAL, WARNING, YES_NO
from dashboards.source.panels import timeseries
from dashboards.source.query import Query, alert_limits, risen
from dashboards.source.tables import Column, table

OF = 'instance=~"$instance"'
AT = "cluster, namespace, job, instance"
NONE = "no daemon is scraped"
NOT_FORWARDED = "nothing is forwarded (`forward:` is not configured)"
NOT_TAKEN = f'stack_exporter_ingest_events_total{{{OF}, outcome!~"accepted|duplicate"}}'
NO_POINTS = f'stack_exporter_otlp_datapoints_total{{{OF}, result!~"accepted|repeated"}}'
BACKEND = "max by (signal, backend, instance)"

TAKEN_IN = [
    timeseries(
        "Events taken in, by source",
        "Events a second that applications, Sentry SDKs, OpenTelemetry and Alertmanager sent and that were accepted. "
        "A source that falls to 0 is broken on its way here, or its sender is down (LogIngestionStopped).",
        Query(
            f'sum by (source) (rate(stack_exporter_ingest_events_total{{{OF}, outcome="accepted"}}[$__rate_interval]))',
            "{{source}}",
        ),
        unit="cps",
        stacked=True,
        width=8,
        none=NONE,
    ),
    timeseries(
        "Events not taken, in 15 minutes",
        "Limited: more than `ingest` allows, or the store refused (EventsLimited). Invalid: the sender does not keep "
        "to the format (EventsInvalid, from 1% on); its own log and ours say what is wrong. Data points of OTLP "
        "likewise.",
        Query(
            f"sum by (source, outcome) (\n{risen(NOT_TAKEN, '15m')}\n) > 0",
            "{{source}} {{outcome}}",
        ),
        Query(
            f"sum by (result) (\n{risen(NO_POINTS, '15m')}\n) > 0",
            "data points {{result}}",
        ),
        unit="short",
        width=8,
        none="all was taken",
    ),
    timeseries(
        "How long the store takes to keep something (p99)",
        "Over 5 minutes, for a transaction to be durable. Above the dashed line StoreSlow fires, and senders are told "
        "to wait: look at the disk that it is on, or at its PostgreSQL.",
        Query(
            f"max by (instance) (histogram_quantile(0.99, sum by (le, {AT}) "
            f"(rate(stack_exporter_store_write_duration_seconds_bucket{{{OF}}}[5m])))) >= 0",
            "{{instance}}",
        ),
        Query("vector(1)", "warning from", "warning"),
        unit="s",
        width=8,
        none="nothing was written in this time",
    ),
    timeseries(
        "Size of the store",
        "What errors, events and alerts take, on disk or in memory. Near its limit the oldest rows are dropped; a "
        "line that climbs without end is a disk that fills: lower `store` retention, or enlarge it.",
        Query(f"max by (instance) (stack_exporter_store_size_bytes{{{OF}}})", "{{instance}}"),
        unit="bytes",
        width=12,
        height=7,
        none=NONE,
    ),
    timeseries(
        "Rows that the store refused or dropped, in 5 minutes",
        "Refused: it is full, slow or not available, and senders are told to come again; Sentry's SDKs do not, and "
        "lose them (StoreRefusing). Swept: dropped because they are old, which is normal, or because it is full.",
        Query(f"sum by (reason) (increase(stack_exporter_store_refused_total{{{OF}}}[5m]))", "refused: {{reason}}"),
        Query(f"sum(increase(stack_exporter_store_swept_total{{{OF}}}[5m]))", "swept"),
        unit="short",
        width=12,
        height=7,
        none=NONE,
    ),
]

LOST = risen(f"stack_exporter_forward_dropped_total{{{OF}}}", "1h")

FORWARDED = [
    table(
        "Back ends, and what waits for them",
        "What is still to be sent, for how long the oldest has waited, and when the back end last took something. `On "
        "disk: no` is lost with a restart (SpoolNotDurable); `Set aside` could not be read back (SpoolCorrupt); "
        "`Lost` was dropped within the hour (ForwardDropping): mend the back end before the spool is full.",
        Query(f"{BACKEND} (stack_exporter_spool_items{{{OF}}})"),
        Query(f"{BACKEND} (stack_exporter_spool_bytes{{{OF}}})"),
        Query(f"{BACKEND} (stack_exporter_spool_age_seconds{{{OF}}})"),
        Query(f"time() - {BACKEND} (stack_exporter_forward_last_success_timestamp_seconds{{{OF}}} > 0)"),
        Query(f"sum by (signal, backend, instance) (\n{LOST}\n)"),
        Query(f"{BACKEND} (stack_exporter_spool_corrupt_total{{{OF}}})"),
        Query(f"{BACKEND} (stack_exporter_spool_durable{{{OF}}})"),
        columns=[
            Column("backend", "Back end"),
            Column("signal", "Signal"),
            Column("Value #A", "Waiting", unit="none", decimals=0),
            Column("Value #B", "On disk", unit="bytes"),
            Column("Value #C", "Oldest", unit="s", decimals=0, steps=((300, WARNING), (3600, CRITICAL)), color="text"),
            Column("Value #D", "Last taken, ago", unit="s", decimals=0),
            Column("Value #E", "Lost, 1 h", unit="short", decimals=0, steps=((0.5, WARNING),), color="text"),
            Column("Value #F", "Set aside", unit="short", decimals=0, steps=((1, WARNING),), color="text"),
            Column("Value #G", "Durable", words=YES_NO | {"0": ("no", WARNING)}, color="text"),
            Column("instance", "Daemon"),
        ],
        height=5,
        sort="Oldest",
        none=NOT_FORWARDED,
    ),
    timeseries(
        "How long the oldest has waited",
        "By signal and back end. Above the dashed lines SpoolAging fires: the back end is down, or too slow for what "
        "comes in. Nothing is lost until the spool is full or its `max_age` is over.",
        Query(f"max by (signal, backend) (stack_exporter_spool_age_seconds{{{OF}}})", "{{signal}} {{backend}}"),
        *alert_limits("seconds", "spool_age"),
        unit="s",
        width=8,
        none=NOT_FORWARDED,
    ),
    timeseries(
        "Sent on, and lost",
        "Spans, log records and data points a second that a back end took, and those that were dropped, by reason. "
        "Lost ones do not come back: `full` and `expired` want a back end that works, `rejected` one that takes what "
        "is sent.",
        Query(
            f"sum by (signal, backend) (rate(stack_exporter_forward_sent_total{{{OF}}}[$__rate_interval]))",
            "{{signal}} {{backend}}",
        ),
        Query(
            f"sum by (backend, reason) (rate(stack_exporter_forward_dropped_total{{{OF}}}[$__rate_interval])) > 0",
            "{{backend}} lost: {{reason}}",
        ),
        unit="cps",
        width=8,
        none=NOT_FORWARDED,
    ),
    timeseries(
        "Answers of back ends, by code",
        "Requests a second by HTTP status or gRPC code; timeout and unreachable where there was no answer. Above half "
        "of them not 2xx or OK ForwardFailing fires: the code says whether it is down, full (429), or refuses the key "
        "(401).",
        Query(
            f"sum by (backend, code) (rate(stack_exporter_forward_requests_total{{{OF}}}[$__rate_interval]))",
            "{{backend}} {{code}}",
        ),
        unit="reqps",
        stacked=True,
        width=8,
        none=NOT_FORWARDED,
    ),
]

_FAMILIES = (
    ("overflow", "stack_exporter_series_overflow_total"),
    ("left out", "stack_exporter_series_dropped_total"),
    ("not shown", "stack_exporter_unrendered_families_total"),
)

ANSWERED = [
    timeseries(
        "Requests, by route",
        "What the daemon answered a second, of HTTP by route and of OTLP over gRPC by signal. `metrics` is "
        "Prometheus: if it falls to 0 nobody scrapes this daemon any more.",
        Query(f"sum by (handler) (rate(stack_exporter_http_requests_total{{{OF}}}[$__rate_interval]))", "{{handler}}"),
        Query(
            f"sum by (signal) (rate(stack_exporter_grpc_requests_total{{{OF}}}[$__rate_interval]))", "grpc {{signal}}"
        ),
        unit="reqps",
        stacked=True,
        width=12,
        height=7,
        none=NONE,
    ),
    timeseries(
        "Answers that are errors",
        "Requests a second by route and code, from 400 on. 500 is a defect of the daemon, with a traceback in its log "
        "(ExporterAnswersFailing); 401 and 403 are wrong keys; 413 and 429 limits; 503 of readyz says what is not "
        "ready.",
        Query(
            "sum by (handler, code) (rate("
            f'stack_exporter_http_requests_total{{{OF}, code=~"4..|5.."}}[$__rate_interval])) > 0',
            "{{handler}} {{code}}",
        ),
        Query(
            "sum by (signal, code) (rate("
            f'stack_exporter_grpc_requests_total{{{OF}, code!="ok"}}[$__rate_interval])) > 0',
            "grpc {{signal}} {{code}}",
        ),
        unit="reqps",
        width=12,
        height=7,
        none="no answer was an error",
    ),
    timeseries(
        "Memory",
        "What the daemon has of memory. A line that climbs for days is a leak, or too many series: compare with its "
        "`OTLP series` at the top, and restart it before the kernel does.",
        Query(
            f"max by (instance) (process_resident_memory_bytes{{{OF}}} and on ({AT}) stack_exporter_build_info)",
            "{{instance}}",
        ),
        unit="bytes",
        width=12,
        height=7,
        none=NONE,
    ),
    timeseries(
        "Readings without a series of their own, in 10 minutes",
        "By family. Overflow: applications send too many different labels (SeriesOverflow). Left out: a component has "
        "too many readings (ReadingsDropped). Not shown: a defect of the daemon (FamilyUnrendered). Alerts miss all "
        "of these.",
        *(
            Query(f"sum by (family) (\n{risen(f'{name}{{{OF}}}', '10m')}\n) > 0", f"{{{{family}}}} {what}")
            for what, name in _FAMILIES
        ),
        unit="short",
        width=12,
        height=7,
        none="every reading is shown",
    ),
]
