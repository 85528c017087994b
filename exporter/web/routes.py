"""The table of what each listener serves."""

from exporter.web import alertmanager, events, going, health, hooks, page, runbooks, scrape, sentry
from exporter.web.api import table as api
from exporter.web.call import Call, Services
from exporter.web.otlp import Otlp
from exporter.web.probe import Probes
from exporter.web.site import Route

__all__ = ["Call", "Route", "Services", "ingest", "scraping"]

PROBES = (
    Route("GET", "/livez", "livez", health.livez, "open"),
    Route("GET", "/readyz", "readyz", health.readyz, "open"),
)


def scraping() -> tuple[Route, ...]:
    """What the scrape listener serves."""
    return (
        *PROBES,
        Route("GET", "/-/healthy", "livez", health.healthy, "open"),
        Route("GET", "/-/ready", "readyz", health.ready, "open"),
        Route("GET", "/metrics", "metrics", scrape.metrics, "scrape"),
        Route("GET", "/probe", "probe", Probes().probe, "scrape"),
        Route("GET", "/health", "health", health.health, "look"),
        Route("GET", "/health/detailed", "health_detailed", health.detailed, "look"),
        Route("GET", "/health/{component}", "health_component", health.component, "look"),
        Route("GET", "/", "page", page.show, "look"),
        Route("GET", "/login", "login", page.login, "look"),
        Route("GET", "/runbooks/", "runbooks", runbooks.every, "look"),
        Route("GET", "/runbooks", "runbooks", runbooks.every, "look"),
        Route("GET", "/runbooks/{alert}", "runbook", runbooks.one, "look"),
        Route("GET", "/go/error", "go_error", going.error, "look"),
        *api.routes(),
        Route("POST", "/hooks/heartbeat/{name}", "heartbeat", hooks.report, "hook"),
        Route("POST", "/hooks/alertmanager", "alertmanager", alertmanager.receive, "alertmanager"),
    )


def ingest(otlp: Otlp) -> tuple[Route, ...]:
    """What the ingest listener serves."""
    envelope = ("/api/{project}/envelope/", "/api/{project}/envelope")
    store = ("/api/{project}/store/", "/api/{project}/store")
    return (
        *PROBES,
        *(Route("POST", path, "sentry_envelope", sentry.envelope, "ingest") for path in envelope),
        *(Route("POST", path, "sentry_store", sentry.store, "ingest") for path in store),
        *(Route("OPTIONS", path, "sentry_preflight", sentry.preflight, "ingest") for path in (*envelope, *store)),
        Route("POST", "/v1/traces", "otlp_traces", otlp.traces, "ingest"),
        Route("POST", "/v1/metrics", "otlp_metrics", otlp.metrics, "ingest"),
        Route("POST", "/v1/logs", "otlp_logs", otlp.logs, "ingest"),
        Route("POST", "/api/v1/events", "events", events.take, "ingest"),
        Route("GET", "/api/v1/events/schema", "events_schema", events.schema, "open"),
        api.ingest_description(),
    )
