"""What runs only when it is asked for, and what is run because somebody told of it."""

import asyncio
from dataclasses import replace

import msgspec

from exporter.component import Component
from tests.probing import component as heartbeat
from tests.scheduling import Bench, Log, play, until
from tests.scripted import component, fine


def on_request(made: Component) -> Component:
    return replace(made, probe=msgspec.structs.replace(made.probe, scheduled=False))


def test_what_is_not_scheduled_runs_when_asked_and_never_by_itself() -> None:
    log = Log()

    async def story(bench: Bench) -> None:
        bench.add(on_request(component(log.work, interval=0.02)))
        await asyncio.sleep(0.2)
        assert log.starts == []
        assert (await bench.scheduler.run_now("it")).up
        await asyncio.sleep(0.1)
        assert len(log.starts) == 1
        first, second = await asyncio.gather(bench.scheduler.run_now("it"), bench.scheduler.run_now("it"))
        assert first is second
        assert len(log.starts) == 2

    play(story)


def test_what_is_not_scheduled_makes_scheduling_look_silent_never() -> None:
    async def story(bench: Bench) -> None:
        bench.add(on_request(component(fine, interval=0.01, timeout=0.01)))
        bench.scheduler._last_end = bench.scheduler._entries["it"].ended = -1000.0
        assert not bench.scheduler.silent()

    play(story)


def test_a_reported_component_is_run_at_once() -> None:
    async def story(bench: Bench) -> None:
        job = replace(heartbeat("heartbeat", token="a-token-of-a-job", every="1h"), interval=3600.0)
        bench.add(job)
        await until(lambda: len(bench.of()) == 1)
        bench.scheduler.tell("it", {"state": "failure"})
        await until(lambda: len(bench.of()) == 2, within=1.0)
        assert [result.reason for result in bench.of()] == ["", "failed"]

    play(story)
