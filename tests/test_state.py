"""What is known of components, and what of it becomes series."""

import pytest

from exporter.component import Limit
from exporter.health import judge
from exporter.metric import gauge
from exporter.probe import PROBE_DURATION, Phase, Result, Signal
from exporter.state import PROBE_RUNS, THRESHOLDS, Record, State, values
from tests.scripted import LEVEL, SIZE, component, result


def take(state: State, taken: Result, *, maintenance: bool = False) -> Record:
    record = state.records[taken.component]
    return state.record(taken, judge(record.verdict, record.component, taken), maintenance=maintenance)


def shown(record: Record) -> dict[str, float]:
    return {
        " ".join((metric.name.removeprefix("stack_"), *labels)): value
        for (metric, labels), value in values(record).items()
    }


def test_before_its_first_run_a_component_is_unknown_and_has_no_up() -> None:
    record = State().add(component(critical=True, team="platform"))
    assert record.status == "unknown"
    assert shown(record) == {
        "component_info scripted true platform": 1,
        "component_status scripted healthy": 0,
        "component_status scripted degraded": 0,
        "component_status scripted unhealthy": 0,
        "component_status scripted unknown": 1,
        "component_status scripted maintenance": 0,
        "probe_interval_seconds scripted": 15,
    }


def test_a_run_shows_its_result_its_phases_and_its_readings() -> None:
    state = State()
    state.add(component())
    phases = (Phase("connect", 0, 0.1), Phase("transfer", 0.1, 0.2), Phase("connect", 0.3, 0.4))
    record = take(state, result(values={(LEVEL, ("left",)): 0.5, (SIZE, ()): 7}, phases=phases))
    found = shown(record)
    assert {name: value for name, value in found.items() if "component" not in name} == {
        "probe_interval_seconds scripted": 15,
        "probe_success scripted": 1,
        "probe_last_run_timestamp_seconds scripted": 1000.25,
        "probe_phase_duration_seconds scripted connect": 0.5,
        "probe_phase_duration_seconds scripted transfer": 0.2,
        "scripted_level_ratio left": 0.5,
        "scripted_size_bytes": 7,
    }
    assert found["component_status scripted healthy"] == 1
    assert found["component_up scripted"] == 1


def test_up_is_the_verdict_and_success_the_last_run() -> None:
    state = State()
    state.add(component(fall=2, rise=2))
    seen = []
    for outcome in ("healthy", "unhealthy", "unhealthy", "degraded", "healthy"):
        found = shown(take(state, result(outcome)))
        seen.append((found["probe_success scripted"], found["component_up scripted"]))
    assert seen == [(1, 1), (0, 1), (0, 0), (1, 0), (1, 1)]
    assert state.records["it"].status == "degraded"


def test_in_maintenance_the_status_is_maintenance_and_up_says_what_was_found() -> None:
    state = State()
    state.add(component())
    record = take(state, result("unhealthy"), maintenance=True)
    assert record.status == "maintenance"
    found = shown(record)
    assert (found["component_status scripted maintenance"], found["component_status scripted unhealthy"]) == (1, 0)
    assert (found["component_up scripted"], found["probe_success scripted"]) == (0, 0)


@pytest.mark.parametrize("unit", ["seconds", "ratio", "bytes", "number"])
def test_a_threshold_is_a_series_in_its_unit(unit: str) -> None:
    metric = gauge("stack_x" if unit == "number" else f"stack_x_{unit}", "It.", "component")
    signal = Signal("load", metric, unit, "It.")  # type: ignore[arg-type]
    record = State().add(component(limits=(Limit(signal, "warning", 5), Limit(signal, "critical", 9))))
    name = THRESHOLDS[unit].name.removeprefix("stack_")
    found = shown(record)
    assert (found[f"{name} load warning"], found[f"{name} load critical"]) == (5, 9)


def test_runs_are_counted_by_result_and_reason_and_known_ones_start_at_zero() -> None:
    state = State()
    state.add(component())

    def counts() -> dict[tuple[str, ...], float]:
        return {labels[2:]: child.value for labels, child in state.tallies.families[PROBE_RUNS].children.items()}

    known = {("healthy", ""): 0, ("unhealthy", "timeout"): 0, ("unhealthy", "refused"): 0, ("unhealthy", "slow"): 0}
    assert counts() == known
    take(state, result())
    take(state, result("unhealthy"))
    take(state, result("unhealthy", reason="internal"))
    take(state, result("degraded"))
    assert counts() == known | {
        ("healthy", ""): 1,
        ("unhealthy", "refused"): 1,
        ("unhealthy", "internal"): 1,
        ("degraded", "slow"): 1,
    }


def test_durations_are_observed_and_carry_the_trace_when_there_is_one() -> None:
    state = State()
    state.add(component())
    child = state.tallies.child(PROBE_DURATION, "it", "scripted")
    take(state, result(duration=0.02))
    assert (sum(child.cells or ()), child.value, child.exemplars) == (1, 0.02, None)
    take(state, result(duration=0.03, traceparent="00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"))
    assert [seen for seen in child.exemplars or () if seen] == [("ab" * 16, 0.03, 1000.03)]


def test_the_last_60_runs_the_last_10_failures_and_the_last_success_are_remembered() -> None:
    state = State()
    state.add(component())
    for number in range(100):
        outcome = "unhealthy" if number % 4 == 3 else "degraded" if number % 4 == 2 else "healthy"
        take(state, result(outcome, started=float(number), detail=f"run {number}"))
    record = state.records["it"]
    assert [run.started for run in record.runs] == list(range(40, 100))
    assert [run.detail for run in record.failures] == [f"run {n}" for n in (82, 83, 86, 87, 90, 91, 94, 95, 98, 99)]
    assert record.last_success == 98.25
    assert record.result is not None and record.result.detail == "run 99"


def test_a_removed_component_is_forgotten_with_its_counts() -> None:
    state = State()
    state.add(component())
    state.add(component(name="other"))
    take(state, result())
    state.remove("it")
    state.remove("nobody")
    assert list(state.records) == ["other"]
    assert {labels[0] for family in state.tallies.families.values() for labels in family.children} == {"other"}
    assert state.add(component()).status == "unknown"
