"""What intake takes over from the store when the daemon starts."""

import asyncio
import time
from pathlib import Path
from typing import Any

from exporter.config import Config
from exporter.config.application import Retention
from exporter.ingest.group_known import A_SERVICE
from exporter.ingest.ports import Entry, Grouped, Refusing
from exporter.ingest.measure_names import DEPLOYED_AT, RELEASE
from exporter.ingest.values import Occasion, Occurrence, Origin, Raised
from exporter.metric import Metric
from exporter.receive import Receiving
from exporter.store.recorder import Recorder
from exporter.store.sqlite import Store
from exporter.tally import Tallies


LETTERS = str.maketrans("0123456789", "abcdefghij")  # numbers make no other group


def error(number: int) -> Occurrence:
    return Occurrence(
        f"{number:032x}", 1.0, Origin("shop"), "sdk", raised=(Raised(f"E{number}".translate(LETTERS), "m"),)
    )


def receiving(records: Any, tallies: Tallies | None = None) -> Receiving:
    async def heard(_: object) -> None:
        """Nobody checks in."""

    made = Receiving(Config(), tallies or Tallies())
    made.open(records, b"key", heard)
    return made


def group(here: Receiving, occurrence: Occurrence) -> Grouped:
    assert here.intake is not None
    return here.intake.parts.grouper.group(occurrence)


async def started(folder: Path) -> None:
    store = Store(folder)
    store.open()
    records = Recorder(None, Retention(low_space=0.0), Tallies())
    await records.open(store)
    try:
        known = group(receiving(records), error(0))
        await records.add([Entry(error(0).id, 1.0, error(0), known)])
        here = receiving(records)
        working = asyncio.create_task(here.work(records, lambda: working.cancel()))
        await asyncio.wait({working})
        found = {group(here, error(1 + number)).fingerprint for number in range(A_SERVICE + 1)}
        assert len(found) == A_SERVICE + 1  # the last of them is the overflow
        assert group(here, error(A_SERVICE + 2)).fingerprint in found
        assert group(here, error(0)) == known
    finally:
        await records.close()
        store.close()


def test_groups_of_the_store_are_none_of_the_new_ones_that_a_service_may_have(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))


def deploy(number: int, at: float, *, service: str = "shop", release: str = "") -> Entry:
    one = Occasion(f"{number:032x}", at, Origin(service, "production", release), "deploy")
    return Entry(one.id, at, occasion=one)


def test_a_restart_knows_when_services_were_deployed_and_makes_no_release_new(tmp_path: Path) -> None:
    now = time.time()

    async def restarted() -> Tallies:
        store = Store(tmp_path)
        store.open()
        records = Recorder(None, Retention(low_space=0.0), Tallies())
        await records.open(store)
        tallies = Tallies()
        try:
            deploys = [(300, "1"), (200, "2"), (100, "1"), (50, "")]  # back to 1, and one that does not say which
            await records.add([deploy(n, now - ago, release=release) for n, (ago, release) in enumerate(deploys)])
            await records.add([deploy(10 + n, now - 500 + n, service="till", release=str(n)) for n in range(30)])
            here = receiving(records, tallies)
            assert here.intake is not None
            # What has come meanwhile is older or newer than what the store has.
            here.intake.parts.meter.occasion(Occasion("f" * 32, now - 10, Origin("shop", "production", "2"), "deploy"))
            assert await here.remember(records)
            here.intake.parts.meter.error(error_of("1", now), group(here, error(1)), "new")
        finally:
            await records.close()
            store.close()
        return tallies

    tallies = asyncio.run(restarted())

    def value(metric: Metric, *labels: str) -> float:
        return tallies.child(metric, *labels).value

    assert value(DEPLOYED_AT, "shop", "production") == now - 10
    assert value(RELEASE, "shop", "production", "1") == now - 300
    assert value(RELEASE, "shop", "production", "2") == now - 200
    assert value(DEPLOYED_AT, "till", "production") == now - 471
    known = {labels[2] for labels in tallies.families[RELEASE].children if labels[0] == "till"}
    assert known == {str(number) for number in range(10, 30)}


def error_of(release: str, at: float) -> Occurrence:
    return Occurrence("e" * 32, at, Origin("shop", "production", release), "sdk", raised=(Raised("E", "m"),))


def test_a_store_that_is_not_there_yet_is_asked_again() -> None:
    class Gone:
        async def groups(self, _: object) -> Any:
            raise Refusing("unavailable", 2.0)

    assert not asyncio.run(receiving(Gone()).remember(Gone()))  # type: ignore[arg-type]
