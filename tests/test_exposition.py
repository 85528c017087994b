"""What stands on the page, in both formats: read back by prometheus_client's strict parsers."""

import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.exposition import SERIES_DROPPED
from exporter.metric import gauge
from tests.pages import Daemon, find, names, parsed
from tests.scripted import ABOUT, LEVEL, SEEN, SERVED, SIZE, WAIT, result

NAN = float("nan")


def values(tank: float = 0.5) -> dict:
    return {
        (LEVEL, ("left",)): tank,
        (LEVEL, ("right",)): 0.25,
        (SIZE, ()): 1024,
        (SERVED, ()): 7,
        (ABOUT, ("1.2",)): 1,
    }


def test_both_formats_hold_the_same_samples() -> None:
    daemon = Daemon("it", "other")
    daemon.read(values=values())
    daemon.read("other", values={(SIZE, ()): 5.0})
    daemon.state.tallies.child(SEEN, "it", "rain").add(2)
    daemon.state.tallies.child(WAIT, "it").observe(0.5)
    found = daemon.samples()
    assert find(found, "stack_scripted_level_ratio", component="it", tank="left") == 0.5
    assert find(found, "stack_scripted_size_bytes", component="other") == 5
    assert find(found, "stack_scripted_served_total", component="it") == 7
    assert find(found, "stack_scripted_about_info", component="it", version="1.2") == 1
    assert find(found, "stack_scripted_seen_total", component="it", what="rain") == 2
    assert find(found, "stack_scripted_wait_seconds_bucket", component="it", le="0.1") == 0
    assert find(found, "stack_scripted_wait_seconds_bucket", component="it", le="1.0") == 1
    assert find(found, "stack_scripted_wait_seconds_bucket", component="it", le="+Inf") == 1
    assert find(found, "stack_scripted_wait_seconds_sum", component="it") == 0.5
    assert find(found, "stack_scripted_wait_seconds_count", component="it") == 1


def test_a_component_has_the_core_series_and_no_others() -> None:
    daemon = Daemon("it")
    assert names(daemon.samples()) == {
        "stack_component_info",
        "stack_component_status",
        "stack_probe_interval_seconds",
        "stack_probe_runs_total",
        "stack_probe_duration_seconds_bucket",
        "stack_probe_duration_seconds_count",
        "stack_probe_duration_seconds_sum",
    }
    daemon.read()
    assert names(daemon.samples()) >= {
        "stack_probe_success",
        "stack_component_up",
        "stack_probe_last_run_timestamp_seconds",
    }


def test_headers_differ_as_the_formats_do() -> None:
    daemon = Daemon("it")
    daemon.read(values=values())
    text, openmetrics = daemon.text(), daemon.openmetrics()
    assert (
        "# HELP stack_scripted_served_total What the server counted.\n# TYPE stack_scripted_served_total counter\nstack_s"
        in text
    )
    assert (
        "# HELP stack_scripted_served What the server counted.\n# TYPE stack_scripted_served counter\nstack_scripted_served_total"
        in openmetrics
    )
    assert "# TYPE stack_scripted_about_info gauge\n" in text
    assert "# TYPE stack_scripted_about info\n" in openmetrics
    assert "# UNIT" not in text
    assert "# TYPE stack_scripted_size_bytes gauge\n# UNIT stack_scripted_size_bytes bytes\n" in openmetrics
    assert "# EOF" not in daemon.page.families(openmetrics=True).decode()


def test_help_is_escaped() -> None:
    odd = gauge("stack_scripted_odd", 'A "quoted" C:\\path\nand a second line.', "component")
    daemon = Daemon("it")
    daemon.read(values={(odd, ()): 1})
    assert daemon.samples()
    assert '# HELP stack_scripted_odd A "quoted" C:\\\\path\\nand' in daemon.text()
    assert '# HELP stack_scripted_odd A \\"quoted\\" C:\\\\path\\nand' in daemon.openmetrics()
    (family,) = [f for f in text_string_to_metric_families(daemon.openmetrics()) if f.name == odd.name]
    assert family.documentation == odd.help


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1, "1.0"), (True, "1.0"), (0.1, "0.1"), (1e300, "1e300"), (-0.0, "-0.0"), (2**70, "1.1805916207174113e21"),
     (math.inf, "+Inf"), (-math.inf, "-Inf"), (NAN, "NaN")],
)  # fmt: skip
def test_numbers_are_spelt_as_both_formats_want_them(value: float, shown: str) -> None:
    daemon = Daemon("it")
    daemon.read(values={(SIZE, ()): value, (SERVED, ()): 3})
    assert f'stack_scripted_size_bytes{{component="it"}} {shown}\n' in daemon.text()
    assert f'stack_scripted_size_bytes{{component="it"}} {shown}\n' in daemon.openmetrics()
    assert find(daemon.samples(), "stack_scripted_served_total", component="it") == 3


def test_values_whose_sum_is_too_large_are_still_numbers() -> None:
    daemon = Daemon("it")
    daemon.read(values={(LEVEL, ("a",)): 1.7e308, (LEVEL, ("b",)): 1.7e308})
    assert find(daemon.samples(), "stack_scripted_level_ratio", component="it", tank="b") == 1.7e308


def test_exemplars_stand_in_openmetrics_alone() -> None:
    daemon = Daemon("it")
    trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    daemon.take(result(duration=0.02, traceparent=trace))
    daemon.take(result(duration=0.03))
    assert "trace_id" not in daemon.text()
    assert daemon.samples()
    exemplars = {
        sample.labels["le"]: sample.exemplar
        for family in text_string_to_metric_families(daemon.openmetrics())
        for sample in family.samples
        if sample.exemplar
    }
    assert exemplars.keys() == {"0.025"}
    assert exemplars["0.025"].labels == {"trace_id": "ab" * 16}
    assert exemplars["0.025"].value == 0.02
    assert float(exemplars["0.025"].timestamp) == 1000.02


def test_readings_follow_the_newest_run() -> None:
    daemon = Daemon("it")
    daemon.read(values=values(0.5))
    daemon.read(values=values(0.75))
    assert find(daemon.samples(), "stack_scripted_level_ratio", component="it", tank="left") == 0.75


def test_series_that_come_no_more_are_gone() -> None:
    daemon = Daemon("it", "other")
    for name in ("it", "other"):
        daemon.read(name, values=values())
    daemon.read(values={(LEVEL, ("right",)): 0.5, (LEVEL, ("third",)): 0.1})
    found = daemon.samples()
    assert {labels for name, labels in found if name == "stack_scripted_level_ratio"} == {
        (("component", "it"), ("tank", "right")),
        (("component", "it"), ("tank", "third")),
        (("component", "other"), ("tank", "left")),
        (("component", "other"), ("tank", "right")),
    }
    assert [dict(labels)["component"] for name, labels in found if name == "stack_scripted_size_bytes"] == ["other"]


def test_a_family_without_samples_has_no_header() -> None:
    daemon = Daemon("it")
    daemon.read(values=values())
    daemon.read()
    assert "stack_scripted_" not in daemon.text()


def test_a_removed_component_takes_all_its_series_with_it() -> None:
    daemon = Daemon("it", "other")
    for name in ("it", "other"):
        daemon.read(name, values=values())
        daemon.state.tallies.child(SEEN, name, "rain").add()
    held = daemon.state.tallies.child(WAIT, "it")
    daemon.samples()
    daemon.remove("it")
    held.observe(1)  # a run that was left behind still counts
    assert {dict(labels).get("component") for _, labels in daemon.samples()} == {"other"}
    assert not daemon.page.families(["it"])
    held.observe(1)
    assert '"it"' not in daemon.text()


def test_a_component_that_was_removed_and_came_again_starts_at_zero() -> None:
    daemon = Daemon("it")
    daemon.read(values=values())
    daemon.state.tallies.child(SEEN, "it", "rain").add(5)
    daemon.remove("it")
    daemon.add("it")
    daemon.state.tallies.child(SEEN, "it", "rain").add()
    found = daemon.samples()
    assert find(found, "stack_scripted_seen_total", component="it", what="rain") == 1
    assert "stack_scripted_size_bytes" not in names(found)


def test_a_page_of_some_components_holds_theirs_alone() -> None:
    daemon = Daemon("a", "b", "c")
    for name in ("a", "b", "c"):
        daemon.read(name, values=values())
    daemon.state.tallies.child(SERIES_DROPPED, "somewhere").add()
    found = parsed(daemon.text("a", "c"))
    assert {dict(labels)["component"] for _, labels in found} == {"a", "c"}
    assert {(n, labels) for n, labels in daemon.samples() if dict(labels).get("component") in ("a", "c")} == set(found)
    assert daemon.text("nobody") == ""
    assert parsed(daemon.text("a", "nobody"))


def test_a_page_counts_its_series() -> None:
    daemon = Daemon("it")
    daemon.read(values=values())
    daemon.state.tallies.child(WAIT, "it").observe(0.5)
    assert daemon.page.series() == len(daemon.samples())
