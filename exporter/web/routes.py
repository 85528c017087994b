"""The table of what each listener serves."""

from exporter.web import health, hooks, page, scrape
from exporter.web.api import table as api
from exporter.web.call import Call, Services
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
        *api.routes(),
        Route("POST", "/hooks/heartbeat/{name}", "heartbeat", hooks.report, "hook"),
    )


def ingest() -> tuple[Route, ...]:
    """What the ingest listener serves."""
    return PROBES
