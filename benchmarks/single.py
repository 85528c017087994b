"""One measurement in a process of its own, printed as JSON: `python -m benchmarks.single MEASUREMENT ARGUMENT…`."""

import asyncio
import gc
import json
import sys
import time
import timeit

from benchmarks import usage

RUNS = 2_000
MILLION = 1_000_000


def http(url: str) -> float:
    """CPU seconds of run_once with an HTTP probe on uvloop, eight of them at any time so that the loop never waits."""
    import uvloop

    from tests import probing

    component, memory = probing.component("http", url=url), probing.Memory()

    async def runs(count: int) -> None:
        for _ in range(count):
            assert (await probing.run_once(component, memory, memory)).up

    async def all_runs() -> float:
        await runs(50)
        before = time.process_time()
        await asyncio.gather(*(runs(RUNS // 8) for _ in range(8)))
        return (time.process_time() - before) / RUNS

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_runs())


def render(series: str) -> float:
    """CPU seconds of a whole page of ours, every series written anew, in the process."""
    from benchmarks.pages import Ours

    ours = Ours(int(series))
    return _each(lambda: (ours.change(1.0), ours.page.families()), 10)


def render_peer(series: str) -> float:
    from prometheus_client import generate_latest

    from benchmarks.pages import registry

    found = registry(int(series))
    return _each(lambda: generate_latest(found), 5)


def memory(series: str) -> float:
    """Bytes a series: of the readings, the state and the rendered page."""
    from benchmarks import pages

    pages.VARIANTS = 1
    pages.Ours(pages.PER_COMPONENT)
    before = _resident()
    ours = pages.Ours(int(series))
    gc.collect()
    return (_resident() - before) / ours.page.series()


def memory_peer(series: str) -> float:
    from benchmarks.pages import registry

    registry(20)
    before = _resident()
    found = registry(int(series))
    held = (_resident() - before) / int(series)
    assert found
    return held


def observe(_: str) -> float:
    """Seconds of one observation, the child held as the daemon holds it."""
    from exporter.probe import PROBE_DURATION
    from exporter.tally import Tallies

    child = Tallies().child(PROBE_DURATION, "it", "http")
    return min(timeit.repeat(lambda: child.observe(0.0123), number=MILLION, repeat=3)) / MILLION


def observe_peer(_: str) -> float:
    from prometheus_client import Histogram

    from exporter.metric import SECONDS

    family = Histogram("peer_seconds", "A duration.", ["component", "kind"], buckets=SECONDS, registry=None)
    number = MILLION // 5
    return min(timeit.repeat(lambda: family.labels("it", "http").observe(0.0123), number=number, repeat=3)) / number


def _each(call, rounds: int) -> float:
    call()
    before = time.process_time()
    for _ in range(rounds):
        call()
    return (time.process_time() - before) / rounds


def _resident() -> int:
    gc.collect()
    return usage.own_resident()


if __name__ == "__main__":
    name, argument = sys.argv[1:]
    print(json.dumps(globals()[name](argument)))
