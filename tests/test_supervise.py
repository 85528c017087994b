"""Background tasks live, are started again when they die, and end when told."""

import asyncio
import math
import time

import pytest

from exporter import supervise
from exporter.supervise import LOOP_LAG, TASK_HEARTBEAT, TASK_INTERVAL, TASK_RESTARTS, Tasks, watch_lag
from exporter.tally import Tallies


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "death",
    [ValueError("x"), SystemExit(), KeyboardInterrupt(), asyncio.CancelledError()],
    ids=lambda e: type(e).__name__,
)
def test_a_task_that_dies_is_started_again_each_time_later(
    death: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    births: list[float] = []

    async def work() -> None:
        births.append(time.monotonic())
        if len(births) < 5:
            raise death
        await forever()

    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies, pause=0.02)
        tasks.start("lag", work)
        await asyncio.sleep(0.8)
        assert len(births) == 5
        assert tallies.child(TASK_RESTARTS, "lag").value == 4
        await tasks.end()

    asyncio.run(story())
    gaps = [later - earlier for earlier, later in zip(births, births[1:], strict=False)]
    for gap, pause in zip(gaps, (0.02, 0.04, 0.08, 0.16), strict=True):
        assert pause * 0.5 <= gap < pause * 1.5 + 0.05
    assert [record.message for record in caplog.records] == ["a background task died and is started again"] * 4


def test_the_back_off_has_an_end_and_starts_again_after_a_long_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "LONGEST_PAUSE", 0.05)
    births = 0

    async def work() -> None:
        nonlocal births
        births += 1
        if births == 8:
            await asyncio.sleep(0.1)
        raise ValueError

    async def story() -> None:
        tasks = Tasks(Tallies(), pause=0.01)
        tasks.start("lag", work)
        await asyncio.sleep(1.0)
        await tasks.end()

    asyncio.run(story())
    assert births >= 12


def test_a_task_that_returns_is_done_and_is_not_stuck() -> None:
    births = 0

    async def work() -> None:
        nonlocal births
        births += 1

    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies, pause=0.01)
        tasks.start("once", work, heartbeat=0.01)
        await asyncio.sleep(0.1)
        assert births == 1
        assert tasks.stuck() == []
        assert tallies.families[TASK_HEARTBEAT].children == {}
        assert tallies.families[TASK_INTERVAL].children == {}
        await tasks.end()

    asyncio.run(story())


def test_a_task_is_stuck_after_three_heartbeats_without_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies)
        tasks.start("store", forever, heartbeat=0.05)
        tasks.start("probe it", forever)
        assert tallies.child(TASK_HEARTBEAT, "store").value == pytest.approx(time.time(), abs=1)
        tasks.start("spans", forever, heartbeat=math.inf)
        tasks.start("watch", forever, attended=True)
        promised = {labels: child.value for labels, child in tallies.families[TASK_INTERVAL].children.items()}
        assert promised == {("store",): 0.05}
        await asyncio.sleep(0.1)
        assert tasks.stuck() == []
        await asyncio.sleep(0.1)
        assert tasks.stuck() == ["store"]
        tasks.beat("store")
        tasks.beat("probe it")
        tasks.beat("nobody")
        assert tasks.stuck() == []
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        tasks.beat("store")
        assert tasks.stuck() == []
        await tasks.end()
        await asyncio.sleep(0.2)
        assert tasks.stuck() == []

    asyncio.run(story())


def test_end_ends_those_that_are_named_and_waits_for_them() -> None:
    ended: list[str] = []

    def work(name: str):
        async def run() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0.02)
                ended.append(name)

        return run

    async def story() -> None:
        before = asyncio.all_tasks()
        tasks = Tasks(Tallies())
        for name in ("a", "b", "c"):
            tasks.start(name, work(name))
        await asyncio.sleep(0)
        await tasks.end("b", "nobody")
        assert ended == ["b"]
        await tasks.end()
        assert sorted(ended) == ["a", "b", "c"]
        await tasks.end()
        assert asyncio.all_tasks() == before

    asyncio.run(story())


def test_a_task_that_is_ended_while_it_waits_to_be_started_again_stays_ended() -> None:
    births = 0

    async def work() -> None:
        nonlocal births
        births += 1
        raise ValueError

    async def story() -> None:
        tasks = Tasks(Tallies(), pause=0.05)
        tasks.start("a", work)
        await asyncio.sleep(0.01)
        await tasks.end("a")
        await asyncio.sleep(0.2)
        assert births == 1

    asyncio.run(story())


def test_series_of_components_tasks_are_not_named_after_components() -> None:
    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies)
        for number in range(100):
            tasks.start(f"probe {number}", forever, heartbeat=1.0)
        assert [*tallies.families[TASK_RESTARTS].children] == [("probe",)]
        assert [*tallies.families[TASK_HEARTBEAT].children] == [("probe",)]
        await tasks.end()

    asyncio.run(story())


def test_the_series_of_a_heartbeat_goes_with_the_last_task_of_its_sort() -> None:
    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies)
        for name in ("spans", "probe a", "probe b"):
            tasks.start(name, forever, heartbeat=1.0)
        await tasks.end("spans", "probe a")
        tasks.beat("spans")
        assert [*tallies.families[TASK_HEARTBEAT].children] == [("probe",)]
        tasks.start("spans", forever, heartbeat=1.0)
        assert [*tallies.families[TASK_HEARTBEAT].children] == [("probe",), ("spans",)]
        await tasks.end()
        assert tallies.families[TASK_HEARTBEAT].children == {}
        assert tallies.families[TASK_INTERVAL].children == {}

    asyncio.run(story())


def test_an_attended_task_has_beats_while_it_is_under_way_and_is_never_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "ATTEND", 0.02)
    alive = asyncio.Event()

    async def work() -> None:
        await alive.wait()
        raise ValueError

    async def story() -> None:
        tallies = Tallies()
        tasks = Tasks(tallies, pause=10.0)
        tasks.start("watch it", work, attended=True)
        for _ in range(3):
            before = tallies.child(TASK_HEARTBEAT, "watch").value
            await asyncio.sleep(0.1)
            assert tallies.child(TASK_HEARTBEAT, "watch").value > before
        alive.set()
        await asyncio.sleep(0.05)
        before = tallies.child(TASK_HEARTBEAT, "watch").value
        await asyncio.sleep(0.1)
        assert tallies.child(TASK_HEARTBEAT, "watch").value == before, "it is dead, and started again in a while"
        assert tasks.stuck() == [], "what it watches may be down, which is no ailment of ours"
        await tasks.end()

    asyncio.run(story())


def test_a_loop_that_is_held_up_shows_in_the_lag() -> None:
    async def story() -> None:
        tallies = Tallies()
        beats: list[float] = []
        lag = tallies.child(LOOP_LAG)
        task = asyncio.create_task(watch_lag(tallies, lambda: beats.append(time.monotonic())))
        await asyncio.sleep(0.3)
        before = sum(lag.cells or ())
        assert 4 <= before <= 7
        assert len(beats) == 1
        time.sleep(0.3)
        await asyncio.sleep(0.1)
        assert sum((lag.cells or [])[7:]) >= 1, "at least 0.25 s late once"
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(story())
