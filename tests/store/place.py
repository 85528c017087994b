"""Where a store is in these tests, and what is added to it."""

import itertools
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exporter.config.application import Retention
from exporter.ingest.ports import Entry, Grouped
from exporter.ingest.values import Occasion, Occurrence, Origin
from exporter.store.recorder import Recorder
from exporter.store.sqlite import Store
from exporter.tally import Tallies
from exporter.values import Secret

NOW = 1_795_381_200.0 + 1800.0
"""Half past an hour."""
_ids = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A folder, and a database when errors are kept there."""

    folder: Path
    url: str = ""

    @asynccontextmanager
    async def opened(
        self, kept: Retention | None = None, tallies: Tallies | None = None, clock: Callable[[], float] = lambda: NOW
    ) -> AsyncIterator[Recorder]:
        """A recorder there, as the daemon has it."""
        store = Store(self.folder)
        store.open()
        recorder = Recorder(
            Secret(self.url) if self.url else None, kept or Retention(low_space=0.0), tallies or Tallies(), clock
        )
        try:
            await recorder.open(store)
            yield recorder
        finally:
            await recorder.close()
            await store.flush()
            store.close()

    def replica(self, name: str) -> "Place":
        """Another daemon's, with a folder of its own."""
        return replace(self, folder=self.folder / name)


def fresh() -> str:
    return f"{next(_ids):032x}"


def error(group: str = "a", *, id: str = "", at: float = NOW, severity: Any = "high", **fields: Any) -> Entry:
    """An occurrence of the group of that letter, in the service shop unless an origin is given."""
    fields = {"origin": Origin("shop", "production", "shop@1"), "source": "sdk", "message": "boom"} | fields
    occurrence = Occurrence(id=id or fresh(), at=at, **fields)
    grouped = Grouped(
        (group * 32)[:32], f"ValueError: {group}", "pay in shop.pay", "ValueError", severity, code="E1", team="cad"
    )
    return Entry(occurrence.id, at, occurrence, grouped)


def occasion(kind: Any = "security", *, at: float = NOW, **fields: Any) -> Entry:
    one = Occasion(id=fresh(), at=at, origin=Origin("shop", "production", "shop@1"), kind=kind, **fields)
    return Entry(one.id, at, occasion=one)


def seen(id: str = "") -> Entry:
    return Entry(id or fresh(), NOW)


def event(number: int) -> dict[str, Any]:
    """A detail of some 10 kB as an SDK sends it: frames with their lines are the group's, the rest is this one's."""
    frames = [
        {
            "filename": f"shop/part{depth}.py",
            "abs_path": f"/srv/shop/part{depth}.py",
            "function": f"step_{depth}",
            "module": f"shop.part{depth}",
            "lineno": 10 * depth,
            "pre_context": [f"    value_{depth}_{line} = compute({line}, depth={depth})" for line in range(5)],
            "context_line": f"    return step_{depth + 1}(order)",
            "post_context": [f"    # after {depth} {line}" for line in range(5)],
            "in_app": True,
        }
        for depth in range(12)
    ]
    salt = f"{zlib.crc32(str(number).encode()):08x}"
    crumbs = [
        {
            "category": "httplib",
            "message": f"GET /api/items/{number * 7 + n}",
            "timestamp": NOW + n / 7,
            "level": "info",
        }
        for n in range(20)
    ]
    return {
        "event_id": f"{number:032x}",
        "timestamp": NOW + number / 1000,
        "exception": {"values": [{"type": "ValueError", "value": f"order {salt}", "stacktrace": {"frames": frames}}]},
        "breadcrumbs": {"values": crumbs},
        "request": {"url": f"https://shop.example/orders/{number}", "headers": {"X-Request-Id": salt * 4}},
        "contexts": {"trace": {"trace_id": salt * 4, "span_id": salt * 2}, "runtime": {"name": "CPython"}},
        "tags": {"region": "eu", "worker": f"w{number % 8}"},
    }


assert 8_000 < len(json.dumps(event(1))) < 12_000
