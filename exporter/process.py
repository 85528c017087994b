"""Process, platform and garbage collector as prometheus_client has them; and our page for a registry of its kind."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporter.exposition import Page
from exporter.foreign import Foreign
from exporter.foreign_lines import Kind

_END = b"# EOF\n"

NAMES: tuple[tuple[str, Kind], ...] = (
    ("process_virtual_memory_bytes", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_cpu_seconds_total", "counter"),
    ("process_open_fds", "gauge"),
    ("process_max_fds", "gauge"),
    ("python_info", "gauge"),
    ("python_gc_objects_collected_total", "counter"),
    ("python_gc_objects_uncollectable_total", "counter"),
    ("python_gc_collections_total", "counter"),
)
"""What they are called."""


class Process:
    """Families that every Prometheus client has: process_…, python_info, python_gc_…."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def families(self, *, openmetrics: bool) -> bytes:
        """Rendered, without the end mark."""
        if openmetrics:
            whole: bytes = openmetrics_exposition.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return whole.removesuffix(_END)
        return generate_latest(self._registry)


def body(
    page: Page,
    process: Process | None,
    *,
    openmetrics: bool,
    components: set[str] | None = None,
    foreign: Foreign | None = None,
) -> bytes:
    """The answer to a scrape, whole; of some components alone when they are named."""
    sent = foreign.page(time.time(), openmetrics=openmetrics) if foreign is not None and components is None else b""
    own = process.families(openmetrics=openmetrics) if process is not None and components is None else b""
    end = _END if openmetrics else b""
    return page.families(components, openmetrics=openmetrics, rest=b"".join((sent, own, end)))


class Registered(Collector):
    """Our page as a collector, for an application that embeds the exporter and has a prometheus_client registry."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def collect(self) -> Iterable[Metric]:
        text = body(self._page, None, openmetrics=True).decode()
        yield from text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
