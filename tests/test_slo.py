"""What is good and what is bad, for each objective: by its subject, its latency, its source; and what a reload does."""

from msgspec.structs import replace

import pytest

from exporter.component import Component
from exporter.config import Config, load
from exporter.config.application import Measuring
from exporter.config.slo import Slo
from exporter.ingest.measure import Meter
from exporter.ingest.values import FileUse, Operation, Request, Task
from exporter.probe import Outcome, Probe, Result
from exporter.slo import EVENTS, OBJECTIVE, SLO_INFO, Slos
from tests.ingest.measure_bench import NAN, SHOP, Bench


class Counting(Bench):
    """A meter that counts for objectives."""

    def __init__(self, slos: dict[str, Slo] | None, **of: object) -> None:
        super().__init__()
        self.slos = Slos(self.tallies)
        self.use(Config(service="shop", slos=slos, **of))  # type: ignore[arg-type]

    def use(self, config: Config) -> None:
        self.slos.use(config)
        self.config = config
        self.meter = Meter(config, self.tallies, self.performance, self.sources, self.slos)

    def counts(self, slo: str = "it") -> tuple[float, float]:
        """Good and bad."""
        found = self.values(EVENTS, zeros=True)
        return found[slo, "good"], found[slo, "bad"]

    def run(self, outcome: Outcome, duration: float = 0.1, *, maintenance: bool = False) -> None:
        result = Result("database", "tcp", 1.0, duration, outcome, "", "", {})
        self.slos.run(result, maintenance=maintenance)


def component(name: str, *, critical: bool = True, team: str = "") -> Component:
    return Component(name, "tcp", Probe(), critical=critical, team=team)


def request(status: int = 200, duration: float = 0.1, **more: object) -> Request:
    given = {"source": "sdk", "method": "GET", "route": "/orders/7", "origin": SHOP} | more
    return Request(status=status, duration=duration, **given)  # type: ignore[arg-type]


def test_both_series_of_an_objective_begin_at_zero() -> None:
    bench = Counting({"it": Slo()})
    assert bench.values(EVENTS, zeros=True) == {("it", "good"): 0, ("it", "bad"): 0}
    assert bench.values(OBJECTIVE) == {("it",): 0.999}
    assert bench.values(SLO_INFO) == {("it", "shop", "", "", "availability"): 1}


REQUESTS = [
    (Slo(), [request(200), request(404), request(0), request(500), request(599, NAN)], (3, 2)),
    (Slo(latency=0.5), [request(200, 0.5), request(200, 0.501), request(503, 0.1), request(503, 9.0)], (1, 3)),
    (Slo(latency=0.5), [request(200, NAN), request(200, -1.0)], (0, 0)),
    (Slo(service="shop"), [request(), request(origin=replace(SHOP, service="blog"))], (1, 0)),
    (Slo(route="/orders/{id}"), [request(), request(route="/carts/7")], (1, 0)),
    (Slo(route="/api/*"), [request(route="/api/v1/x", templated=True), request()], (1, 0)),
    (Slo(method="get"), [request(), request(method="POST")], (1, 0)),
    (Slo(), [request(weight=4.0), request(500, weight=2.5)], (4, 2.5)),
    (Slo(latency=0.5), [request(weight=4.0), request(200, 1.0, weight=3.0), request(500, weight=1e9)], (4, 3 + 1e6)),
    (Slo(), [request(source="otlp"), request(), request(500)], (1, 0)),
    (Slo(operation="checkout"), [request()], (0, 0)),
]


@pytest.mark.parametrize(("slo", "requests", "expected"), REQUESTS)
def test_requests_are_good_or_bad(slo: Slo, requests: list[Request], expected: tuple[float, float]) -> None:
    bench = Counting({"it": slo})
    bench.take(*requests)
    assert bench.counts() == expected


@pytest.mark.parametrize("latency", [None, 0.5])
@pytest.mark.parametrize("status", [200, 500])
def test_many_at_once_count_as_one_by_one(latency: float | None, status: int) -> None:
    seen = [
        (0.1, 1.0, b"", 1.0),
        (0.5, 1.0, b"", 1.0),
        (0.7, 1.0, b"", 1.0),
        (NAN, 1.0, b"", 1.0),
        (0.9, 3.0, b"", 1.0),
    ]
    at_once, each = Counting({"it": Slo(latency=latency)}), Counting({"it": Slo(latency=latency)})
    at_once.meter.hold(request(status, source="otlp")).many(seen)
    one = each.meter.hold(request(status, source="otlp"))
    for duration, weight, _, at in seen:
        one(duration, weight, "", at)
    assert at_once.counts() == each.counts()
    assert at_once.counts() == ((0, 7) if status == 500 else (7, 0) if latency is None else (2, 4))


WORK = [
    (Slo(operation="checkout"), (1, 1)),
    (Slo(operation="checkout", latency=0.2), (0, 2)),
    (Slo(operation="check*", service="blog"), (0, 0)),
    (Slo(task="mail.*"), (1, 1)),
    (Slo(task="mail.send", latency=1.0), (1, 1)),
    (Slo(task="checkout"), (0, 0)),
    (Slo(), (0, 0)),
]


@pytest.mark.parametrize(("slo", "expected"), WORK)
def test_an_operation_is_bad_when_it_failed_and_a_task_once_it_has_ended(slo: Slo, expected: tuple[int, int]) -> None:
    bench = Counting({"it": slo})
    bench.take(
        Operation(SHOP, "sdk", "checkout", failed=False, duration=0.3),
        Operation(SHOP, "sdk", "checkout", failed=True, duration=0.1),
        *[
            Task(SHOP, "sdk", "mail.send", state, 0.3)
            for state in ("success", "failure", "retry", "revoked", "started")
        ],
        FileUse(SHOP, "checkout", "pdf", 1.0, failed=False, duration=0.1),
    )
    assert bench.counts() == expected


@pytest.mark.parametrize(("latency", "expected"), [(None, (2, 1)), (0.5, (1, 2))])
def test_a_components_runs_count_but_for_maintenance(latency: float | None, expected: tuple[int, int]) -> None:
    bench = Counting({"it": Slo(component="database", latency=latency)}, components=(component("database", team="db"),))
    bench.run("healthy", 0.5)
    bench.run("degraded", 0.6)
    bench.run("unhealthy")
    bench.run("unhealthy", maintenance=True)
    assert bench.counts() == expected
    of = "availability" if latency is None else "latency"
    assert bench.values(SLO_INFO) == {("it", "", "database", "db", of): 1}


def test_without_configuration_there_are_the_services_requests_and_the_critical_components() -> None:
    bench = Counting(None, components=(component("database"), component("mail", critical=False)))
    assert bench.values(OBJECTIVE) == {("shop",): 0.999, ("database",): 0.999}
    bench.use(Config(components=(component("shop"),), service="shop"))
    assert set(bench.values(OBJECTIVE)) == {("requests",), ("shop",)}
    bench.use(Config())
    bench.take(request(origin=replace(SHOP, service="anybody")))
    assert bench.counts("requests") == (1, 0)
    bench.use(Config(slos={}))
    assert bench.values(OBJECTIVE) == bench.values(EVENTS, zeros=True) == bench.values(SLO_INFO) == {}


def test_a_reload_keeps_the_counts_of_what_stays_and_ends_what_goes() -> None:
    bench = Counting({"stays": Slo(), "goes": Slo()})
    bench.take(request(), request(500))
    before = bench.meter.hold(request())
    services = {"shop": Measuring(team="web")}
    bench.use(Config(service="shop", slos={"stays": Slo(objective=0.99), "comes": Slo(latency=1.0)}, services=services))
    before(0.1)
    bench.take(request())
    assert bench.values(EVENTS, zeros=True) == {
        ("stays", "good"): 3,
        ("stays", "bad"): 1,
        ("comes", "good"): 1,
        ("comes", "bad"): 0,
    }
    assert bench.values(OBJECTIVE) == {("stays",): 0.99, ("comes",): 0.999}
    assert set(bench.values(SLO_INFO)) == {
        ("stays", "shop", "", "web", "availability"),
        ("comes", "shop", "", "web", "latency"),
    }


def test_the_designs_example_is_taken_as_it_stands() -> None:
    config = load("service: shop\nslos: {api: {objective: 99.9%, window: 30d}}", source="it", environ={})
    bench = Counting(config.slos)
    assert bench.values(OBJECTIVE) == {("api",): 0.999}
    assert load("slos:", source="it", environ={}).slos is None
