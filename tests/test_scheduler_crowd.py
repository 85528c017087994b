"""More slow components than places: the healthy ones are met soon, then never wait, and the log says what is wrong."""

import asyncio
import logging
from statistics import median
from time import monotonic

import pytest

from exporter import schedule, slots
from exporter.probe import Down, Readings
from exporter.schedule import PROBE_SKIPPED, PROBES_RUNNING
from tests.scheduling import Bench, Log, play, until
from tests.scripted import component, fine, mute


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def test_hundreds_of_mute_components_leave_the_healthy_ones_on_time_from_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """F20: 500 targets that never answer."""
    under_way: dict[str, int] = {}

    async def silent(out: Readings) -> None:
        assert under_way.get(out.component, 0) == 0, "two runs at a time"
        under_way[out.component] = 1
        try:
            await mute(out)
        finally:
            under_way[out.component] = 0

    logs = {f"well {i}": Log(takes=0.002) for i in range(10)}
    began, skipped_at_first = 0.0, 0.0

    async def story(bench: Bench) -> None:
        nonlocal began, skipped_at_first
        began = monotonic()
        bench.add(*(component(silent, f"mute {i}", interval=1.0, timeout=0.5) for i in range(500)))
        bench.add(*(component(log.work, name, interval=0.2) for name, log in logs.items()))
        await until(lambda: all(log.starts for log in logs.values()))
        await asyncio.sleep(0.05)
        skipped_at_first = sum(bench.count(PROBE_SKIPPED, name) for name in logs)
        await asyncio.sleep(3.0)
        assert bench.tallies.child(PROBES_RUNNING).value <= 50

    bench = play(story)
    # Behind the first 40 mute ones, which hold their places for 0.5 s, though 400 others came before.
    assert max(log.starts[0] for log in logs.values()) - began < 0.2 + 0.5 + 0.2
    assert sum(bench.count(PROBE_SKIPPED, name) for name in logs) == skipped_at_first <= 4 * len(logs)
    gaps = [gap for log in logs.values() for gap in log.gaps]
    assert len(gaps) >= 10 * 12
    assert max(gaps) < 0.5
    assert median(gaps) == pytest.approx(0.2, abs=0.03)
    assert sum(bench.count(PROBE_SKIPPED, f"mute {i}") for i in range(500)) > 0
    assert {result.reason for result in bench.results if result.component.startswith("mute")} == {"timeout"}
    assert [record.message for record in caplog.records] == [
        "runs are left out because all places are taken: raise concurrency or intervals"
    ]
    assert (caplog.records[0].concurrency, caplog.records[0].needed) == (50, pytest.approx(250, abs=15))


def test_a_crowd_is_said_once_and_its_end_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "CALM", 0.1)
    caplog.set_level(logging.INFO)

    async def story(bench: Bench) -> None:
        bench.add(*(component(mute, f"mute {i}", interval=0.1, timeout=0.1) for i in range(6)))
        await asyncio.sleep(1.0)
        assert len(said(caplog)) == 1
        for number in range(1, 6):
            await bench.scheduler.remove(f"mute {number}")
        await until(lambda: len(said(caplog)) > 1)
        await asyncio.sleep(0.3)

    play(story, concurrency=2)
    assert said(caplog)[0].startswith("runs are left out because all places are taken")
    assert said(caplog)[1:] == ["places suffice again and no run is left out"]


def test_a_run_that_is_slow_itself_makes_no_crowd(caplog: pytest.LogCaptureFixture) -> None:
    log = Log(takes=0.25)

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=0.1, timeout=5.0))
        await until(lambda: bench.count(PROBE_SKIPPED) > 2)

    play(story)
    assert said(caplog) == []


def test_the_failing_interval_holds_until_rise_good_runs_in_a_row() -> None:
    answers = iter("fgfggg")

    async def work(out: Readings) -> None:
        if next(answers, "g") == "f":
            raise Down("refused")

    async def story(bench: Bench) -> None:
        bench.add(component(work, interval=60.0, failing_interval=0.05, rise=3))
        await until(lambda: len(bench.results) == 6)
        await asyncio.sleep(0.2)
        assert [result.up for result in bench.results] == [False, True, False, True, True, True]

    play(story)


async def hang(*_: object) -> None:
    await asyncio.Event().wait()


def test_scheduling_that_stands_still_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "ABANDON_AFTER", 0.1)

    async def story(bench: Bench) -> None:
        assert not bench.scheduler.silent()
        bench.add(component(fine, interval=0.1, timeout=0.1), component(fine, "rare", interval=3600.0, timeout=0.1))
        for _ in range(10):
            await asyncio.sleep(0.1)
            assert not bench.scheduler.silent()
        monkeypatch.setattr(bench.scheduler, "_run", hang)
        began = monotonic()
        await until(bench.scheduler.silent, within=2.0)
        assert 0.3 < monotonic() - began < 0.8  # three of the shortest intervals, the deadline and the moment after it

    play(story)


def test_a_component_that_a_reload_adds_beside_a_rare_one_is_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "ABANDON_AFTER", 0.05)

    async def story(bench: Bench) -> None:
        bench.add(component(fine, "rare", interval=3600.0, timeout=0.1))
        await until(lambda: bench.results)
        await asyncio.sleep(0.5)
        bench.add(component(mute, interval=0.1, timeout=0.1))
        for _ in range(60):
            assert not bench.scheduler.silent()
            await asyncio.sleep(0.01)

    play(story)


def test_slow_components_that_fill_every_place_are_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "ABANDON_AFTER", 0.05)

    async def story(bench: Bench) -> None:
        bench.add(*(component(mute, f"slow {i}", interval=0.2, timeout=0.2) for i in range(20)))
        bench.add(component(mute, interval=0.05, timeout=0.05))
        for _ in range(150):
            assert not bench.scheduler.silent()
            await asyncio.sleep(0.01)
        assert len(bench.results) < 20, "some have waited for a place all the while"

    play(story, concurrency=2)


def test_lost_places_are_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "ABANDON_AFTER", 0.05)

    async def story(bench: Bench) -> None:
        bench.add(component(fine, interval=0.1, timeout=0.1))
        await until(lambda: bench.results)
        bench.scheduler.limit(0)
        await until(bench.scheduler.silent, within=2.0)

    play(story)
