"""The whole configuration file as one struct: its sections and their defaults."""

from typing import Annotated, Any

from msgspec import Meta

from exporter.config.application import (
    Alerting,
    Class,
    Grouping,
    Ingest,
    Measuring,
    Owner,
    Price,
    Retention,
    Scrub,
    Slow,
)
from exporter.config.maintenance import Window
from exporter.config.onward import Forward
from exporter.config.sections import ComponentFiles, Defaults, Probing, Section, Tracing, Web
from exporter.config.slo import Slo
from exporter.probe import Threshold
from exporter.values import Secret


class File(Section, frozen=True):
    """The whole file; every key is optional."""

    service: Annotated[str, Meta(description="Name of the application beside which the daemon runs.")] = ""
    environment: Annotated[str, Meta(description="Where it runs, such as production.")] = ""
    defaults: Annotated[Defaults, Meta(description="What holds for every component.")] = Defaults()
    components: Annotated[
        dict[str, Any],
        Meta(
            description="What is probed, by name; each has a kind.",
            examples=[{"web": {"kind": "http", "url": "https://shop.example"}}],
        ),
    ] = {}
    component_files: Annotated[
        tuple[str | ComponentFiles, ...],
        Meta(
            description="Files with more components, read again when they change.", examples=[["components.d/*.yaml"]]
        ),
    ] = ()
    maintenance: Annotated[tuple[Window, ...], Meta(description="When failures are expected.")] = ()
    forward: Annotated[Forward, Meta(description="What is sent onward.")] = Forward()
    tracing: Annotated[Tracing, Meta(description="The daemon's own spans.")] = Tracing()
    web: Annotated[Web, Meta(description="The scrape listener.")] = Web()
    probe: Annotated[Probing | None, Meta(description="Targets that a request names: GET /probe.")] = None
    ingest: Annotated[Ingest, Meta(description="What applications may send.")] = Ingest()
    services: Annotated[
        dict[str, Measuring],
        Meta(
            description="By service: who owns it, and where its figures come from.",
            examples=[{"shop": {"team": "web"}}],
        ),
    ] = {}
    thresholds: Annotated[
        dict[str, Threshold],
        Meta(
            description="Thresholds of alerts on what belongs to no component, by signal.",
            examples=[{"error_rate": {"critical": "5%"}}],
        ),
    ] = {}
    operations: Annotated[
        dict[str, Slow],
        Meta(
            description="What the application does, and from when on it is slow.",
            examples=[{"checkout": {"slow": "5s"}}],
        ),
    ] = {}
    slos: Annotated[
        dict[str, Slo] | None,
        Meta(
            description="What share is to be good, by name; without the section 99.9% of the service's requests "
            "and of each critical component's runs, {} for none.",
            examples=[{"api": {"objective": "99.9%", "window": "30d"}}],
        ),
    ] = None
    classes: Annotated[
        dict[str, Class],
        Meta(
            description="By an exception's class, the application's code or an HTTP status.",
            examples=[{"PaymentRefused": {"severity": "high"}}],
        ),
    ] = {}
    owners: Annotated[tuple[Owner, ...], Meta(description="Whom an error belongs to; the first that matches.")] = ()
    grouping: Annotated[tuple[Grouping, ...], Meta(description="What is one error; the first that matches.")] = ()
    scrub: Annotated[Scrub, Meta(description="What is taken out of what comes in.")] = Scrub()
    ai_prices: Annotated[
        dict[str, Price],
        Meta(
            description="By model; * stands for any characters.", examples=[{"gpt-4o*": {"input": 2.5, "output": 10}}]
        ),
    ] = {}
    alertmanager: Annotated[Alerting, Meta(description="Who tells of alerts.")] = Alerting()
    retention: Annotated[Retention, Meta(description="How long things are kept.")] = Retention()
    store: Annotated[
        Secret | None,
        Meta(description="sqlite:PATH, by default in the storage folder; or postgresql://… for several replicas."),
    ] = None
    concurrency: Annotated[int, Meta(description="Runs at the same time.", ge=1, le=1000)] = 50
