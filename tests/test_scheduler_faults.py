"""Calls between turns, removal, watches, and probes that do not end."""

import asyncio
import time

import pytest

from exporter import run as run_module
from exporter.component import Component
from exporter.probe import Down, Readings
from exporter.schedule import PROBES_ABANDONED
from exporter.supervise import TASK_RESTARTS
from tests.scheduling import Bench, Log, play, until
from tests.scripted import LEVEL, SEEN, SIZE, Watching, component, fine, mute


def test_run_now_makes_a_run_and_the_next_turn_stays_where_it_was() -> None:
    log = Log()

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=1.2))
        await until(lambda: bench.results)
        await asyncio.sleep(0.6)
        assert (await bench.scheduler.run_now("it")).component == "it"
        await until(lambda: len(log.starts) == 3)

    play(story)
    assert 1.0 <= log.starts[2] - log.starts[0] <= 1.6  # 1.8 had the turn moved


def test_run_now_joins_the_run_under_way_and_all_who_call_get_its_result() -> None:
    log = Log(takes=0.3)

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=60.0))
        await until(lambda: log.under_way)
        results = await asyncio.gather(*(bench.scheduler.run_now("it") for _ in range(5)))
        assert len(log.starts) == 1
        assert [result is bench.results[0] for result in results] == [True] * 5

    play(story)


def test_run_now_before_the_first_turn_makes_the_first_run() -> None:
    async def story(bench: Bench) -> None:
        bench.add(component(fine, interval=60.0))
        assert (await bench.scheduler.run_now("it")).outcome == "healthy"
        assert len(bench.results) == 1

    play(story)


def test_run_now_of_a_failure_is_followed_at_the_failing_interval() -> None:
    starts: list[float] = []

    async def work(out: Readings) -> None:
        starts.append(time.monotonic())
        if len(starts) > 1:
            raise Down("refused")

    async def story(bench: Bench) -> None:
        bench.add(component(work, interval=60.0, failing_interval=0.1))
        await until(lambda: bench.results)
        assert (await bench.scheduler.run_now("it")).reason == "refused"
        await until(lambda: len(starts) >= 4)

    play(story)


def test_a_caller_that_goes_away_ends_neither_the_run_nor_the_schedule() -> None:
    log = Log(takes=0.05)

    async def story(bench: Bench) -> None:
        bench.add(component(log.work, interval=0.2))
        await until(lambda: bench.results)
        caller = asyncio.create_task(bench.scheduler.run_now("it"))
        await until(lambda: log.under_way)
        caller.cancel()
        await until(lambda: len(bench.results) >= 4)

    play(story)


def test_an_unknown_name_is_a_key_error_and_so_is_one_that_is_removed_meanwhile() -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(KeyError):
            await bench.scheduler.run_now("nobody")
        bench.add(component(mute, interval=60.0, timeout=5.0))
        caller = asyncio.create_task(bench.scheduler.run_now("it"))
        await asyncio.sleep(0.05)
        await bench.scheduler.remove("it")
        with pytest.raises(KeyError):
            await caller
        with pytest.raises(KeyError):
            await bench.scheduler.run_now("it")

    play(story)


def test_remove_ends_the_run_the_turns_and_the_watch_at_once() -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def follow(out: Readings) -> None:
        begun.append("watch")
        try:
            await mute(out)
        finally:
            ended.append("watch")

    async def work(out: Readings) -> None:
        begun.append("run")
        try:
            await mute(out)
        finally:
            ended.append("run")

    async def story(bench: Bench) -> None:
        before = asyncio.all_tasks()
        bench.add(Component("it", "scripted", Watching(work=work, following=follow), interval=0.1))
        await until(lambda: len(begun) == 2)
        began = time.monotonic()
        await bench.scheduler.remove("it")
        assert time.monotonic() - began < 0.5
        assert sorted(ended) == ["run", "watch"]
        assert asyncio.all_tasks() == before
        assert bench.results == []
        bench.add(component(fine))
        await bench.scheduler.run_now("it")

    play(story)


def test_a_watch_that_dies_is_started_again_and_what_it_found_is_in_the_results() -> None:
    lives = 0

    async def follow(out: Readings) -> None:
        nonlocal lives
        lives += 1
        out.set(LEVEL, lives, "left")
        out.count(SEEN, 1, "life")
        if lives < 4:
            raise [OSError("gone"), SystemExit(), asyncio.CancelledError()][lives - 1]
        await mute(out)

    async def work(out: Readings) -> None:
        out.set(SIZE, 5)

    async def story(bench: Bench) -> None:
        bench.add(Component("it", "scripted", Watching(work=work, following=follow), interval=0.1))
        await until(lambda: lives == 4)
        assert (await bench.scheduler.run_now("it")).values == {(LEVEL, ("left",)): 4, (SIZE, ()): 5}
        assert bench.tallies.child(SEEN, "it", "life").value == 4
        assert bench.tallies.child(TASK_RESTARTS, "watch").value == 3

    play(story)


def test_a_kind_without_a_watch_has_no_task_for_it() -> None:
    async def story(bench: Bench) -> None:
        before = len(asyncio.all_tasks())
        bench.add(component(fine))
        assert len(asyncio.all_tasks()) == before + 1

    play(story)


def test_a_result_that_is_not_taken_in_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()

    async def story(bench: Bench) -> None:
        def refuse(result: object) -> None:
            raise RuntimeError("a defect of ours")

        bench.scheduler._on_result = refuse
        bench.add(component(log.work, interval=0.1))
        await asyncio.sleep(0.55)
        assert (await bench.scheduler.run_now("it")).outcome == "healthy"

    play(story)
    assert 5 <= len(log.starts) <= 8
    assert {record.message for record in caplog.records} == {"a result was not taken in"}


def test_three_runs_in_a_row_that_ignore_their_end_are_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """F19"""
    monkeypatch.setattr(run_module, "ABANDON_AFTER", 0.05)
    released = False
    starts = 0

    async def stubborn(out: Readings) -> None:
        nonlocal starts
        starts += 1
        while not released:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                pass

    async def story(bench: Bench) -> None:
        nonlocal released
        bench.add(component(stubborn, interval=0.1, timeout=0.05), component(fine, "other", interval=0.1))
        await until(lambda: len(bench.of()) == 3)
        await asyncio.sleep(0.3)
        assert starts == 3
        assert [result.reason for result in bench.of()] == ["timeout", "timeout", "quarantined"]
        assert bench.count(PROBES_ABANDONED) == 3
        assert (await bench.scheduler.run_now("it")).reason == "quarantined"
        assert starts == 3
        assert len(bench.of("other")) >= 5
        await bench.scheduler.remove("other")
        released = True
        await bench.scheduler.remove("it")  # which cancels what was left behind once more
        await until(lambda: not any(task.get_name() == "run it" for task in asyncio.all_tasks()))
        bench.add(component(fine))
        assert (await bench.scheduler.run_now("it")).outcome == "healthy"

    play(story)


def test_a_run_that_ends_in_time_between_two_that_do_not_starts_the_count_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "ABANDON_AFTER", 0.05)
    starts = 0

    async def sometimes(out: Readings) -> None:
        nonlocal starts
        starts += 1
        if starts % 3:
            try:
                await mute(out)
            except asyncio.CancelledError:
                await asyncio.sleep(0.1)

    async def story(bench: Bench) -> None:
        bench.add(component(sometimes, interval=0.1, timeout=0.05))
        await until(lambda: starts > 6)
        assert {result.reason for result in bench.of()} == {"timeout", ""}
        assert len(bench.scheduler._entries["it"].left) <= 2, "those that have ended are forgotten"
        await bench.scheduler.remove("it")
        await until(lambda: not any(task.get_name() == "run it" for task in asyncio.all_tasks()))

    play(story)
