"""How long unresolved errors have been there."""

import asyncio
from functools import partial

from exporter.store import ages
from exporter.store.recorder import Recorder
from exporter.store.rows import Change
from exporter.store.series import OLDEST, Series
from exporter.tally import Tallies
from tests.store.place import NOW, Place, error

CAD = ("shop", "high", "cad")


def test_an_error_ages_from_when_it_was_first_seen_or_came_back(place: Place) -> None:
    clock = [NOW]
    found = []

    async def go() -> None:
        async with place.opened(clock=lambda: clock[0]) as store:

            async def at(later: float, change: Change | None = None) -> None:
                clock[0] = NOW + later
                if change is not None:
                    await store.change("a" * 32, change, "ann", clock[0])
                found.append(await _oldest(store, clock[0]))

            await store.add(
                [error("a", at=NOW - 100), error("b", at=NOW - 50, severity="medium"), error("c", severity="low")]
            )
            await at(0)
            await at(10, Change(status="ignored", ignored_until=NOW + 500))
            await at(501)
            await store.sweep(NOW + 501)
            await at(502, Change(assignee="ann", status="unresolved"))
            await at(600, Change(status="resolved"))
            clock[0] = NOW + 700
            await store.add([error("a", at=NOW + 699)])
            await at(710, Change(assignee="bob"))
            await store.change("b" * 32, Change(status="resolved"), "ann", clock[0])
            await at(720)
            await store.change("c" * 32, Change(status="resolved"), "ann", clock[0])
            await at(800, Change(status="resolved"))
            await at(810, Change(status="unresolved"))
            await at(820, Change(status="unresolved", note="nothing changes"))

    asyncio.run(go())
    medium, low = ("shop", "medium", "cad"), ("shop", "low", "cad")
    assert found == [
        {CAD: 100, medium: 50, low: 0},
        {medium: 60, low: 10},
        {CAD: 1, medium: 551, low: 501},
        {CAD: 1, medium: 552, low: 502},
        {medium: 650, low: 600},
        {CAD: 10, medium: 760, low: 710},
        {CAD: 20, low: 720},
        {},
        {CAD: 0},
        {CAD: 10},
    ]


def test_an_error_that_a_clock_dates_ahead_is_of_now(place: Place) -> None:
    async def go() -> dict[ages.Owned, float]:
        async with place.opened() as store:
            await store.add([error("a", at=NOW + 90)])
            return await _oldest(store, NOW)

    assert asyncio.run(go()) == {CAD: 0}


def test_an_age_is_shown_while_there_is_one() -> None:
    tallies = Tallies()
    series = Series(tallies)
    shown = []
    for each in ({CAD: 5.0, ("shop", "low", ""): 7.0}, {CAD: 20.0}, {}):
        series.oldest(each)
        shown.append({labels: child.value for labels, child in tallies.families[OLDEST].children.items()})
    assert shown == [{CAD: 5.0, ("shop", "low", ""): 7.0}, {CAD: 20.0}, {}]


async def _oldest(store: Recorder, now: float) -> dict[ages.Owned, float]:
    return {labels: round(age, 3) for labels, age in (await store._read(partial(ages.oldest, now=now))).items()}
