import asyncio
import time
from typing import Any

import pytest

from exporter.tally import Tallies
from tests.forward.sink import Sink, sink
from tests.forward.tracing import PHASES, counts, make, result, traces, until, working


def test_a_flush_sends_what_waits_at_once() -> None:
    async def send(back: Sink) -> float:
        async with working(traces(back.url), Tallies(), every=60.0) as made:
            made.ended(result(made))
            before = time.perf_counter()
            await made.flush(5.0)
            return time.perf_counter() - before

    with sink() as back:
        assert asyncio.run(send(back)) < 3.0
        assert len(back.spans) == 3


def test_work_that_is_cancelled_and_started_again_loses_no_span_and_sends_none_twice() -> None:
    async def send(back: Sink) -> dict[str, float]:
        back.released.clear()
        tallies = Tallies()
        made = make(traces(back.url, timeout="20s"), tallies)
        work = asyncio.create_task(made.work(lambda: None))
        made.ended(result(made))
        await until(lambda: back.paths)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        work = asyncio.create_task(made.work(lambda: None))
        back.released.set()
        made.ended(result(made))
        await until(lambda: counts(tallies) == {"exported_total 0": 6})
        made.close()
        await work
        return counts(tallies)

    with sink() as back:
        assert asyncio.run(send(back)) == {"exported_total 0": 6}
        assert len(back.spans) == 6


def test_a_run_with_more_phases_than_the_queue_holds_is_dropped_and_stops_nothing() -> None:
    async def send(back: Sink) -> None:
        tallies = Tallies()
        async with working(traces(back.url), tallies) as made:
            made.ended(result(made, phases=PHASES * 1500))
            await asyncio.sleep(0.05)
            made.ended(result(made))
            await until(lambda: counts(tallies) == {"dropped_total 0 queue_full": 3001, "exported_total 0": 3})

    with sink() as back:
        asyncio.run(send(back))


def test_work_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.forward.spans.BEAT", 0.01)
    beats: list[Any] = []

    async def work() -> None:
        async with working(traces("http://127.0.0.1:1"), Tallies()) as made:
            beating = asyncio.create_task(made.work(lambda: beats.append(1)))
            await until(lambda: len(beats) > 3)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    asyncio.run(work())


def test_a_tracer_that_is_closed_takes_no_more_and_its_work_ends() -> None:
    async def work() -> None:
        async with working(traces("http://127.0.0.1:1"), Tallies()) as made:
            task = asyncio.create_task(made.work(lambda: None))
            await asyncio.sleep(0.05)
            made.close()
            made.close()
            await asyncio.wait_for(task, 3.0)

    asyncio.run(work())
