"""A component that is removed leaves no series, whatever its run still does."""

import asyncio

import pytest

from exporter import run as run_module
from exporter.component import Component
from exporter.probe import Readings
from exporter.supervise import TASK_HEARTBEAT
from tests.scheduling import Bench, play, until
from tests.scripted import SEEN, Watching, component, fine, mute


def test_a_run_that_goes_on_after_its_component_is_removed_brings_no_series_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "ABANDON_AFTER", 0.05)
    going_on = asyncio.Event()

    async def stubborn(out: Readings) -> None:
        while not going_on.is_set():
            try:
                await going_on.wait()
            except asyncio.CancelledError:
                pass
        out.count(SEEN, 1, "late")

    async def story(bench: Bench) -> None:
        bench.add(component(stubborn, interval=60.0, timeout=0.05))
        await until(lambda: bench.results)
        await bench.scheduler.remove("it")
        bench.tallies.drop("it")
        going_on.set()
        await until(lambda: not any(task.get_name() == "run it" for task in asyncio.all_tasks()))
        assert bench.tallies.of("it") == ()

    play(story)


def test_the_schedule_and_the_watches_have_heartbeats_that_end_with_them() -> None:
    async def story(bench: Bench) -> None:
        bench.add(Component("it", "scripted", Watching(work=fine, following=mute), interval=0.05))
        before = bench.tallies.child(TASK_HEARTBEAT, "probe").value
        await until(lambda: len(bench.results) >= 2)
        assert bench.tallies.child(TASK_HEARTBEAT, "probe").value > before
        assert sorted(bench.tallies.families[TASK_HEARTBEAT].children) == [("probe",), ("watch",)]
        await bench.scheduler.remove("it")
        assert bench.tallies.families[TASK_HEARTBEAT].children == {}

    play(story)
