"""What is older or more than is kept goes, and nothing else; the same in either store."""

import asyncio
import os
import time

from exporter.config.application import Retention
from exporter.ingest.ports import Refusing
from exporter.store.group import DAY
from exporter.store.recorder import Recorder
from exporter.store.rows import Change, Wanted
from exporter.store.sampling import Samples
from exporter.store.series import SWEPT
from exporter.store.sqlite import Store
from exporter.tally import Tallies
from tests.store.place import NOW, Place, error, event, occasion, seen
from tests.store.test_alerts import alert

A, B = "a" * 32, "b" * 32
KEPT = Retention(errors=10 * DAY, events=5 * DAY, alerts=2 * DAY, low_space=0.0)


async def rows(store: Recorder) -> dict[str, int]:
    """How many each table has."""
    tables = ("groups", "occurrences", "samples", "users", "hours", "occasions", "alerts", "acts", "seen")

    async def counts(tx):
        return {name: (await tx.rows(f"SELECT count(*) FROM stack_{name}"))[0][0] for name in tables}

    return await store._open().read(counts)


def test_what_is_too_old_goes_with_all_that_hangs_on_it(place: Place) -> None:
    async def go() -> tuple[dict[str, int], int, dict[str, int], list[float]]:
        tallies = Tallies()
        async with place.opened(tallies=tallies) as store:
            await store.add([error("a", at=NOW - n * DAY, user=f"{n:016x}") for n in range(5, 15)])
            await store.add([error("b", at=NOW - n * DAY, user=f"{n:016x}") for n in range(11, 15)])
            await store.change(B, Change(status="resolved"), "ann", NOW)
            await store.add([occasion(at=NOW - n * DAY) for n in range(3, 8)])
            store.use(KEPT)
            await store.add([seen()])
            await store.alerted(alert("a", at=NOW - 9 * DAY, resolved_at=NOW - 1 * DAY))
            await store.alerted(alert("b", at=NOW - 9 * DAY, resolved_at=NOW - 3 * DAY))
            await store.alerted(alert("c", at=NOW - 9 * DAY))
            await store.mark("b" * 32, "ann", NOW, resolved=False, false_alarm=True, note="")
            before = await rows(store)
            gone = await store.sweep(NOW)
            assert tallies.child(SWEPT).value == gone
            assert await store.sweep(NOW) == 0
            kept = (await store.occurrences(A, Wanted())).items
            assert [one.message for one in kept] == ["boom"] * 6
            return before, gone, await rows(store), [at for at, _ in await store.hours(A, 0.0)]

    before, gone, after, hours = asyncio.run(go())
    assert before == {
        "groups": 2, "occurrences": 14, "samples": 2, "users": 14, "hours": 14, "occasions": 5, "alerts": 3, "acts": 2,
        "seen": 1,
    }  # fmt: skip
    # Users are of the group and stay with it.
    assert after == {
        "groups": 1, "occurrences": 6, "samples": 1, "users": 10, "hours": 6, "occasions": 3, "alerts": 2, "acts": 0,
        "seen": 1,
    }  # fmt: skip
    assert gone >= 8 + 1 + 2 + 1
    assert hours == [NOW - 1800 - n * DAY for n in range(10, 4, -1)]


def test_what_comes_too_old_to_be_kept_is_dated_now_and_outlives_the_sweep(place: Place) -> None:
    async def go() -> tuple[list[float], list[tuple[float, int]], list[float], dict[str, int]]:
        async with place.opened(KEPT) as store:
            times = (NOW - 9 * DAY, NOW - 11 * DAY, 0.0, -1.0, float("nan"))
            assert await store.add([error("a", at=at) for at in times]) == ["new"] + ["occurrence"] * 4
            assert await store.add([occasion(at=NOW - days * DAY) for days in (4, 6, 400)]) == ["seen"] * 3
            assert await store.sweep(NOW) == 0
            kept = [one.at for one in (await store.occurrences(A, Wanted())).items]
            noted = [one.at for one in (await store.occasions(Wanted())).items]
            return kept, await store.hours(A, 0.0), noted, await rows(store)

    kept, hours, noted, left = asyncio.run(go())
    assert kept == [NOW, NOW, NOW, NOW, NOW - 9 * DAY]
    assert hours == [(NOW - 1800 - 9 * DAY, 1), (NOW - 1800, 4)]
    assert noted == [NOW, NOW, NOW - 4 * DAY]
    assert (left["occurrences"], left["occasions"]) == (5, 3)


def test_a_sample_goes_when_nothing_needs_it_and_what_needs_one_is_readable(place: Place) -> None:
    times = [0.0]

    async def go() -> list[int]:
        found = []
        async with place.opened(KEPT, clock=lambda: NOW + times[0]) as store:
            ids = []
            for day in range(0, 40, 4):
                times[0] = day * DAY
                one = error(at=NOW + times[0], detail=event(day))
                ids.append((day, one.id))
                await store.add([one])
                await store.sweep(NOW + times[0])
                found.append((await rows(store))["samples"])
                store._read_samples = Samples()  # what it read before must not hide what has gone
                for then, id_ in ids:
                    kept = await store.occurrence(id_)
                    assert (kept is not None) == (day - then <= 10)
                    assert kept is None or kept.detail == event(then)
        return found

    assert max(asyncio.run(go())) <= 4


def test_an_empty_store_is_swept(place: Place) -> None:
    async def go() -> int:
        async with place.opened(KEPT) as store:
            return await store.sweep(NOW)

    assert asyncio.run(go()) == 0


def test_occasions_go_when_no_occurrence_is_left_and_groups_last(in_sqlite: Place) -> None:
    async def go() -> dict[str, int]:
        async with in_sqlite.opened(Retention(size=1_500_000, low_space=0.0)) as store:
            await store.add([error(letter, detail=event(n)) for n, letter in enumerate("abcdef" * 20)])
            for _ in range(200):
                try:
                    await store.add([occasion(detail=event(n)) for n in range(20)])
                except Refusing:
                    break
            await store.sweep(NOW)
            return await rows(store)

    left = asyncio.run(go())
    assert (left["occurrences"], left["groups"]) == (0, 6)
    assert left["occasions"] > 0


def test_space_that_is_free_is_given_back(in_sqlite: Place) -> None:
    async def go() -> tuple[int, int]:
        async with in_sqlite.opened(KEPT) as store:
            for _ in range(5):
                details = [{"text": os.urandom(40_000).hex()} for _ in range(20)]
                await store.add([occasion(detail=detail) for detail in details])
            full = await store.size()
            began = time.monotonic()
            await store.sweep(NOW + 9 * DAY)
            assert time.monotonic() - began < 4.0  # by one page a step it takes six
            return full, await store.size()

    full, after = asyncio.run(go())
    assert full > 3_000_000
    assert after < full - 1_000_000


def test_in_memory_a_store_has_a_size_too(monkeypatch) -> None:
    monkeypatch.setattr("exporter.store.embedded.IN_MEMORY", 500_000)

    async def go() -> tuple[str, int]:
        store = Store(None)
        store.open()
        recorder = Recorder(None, Retention(), Tallies(), lambda: NOW)
        await recorder.open(store)
        reason = ""
        while not reason:
            try:
                await recorder.add([error("abc"[n % 3], detail=event(n)) for n in range(100)])
            except Refusing as refusing:
                reason = refusing.reason
        await recorder.sweep(NOW)
        size = await recorder.size()
        assert (await recorder.groups(Wanted())).total == 3
        await recorder.close()
        store.close()
        return reason, size

    reason, size = asyncio.run(go())
    assert (reason, size < 550_000) == ("full", True)
