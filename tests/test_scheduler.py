"""Every component at its interval, one run at a time, whatever the others do."""

import asyncio
import time
from itertools import pairwise
from statistics import median

import pytest

from exporter.probe import Down, Readings
from exporter.schedule import PROBE_SKIPPED
from exporter.turn import next_turn
from tests.scheduling import Bench, Log, play, until
from tests.scripted import component, fine, mute


def test_runs_keep_their_interval_without_drift() -> None:
    log = Log(takes=0.03)

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=0.1))
        await asyncio.sleep(3.05)

    bench = play(story)
    late = log.gaps[12:]  # by then it has come to its place in the interval
    assert sum(late) / len(late) == pytest.approx(0.1, rel=0.02)
    assert max(log.gaps) < 0.3
    assert 29 <= len(log.starts) <= 35
    assert bench.count(PROBE_SKIPPED) == 0
    assert len(bench.of()) in (len(log.starts), len(log.starts) - 1)


def test_turns_come_to_their_place_and_are_never_further_apart_than_a_step() -> None:
    for place in (0.0, 0.25, 0.5, 0.999):
        due, step = 1234.5678, 15.0
        for number in range(1000):
            following = next_turn(due, step, place, earliest=due)
            assert 0.9 * step - 1e-6 <= following - due <= step + 1e-6
            if number > 10:
                assert following - due == pytest.approx(step)
            due = following
        assert min((due / step - place) % 1, (place - due / step) % 1) < 1e-5


def test_a_turn_is_not_moved_to_before_the_run_has_ended() -> None:
    assert next_turn(100.0, 10.0, 0.5, earliest=100.0) == 109.0
    assert next_turn(100.0, 10.0, 0.5, earliest=109.6) == 109.6
    assert next_turn(100.0, 10.0, 0.5, earliest=115.0) == 110.0


def test_the_first_runs_come_soon_and_the_later_ones_are_spread_over_the_interval() -> None:
    logs = {f"component {i}": Log() for i in range(40)}
    interval = 0.5

    async def story(bench: Bench) -> None:
        bench.add(*(component(log.work, name, interval=interval) for name, log in logs.items()))
        began = time.monotonic()
        await asyncio.sleep(0.6)
        assert all(log.starts for log in logs.values())
        assert max(log.starts[0] for log in logs.values()) - began <= interval + 0.1
        await asyncio.sleep(5.5)

    play(story)
    places = sorted(log.starts[-1] / interval % 1 for log in logs.values())
    assert max(later - earlier for earlier, later in pairwise([*places, places[0] + 1])) < 0.25


def test_three_components_start_within_a_moment_however_long_their_interval() -> None:
    async def story(bench: Bench) -> None:
        bench.add(*(component(fine, f"c{i}", interval=3600.0) for i in range(3)))
        await until(lambda: {result.component for result in bench.results} == {"c0", "c1", "c2"}, within=1.0)

    play(story)


def test_a_run_longer_than_its_interval_never_overlaps_and_the_skipped_are_counted() -> None:
    log = Log(takes=0.25)

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=0.1, timeout=5.0))
        await asyncio.sleep(1.55)

    bench = play(story)
    assert 4 <= len(log.starts) <= 6
    assert bench.count(PROBE_SKIPPED) == pytest.approx(2 * (len(log.starts) - 1), abs=2)


def test_a_mute_component_whose_timeout_is_its_interval_is_run_each_interval() -> None:
    async def story(bench: Bench) -> None:
        bench.add(component(mute, interval=0.2, timeout=0.2))
        await asyncio.sleep(2.1)

    bench = play(story)
    assert len(bench.of()) >= 9
    assert {result.reason for result in bench.of()} == {"timeout"}
    assert max(result.duration for result in bench.of()) < 0.3


def test_while_failing_it_is_run_at_its_failing_interval_and_then_at_its_interval_again() -> None:
    starts: list[float] = []

    async def work(out: Readings) -> None:
        starts.append(time.monotonic())
        if len(starts) <= 5:
            raise Down("refused")

    async def story(bench: Bench) -> None:
        bench.add(component(work, interval=0.5, failing_interval=0.1))
        await asyncio.sleep(2.0)

    play(story)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert median(gaps[:6]) == pytest.approx(0.1, abs=0.02)
    assert max(gaps[:6]) < 0.3  # the first good run may be a fluke: `rise` is 2
    assert median(gaps[6:]) == pytest.approx(0.475, abs=0.05)
    assert min(gaps[6:]) > 0.3 and len(gaps) >= 8


def test_no_more_runs_at_once_than_the_cap_which_can_change() -> None:
    now, most = 0, 0

    async def work(out: Readings) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            await asyncio.sleep(0.02)
        finally:
            now -= 1

    async def story(bench: Bench) -> None:
        nonlocal most
        bench.add(*(component(work, f"c{i}", interval=0.1) for i in range(60)))
        await asyncio.sleep(0.6)
        assert most == 7
        bench.scheduler.limit(3)
        await asyncio.sleep(0.1)
        most = 0
        await asyncio.sleep(0.3)
        assert most == 3

    play(story, concurrency=7)


def test_a_jump_of_the_wall_clock_moves_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """F32"""
    log, real, jump = Log(), time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + jump)

    async def story(bench: Bench) -> None:
        nonlocal jump
        bench.add(component(log.work, interval=0.1))
        for jump in (0.0, 3600.0, -3600.0, 0.0):
            await asyncio.sleep(0.5)

    play(story)
    assert max(log.gaps) < 0.3
    assert median(log.gaps) == pytest.approx(0.1, abs=0.015)
