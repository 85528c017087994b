"""Back ends to look at, each as a test wants it to be: a real one can't be made to have waited for a day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from exporter.config.onward import Waiting
from exporter.forward.figures import Figures
from exporter.forward.ports import Signal
from exporter.forward.target import Target
from exporter.tally import Tallies


@dataclass
class Queued:
    """What the page reads of a Queue."""

    items: int = 0
    size: int = 0
    oldest: float = 0.0
    refusing: str = ""
    durable: bool = True


@dataclass
class Sent:
    """What it reads of a Backend."""

    name: str
    signal: Signal = "traces"
    state: str = ""
    detail: str = ""
    address: str = "collector.example:4318"
    queue: Queued = field(default_factory=Queued)
    last_success: float = 0.0
    lost: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        waiting = Waiting(size=100 * 2**20, age=86_400.0)
        named = not self.name.isdigit()
        self.target = Target(f"http://{self.address}", signal=self.signal, name=self.name, named=named, waiting=waiting)
        self.figures = Figures(Tallies(), self.signal, self.name)
        for reason, items in self.lost.items():
            self.figures.lost(reason, items)


def forwarding(*backends: Sent) -> Any:
    found: Sequence[Sent] = backends
    return SimpleNamespace(backends=found)
