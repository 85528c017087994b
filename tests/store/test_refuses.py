"""Whether the store takes what comes in is known, and found out again where nothing comes any more."""

import asyncio
import shutil
from pathlib import Path

import pytest

from exporter.ingest.ports import Refusing
from exporter.store import commits
from exporter.store.commits import REFUSED, WAITING, Commits
from exporter.store.sqlite import FILE
from exporter.tally import Tallies
from tests.store.disks import PAUSE, refused
from tests.store.place import Place, error
from tests.store.test_faults import hold


async def again(store: object, within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while await store.refuses():  # type: ignore[attr-defined]
            await asyncio.sleep(0.05)


def test_a_store_whose_file_is_locked_refuses_until_it_is_free_though_nothing_is_added(in_sqlite: Place) -> None:
    async def go() -> None:
        tallies = Tallies()
        async with in_sqlite.opened(tallies=tallies) as store:
            assert await store.refuses() == ""
            mend = asyncio.Event()
            holding = asyncio.create_task(hold(in_sqlite.folder / FILE, mend))
            await asyncio.sleep(0)
            assert await store.refuses() == ""  # nobody has noticed
            assert (await refused(store))[0] == "slow"
            assert await store.refuses() == "slow"
            await asyncio.sleep(2 * PAUSE)
            assert await asyncio.gather(*(store.refuses() for _ in range(20))) == ["slow"] * 20
            mend.set()
            await holding
            await again(store)
            # What was tried counts as nothing that came in.
            assert tallies.child(REFUSED, "slow").value == 1
            assert await store.add([error()]) == ["new"]
        assert await store.refuses() == "unavailable"

    asyncio.run(go())


def test_a_folder_that_is_gone_is_noticed_and_made_again_by_who_asks(tmp_path: Path) -> None:
    place = Place(tmp_path / "state")

    async def go() -> None:
        async with place.opened() as store:
            await store.add([error()])
            shutil.rmtree(place.folder)
            place.folder.touch()  # a file in its place: it can't be made
            assert (await refused(store))[0] == "unavailable"
            await asyncio.sleep(2 * PAUSE)
            assert await store.refuses() == "unavailable"
            place.folder.unlink()
            await again(store)

    asyncio.run(go())


def test_one_who_asks_waits_no_longer_than_kubelet_for_a_disk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake for the disk, as no real one hangs on demand."""
    monkeypatch.setattr(commits, "PATIENCE", 0.05)
    monkeypatch.setattr(commits, "PAUSE", 0.0)

    async def go() -> None:
        end = asyncio.Event()
        written: list[int] = []

        async def write(entries: object, deadline: float) -> list[str]:
            if not written:
                written.append(0)
                raise Refusing("slow", 1.0)
            await end.wait()
            written.append(len(entries))  # type: ignore[arg-type]
            return ["seen"] * len(entries)  # type: ignore[arg-type]

        gathering = Commits(write, Tallies())  # type: ignore[arg-type]
        with pytest.raises(Refusing):
            await gathering.add([error()])
        async with asyncio.timeout(1):
            assert [await gathering.refuses() for _ in range(3)] == ["slow"] * 3
        crowd = [error() for _ in range(WAITING)]
        adding = asyncio.create_task(gathering.add(crowd))
        await asyncio.sleep(0)
        end.set()
        await adding
        assert await gathering.refuses() == ""
        assert sum(written) == 1 + WAITING
        await gathering.finish(1.0)

    asyncio.run(go())
