"""The admin API answers soon with ten thousand groups in the store."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exporter.config.application import Retention
from exporter.ingest.ports import Entry, Grouped
from exporter.ingest.values import Occurrence, Origin
from exporter.store.recorder import Recorder
from exporter.store.sqlite import Store
from exporter.tally import Tallies
from tests.web.client import ask, bearer
from tests.web.kept import DETAIL
from tests.web.stand import TOKEN, stand

GROUPS, ROUNDS = 10_000, 12


@asynccontextmanager
async def filled(folder: Path) -> AsyncIterator[Recorder]:
    """A store of a file, with so many groups."""
    store = Store(folder, None)
    store.open()
    beating = asyncio.create_task(store.work(lambda: None))
    records = Recorder(None, Retention(), Tallies())
    await records.open(store)
    now = time.time()
    for first in range(0, GROUPS, 1_000):
        await records.add([entry(n, now) for n in range(first, first + 1_000)])
    try:
        yield records
    finally:
        await records.close()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        store.close()


def entry(n: int, now: float) -> Entry:
    origin = Origin(f"service{n % 10}", "production", f"1.{n % 20}")
    occurrence = Occurrence(
        f"{n:032x}", now - n, origin, "sdk", message=f"no price for {n}", trace_id="cd" * 16, detail=DETAIL
    )
    severity = ("low", "medium", "high", "critical")[n % 4]
    grouped = Grouped(
        f"{n + 1:032x}",
        f"ValueError: no price for {n}",
        "cart in total",
        f"Kind{n % 50}Error",
        severity,
        team=f"team{n % 5}",
    )
    return Entry(occurrence.id, occurrence.at, occurrence, grouped)


QUERIES = (
    "errors",
    "errors?limit=200",
    "errors?sort=count&service=service3&status=unresolved",
    "errors?q=price%20for%209999",
    "errors?team=team2&severity=high&since=24h",
    f"errors/{1:032x}",
    f"errors/{1:032x}/occurrences",
    "alerts",
    "events",
    "status",
)


@pytest.mark.alone
async def test_the_api_answers_within_100_ms_with_10000_groups(tmp_path: Path) -> None:
    async with filled(tmp_path) as records, stand() as s:
        s.use(records=records)
        assert (await ask(s.port, "GET /api/v1/errors", bearer(TOKEN))).json["metadata"]["total"] == GROUPS
        usual = {}
        for query in QUERIES:
            took = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                reply = await ask(s.port, f"GET /api/v1/{query}", bearer(TOKEN))
                took.append(time.perf_counter() - began)
                assert reply.status == 200, (query, reply.text)
            usual[query] = sorted(took)[ROUNDS // 4]
        # The first quartile: others may use the machine. On one that is quiet, the p99 is below this too.
        assert {query: took for query, took in usual.items() if took > 0.1} == {}
        began = time.perf_counter()
        await ask(s.port, "GET /api/v1/report", bearer(TOKEN))
        await ask(s.port, "GET /", bearer(TOKEN))
        assert time.perf_counter() - began < 10
