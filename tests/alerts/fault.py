"""What a fault is: something real that is healthy, then broken, then mended; and the alerts that must come and go with it."""

import importlib
import json
import pkgutil
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.alerts import faults
from tests.alerts.engines import Engines
from tests.servers.exporters import Daemon

Config = Mapping[str, Any]
Steps = Generator[Config | None]


@dataclass
class Scene:
    """Where a fault happens. `daemon` and `engines` run before anything is broken."""

    folder: Path
    daemon: Daemon | None = None
    engines: Engines | None = None

    def event(self, **fields: Any) -> None:
        """What the application says, as a JSON event."""
        assert self.daemon is not None
        reply = self.daemon.request(
            "POST",
            "/api/v1/events",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
            port=self.daemon.ingest_port,
        )
        assert reply.status == 200, reply.text


@dataclass(frozen=True)
class Fault:
    """`expects`: alerts as NAME/SEVERITY; `steps` yields thrice: what to configure, when broken, when mended.

    What to configure is a part of exporter.yaml; what all faults configure is joined for one daemon, in which no component
    is critical: the route silences an application's warnings while one that is critical is down. Faults that need a
    daemon of their own start it, and hand its address over in the key `scraped`, by the job that it is to have.
    """

    name: str
    expects: tuple[str, ...]
    steps: Callable[[Scene], Steps]
    quick: bool = False
    """Part of `make test`; all others are slow."""
    imitated: bool = False
    """What fails is no real component, but says what one would: what real ones can't be made to do here."""
    alone: bool = False
    """Nothing else can be told of while it lasts."""
    endless: str = ""
    """Why its alerts' ends are not waited for, if they are not: what they look back at is too long even when divided."""

    @property
    def subject(self) -> str:
        """The module that it is in."""
        return self.steps.__module__.rpartition(".")[2]


def provokes(
    *expects: str, quick: bool = False, imitated: bool = False, alone: bool = False, endless: str = ""
) -> Callable[[Callable[[Scene], Steps]], Fault]:
    """Makes a Fault of its steps."""

    def made(steps: Callable[[Scene], Steps]) -> Fault:
        return Fault(steps.__name__, expects, steps, quick, imitated, alone, endless)

    return made


def found() -> list[Fault]:
    """Every fault of the modules in tests/alerts/faults."""
    modules = [importlib.import_module(f"{faults.__name__}.{m.name}") for m in pkgutil.iter_modules(faults.__path__)]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Fault)]


def joined(parts: list[Config]) -> dict[str, Any]:
    """One configuration of all parts. A component, or any other key below a section, belongs to one of them."""
    whole: dict[str, Any] = {}
    for part in parts:
        for section, value in part.items():
            if isinstance(value, Mapping):
                below = whole.setdefault(section, {})
                assert not below.keys() & value.keys(), f"{section}: {below.keys() & value.keys()} twice"
                below.update(value)
            elif isinstance(value, list):
                whole.setdefault(section, []).extend(value)
            else:
                assert section not in whole, f"{section} twice"
                whole[section] = value
    return whole
