"""Runs one probe as the daemon does, from its YAML fields to its Result."""

import asyncio
import importlib
from typing import Any

import msgspec

from exporter.component import Component
from exporter.metric import Metric
from exporter.probe import Probe, Readings, Result
from exporter.run import run_once
from exporter.values import decode


class Memory:
    """A Sink and a Kept that tests can read."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, tuple[str, ...]], float] = {}
        self.observations: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        self.kept: dict[str, Any] = {}
        self.requests: list[tuple[str, str, str, int, float]] = []

    def count(self, metric: Metric, amount: float, labels: tuple[str, ...]) -> None:
        key = (metric.name, labels)
        self.counts[key] = self.counts.get(key, 0.0) + amount

    def observe(self, metric: Metric, value: float, labels: tuple[str, ...]) -> None:
        self.observations.setdefault((metric.name, labels), []).append(value)

    def request(self, service: str, method: str, path: str, status: int, seconds: float) -> None:
        self.requests.append((service, method, path, status, seconds))

    def get(self, key: str) -> Any:
        return self.kept.get(key)

    def put(self, key: str, value: Any) -> None:
        self.kept[key] = value


def component(kind: str, *, timeout: float = 2.0, **fields: Any) -> Component:
    """A component of `kind` from its YAML fields, its values converted as the configuration converts them."""
    module = importlib.import_module(f"exporter.probes.{kind}")
    (cls,) = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Probe) and c.__module__ == module.__name__
    ]
    return Component("it", kind, msgspec.convert(fields, cls, dec_hook=decode), timeout=timeout)


async def run(kind: str, *, timeout: float = 2.0, memory: Memory | None = None, **fields: Any) -> Result:
    memory = memory or Memory()
    return await run_once(component(kind, timeout=timeout, **fields), memory, memory)


def probe(kind: str, *, timeout: float = 2.0, memory: Memory | None = None, **fields: Any) -> Result:
    """The same outside a loop."""
    return asyncio.run(run(kind, timeout=timeout, memory=memory, **fields))


class Found(dict[str, float]):
    """Readings by text. When a comparison fails, what became of the run is shown (by tests/conftest.py)."""

    run = ""


def readings(result: Result) -> Found:
    """Its readings by text, such as 'stack_x_messages{state="ready"}', to compare as one value."""
    found = Found()
    found.run = f"the run: {result.outcome}, reason {result.reason!r}, detail {result.detail!r}"
    for (metric, labels), value in result.values.items():
        pairs = ",".join(f'{name}="{text}"' for name, text in zip(metric.labels[1:], labels, strict=True))
        found[f"{metric.name}{{{pairs}}}" if pairs else metric.name] = value
    return found


def out(memory: Memory | None = None) -> Readings:
    """Readings to hand to a probe's watch."""
    memory = memory or Memory()
    return Readings("it", memory, memory)
