"""What intake takes over from the store when the daemon starts."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.config import Config, load
from exporter.config.application import Retention
from exporter.ingest.group_known import A_SERVICE
from exporter.ingest.ports import Entry, Grouped, Refusing
from exporter.ingest.measure_names import DEPLOYED_AT, DEPLOYS, ERRORS, RELEASE, REQUESTS, SERVICE_INFO
from exporter.ingest.values import Batch, CheckIn, Occasion, Occurrence, Origin, Raised, Request
from exporter.metric import Metric
from exporter.forward.forwarding import Forwarding
from exporter.receive import UNHEARD, Heard, Receiving
from exporter.store.recorder import Recorder
from exporter.store.rows import Wanted
from exporter.store.sqlite import Store
from exporter.supervise import Tasks
from exporter.tally import Tallies
from exporter.thresholds import RATIO


LETTERS = str.maketrans("0123456789", "abcdefghij")  # numbers make no other group


def error(number: int) -> Occurrence:
    return Occurrence(
        f"{number:032x}", 1.0, Origin("shop"), "sdk", raised=(Raised(f"E{number}".translate(LETTERS), "m"),)
    )


def receiving(records: Any, tallies: Tallies | None = None) -> Receiving:
    async def heard(_: object) -> None:
        """Nobody checks in."""

    tallies = tallies or Tallies()
    made = Receiving(Config(), tallies, Forwarding(tallies, Tasks(tallies)))
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
        working = asyncio.create_task(here.work(records, lambda: working.cancel()))
        await asyncio.wait({working})
        found = {group(here, error(1 + number)).fingerprint for number in range(A_SERVICE + 1)}
        assert len(found) == A_SERVICE + 1  # the last of them is the overflow
        assert group(here, error(A_SERVICE + 2)).fingerprint in found
        assert group(here, error(0)) == known
    finally:
        await records.close()
        store.close()


def test_groups_of_the_store_are_none_of_the_new_ones_that_a_service_may_have(tmp_path: Path) -> None:
    asyncio.run(started(tmp_path))


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", "unknown_service"), (" \n", "unknown_service"), (" shop ", "shop"), ("é" * 100, "é" * 64)],
    ids=["none", "blank", "with blanks", "long"],
)
def test_a_service_has_one_name_in_store_metrics_and_figures(tmp_path: Path, given: str, kept: str) -> None:
    async def taken() -> None:
        store = Store(tmp_path)
        store.open()
        tallies = Tallies()
        records = Recorder(None, Retention(low_space=0.0), tallies)
        await records.open(store)
        try:
            here = receiving(records, tallies)
            assert here.intake is not None
            origin = Origin(given)
            batch = Batch(
                [Occurrence("a" * 32, time.time(), origin, "sdk", raised=(Raised("E", "m"),))],
                [Occasion("b" * 32, time.time(), origin, "deploy")],
                measured=[("", Request(origin, "sdk", "GET", "/", 200, 0.1))],
                events=3,
            )
            await here.intake.take(batch, "sentry")
            assert [one.service for one in (await records.groups(Wanted(service=kept))).items] == [kept]
            assert [one.service for one in (await records.occasions(Wanted(service=kept))).items] == [kept]
            assert {service for service, _ in await records.statuses()} == {kept}
            assert [row.service for row in here.performance.rows(service=kept).items] == [kept]
            for metric in (ERRORS, DEPLOYS, REQUESTS):
                assert [child.labels[0] for child in tallies.families[metric].children.values()] == [kept]
        finally:
            await records.close()
            store.close()

    asyncio.run(taken())


def test_a_check_in_reaches_heartbeats_and_no_other_kind() -> None:
    records = {name: SimpleNamespace(component=SimpleNamespace(kind=name)) for name in ("heartbeat", "host")}
    told: list[tuple[str, object]] = []
    tallies = Tallies()

    async def keep() -> bool:
        return True

    heard = Heard(
        SimpleNamespace(records=records, tallies=tallies),  # type: ignore[arg-type]
        SimpleNamespace(tell=lambda name, report: told.append((name, report))),  # type: ignore[arg-type]
        keep,
    )
    asyncio.run(heard([CheckIn("a" * 32, monitor, "ok") for monitor in ("heartbeat", "host", "nobody", "")]))
    assert told == [("heartbeat", {"state": "success", "run": "a" * 32})]
    assert tallies.child(UNHEARD).value == 3


def deploy(number: int, at: float, *, service: str = "shop", release: str = "") -> Entry:
    one = Occasion(f"{number:032x}", at, Origin(service, "production", release), "deploy")
    return Entry(one.id, at, occasion=one)


def test_a_restart_knows_when_services_were_deployed_and_makes_no_release_new(tmp_path: Path) -> None:
    now = time.time()

    async def restarted() -> Tallies:
        store = Store(tmp_path)
        store.open()
        records = Recorder(None, Retention(low_space=0.0), Tallies())
        await records.open(store)
        tallies = Tallies()
        try:
            deploys = [(300, "1"), (200, "2"), (100, "1"), (50, "")]  # back to 1, and one that does not say which
            await records.add([deploy(n, now - ago, release=release) for n, (ago, release) in enumerate(deploys)])
            await records.add([deploy(10 + n, now - 500 + n, service="till", release=str(n)) for n in range(30)])
            here = receiving(records, tallies)
            assert here.intake is not None
            # What has come meanwhile is older or newer than what the store has.
            here.intake.parts.meter.occasion(Occasion("f" * 32, now - 10, Origin("shop", "production", "2"), "deploy"))
            assert await here.remember(records)
            here.intake.parts.meter.error(error_of("1", now), group(here, error(1)), "new")
        finally:
            await records.close()
            store.close()
        return tallies

    tallies = asyncio.run(restarted())

    def value(metric: Metric, *labels: str) -> float:
        return tallies.child(metric, *labels).value

    assert value(DEPLOYED_AT, "shop", "production") == now - 10
    assert value(RELEASE, "shop", "production", "1") == now - 300
    assert value(RELEASE, "shop", "production", "2") == now - 200
    assert value(DEPLOYED_AT, "till", "production") == now - 471
    known = {labels[2] for labels in tallies.families[RELEASE].children if labels[0] == "till"}
    assert known == {str(number) for number in range(10, 30)}


def error_of(release: str, at: float) -> Occurrence:
    return Occurrence("e" * 32, at, Origin("shop", "production", release), "sdk", raised=(Raised("E", "m"),))


def test_a_store_that_is_not_there_yet_is_asked_again() -> None:
    class Gone:
        async def groups(self, _: object) -> Any:
            raise Refusing("unavailable", 2.0)

    assert not asyncio.run(receiving(Gone()).remember(Gone()))  # type: ignore[arg-type]


def test_thresholds_and_teams_follow_the_configuration() -> None:
    tallies = Tallies()
    here = receiving(None, tallies)
    assert tallies.families[RATIO].children["error_rate", "critical"].value == 0.05
    text = "services: {shop: {team: web}}\nthresholds: {error_rate: {critical: 2%}}"
    here.use(load(text, source="it", environ={}))
    assert tallies.families[RATIO].children["error_rate", "critical"].value == 0.02
    assert list(tallies.families[SERVICE_INFO].children) == [("shop", "web")]
    assert group(here, error(1)).team == "web"
