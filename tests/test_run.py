"""One run: its deadline, and what becomes of everything that a probe may do."""

import asyncio
import os
import time

import pytest

from exporter import run as run_module
from exporter.component import Component
from exporter.probe import Down, Readings, Result
from exporter.run import run_once
from tests.probing import Memory, readings
from tests.scripted import LEVEL, SEEN, SIZE, WAIT, component, fine, mute


def once(work, *, memory: Memory | None = None, **fields) -> Result:
    memory = memory or Memory()
    return asyncio.run(alone(component(work, **fields), memory))


async def alone(it: Component, memory: Memory) -> Result:
    """Run it, and see that nothing is left of it."""
    before, files = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
    result = await run_once(it, memory, memory)
    assert asyncio.all_tasks() == before
    assert len(os.listdir("/proc/self/fd")) == files
    return result


def verdict(result: Result) -> tuple[str, str]:
    return result.outcome, result.reason


def test_a_run_that_returns_is_healthy() -> None:
    async def work(out: Readings) -> None:
        out.set(LEVEL, 1, "left")
        out.set(SIZE, True)
        with out.phase("connect"):
            await asyncio.sleep(0.02)
        out.count(SEEN, 2, "rain")
        out.observe(WAIT, 0.5)
        out.keep("place", [1])
        assert out.kept("place") == [1]
        assert out.deadline - time.monotonic() == pytest.approx(2.98, abs=0.05)

    memory, at = Memory(), time.time()
    result = once(work, memory=memory, timeout=3.0)
    assert (result.component, result.kind, *verdict(result), result.detail, result.error, result.up) == (
        "it", "scripted", "healthy", "", "", None, True,
    )  # fmt: skip
    assert readings(result) == {'stack_scripted_level_ratio{tank="left"}': 1, "stack_scripted_size_bytes": 1}
    assert result.started == pytest.approx(at, abs=0.5)
    assert 0.02 <= result.duration < 0.2
    assert [phase.name for phase in result.phases] == ["connect"]
    assert 0.02 <= result.phases[0].duration <= result.duration
    assert memory.counts == {(SEEN.name, ("rain",)): 2}
    assert memory.observations == {(WAIT.name, ()): [0.5]}


@pytest.mark.parametrize(
    ("phase", "reason"),
    [("", "timeout"), ("resolve", "resolve_timeout"), ("connect", "connect_timeout"), ("tls", "timeout")],
)
def test_the_deadline_is_total_and_its_reason_says_where_it_struck(phase: str, reason: str) -> None:
    async def work(out: Readings) -> None:
        out.set(SIZE, 5)
        with out.phase("before"):
            await asyncio.sleep(0.1)
        if phase:
            with out.phase(phase):
                while True:
                    await asyncio.sleep(0.05)  # each wait is short: only the whole is too long
        await mute(out)

    result = once(work, timeout=0.3)
    assert verdict(result) == ("unhealthy", reason)
    assert 0.3 <= result.duration < 0.4
    assert readings(result) == {"stack_scripted_size_bytes": 5}
    assert "0.3 s" in result.detail and phase in result.detail


def test_an_answer_that_a_probe_makes_of_its_cancellation_counts() -> None:
    async def work(out: Readings) -> None:
        try:
            await mute(out)
        except asyncio.CancelledError:
            raise Down("slow", "half an answer") from None

    assert verdict(once(work, timeout=0.05)) == ("unhealthy", "slow")


def test_a_run_that_returns_after_its_deadline_is_late_all_the_same() -> None:
    async def work(out: Readings) -> None:
        try:
            await mute(out)
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)

    assert verdict(once(work, timeout=0.05)) == ("unhealthy", "timeout")


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), TimeoutError(), StopIteration(), RecursionError(), BaseExceptionGroup("two", [ValueError(), SystemExit()])], ids=lambda e: type(e).__name__)  # fmt: skip
def test_whatever_else_is_raised_is_internal_and_the_loop_lives(error: BaseException) -> None:
    async def work(out: Readings) -> None:
        out.set(SIZE, 5)
        raise error

    async def story() -> Result:
        result = await alone(component(work), Memory())
        await asyncio.sleep(0.01)
        return result

    result = asyncio.run(story())
    assert verdict(result) == ("unhealthy", "internal")
    assert readings(result) == {"stack_scripted_size_bytes": 5}
    assert result.error is not None
    assert result.error.__traceback__ is not None
    assert type(result.error).__name__ in result.detail


def test_what_is_raised_on_cancellation_does_not_hide_the_timeout() -> None:
    async def work(out: Readings) -> None:
        try:
            await mute(out)
        finally:
            raise OSError("closing failed")

    result = once(work, timeout=0.05)
    assert (*verdict(result), result.error) == ("unhealthy", "timeout", None)


def test_a_run_that_swallows_its_cancellation_is_left_behind_after_one_more_second() -> None:
    release = None
    left: list[asyncio.Task] = []

    async def stubborn(out: Readings) -> None:
        out.set(SIZE, 5)
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                pass
        out.set(SIZE, 6)

    async def story() -> None:
        nonlocal release
        release = asyncio.Event()
        memory = Memory()
        result = await run_once(component(stubborn, timeout=0.1), memory, memory, abandoned=left.append)
        assert verdict(result) == ("unhealthy", "timeout")
        assert 1.1 <= result.duration < 1.25
        (task,) = left
        assert not task.done()
        release.set()
        await task
        assert readings(result) == {"stack_scripted_size_bytes": 5}

    asyncio.run(story())


def test_cancelled_it_cancels_the_run_and_waits_for_its_end() -> None:
    seen: list[str] = []

    async def work(out: Readings) -> None:
        try:
            await mute(out)
        finally:
            await asyncio.sleep(0.02)
            seen.append("closed")

    async def story() -> None:
        before = asyncio.all_tasks()
        memory = Memory()
        running = asyncio.create_task(run_once(component(work), memory, memory))
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert seen == ["closed"]
        assert asyncio.all_tasks() == before

    asyncio.run(story())


def test_a_jump_of_the_wall_clock_moves_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    began = time.monotonic()
    monkeypatch.setattr(run_module.time, "time", lambda: real() + (3600 if time.monotonic() - began > 0.1 else 0))

    result = once(mute, timeout=0.3)
    assert 0.3 <= result.duration < 0.4
    assert verdict(once(fine)) == ("healthy", "")
