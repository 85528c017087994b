"""Of the groups in a store those that somebody should see: unresolved ones, of security, the gravest first; the same in either store."""

import asyncio

from msgspec import structs

from exporter.store.rows import Change, Wanted
from tests.store.place import NOW, Place, error

NOTABLE = ("new", "regressed", "spiking")


def names(ids: list[str]) -> str:
    return "".join(id_[0] for id_ in ids)


def test_only_what_is_unresolved_is_new_regressed_or_spiking(place: Place) -> None:
    async def go() -> list[object]:
        async with place.opened() as store:
            await store.add([error(letter) for letter in "abc" for _ in range(12)])
            await store.change("b" * 32, Change(status="resolved"), "ann", NOW)
            await store.add([error("b")])
            before = await store.statuses()
            for letter, status in (("a", "resolved"), ("b", "ignored")):
                await store.change(letter * 32, Change(status=status), "ann", NOW)
            listed = [names([g.id for g in (await store.groups(Wanted(status=each))).items]) for each in NOTABLE]
            groups = [await store.group(letter * 32) for letter in "abc"]
            return [before, await store.statuses(), listed, [(g.new, g.regressed, g.spiking) for g in groups if g]]

    assert asyncio.run(go()) == [
        {("shop", "unresolved"): 3, ("shop", "new"): 3, ("shop", "regressed"): 1, ("shop", "spiking"): 3},
        {
            ("shop", "unresolved"): 1, ("shop", "resolved"): 1, ("shop", "ignored"): 1, ("shop", "new"): 1, ("shop", "spiking"): 1,
        },
        ["c", "", "c"],
        [(False, False, False), (False, False, False), (True, False, True)],
    ]  # fmt: skip


def test_groups_of_security_are_told_from_others(place: Place) -> None:
    async def go() -> list[str]:
        async with place.opened() as store:
            plain = error("a")
            secure = error("b")
            assert secure.grouped is not None
            await store.add([plain, structs.replace(secure, grouped=structs.replace(secure.grouped, security=True))])
            asked = [Wanted(security=wanted) for wanted in (None, True, False)]
            return [names([g.id for g in (await store.groups(one)).items]) for one in asked]

    assert asyncio.run(go()) == ["ba", "b", "a"]


def test_the_gravest_unresolved_groups_come_first_with_their_latest_occurrence_and_hours(place: Place) -> None:
    async def go() -> list[object]:
        async with place.opened() as store:
            for letter, severity, ago in (
                ("a", "low", 0),
                ("b", "critical", 90),
                ("c", "critical", 5),
                ("d", "high", 1),
            ):
                await store.add(
                    [error(letter, severity=severity, at=NOW - ago - n, message=f"{letter}{n}") for n in (0, 7200)]
                )
            await store.change("c" * 32, Change(status="resolved"), "ann", NOW)
            found = await store.foremost(NOW - 3600, 2)
            none = await store.foremost(NOW - 3600, 0)
            return [
                [(one.group.id[0], one.latest and one.latest.message, [n for _, n in one.hours]) for one in found.items],
                found.severities, found.items[0].latest == await store.occurrence(found.items[0].latest.id), none.items,
            ]  # fmt: skip

    assert asyncio.run(go()) == [
        [("b", "b0", [1]), ("d", "d0", [1])], {"critical": 1, "high": 1, "low": 1}, True, [],
    ]  # fmt: skip
