"""What the store says of itself."""

import asyncio

from exporter.config.application import Retention
from exporter.store import recorder as recording
from exporter.store.commits import REFUSED, WRITE_DURATION
from exporter.store.rows import Change
from exporter.store.series import GROUPS, NOTABLE, SIZE, Series
from exporter.tally import Tallies
from tests.store.place import NOW, Place, error


def shown(tallies: Tallies) -> dict[tuple[str, ...], float]:
    found = [tallies.families[name] for name in (GROUPS, NOTABLE) if name in tallies.families]
    return {labels: child.value for family in found for labels, child in family.children.items()}


def test_a_group_has_one_status_and_is_notable_beside_it() -> None:
    tallies = Tallies()
    series = Series(tallies)
    series.groups({("shop", "unresolved"): 2, ("shop", "new"): 1, ("shop", "resolved"): 1, ("shop", "spiking"): 1})
    series.groups({("shop", "unresolved"): 2, ("shop", "new"): 2})
    made = {
        name: {labels[1]: c.value for labels, c in tallies.families[name].children.items()}
        for name in (GROUPS, NOTABLE)
    }
    assert made == {GROUPS: {"unresolved": 2, "resolved": 0}, NOTABLE: {"new": 2, "spiking": 0}}


def test_groups_and_size_are_shown_as_they_change_and_go(place: Place, monkeypatch) -> None:
    monkeypatch.setattr(recording, "GAUGES", 0.0)
    monkeypatch.setattr(recording, "SWEEP", 0.0)
    monkeypatch.setattr(recording, "TICK", 0.02)
    tallies, times, beats = Tallies(), [0.0], []

    async def go() -> None:
        async def until(expected: dict[tuple[str, ...], float]) -> None:
            for _ in range(200):
                if shown(tallies) == expected:
                    return
                await asyncio.sleep(0.02)
            assert shown(tallies) == expected

        async with place.opened(Retention(errors=86_400.0, low_space=0.0), tallies, lambda: NOW + times[0]) as store:
            work = asyncio.create_task(store.work(lambda: beats.append(1)))
            await store.add([error("a"), error("b")])
            await until({("shop", "unresolved"): 2, ("shop", "new"): 2})
            await store.change("a" * 32, Change(status="resolved"), "ann", NOW)
            await store.change("b" * 32, Change(status="resolved"), "ann", NOW)
            await until({("shop", "unresolved"): 0, ("shop", "new"): 0, ("shop", "resolved"): 2})
            assert tallies.child(SIZE).value == await store.size() > 0
            assert sum(tallies.child(WRITE_DURATION).cells or ()) == 1
            times[0] = 2 * 86_400.0
            await until({})
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    asyncio.run(go())
    assert len(beats) > 3
    assert {labels: child.value for labels, child in tallies.families[REFUSED].children.items()} == {
        ("full",): 0, ("slow",): 0, ("unavailable",): 0,
    }  # fmt: skip
