"""What a run is taken for: reasons, degradations and thresholds."""

import asyncio

import pytest

from exporter.component import Limit
from exporter.metric import gauge
from exporter.probe import COMMON_REASONS, Down, Readings, Result, Signal
from exporter.run import run_once
from tests.probing import Memory, readings
from tests.scripted import LEVEL, SIZE, WAIT, component, mute

FULL = Signal("full", LEVEL, "ratio", "How full.", direction="above")
LARGE = Signal("large", SIZE, "bytes", "How large.", direction="below")


def once(work, **fields) -> Result:
    memory = Memory()
    return asyncio.run(run_once(component(work, **fields), memory, memory))


def verdict(result: Result) -> tuple[str, str]:
    return result.outcome, result.reason


def test_down_is_unhealthy_and_keeps_what_was_read() -> None:
    async def work(out: Readings) -> None:
        out.set(SIZE, 5)
        raise Down("refused", "127.0.0.1:1 refused")

    result = once(work)
    assert (*verdict(result), result.detail, result.error, result.up) == (
        "unhealthy",
        "refused",
        "127.0.0.1:1 refused",
        None,
        False,
    )
    assert readings(result) == {"stack_scripted_size_bytes": 5}


def test_an_undeclared_reason_is_internal() -> None:
    async def down(out: Readings) -> None:
        raise Down("whatever", "detail")

    async def degraded(out: Readings) -> None:
        out.degraded("whatever", "detail")

    result = once(down)
    assert verdict(result) == ("unhealthy", "internal")
    assert "whatever" in result.detail
    assert result.error is not None and any("whatever" in note for note in result.error.__notes__)
    assert verdict(once(degraded)) == ("degraded", "internal")


@pytest.mark.parametrize("reason", COMMON_REASONS)
def test_a_probe_can_not_give_a_common_reason_itself(reason: str) -> None:
    async def work(out: Readings) -> None:
        raise Down(reason)

    assert verdict(once(work)) == ("unhealthy", "internal")


def test_the_first_degradation_is_the_reason_and_comes_before_thresholds() -> None:
    async def work(out: Readings) -> None:
        out.set(LEVEL, 0.99, "left")
        out.degraded("slow", "first")
        out.degraded("refused", "second")

    result = once(work, limits=(Limit(FULL, "warning", 0.8),))
    assert (*verdict(result), result.detail, result.up) == ("degraded", "slow", "first", True)


@pytest.mark.parametrize(
    ("limits", "detail"),
    [
        ([Limit(FULL, "warning", 0.9)], "full 95 % is at or above its warning threshold 90 %"),
        ([Limit(FULL, "warning", 0.95)], "full 95 % is at or above its warning threshold 95 %"),
        ([Limit(FULL, "warning", 0.951)], None),
        ([Limit(LARGE, "critical", 100)], "large 50 B is at or below its critical threshold 100 B"),
        ([Limit(LARGE, "critical", 49)], None),
        ([Limit(LARGE, "warning", 1.2 * 2**30)], "large 50 B is at or below its warning threshold 1.2 GiB"),
        ([Limit(FULL, "warning", 0.8), Limit(FULL, "critical", 0.9)], "full 95 % is at or above its critical threshold 90 %"),
        ([Limit(FULL, "warning", 0.8), Limit(FULL, "critical", 0.99)], "full 95 % is at or above its warning threshold 80 %"),
        ([Limit(Signal("f", LEVEL, "ratio", "It.", statistic="p95"), "critical", 0.1)], None),
        ([Limit(Signal("f", LEVEL, "ratio", "It.", statistic="rate"), "critical", 0.1)], None),
        ([Limit(Signal("f", gauge("stack_other_ratio", "It.", "component"), "ratio", "It."), "critical", 0.0)], None),
    ],
)  # fmt: skip
def test_a_threshold_is_crossed_by_the_worst_of_the_newest_values_alone(
    limits: list[Limit], detail: str | None
) -> None:
    async def work(out: Readings) -> None:
        out.set(LEVEL, 0.85, "left")
        out.set(LEVEL, float("nan"), "broken")
        out.set(LEVEL, 0.95, "right")
        out.set(SIZE, 50)

    result = once(work, limits=tuple(limits))
    assert (*verdict(result), result.detail) == (
        ("healthy", "", "") if detail is None else ("degraded", "threshold", detail)
    )


def test_an_infinite_reading_crosses_a_threshold_like_any_other() -> None:
    async def work(out: Readings) -> None:
        out.set(LEVEL, float("inf"), "left")

    result = once(work, limits=(Limit(FULL, "warning", 0.9),))
    assert (*verdict(result), result.detail) == (
        *("degraded", "threshold"),
        "full inf % is at or above its warning threshold 90 %",
    )


@pytest.mark.parametrize(
    ("where", "phase", "detail"),
    [
        ("", "", "no end within 0.05 s"),
        ("", "login", "no end within 0.05 s, in phase login"),
        ("db:5432", "login", "db:5432: no end within 0.05 s, in phase login"),
        ("db:5432", "tls", "db:5432: no end within 0.05 s, in phase tls; it may not speak TLS there"),
    ],
)
def test_a_deadline_tells_where_and_in_what_it_struck(where: str, phase: str, detail: str) -> None:
    async def work(out: Readings) -> None:
        out.where = where
        if phase:
            with out.phase(phase):
                await mute(out)
        await mute(out)

    result = once(work, timeout=0.05)
    assert (*verdict(result), result.detail) == ("unhealthy", "timeout", detail)


def test_a_detail_is_one_bounded_line_without_controls() -> None:
    async def work(out: Readings) -> None:
        raise Down("refused", "two\nlines \x1b[31m\0" + "é" * 10_000)

    result = once(work)
    assert result.detail.isprintable()
    assert result.detail.startswith("two lines")
    assert len(result.detail) == 400 and result.detail.endswith("…")


@pytest.mark.parametrize(
    "defect",
    [
        lambda out: out.set(LEVEL, 1),
        lambda out: out.set(SIZE, 1, "extra"),
        lambda out: out.set(SIZE, None),
        lambda out: out.set(SIZE, "many"),
        lambda out: out.set(WAIT, 1),
    ],
    ids=["label missing", "label too many", "no number", "a word", "a histogram"],
)  # fmt: skip
def test_a_reading_that_could_not_be_exposed_is_a_defect_where_it_is_made(defect) -> None:
    async def work(out: Readings) -> None:
        out.set(SIZE, 5)
        defect(out)

    result = once(work)
    assert verdict(result) == ("unhealthy", "internal")
    assert readings(result) == {"stack_scripted_size_bytes": 5}


def test_what_the_watch_found_belongs_to_the_result_and_the_run_may_replace_it() -> None:
    async def work(out: Readings) -> None:
        out.set(LEVEL, 0.5, "left")

    async def story() -> Result:
        memory = Memory()
        watched = {(LEVEL, ("left",)): 0.1, (LEVEL, ("right",)): 0.2}
        result = await run_once(component(work), memory, memory, watched=watched)
        watched[LEVEL, ("right",)] = 0.9
        return result

    assert {labels: value for (_, labels), value in asyncio.run(story()).values.items()} == {
        ("left",): 0.5,
        ("right",): 0.2,
    }
