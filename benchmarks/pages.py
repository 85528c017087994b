"""A page of many series, ours and prometheus_client's: alike components with twenty series each, which change together."""

import itertools
import random
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from exporter.component import Component
from exporter.exposition import Page
from exporter.metric import gauge
from exporter.probe import Probe, Result
from exporter.state import Record, State, Verdict

PER_COMPONENT = 20
OWN = 9
"""Series that every component has whatever its kind; the rest are readings."""
WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa".split()
READINGS = tuple(
    gauge(f"stack_bench_{word}_reading_seconds", "A reading of the benchmark.", "component", "queue", "tier")
    for word in WORDS[: PER_COMPONENT - OWN]
)
LABELS = ("orders", "bench")
VARIANTS = 4


def names(series: int) -> list[str]:
    return [f"component-{number:05}" for number in range(series // PER_COMPONENT)]


class Ours:
    """A State and its Page, with results to come as a run of a probe would bring them."""

    def __init__(self, series: int, state: State | None = None, page: Page | None = None) -> None:
        self.state = state or State()
        self.page = page or Page(self.state)
        self._next: dict[str, Callable[[], Result]] = {}
        self.names = names(series)
        draw = random.Random(1)
        for name in self.names:
            record = self.state.records[name] = Record(Component(name, "bench", Probe()))
            record.verdict = Verdict("healthy", time.time())
            results = [self._result(name, draw) for _ in range(VARIANTS)]
            self._next[name] = itertools.cycle(results).__next__
        self.change(1.0)

    def change(self, share: float) -> None:
        """New values for all series of a share of the components."""
        for name in self.names[: max(1, round(len(self.names) * share))]:
            self.state.records[name].result = self._next[name]()
            self.page.write(name)

    @staticmethod
    def _result(name: str, draw: random.Random) -> Result:
        values = {(metric, LABELS): draw.random() for metric in READINGS}
        return Result(name, "bench", 1.7e9 + draw.random(), 0.01, "healthy", "", "", values)


def registry(series: int) -> CollectorRegistry:
    """prometheus_client's, with as many series."""
    found = CollectorRegistry()
    draw = random.Random(1)
    for number in range(PER_COMPONENT):
        family = Gauge(
            f"peer_bench_{number:02}_reading_seconds", "A reading.", ["component", "queue", "tier"], registry=found
        )
        for name in names(series):
            family.labels(name, *LABELS).set(draw.random())
    return found


def pushed(series: int) -> bytes:
    """As many series for the Pushgateway, which adds two labels of its own to the component's."""
    draw = random.Random(1)
    lines = []
    for number in range(PER_COMPONENT):
        family = f"peer_bench_{number:02}_reading_seconds"
        lines.append(f"# HELP {family} A reading.\n# TYPE {family} gauge\n")
        lines += [f'{family}{{component="{name}"}} {draw.random()!r}\n' for name in names(series)]
    return "".join(lines).encode()
