"""What is asked of a store is found, in pages, in order; the same in either store."""

import asyncio
from typing import Any

import pytest

from exporter.ingest.values import Origin
from exporter.store.rows import Act, Change, Wanted
from tests.store.place import NOW, Place, error, occasion

A, B, C = "a" * 32, "b" * 32, "c" * 32
BILLING = Origin("billing", "staging", "b@2")
ERRORS = [
    *(error("a", at=NOW - 7200 - n, user=f"{n:016x}", message=f"Order {n} failed") for n in range(5)),
    *(error("b", at=NOW - 90_000 - n, origin=BILLING, severity="low") for n in range(3)),
    error("c", at=NOW - 60, message="50%_off"),
]


def names(ids: list[str]) -> str:
    return "".join(id_[0] for id_ in ids)


WANTED: dict[str, tuple[dict[str, Any], str]] = {
    "all, the last seen first": ({}, "cab"),
    "the first seen first": ({"sort": "first_seen"}, "cab"),
    "the most frequent first": ({"sort": "count"}, "abc"),
    "the most users first": ({"sort": "users"}, "acb"),
    "of a service": ({"service": "billing"}, "b"),
    "of an environment": ({"environment": "staging"}, "b"),
    "of a release": ({"release": "shop@1"}, "ca"),
    "of a part of a release": ({"release": "shop@"}, ""),
    "of a severity": ({"severity": "low"}, "b"),
    "of a severity that is none": ({"severity": "worst"}, ""),
    "of a team": ({"team": "cad"}, "cab"),
    "of a type": ({"type": "KeyError"}, ""),
    "of nobody": ({"assignee": "ann"}, ""),
    "with a text in the title, whatever its case": ({"text": "vALUEERROR: A"}, "a"),
    "with a text that is no pattern": ({"text": "%"}, ""),
    "since": ({"since": NOW - 8000}, "ca"),
    "until": ({"until": NOW - 60}, "ab"),
    "new": ({"status": "new"}, "ca"),
    "resolved": ({"status": "resolved"}, ""),
    "of a status that is none": ({"status": "lost"}, ""),
}


@pytest.mark.parametrize("name", WANTED)
def test_groups_are_found(place: Place, name: str) -> None:
    wanted, expected = WANTED[name]

    async def go() -> tuple[str, int]:
        async with place.opened() as store:
            await store.add(ERRORS)
            page = await store.groups(Wanted(**wanted))
            return names([group.id for group in page.items]), page.total

    assert asyncio.run(go()) == (expected, len(expected))


@pytest.mark.parametrize("sort", ["", "first_seen", "count", "users"])
def test_pages_give_each_group_once_and_in_order(place: Place, sort: str) -> None:
    letters = "0123456789abcdef"

    async def go() -> list[str]:
        async with place.opened() as store:
            # Ties in each way to sort.
            await store.add([error(letter, at=NOW - n // 4) for n, letter in enumerate(letters * 2)])
            whole = [group.id for group in (await store.groups(Wanted(sort=sort))).items]
            found, cursor = [], ""
            while True:
                page = await store.groups(Wanted(sort=sort, limit=3, cursor=cursor))
                assert page.total == 16
                found += [group.id for group in page.items]
                cursor = page.next
                if not cursor:
                    assert found == whole
                    return found

    assert sorted(asyncio.run(go())) == [letter * 32 for letter in letters]


def test_a_text_in_messages_is_found_across_pages(place: Place) -> None:
    async def go() -> list[str]:
        async with place.opened() as store:
            await store.add([error(at=NOW - n, message=f"{'Ünder' if n % 9 == 0 else 'over'} {n}") for n in range(40)])
            found, cursor = [], ""
            while True:
                page = await store.occurrences(A, Wanted(text="ÜNDER", limit=2, cursor=cursor))
                found += [kept.message for kept in page.items]
                cursor = page.next
                if not cursor:
                    return found

    assert asyncio.run(go()) == [f"Ünder {n}" for n in range(0, 40, 9)]


def test_occurrences_are_found(place: Place) -> None:
    async def go() -> list[list[float]]:
        async with place.opened() as store:
            await store.add(ERRORS)
            await store.add([error(at=NOW - 30.5, origin=Origin("shop", "staging", "shop@2"))])
            asked = [
                Wanted(), Wanted(limit=2), Wanted(release="shop@2"), Wanted(environment="production", limit=1),
                Wanted(since=NOW - 7201), Wanted(until=NOW - 7203), Wanted(text="order 3"),
            ]  # fmt: skip
            return [[NOW - kept.at for kept in (await store.occurrences(A, one)).items] for one in asked]

    assert asyncio.run(go()) == [
        [30.5, 7200, 7201, 7202, 7203, 7204], [30.5, 7200], [30.5], [7200], [30.5, 7200, 7201], [7204], [7203],
    ]  # fmt: skip


def test_a_group_that_comes_much_more_often_than_before_is_spiking(place: Place) -> None:
    async def go() -> tuple[list[bool], str, dict[tuple[str, str], int]]:
        async with place.opened() as store:
            # a: 10 now and 48 before, five times the mean; b: one more before; c: only nine now.
            await store.add([error("a") for _ in range(10)] + [error("b") for _ in range(10)])
            await store.add([error(letter, at=NOW - 3600 * 5) for letter in "a" * 48 + "b" * 49])
            await store.add([error("c", origin=BILLING) for _ in range(9)])
            groups = [await store.group(letter * 32) for letter in "abc"]
            spiking = await store.groups(Wanted(status="spiking"))
            return [g.spiking for g in groups if g], names([g.id for g in spiking.items]), await store.statuses()

    assert asyncio.run(go()) == (
        [True, False, False],
        "a",
        {
            ("shop", "unresolved"): 2, ("shop", "new"): 2, ("shop", "spiking"): 1,
            ("billing", "unresolved"): 1, ("billing", "new"): 1,
        },
    )  # fmt: skip


def test_a_change_is_in_the_trail(place: Place) -> None:
    async def go() -> tuple[object, ...]:
        async with place.opened() as store:
            await store.add([error()])
            await store.change(A, Change(note="seen it"), "ann", NOW)
            await store.change(A, Change(status="ignored", ignored_until=NOW + 9, note="noise"), "ann", NOW + 1)
            last = await store.change(A, Change(assignee="bob"), "eve", NOW + 2)
            assigned = (await store.groups(Wanted(assignee="bob"))).total
            return (
                last.status,
                last.ignored_until,
                assigned,
                await store.acts(A),
                await store.change(B, Change(), "", 0),
            )

    trail = [
        Act(NOW + 2, "eve", "assigned", "bob"), Act(NOW + 1, "ann", "ignored", "noise"), Act(NOW, "ann", "noted", "seen it")
    ]  # fmt: skip
    assert asyncio.run(go()) == ("ignored", NOW + 9, 1, trail, None)


def test_occasions_are_found(place: Place) -> None:
    entries = [
        occasion("security", type="brute_force", severity="high", at=NOW - 1),
        occasion("business", type="order_placed", at=NOW - 2, detail={"message": "Order 7"}),
        occasion("deploy", at=NOW - 3),
    ]
    asked = {
        "all": {}, "kind": {"kind": "business"}, "type": {"type": "brute_force"}, "severity": {"severity": "high"},
        "text": {"text": "ORDER 7"}, "since": {"since": NOW - 2}, "until": {"until": NOW - 1}, "other": {"service": "x"},
        "page": {"limit": 1},
    }  # fmt: skip

    async def go() -> dict[str, str]:
        async with place.opened() as store:
            await store.add(entries)
            first = await store.occasions(Wanted(limit=1))
            found = {name: await store.occasions(Wanted(**wanted)) for name, wanted in asked.items()}
            found["following"] = await store.occasions(Wanted(cursor=first.next))
            return {name: "".join(one.kind[0] for one in page.items) for name, page in found.items()}

    assert asyncio.run(go()) == {
        "all": "sbd", "kind": "b", "type": "s", "severity": "s", "text": "b", "since": "sb", "until": "bd",
        "other": "", "page": "s", "following": "bd",
    }  # fmt: skip


@pytest.mark.parametrize("cursor", ["x", "é", "WzFd", "W10", "WyJrZXkiLDEsMV0", "WyJsYXN0X3NlZW4iLC0xLDFd", "A" * 5000])
def test_a_cursor_that_is_not_ours_is_a_value_error(place: Place, cursor: str) -> None:
    async def go() -> None:
        async with place.opened() as store:
            with pytest.raises(ValueError, match="cursor"):
                await store.groups(Wanted(cursor=cursor))

    asyncio.run(go())


def test_what_is_not_there_is_nothing(place: Place) -> None:
    async def go() -> list[object]:
        async with place.opened() as store:
            return [
                await store.group(C), await store.occurrence(C), (await store.occurrences(C, Wanted())).items,
                await store.hours(C, 0.0), await store.acts(C), await store.statuses(), (await store.alerts(Wanted())).items,
            ]  # fmt: skip

    assert asyncio.run(go()) == [None, None, [], [], [], {}, []]
