"""GET /probe?component=NAME: one component's series, as fresh as one attempt in an interval allows."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from exporter.component import Component
from exporter.probe import Readings
from tests.scripted import component, fine
from tests.web.client import Reply, ask
from tests.web.stand import Stand, stand

COLD = "stack_probe_success{"


def asked_alone(made: Component) -> Component:
    return replace(made, probe=msgspec.structs.replace(made.probe, scheduled=False))


class Counted:
    def __init__(self, takes: float = 0.0) -> None:
        self.runs = 0
        self.takes = takes

    async def work(self, out: Readings) -> None:
        self.runs += 1
        await asyncio.sleep(self.takes)


async def of(s: Stand, name: str, *lines: str) -> Reply:
    return await ask(s.port, f"GET /probe?component={name}", *lines)


async def test_what_is_not_scheduled_is_run_when_it_is_asked_for_and_no_other_is_shown() -> None:
    counted = Counted()
    async with stand() as s:
        s.add(asked_alone(component(counted.work, "it", interval=60.0)), scheduled=True)
        s.add(component(fine, "other"), scheduled=True)
        reply = await of(s, "it")
        assert (reply.status, counted.runs) == (200, 1)
        assert 'stack_probe_success{component="it",kind="scripted"} 1.0' in reply.text
        assert '"other"' not in reply.text
        assert "process_" not in reply.text
        again = await of(s, "it")
        assert (again.text.count(COLD), counted.runs) == (1, 1), "the last run is still fresh"


async def test_a_scrape_an_interval_later_runs_it_again_though_it_comes_a_moment_early() -> None:
    counted = Counted()
    async with stand() as s:
        s.add(asked_alone(component(counted.work, "it", interval=0.4)), scheduled=True)
        await of(s, "it")
        await asyncio.sleep(0.35)
        await of(s, "it")
        assert counted.runs == 2


async def test_what_is_scheduled_is_not_asked_a_second_time_in_its_interval() -> None:
    counted = Counted()
    async with stand() as s:
        s.add(component(counted.work, "it", interval=60.0), scheduled=True)
        async with asyncio.timeout(10):  # for the first of its schedule, which comes by itself a little later
            while s.state.records["it"].result is None:
                await asyncio.sleep(0.01)
        for _ in range(3):
            assert COLD in (await of(s, "it")).text
        assert counted.runs == 1


async def test_scrapes_at_the_same_time_share_a_run() -> None:
    counted = Counted(takes=0.2)
    async with stand() as s:
        s.add(asked_alone(component(counted.work, "it", interval=60.0)), scheduled=True)
        replies = await asyncio.gather(*(of(s, "it") for _ in range(5)))
        assert ([reply.status for reply in replies], counted.runs) == ([200] * 5, 1)


async def test_no_longer_than_prometheus_waits() -> None:
    counted = Counted(takes=5.0)
    async with stand() as s:
        s.add(asked_alone(component(counted.work, "it", interval=60.0, timeout=10.0)), scheduled=True)
        async with asyncio.timeout(3):
            reply = await of(s, "it", "X-Prometheus-Scrape-Timeout-Seconds: 1")
        assert (reply.status, COLD in reply.text, "stack_component_info" in reply.text) == (200, False, True)


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
async def test_a_time_out_that_is_none_is_refused(given: str) -> None:
    async with stand() as s:
        s.add(component(fine, "it"))
        reply = await of(s, "it", f"X-Prometheus-Scrape-Timeout-Seconds: {given}")
        assert reply.status == 400


async def test_who_is_unknown_and_who_is_asked_for_twice_is_refused() -> None:
    async with stand() as s:
        s.add(component(fine, "it"), scheduled=True)
        assert (await of(s, "nobody")).status == 404
        assert (await of(s, "")).status == 404
        assert (await ask(s.port, "GET /probe?component=it&target=x")).status == 400


async def test_a_reload_in_the_meantime_is_no_empty_answer() -> None:
    slow, quick = Counted(takes=5.0), Counted()
    async with stand() as s:
        for name in ("gone", "changed"):
            s.add(asked_alone(component(slow.work, name, interval=60.0, timeout=10.0)), scheduled=True)
        asked = [asyncio.create_task(of(s, name)) for name in ("gone", "changed")]
        while slow.runs < 2:
            await asyncio.sleep(0.01)
        for name in ("gone", "changed"):
            await s.scheduler.remove(name)
            await asyncio.sleep(0.01)
            s.state.remove(name)
            s.page.drop(name)
        s.add(asked_alone(component(quick.work, "changed", interval=60.0)), scheduled=True)
        async with asyncio.timeout(3):
            gone, changed = await asyncio.gather(*asked)
        assert (gone.status, changed.status, quick.runs, COLD in changed.text) == (404, 200, 1, True)
