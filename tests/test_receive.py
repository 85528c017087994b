"""What intake takes over from the store when the daemon starts."""

import asyncio
from pathlib import Path
from typing import Any

from exporter.config import Config
from exporter.config.application import Retention
from exporter.ingest.group_known import A_SERVICE
from exporter.ingest.ports import Entry, Grouped, Refusing
from exporter.ingest.values import Occurrence, Origin, Raised
from exporter.receive import Receiving
from exporter.store.recorder import Recorder
from exporter.store.sqlite import Store
from exporter.tally import Tallies


LETTERS = str.maketrans("0123456789", "abcdefghij")  # numbers make no other group


def error(number: int) -> Occurrence:
    return Occurrence(
        f"{number:032x}", 1.0, Origin("shop"), "sdk", raised=(Raised(f"E{number}".translate(LETTERS), "m"),)
    )


def receiving(records: Any) -> Receiving:
    async def heard(_: object) -> None:
        """Nobody checks in."""

    made = Receiving(Config(), Tallies())
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
        await here.remember(records)
        found = {group(here, error(1 + number)).fingerprint for number in range(A_SERVICE + 1)}
        assert len(found) == A_SERVICE + 1  # the last of them is the overflow
        assert group(here, error(A_SERVICE + 2)).fingerprint in found
        assert group(here, error(0)) == known
    finally:
        await records.close()
        store.close()


def test_groups_of_the_store_are_none_of_the_new_ones_that_a_service_may_have(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))


def test_a_store_that_is_not_there_yet_keeps_nobody_from_starting() -> None:
    class Gone:
        async def groups(self, _: object) -> Any:
            raise Refusing("unavailable", 2.0)

    asyncio.run(receiving(Gone()).remember(Gone()))  # type: ignore[arg-type]
