"""A stuck call holds one thread of its component, and no other component, nor the exit of the process."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from exporter.probe import Down
from exporter.probes import _threads
from exporter.probes._threads import Lane


def test_a_call_gives_what_the_function_returns_or_raises() -> None:
    async def main() -> None:
        lane = Lane(idle=0.01)
        assert await lane.call(0.0, "adding", lambda a, b: a + b, 1, 2) == 3
        with pytest.raises(FileNotFoundError):
            await lane.call(time.monotonic() + 1, "opening", open, "/nonexistent")

    asyncio.run(main())


def test_later_calls_of_a_stuck_component_are_hung_and_take_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "PATIENCE", 0.05)
    release = threading.Event()

    async def main() -> None:
        stuck, other = Lane(), Lane()
        try:
            with pytest.raises(Down) as first:
                await stuck.call(time.monotonic() + 0.2, "reading x", release.wait)
            assert (first.value.reason, first.value.detail) == ("hung", "reading x has not come back for 0.2 s")
            for _ in range(5):
                began = time.monotonic()
                with pytest.raises(Down, match="reading x"):
                    await stuck.call(began + 5, "reading y", time.monotonic)
                assert time.monotonic() - began < 0.1
            assert await other.call(time.monotonic() + 1, "z", lambda: 1) == 1
            assert [t.name for t in threading.enumerate() if t.name in ("lane: reading x", "lane: reading y")] == [
                "lane: reading x"
            ]
        finally:
            release.set()
        await asyncio.sleep(0.05)
        assert await stuck.call(time.monotonic() + 1, "reading x", lambda: 2) == 2, "it recovers by itself"

    asyncio.run(main())


def test_a_call_given_up_before_it_began_is_never_made() -> None:
    release, made = threading.Event(), []

    async def main() -> None:
        lane = Lane()
        first = asyncio.create_task(lane.call(0.0, "first", release.wait))
        second = asyncio.create_task(lane.call(0.0, "second", made.append, 2))
        await asyncio.sleep(0.02)
        second.cancel()
        await asyncio.sleep(0)
        release.set()
        await first
        await lane.call(0.0, "third", made.append, 3)

    asyncio.run(main())
    assert made == [3]


def test_a_long_call_that_serves_lets_others_through_in_its_thread() -> None:
    async def main() -> None:
        lane, done, threads = Lane(), threading.Event(), set()

        def long() -> None:
            threads.add(threading.get_ident())
            while not done.wait(0.001):
                lane.serve()

        task = asyncio.create_task(lane.call(0.0, "long", long))
        await asyncio.sleep(0.01)
        for _ in range(3):
            threads.add(await lane.call(time.monotonic() + 1, "short", threading.get_ident))
        done.set()
        await task
        assert len(threads) == 1

    asyncio.run(main())


def test_an_idle_thread_ends_and_another_begins_when_needed() -> None:
    async def main() -> None:
        lane = Lane(idle=0.01)
        first = await lane.call(0.0, "one", threading.current_thread)
        await asyncio.to_thread(first.join, 1)
        assert not first.is_alive()
        assert await lane.call(0.0, "two", lambda: 2) == 2

    asyncio.run(main())


def test_what_is_called_later_comes_after_all_that_waits() -> None:
    async def main() -> None:
        lane, order = Lane(), []
        task = asyncio.create_task(lane.call(0.0, "one", order.append, 1))
        await asyncio.sleep(0)
        lane.later("two", lambda: order.append(2))
        await lane.call(0.0, "three", order.append, 3)
        await task
        assert order == [1, 2, 3]

    asyncio.run(main())


def test_a_stuck_call_does_not_hold_up_the_exit() -> None:
    program = """if True:
        import asyncio, threading, time
        from exporter.probe import Down
        from exporter.probes._threads import Lane
        async def main():
            try:
                await Lane().call(time.monotonic() + 0.05, "x", threading.Event().wait)
            except Down as down:
                print(down.reason)
        asyncio.run(main())"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "hung\n", "")
