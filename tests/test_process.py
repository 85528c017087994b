"""The page as a collector: an application that embeds the exporter registers it with its own prometheus_client registry."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.metric import gauge
from exporter.process import Process, Registered, body
from tests.pages import Daemon, find, parsed, parsed_openmetrics

SIZE = gauge("stack_embedded_size_bytes", "Size.", "component")


def registry(daemon: Daemon) -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("application_orders", "Orders.", registry=made).inc(3)
    made.register(Registered(daemon.page))
    return made


def test_a_registry_shows_its_own_and_ours_in_both_formats() -> None:
    daemon = Daemon("one")
    made = registry(daemon)
    daemon.read("one", values={(SIZE, ()): 5.0})
    for samples in (parsed(generate_latest(made).decode()), parsed_openmetrics(generate_openmetrics(made).decode())):
        assert find(samples, "application_orders_total") == 3
        assert find(samples, "stack_embedded_size_bytes", component="one") == 5
        assert (
            find(samples, "stack_probe_runs_total", component="one", kind="scripted", result="healthy", reason="") == 1
        )


def test_each_collection_is_of_its_moment() -> None:
    daemon = Daemon("one")
    made = registry(daemon)
    assert 'component="one"' in generate_latest(made).decode()
    daemon.remove("one")
    assert 'component="one"' not in generate_latest(made).decode()


def test_the_same_series_come_through_the_registry_as_from_the_page() -> None:
    daemon = Daemon("one", "two")
    daemon.read("one", values={(SIZE, ()): 5.0})
    through = CollectorRegistry()
    through.register(Registered(daemon.page))
    assert parsed_openmetrics(generate_openmetrics(through).decode()) == parsed_openmetrics(daemon.openmetrics())


def test_a_scrape_has_the_process_and_one_of_a_component_has_not() -> None:
    daemon = Daemon("one", "two")
    whole = parsed(body(daemon.page, Process(), openmetrics=False).decode())
    assert {name for name, _ in whole} >= {"process_resident_memory_bytes", "process_open_fds", "python_info"}
    part = parsed_openmetrics(body(daemon.page, Process(), openmetrics=True, components={"two"}).decode())
    assert {dict(labels).get("component") for _, labels in part} == {"two"}
