"""Errors and occasions as series, what is known from the beginning, and how many there may be."""

from typing import Any

import pytest

from exporter.config import Config
from exporter.config.application import Class, Ingest, Measuring, Price, Project, Slow
from exporter.ingest import measure_names as names
from exporter.ingest.measure import Meter
from exporter.ingest.measure_sources import Sources
from exporter.ingest.performance import Performance
from exporter.ingest.ports import Grouped
from exporter.ingest.values import (
    AiCall,
    CacheUse,
    FileUse,
    Logged,
    Lost,
    Occasion,
    Occurrence,
    Operation,
    Origin,
    Query,
    Request,
    Sessions,
    Task,
)
from exporter.metric import Metric
from exporter.tally import Tallies
from exporter.values import Secret
from tests.ingest.measure_bench import NAN, SHOP, Bench


def occurrence(**fields: Any) -> Occurrence:
    return Occurrence("a" * 32, 50.0, SHOP, "sdk", **fields)


def test_an_error_is_counted_with_its_group() -> None:
    bench = Bench()
    grouped = Grouped("f" * 32, "t", "c", "ITARViolation", "critical", security=True, code="ITAR_1", team="cad")
    for outcome in ("new", "occurrence", "regressed"):
        bench.meter.error(occurrence(), grouped, outcome)  # type: ignore[arg-type]
    assert bench.values(names.ERRORS) == {("shop", "production", "critical", "ITARViolation"): 3}
    assert bench.values(names.CLASSIFIED) == {("shop", "ITAR_1"): 3}
    assert bench.values(names.SECURITY) == {("shop", "ITARViolation", "critical"): 3}
    assert bench.values(names.NEW_GROUPS) == bench.values(names.REGRESSED) == {("shop", "critical", "cad"): 1}
    assert bench.values(names.RELEASE) == {("shop", "production", "1.0"): 50.0}


def test_occasions_are_counted_by_kind() -> None:
    bench = Bench()
    for kind, type_, at in (
        ("security", "brute_force", 1.0),
        ("business", "order_placed", 1.0),
        ("feedback", "", 1.0),
        ("deploy", "1.0", 9.0),
        ("deploy", "0.9", 5.0),
    ):
        bench.meter.occasion(Occasion("b" * 32, at, SHOP, kind, type_, "high"))  # type: ignore[arg-type]
    assert bench.values(names.SECURITY) == {("shop", "brute_force", "high"): 1}
    assert bench.values(names.BUSINESS) == {("shop", "order_placed"): 1}
    assert bench.values(names.FEEDBACK) == {("shop",): 1}
    assert bench.values(names.DEPLOYS) == {("shop", "production"): 2}
    assert bench.values(names.DEPLOYED_AT) == {("shop", "production"): 9.0}


def test_what_the_configuration_knows_begins_at_zero_and_stays() -> None:
    bench = Bench(
        Config(
            service="shop",
            environment="production",
            ingest=Ingest(projects={"1": Project((Secret("k" * 32),), "web", "staging")}, series_ttl=60.0),
            services={"billing": Measuring()},
            operations={"bom": Slow(30.0)},
            classes={"ITARViolation": Class("critical", True, "ITAR_1"), "shop.Refused": Class(), "404": Class("low")},
        )
    )
    for now in (1.0, 1e6, 2e6):
        list(bench.tallies.changes())
        bench.tallies.sweep(now)
    errors = bench.values(names.ERRORS, zeros=True)
    assert set(errors.values()) == {0.0}
    assert {labels for labels in errors if labels[0] == "web"} == {
        ("web", environment, *rest)
        for environment in ("production", "staging")
        for rest in (("critical", "ITARViolation"), *((s, "Refused") for s in ("low", "medium", "high", "critical")))
    }
    assert bench.meter.services() == {"shop", "web", "billing"}
    assert ("billing", "critical", "") in bench.values(names.NEW_GROUPS, zeros=True)
    assert ("shop", "ITARViolation", "critical") in bench.values(names.SECURITY, zeros=True)
    assert ("shop", "bom") in bench.values(names.SLOW, zeros=True)
    assert ("shop", "error") in bench.values(names.LOGGED, zeros=True)
    assert ("shop", "ITAR_1") in bench.values(names.CLASSIFIED, zeros=True)


def test_a_thousand_routes_of_a_service_are_200_and_the_overflow() -> None:
    bench = Bench()
    for first in range(1_000):
        word = "".join("abcdefghij"[int(digit)] for digit in f"{first:04}")
        bench.take(Request(SHOP, "logs", "GET", f"/{word}", 403, 0.01))
    found = bench.values(names.REQUESTS)
    assert len(found) == 201
    assert found["shop", "GET", "__overflow__", "403"] == 800
    assert sum(found.values()) == 1_000


def test_every_family_of_senders_names_its_service_first() -> None:
    assert {metric.labels[0] for metric in names.ALL} == {"service"}
    assert {value for value in vars(names).values() if isinstance(value, Metric)} - set(names.ALL) == {
        names.SLOW_THRESHOLD,
        names.SERVICE_INFO,
    }
