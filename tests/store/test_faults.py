"""SQLite's store refuses quickly while its disk fails, keeps what it has told, and recovers by itself."""

import asyncio
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from exporter.config.application import Retention
from exporter.ingest.ports import Refusing
from exporter.ingest.values import Origin
from exporter.store import commits, embedded, recorder
from exporter.store.commits import REFUSED, WRITE_DURATION
from exporter.store.rows import Wanted
from exporter.store.sqlite import FILE
from exporter.tally import Tallies
from tests.store import disks
from tests.store.disks import fill, lost, recovered, refused
from tests.store.place import Place, error, event, seen


def test_the_store_outlives_a_disk_that_is_full_low_on_space_read_only_or_failing(tmp_path: Path) -> None:
    disks.play(tmp_path, [*disks.SCENES])


def test_a_store_of_its_full_size_is_trimmed_and_takes_more(in_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "TICK", 0.1)

    async def go() -> None:
        tallies = Tallies()
        async with in_sqlite.opened(Retention(size=400_000, low_space=0.0), tallies) as store:
            told: list[str] = []
            assert (await fill(store, told)).reason == "full"
            work = asyncio.create_task(store.work(lambda: None))
            assert await recovered(store) < 5
            for _ in range(20):
                await asyncio.sleep(0.05)
                try:
                    await store.add([error("abc"[n % 3], detail=event(n)) for n in range(20)])
                except Refusing:
                    continue
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            assert await store.size() < 600_000
            gone = await lost(store, told)
            # The oldest went, and of their group it is still known how often it came.
            assert 0 < len(gone)
            assert gone == told[: len(gone)]
            assert sum(g.count for g in (await store.groups(Wanted())).items) >= len(told)
            assert tallies.child(REFUSED, "full").value >= 20

    asyncio.run(go())


async def hold(file: Path, mend: asyncio.Event) -> None:
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    await mend.wait()
    blocker.execute("ROLLBACK")
    blocker.close()


def test_a_file_that_another_locks_is_refused_until_it_is_free(in_sqlite: Place) -> None:
    async def go() -> None:
        async with in_sqlite.opened() as store:
            mine = error()
            await store.add([mine])
            mend = asyncio.Event()
            holding = asyncio.create_task(hold(in_sqlite.folder / FILE, mend))
            await asyncio.sleep(0)
            reason, took = await refused(store)
            assert (reason, took < 1) == ("slow", True)
            reason, took = await refused(store)
            assert (reason, took < 0.1) == ("slow", True)
            assert await store.occurrence(mine.id)  # who reads need not wait for who writes
            mend.set()
            await holding
            assert await recovered(store) < 5
            assert await lost(store, [mine.id]) == []

    asyncio.run(go())


def test_a_folder_that_is_deleted_is_made_again(in_sqlite: Place) -> None:
    place = Place(in_sqlite.folder / "state")

    async def go() -> None:
        async with place.opened() as store:
            await store.add([error("a")])
            shutil.rmtree(place.folder)
            assert await recovered(store) < 5
            assert [group.id[0] for group in (await store.groups(Wanted())).items] == ["f"]
            one = error("b")
            await store.add([one])
        async with place.opened() as store:  # and there it is after a restart
            assert await lost(store, [one.id]) == []

    asyncio.run(go())


def test_a_file_that_is_damaged_while_it_runs_is_set_aside(in_sqlite: Place) -> None:
    async def go() -> None:
        async with in_sqlite.opened() as store:
            for n in range(50):
                await store.add([error("abcdef"[n % 6], detail=event(n))])
            connection = sqlite3.connect(in_sqlite.folder / FILE)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            with (in_sqlite.folder / FILE).open("r+b") as file:
                file.seek(8192)
                file.write(bytes(range(256)) * 1_000)
            assert await recovered(store) < 5
            assert (in_sqlite.folder / FILE).with_suffix(".corrupt").exists()

    asyncio.run(go())


def hanging(monkeypatch: pytest.MonkeyPatch, end: threading.Event, at: str) -> None:
    """A fake for the disk, as no real one hangs on demand: SQLite waits at its statement `at`."""

    class Slow(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:  # type: ignore[override]
            if sql.startswith(at):
                end.wait(20)
            return super().execute(sql, *args)  # type: ignore[arg-type]

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, factory=Slow))


@pytest.mark.parametrize("at", ["BEGIN IMMEDIATE", "SELECT key, id, service"])
def test_a_disk_that_hangs_holds_nobody_up_and_keeps_nothing_that_was_refused(
    in_sqlite: Place, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(commits, "DEADLINE", 0.3)
    end = threading.Event()

    async def go() -> None:
        async with in_sqlite.opened() as store:
            end.set()
            mine, theirs = error(), error()
            await store.add([mine])
            end.clear()
            reason, took = await refused(store, theirs)
            assert (reason, took < 0.6) == ("slow", True)
            for _ in range(3):
                reason, took = await refused(store)
                assert (reason, took < 0.1) == ("slow", True)
            await asyncio.sleep(commits.PAUSE)  # also when it would try again
            reason, took = await refused(store)
            assert (reason, took < 0.1) == ("slow", True)
            assert await store.occurrence(mine.id)
            end.set()
            assert await recovered(store) < 5
            assert await lost(store, [mine.id, theirs.id]) == [theirs.id]

    hanging(monkeypatch, end, at)
    try:
        asyncio.run(go())
    finally:
        end.set()


def test_what_waits_is_bounded(in_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "WAITING", 100)

    async def go() -> tuple[int, int]:
        tallies = Tallies()
        async with in_sqlite.opened(tallies=tallies) as store:
            told = await asyncio.gather(
                *(store.add([seen() for _ in range(10)]) for _ in range(50)), return_exceptions=True
            )
            taken = [one for one in told if not isinstance(one, Refusing)]
            assert tallies.child(REFUSED, "slow").value == 10 * (50 - len(taken))
            return len(taken), sum(tallies.child(WRITE_DURATION).cells or ())

    taken, transactions = asyncio.run(go())
    assert 10 <= taken < 50
    assert transactions <= 2  # many callers, one transaction


def test_an_entry_that_is_our_fault_harms_nobody_else(in_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = embedded.Statements.many

    async def failing(self: embedded.Statements, sql: str, rows: list[tuple[object, ...]]) -> None:
        if any(b"poison" in map(bytes, filter(lambda v: isinstance(v, bytes), row)) or "poison" in row for row in rows):
            raise ZeroDivisionError
        await whole(self, sql, rows)

    monkeypatch.setattr(embedded.Statements, "many", failing)

    async def go() -> list[object]:
        async with in_sqlite.opened() as store:
            bad = error("b", origin=Origin("shop", "", "poison"))
            return await asyncio.gather(*(store.add([one]) for one in (error(), bad, error())), return_exceptions=True)

    first, poisoned, last = asyncio.run(go())
    assert (first, type(poisoned), last) == (["new"], ZeroDivisionError, ["occurrence"])


def test_a_damaged_sample_is_replaced_and_hides_no_more_than_what_it_made(in_sqlite: Place) -> None:
    first, second = error(detail=event(1)), error(detail=event(2))

    async def go() -> None:
        async with in_sqlite.opened() as store:
            await store.add([first])
        connection = sqlite3.connect(in_sqlite.folder / FILE)
        connection.execute("UPDATE stack_samples SET body = zeroblob(99)")
        connection.commit()
        connection.close()
        async with in_sqlite.opened() as store:
            assert await store.add([second]) == ["occurrence"]
            kept = {one.id: one.message for one in (await store.occurrences("a" * 32, Wanted())).items}
            assert kept == {second.id: "boom", first.id: "(damaged)"}
            assert (await store.occurrence(second.id)).detail == event(2)

    asyncio.run(go())
