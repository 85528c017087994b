"""Each id is kept once, each occurrence counts in its group, in either store."""

import asyncio

import pytest

from exporter.ingest.ports import Entry
from exporter.ingest.values import Origin, Raised
from exporter.store.rows import Change, Group, Kept, Noted, Wanted
from tests.store.place import NOW, Place, error, event, fresh, occasion, seen

A = "a" * 32


def test_an_error_is_kept_whole_and_makes_its_group(place: Place) -> None:
    one = error(
        at=NOW - 5.25, level="fatal", transaction="/pay", user="0123456789abcdef", trace_id="t" * 32,
        detail={"é": [1, 2.5, None, "\U0001f600"], "tags": {"x": "y"}},
    )  # fmt: skip

    async def go() -> tuple[object, ...]:
        async with place.opened() as store:
            outcomes = await store.add([one])
            lists = await store.occurrences(A, Wanted())
            return outcomes, await store.group(A), lists, await store.occurrence(one.id), await store.hours(A, 0.0)

    outcomes, group, lists, kept, hours = asyncio.run(go())
    assert outcomes == ["new"]
    assert group == Group(
        id=A, service="shop", title="ValueError: a", culprit="pay in shop.pay", type="ValueError", code="E1",
        severity="high", security=False, team="cad", status="unresolved", first_seen=NOW - 5.25,
        last_seen=NOW - 5.25, count=1, users=1, releases=("shop@1",), environments=("production",), new=True,
    )  # fmt: skip
    bare = Kept(
        one.id, A, NOW - 5.25, "fatal", "shop@1", "production", "/pay", "0123456789abcdef", "t" * 32, "boom"
    )  # fmt: skip
    assert (lists.items, lists.total, lists.next) == ([bare], 1, "")
    assert kept == Kept(*(getattr(bare, f) for f in bare.__struct_fields__[:-1]), one.occurrence.detail)
    assert hours == [(NOW - 1800.0, 1)]


def test_an_id_counts_once_in_one_call_in_the_next_and_after_a_restart(place: Place) -> None:
    id_ = fresh()
    noted, measured = occasion(), seen()

    async def go() -> list[object]:
        found: list[object] = []
        async with place.opened() as store:
            found.append(await store.add([error(id=id_), error(id=id_), noted, measured, measured]))
            found.append(await store.add([error("b", id=id_), noted, error()]))
        async with place.opened() as store:
            found.append(await store.add([error(id=id_), noted, measured, Entry(id_, NOW)]))
            found.append((await store.group(A)).count)
            found.append(await store.group("b" * 32))
        return found

    assert asyncio.run(go()) == [
        ["new", "duplicate", "seen", "seen", "duplicate"],
        ["duplicate", "duplicate", "occurrence"],
        ["duplicate"] * 4,
        2,
        None,
    ]


def test_what_is_only_measured_is_known_for_a_day(place: Place) -> None:
    one, times = seen(), [0.0]

    async def go() -> list[object]:
        found: list[object] = []
        async with place.opened(clock=lambda: NOW + times[0]) as store:
            for hours in (0, 8, 16, 23.9, 33):
                times[0] = hours * 3600.0
                await store.sweep(NOW + times[0])
                found += await store.add([one])
        return found

    assert asyncio.run(go()) == ["seen", "duplicate", "duplicate", "duplicate", "seen"]


def test_a_group_counts_users_releases_environments_and_hours(place: Place) -> None:
    def one(n: int) -> Entry:
        origin = Origin("shop", "staging" if n % 2 else "production", f"r{n}")
        return error(at=NOW - n * 3600, origin=origin, user=f"{n % 7:016x}")

    async def go() -> tuple[Group | None, object]:
        async with place.opened() as store:
            await store.add([one(n) for n in range(25)])
            await store.add([one(n) for n in range(3)])
            return await store.group(A), await store.hours(A, NOW - 3 * 3600)

    group, hours = asyncio.run(go())
    assert group is not None
    assert (group.count, group.users, group.environments) == (28, 7, ("production", "staging"))
    # Of the 20 that it remembers the first had made way, so they come again.
    assert group.releases == (*(f"r{n}" for n in range(8, 25)), "r0", "r1", "r2")
    assert (group.first_seen, group.last_seen) == (NOW - 24 * 3600, NOW)
    assert hours == [(NOW - 1800.0 - n * 3600, count) for n, count in ((3, 1), (2, 2), (1, 2), (0, 2))]


def test_users_are_counted_to_a_thousand(place: Place) -> None:
    async def go() -> int:
        async with place.opened() as store:
            for part in range(3):
                await store.add([error(user=f"{part * 400 + n:016x}") for n in range(400)])
            return (await store.group(A)).users

    assert asyncio.run(go()) == 1_000


def test_what_was_resolved_and_comes_back_has_regressed(place: Place) -> None:
    async def go() -> list[object]:
        found: list[object] = []
        async with place.opened() as store:
            await store.add([error()])
            found.append((await store.change(A, Change(status="resolved"), "ann", NOW)).status)
            found.append(await store.add([error(), error()]))
            back = await store.group(A)
            found.append((back.status, back.regressed, back.count))
            found.append([(act.actor, act.action) for act in await store.acts(A)])
            touched = await store.change(A, Change(assignee="bob"), "ann", NOW + 1)
            found.append((touched.status, touched.regressed, touched.assignee))
        return found

    assert asyncio.run(go()) == [
        "resolved",
        ["regressed", "occurrence"],
        ("unresolved", True, 3),
        [("stack-exporter", "regressed"), ("ann", "resolved")],
        ("unresolved", False, "bob"),
    ]


def test_what_is_ignored_stays_so_until_its_time(place: Place) -> None:
    times = [0.0]

    async def go() -> list[object]:
        found: list[object] = []
        async with place.opened(clock=lambda: NOW + times[0]) as store:
            await store.add([error(), error("b")])
            await store.change(A, Change(status="ignored", ignored_until=NOW + 60), "ann", NOW)
            await store.change("b" * 32, Change(status="ignored"), "ann", NOW)
            found.append(await store.add([error(), error("b")]))
            found.append(await store.statuses())
            times[0] = 61.0
            group = await store.group(A)
            found.append((group.status, group.ignored_until))
            found.append((await store.groups(Wanted(status="unresolved"))).total)
            found.append(await store.add([error(), error("b")]))
            found.append([act.action for act in await store.acts(A)])
            found.append((await store.group("b" * 32)).status)
        return found

    assert asyncio.run(go()) == [
        ["occurrence", "occurrence"],
        {("shop", "ignored"): 2},
        ("unresolved", None),
        1,
        ["occurrence", "occurrence"],
        ["expired", "ignored"],
        "ignored",
    ]


def test_an_occasion_is_kept_whole(place: Place) -> None:
    one = occasion(type="brute_force", severity="high", user="0123456789abcdef", detail={"attempts": 20})

    async def go() -> object:
        async with place.opened() as store:
            await store.add([one])
            return (await store.occasions(Wanted())).items

    assert asyncio.run(go()) == [
        Noted(
            one.id, NOW, "security", "brute_force", "high", "shop", "production", "shop@1", "0123456789abcdef",
            {"attempts": 20},
        )
    ]  # fmt: skip


HOSTILE = {
    "a NUL": {"message": "a\x00b", "transaction": "\x00"},
    "a lone surrogate": {"message": "\ud800", "detail": {"\ud800": ["\udfff"]}},
    "numbers that no database holds": {"detail": {"n": 10**400, "i": float("inf"), "x": float("nan")}},
    "deep": {"detail": {"a": [[[[[[[[[[[[]]]]]]]]]]]]}},
    "texts of a MiB": {"message": "x" * 2**20, "transaction": "y" * 2**20, "user": "z" * 2**20},
    "another form of user": {"user": "nobody's hash"},
    "a raised one": {"message": "", "raised": (Raised("KeyError", "'x'"),)},
    "a time of no clock": {"at": float("nan")},
    "a time long past": {"at": -1e300},
    "an id of another form": {"id": "not hexadecimal " * 2},
    "a short id": {"id": "ab"},
    "a release of a MiB": {"origin": Origin("s" * 2**20, "e\x00" * 2**19, "\ud800" * 2**20)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_comes_is_kept(place: Place, name: str) -> None:
    one = error(**HOSTILE[name])

    async def go() -> tuple[object, ...]:
        async with place.opened() as store:
            outcomes = await store.add([one, error()])
            kept = await store.occurrence(one.id)
            return outcomes, await store.add([one]), kept is not None, (await store.occurrences(A, Wanted())).total

    assert asyncio.run(go()) == (["new", "occurrence"], ["duplicate"], True, 2)


def test_an_event_of_ten_kilobytes_takes_at_most_one_and_a_half_with_all_indexes(place: Place) -> None:
    async def go() -> float:
        async with place.opened() as store:
            empty = await store.size()
            for part in range(2):
                entries = [error("0123456789abcdef"[n % 16], detail=event(n * 2 + part)) for n in range(400)]
                await store.add(entries)
            kept = await store.occurrence(entries[7].id)
            assert kept is not None
            assert kept.detail == event(7 * 2 + 1)
            return (await store.size() - empty) / 800

    assert asyncio.run(go()) < 1_500


def test_a_group_has_the_trace_of_the_last_that_had_one(place: Place) -> None:
    async def go() -> list[str]:
        found = []
        async with place.opened() as store:
            for trace_id in ("AB" * 16, "", "0" * 32, "x" * 32, "cd" * 15, "ef" * 16):
                await store.add([error(trace_id=trace_id)])
                found.append((await store.groups(Wanted())).items[0].trace_id)
        return found

    assert asyncio.run(go()) == ["ab" * 16] * 5 + ["ef" * 16]
