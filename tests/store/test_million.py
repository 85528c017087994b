"""A million events of 10 kB in 10,000 groups: what they take, how fast they are found, and that dropping them is no pause."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.config.application import Retention
from exporter.ingest.ports import Entry
from exporter.store.group import DAY
from exporter.store.recorder import Recorder
from exporter.store.rows import Wanted
from tests.store.place import NOW, Place, error, event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

EVENTS, GROUPS = 1_000_000, 10_000
BATCH = 2_000
"""Entries of one transaction, while it is built."""
SPAN = 30 * DAY
_details = [event(n) for n in range(300)]


def one(n: int, at: float) -> Entry:
    """The n-th, of a group that some have more of than others."""
    number = int(GROUPS * random.random() ** 2)
    frames = _details[number % 300]["exception"]
    detail = _details[n % 300] | {
        "exception": frames,
        "event_id": f"{n:032x}",
        "timestamp": at,
        "server_name": f"s{number}",
    }
    return error(f"{number:032x}", at=at, user=f"{random.randrange(5_000):016x}", detail=detail)


def percentile(times: list[float], part: float) -> float:
    return sorted(times)[int(len(times) * part)]


async def timed(name: str, ask: Callable[[], Awaitable[Any]], times: int = 100) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    print(f"{name:42} median {percentile(took, 0.5) * 1e3:6.1f} ms, p99 {percentile(took, 0.99) * 1e3:6.1f} ms")
    return percentile(took, 0.99)


async def build(store: Recorder) -> list[str]:
    began, ids = time.perf_counter(), []
    for start in range(0, EVENTS, BATCH):
        at = NOW - SPAN + SPAN * start / EVENTS
        entries = [one(start + n, at + n / 100) for n in range(BATCH)]
        await store.add(entries)
        ids.append(entries[0].id)
    took = time.perf_counter() - began
    size = await store.size()
    print(
        f"\n{EVENTS} added in {took:.0f} s, {EVENTS / took:.0f}/s; {size / 1e6:.0f} MB, {size / EVENTS:.0f} bytes each"
    )
    assert size / EVENTS < 1_500
    return ids


async def asked(store: Recorder, ids: list[str]) -> list[float]:
    first = await store.groups(Wanted())
    often = (await store.groups(Wanted(sort="count", limit=1))).items[0].id
    page = await store.occurrences(often, Wanted())
    found = [
        await timed(f"groups {wanted}", lambda wanted=wanted: store.groups(Wanted(**wanted)))
        for wanted in (
            {}, {"cursor": first.next}, {"sort": "count"}, {"sort": "users"}, {"sort": "first_seen"}, {"status": "new"},
            {"text": "valueerror: 000"}, {"service": "shop", "severity": "high"}, {"release": "shop@1"},
            {"status": "spiking"}, {"limit": 1000},
        )
    ]  # fmt: skip
    found.append(await timed("occurrences of the most frequent", lambda: store.occurrences(often, Wanted())))
    found.append(await timed("its next page", lambda: store.occurrences(often, Wanted(cursor=page.next))))
    found.append(
        await timed("its release and time", lambda: store.occurrences(often, Wanted(release="shop@1", since=NOW - DAY)))
    )
    found.append(await timed("a text in its messages", lambda: store.occurrences(often, Wanted(text="nowhere"))))
    found.append(await timed("one occurrence", lambda: store.occurrence(random.choice(ids))))
    found.append(await timed("a group's hours", lambda: store.hours(often, 0.0)))
    found.append(await timed("statuses", store.statuses))
    return found


async def dropped(store: Recorder) -> list[float]:
    """Seconds that each add took, 100 a second, while a tenth of all is dropped."""
    times, ended = [], asyncio.Event()

    async def adding(n: int) -> None:
        began = time.perf_counter()
        await store.add([one(n, NOW)])
        times.append(time.perf_counter() - began)

    async def sending() -> None:
        async with asyncio.TaskGroup() as group:
            n = EVENTS
            while not ended.is_set():
                group.create_task(adding(n))
                n += 1
                await asyncio.sleep(0.01)

    sender = asyncio.create_task(sending())
    began = time.perf_counter()
    gone = await store.sweep(NOW + SPAN / 10)
    took = time.perf_counter() - began
    ended.set()
    await sender
    print(f"{gone} rows dropped in {took:.0f} s, {gone / took:.0f}/s, while {len(times)} were added: "
          f"p50 {percentile(times, 0.5) * 1e3:.1f} ms, p99 {percentile(times, 0.99) * 1e3:.1f} ms, "
          f"at most {max(times) * 1e3:.0f} ms")  # fmt: skip
    assert gone >= EVENTS // 11
    return times


def test_a_million_events(place: Place) -> None:
    async def go() -> tuple[list[float], list[float]]:
        async with place.opened(Retention(errors=SPAN, size=8 * 2**30, low_space=0.0)) as store:
            ids = await build(store)
            return await asked(store, ids), await dropped(store)

    queries, adds = asyncio.run(go())
    assert max(queries) < 0.1
    assert percentile(adds, 0.99) < 0.1
