"""Memory a series, and the time of an observation, beside prometheus_client, each in a fresh process."""

from collections.abc import Iterator

from benchmarks.probes import single
from benchmarks.row import Depth, Row, compare


def memory(depth: Depth) -> Iterator[Row]:
    found = compare(
        depth.rounds, lambda: single("memory", 5 * depth.series), lambda: single("memory_peer", 5 * depth.series)
    )
    yield Row("memory", "memory a series", "prometheus_client", 1 / 2, *found, "B")


def observe(depth: Depth) -> Iterator[Row]:
    found = compare(depth.rounds, lambda: single("observe", 0), lambda: single("observe_peer", 0))
    yield Row("observe", "observing a histogram", "prometheus_client's labels().observe", 1 / 8, *found, "s")
