"""What is read from a store that replicas share is shown by one of them, whichever comes, goes, or loses its way to it."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from exporter.store import lease
from exporter.store import recorder as recording
from exporter.store.recorder import Recorder
from exporter.store.series import GROUPS, NOTABLE, OLDEST
from exporter.tally import Tallies
from tests.servers.way import way
from tests.store.place import NOW, Place, error

pytestmark = pytest.mark.xdist_group("postgres")


def shows(tallies: Tallies) -> bool:
    found = [bool(tallies.families[name].children) for name in (GROUPS, NOTABLE, OLDEST) if name in tallies.families]
    assert not any(found) or all(found)
    return any(found)


async def until(claim: Callable[[], bool], otherwise: Callable[[], bool]) -> None:
    """Wait until the claim holds; at no time may `otherwise`."""
    async with asyncio.timeout(10):
        while not claim():
            assert not otherwise()
            await asyncio.sleep(0.005)
    assert not otherwise()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "TICK", 0.02)
    monkeypatch.setattr(lease, "LEASE", 1.5)
    monkeypatch.setattr(lease, "RENEW", 0.3)


async def working(store: Recorder) -> asyncio.Task[None]:
    return asyncio.create_task(store.work(lambda: None))


async def ended(*tasks: Awaitable[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.usefixtures("brief")
def test_one_that_loses_its_way_to_the_store_hides_what_it_showed_before_another_shows_it(in_postgres: Place) -> None:
    first, second = Tallies(), Tallies()

    def both() -> bool:
        return shows(first) and shows(second)

    async def go() -> None:
        url = urlsplit(in_postgres.url)
        with way(url.port) as path:
            far = in_postgres.replica("1")
            far = Place(far.folder, url._replace(netloc=url.netloc.replace(f":{url.port}", f":{path.port}")).geturl())
            async with (
                far.opened(tallies=first, clock=lambda: NOW) as one,
                in_postgres.replica("2").opened(tallies=second) as two,
            ):
                await one.add([error("a")])
                works = [await working(one)]
                await until(lambda: shows(first), both)
                works.append(await working(two))
                await asyncio.sleep(0.1)
                path.cut()
                await until(lambda: not shows(first), both)
                assert not shows(second)
                await until(lambda: shows(second), both)
                await ended(*works)

    asyncio.run(go())


def test_one_that_ends_leaves_the_lease_to_another_at_once(in_postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW", 0.0)

    async def go() -> list[bool]:
        async with in_postgres.replica("2").opened() as second:
            async with in_postgres.replica("1").opened() as first:
                found = [await first.lease(), await second.lease()]
            return [*found, await second.lease()]

    assert asyncio.run(go()) == [True, False, True]


def test_a_new_holder_shows_the_series_at_once(in_postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not when its gauges are next due, 15 seconds later: what is in no scrape ends an alert."""
    monkeypatch.setattr(recording, "TICK", 0.02)
    monkeypatch.setattr(lease, "RENEW", 0.1)
    tallies = Tallies()

    async def go() -> None:
        async with in_postgres.replica("2").opened(tallies=tallies) as second:
            async with in_postgres.replica("1").opened() as first:
                await first.add([error("a")])
                assert await first.lease()
                work = await working(second)
                await asyncio.sleep(0.3)
                assert not shows(tallies)
            await asyncio.wait_for(until(lambda: shows(tallies), lambda: False), 2.0)
            await ended(work)

    asyncio.run(go())
