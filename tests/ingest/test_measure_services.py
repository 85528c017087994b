"""Which services are shown, and whose they are."""

import pytest

from exporter.config import Config
from exporter.config.application import Ingest, Measuring, Owner
from exporter.ingest import measure_names as names
from exporter.ingest.group import Groups
from exporter.ingest.measure_known import teams
from exporter.ingest.ports import Grouped
from exporter.ingest.values import CacheUse, Logged, Lost, Occasion, Occurrence, Origin, Query, Request, Sessions
from exporter.store.series import GROUPS
from tests.ingest.measure_bench import NAN, Bench

API = Origin("api")
CONFIG = Config(service="shop", services={"shop": Measuring(team="web"), "billing": Measuring()})
WAYS = {
    "request": Request(API, "otlp", "GET", "/", 200, 0.1),
    "query": Query(API, "redis", "GET", 0.1),
    "cache": CacheUse(API, "default", "hit"),
    "line": Logged(API, "error"),
    "sessions": Sessions(API, "crashed", 1),
    "lost": Lost(API, "error", "queue_overflow", 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_service_is_shown_from_the_first_that_is_heard_of_it(way: str) -> None:
    bench = Bench(CONFIG)
    assert bench.values(names.SERVICE_INFO) == {("shop", "web"): 1, ("billing", ""): 1}
    bench.take(WAYS[way])
    assert bench.values(names.SERVICE_INFO) == {("shop", "web"): 1, ("billing", ""): 1, ("api", ""): 1}


def test_an_error_and_an_event_show_their_service_too() -> None:
    bench = Bench()
    bench.meter.error(Occurrence("a" * 32, 1.0, API, "sdk"), Grouped("f" * 32, "t", "c", "E", "low"), "occurrence")
    bench.meter.occasion(Occasion("b" * 32, 1.0, Origin(""), "security", "login_failed", "low"))
    assert bench.values(names.SERVICE_INFO) == {("api", ""): 1, ("unknown_service", ""): 1}


def test_a_service_stays_as_long_as_it_has_series() -> None:
    bench = Bench(Config(service="shop", ingest=Ingest(series_ttl=60.0)))
    bench.take(WAYS["request"], WAYS["cache"])
    bench.tallies.child(GROUPS, "old", "unresolved")
    shown = []
    for now in (1.0, 50.0, 70.0, 120.0):
        if now == 50.0:
            bench.take(WAYS["cache"])
        bench.tallies.sweep(now)
        shown.append({service for service, _ in bench.values(names.SERVICE_INFO)})
    assert shown == [{"shop", "api", "old"}] * 3 + [{"shop", "old"}]
    bench.take(WAYS["request"])
    assert ("api", "") in bench.values(names.SERVICE_INFO)


def test_a_reload_gives_each_service_its_team_of_now() -> None:
    bench = Bench(CONFIG)
    bench.take(WAYS["request"])
    bench.made(Config(services={"api": Measuring(team="core"), "shop": Measuring(team="sales")}))
    assert bench.values(names.SERVICE_INFO) == {("shop", "sales"): 1, ("billing", ""): 1, ("api", "core"): 1}
    bench.tallies.sweep(1e9)
    list(bench.tallies.changes())
    bench.tallies.sweep(2e9)
    assert bench.values(names.SERVICE_INFO) == {("shop", "sales"): 1, ("api", "core"): 1}


def test_what_there_is_no_room_for_is_shown_as_that() -> None:
    bench = Bench(Config(ingest=Ingest(series=10)))
    bench.take(*(Logged(Origin(f"s{n}"), "error") for n in range(20)))
    shown = bench.values(names.SERVICE_INFO)
    assert shown.keys() == {(service, "") for service, _ in bench.values(names.LOGGED)}
    assert ("__overflow__", "") in shown


def test_new_and_returned_groups_begin_at_zero_for_each_team_that_may_own_them() -> None:
    owners = (Owner(team="cad", path="services/cad/*"), Owner(team="db", type="DatabaseError", service="sh*"))
    config = Config(services={"shop": Measuring(team="web"), "billing": Measuring()}, owners=owners)
    bench = Bench(config)
    for family in (names.NEW_GROUPS, names.REGRESSED):
        found = {(service, team) for service, _, team in bench.values(family, zeros=True)}
        assert found == {("shop", "web"), ("shop", "cad"), ("shop", "db"), ("billing", ""), ("billing", "cad")}
    groups = Groups(owners=owners, teams=teams(config))
    for service in ("shop", "billing", "other"):
        occurrence = Occurrence("a" * 32, NAN, Origin(service), "sdk", message="boom")
        bench.meter.error(occurrence, groups.group(occurrence), "new")
    assert bench.values(names.NEW_GROUPS) == {
        ("shop", "medium", "web"): 1, ("billing", "medium", ""): 1, ("other", "medium", ""): 1,
    }  # fmt: skip
