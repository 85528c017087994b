"""A meter and a clock for tests."""

from typing import Any

from exporter.config import Config
from exporter.ingest.measure import Meter
from exporter.ingest.measure_sources import Sources
from exporter.ingest.performance import Performance
from exporter.ingest.values import Origin
from exporter.metric import Metric
from exporter.tally import Tallies

SHOP = Origin("shop", "production", "1.0")
NAN = float("nan")


class Bench:
    """A meter with a clock of the test's."""

    def __init__(self, config: Config | None = None) -> None:
        self.now = 1_000.0
        self.tallies = Tallies()
        self.performance = Performance(lambda: self.now)
        self.sources = Sources(lambda: self.now)
        self.meter = self.made(config or Config())

    def made(self, config: Config) -> Meter:
        self.meter = Meter(config, self.tallies, self.performance, self.sources)
        return self.meter

    def take(self, *measured: Any) -> None:
        for one in measured:
            self.meter.take(one)

    def values(self, metric: Metric, *, zeros: bool = False) -> dict[tuple[str, ...], float]:
        """Of a histogram how many were observed."""
        family = self.tallies.families.get(metric)
        children = family.children.values() if family else ()
        found = {child.labels: sum(child.cells) if child.cells else child.value for child in children}
        return {labels: value for labels, value in found.items() if value or zeros}
