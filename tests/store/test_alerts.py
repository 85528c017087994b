"""Alerts are kept as Alertmanager tells of them, with what people say of them; the same in either store."""

import asyncio
from typing import Any

import msgspec

from exporter.store.rows import Act, Alert, Wanted
from tests.store.place import NOW, Place


def alert(letter: str = "a", *, at: float = NOW, **fields: Any) -> Alert:
    told = {
        "id": letter * 32, "fingerprint": letter * 16, "name": "DatabaseDown", "severity": "critical", "team": "cad",
        "labels": {"alertname": "DatabaseDown", "service": "shop", "environment": "production"},
        "annotations": {"summary": "db is down"}, "starts_at": at - 30.0, "received_at": at,
        "receiver": "pagers", "generator_url": "http://prometheus/graph",
    }  # fmt: skip
    return Alert(**(told | fields))


def test_an_alert_is_news_when_it_begins_and_when_it_ends_and_not_between(place: Place) -> None:
    begun = alert()
    again = alert(at=NOW + 60, starts_at=begun.starts_at, annotations={"summary": "still down"})
    ended = alert(at=NOW + 90, starts_at=begun.starts_at, annotations={"summary": "up"}, resolved_at=NOW + 80)

    async def go() -> list[tuple[Alert, bool]]:
        async with place.opened() as store:
            return [await store.alerted(one) for one in (begun, again, ended, ended)]

    change = msgspec.structs.replace
    second = change(begun, annotations={"summary": "still down"}, notifications=2)
    third = change(
        begun, annotations={"summary": "up"}, notifications=3, resolved_at=NOW + 80, resolved_by="alertmanager"
    )  # fmt: skip
    assert asyncio.run(go()) == [
        (begun, True),
        (second, False),
        (third, True),
        (change(third, notifications=4), False),
    ]


def test_who_marks_an_alert_is_in_the_trail(place: Place) -> None:
    async def go() -> tuple[object, ...]:
        async with place.opened() as store:
            await store.alerted(alert())
            one = await store.mark("a" * 32, "ann", NOW + 5, resolved=True, false_alarm=True, note="a test")
            told = await store.alerted(alert(resolved_at=NOW + 9))
            last = await store.mark("a" * 32, "bob", NOW + 10, resolved=True, false_alarm=False, note="")
            none = await store.mark("b" * 32, "bob", NOW, resolved=True, false_alarm=None, note="")
            return one, told[1], last, none, await store.acts("a" * 32)

    one, news, last, none, acts = asyncio.run(go())
    marked = alert(resolved_at=NOW + 5, resolved_by="ann", false_alarm=True, note="a test")
    assert one == marked
    assert news is False
    assert last == msgspec.structs.replace(marked, false_alarm=False, notifications=2)
    assert none is None
    assert acts == [
        Act(NOW + 10, "bob", "confirmed"), Act(NOW + 5, "ann", "false_alarm", "a test"),
        Act(NOW + 5, "ann", "resolved", "a test"),
    ]  # fmt: skip


def test_alerts_are_found(place: Place) -> None:
    alerts = [
        alert("a", at=NOW - 3),
        alert("b", at=NOW - 2, name="DiskFull", severity="warning", team="ops", labels={"service": "billing"}),
        alert("c", at=NOW - 1, resolved_at=NOW, annotations={"description": "Élan"}),
    ]
    asked: dict[str, dict[str, Any]] = {
        "all": {}, "firing": {"status": "firing"}, "resolved": {"status": "resolved"}, "none": {"status": "lost"},
        "severity": {"severity": "warning"}, "team": {"team": "ops"}, "name": {"name": "DiskFull"},
        "service": {"service": "shop"}, "environment": {"environment": "production"}, "text": {"text": "ÉLAN"},
        "since": {"since": NOW - 2}, "until": {"until": NOW - 2}, "page": {"limit": 2},
    }  # fmt: skip

    async def go() -> dict[str, str]:
        async with place.opened() as store:
            for one in alerts:
                await store.alerted(one)
            first = await store.alerts(Wanted(limit=2))
            found = {name: await store.alerts(Wanted(**wanted)) for name, wanted in asked.items()}
            found["following"] = await store.alerts(Wanted(cursor=first.next))
            assert {page.total for name, page in found.items() if name in ("all", "page", "following")} == {3}
            return {name: "".join(one.id[0] for one in page.items) for name, page in found.items()}

    assert asyncio.run(go()) == {
        "all": "cba", "firing": "ba", "resolved": "c", "none": "", "severity": "b", "team": "b", "name": "b",
        "service": "ca", "environment": "ca", "text": "c", "since": "cb", "until": "a", "page": "cb", "following": "a",
    }  # fmt: skip


def test_the_same_alert_told_at_once_is_news_once(place: Place) -> None:
    async def go() -> tuple[int, int]:
        async with place.opened() as store:
            told = await asyncio.gather(*(store.alerted(alert()) for _ in range(10)))
            (one,) = (await store.alerts(Wanted())).items
            return sum(news for _, news in told), one.notifications

    assert asyncio.run(go()) == (1, 10)
