"""What a card and the ring say in words and figures."""

from dataclasses import replace

import pytest

from exporter.component import Limit
from exporter.metric import counter, gauge
from exporter.probe import LATENCY, Signal
from exporter.web import chart
from tests.web.client import ask
from tests.web.stand import Stand, component, result, stand
from tests.web.test_page import Parsed

SAVED = Signal(
    "saved", gauge("stack_made_up_saved", "1 or 0.", "component"), "number", "Whether it is saved.", direction="below", warning=0
)  # fmt: skip
REFUSED = Signal(
    "refused", counter("stack_made_up_refused_total", "Refused.", "component"), "number", "Refused a second.", statistic="rate"
)  # fmt: skip
LEFT = Signal(
    "left", gauge("stack_made_up_left", "Left.", "component"), "number", "What is left.", direction="below", warning=5
)


async def shown(s: Stand, *limits: Limit, **values: float) -> str:
    s.add(component("db", limits=limits))
    signals = {limit.signal.name: limit.signal for limit in limits}
    s.take(replace(result("db"), values={(signals[name].metric, ()): value for name, value in values.items()}))
    return (await ask(s.port, "GET /")).text


@pytest.mark.parametrize(("value", "word", "state"), [(1.0, "ok", "fine"), (0.0, "failed", "warning")])
async def test_what_is_true_or_false_is_a_word_without_a_scale(value: float, word: str, state: str) -> None:
    async with stand(tokens=()) as s:
        page = await shown(s, Limit(SAVED, "warning", 0.0), saved=value)
        assert f'<b class="{state}">{word}</b>' in page
        assert 'class="meter"' not in page and 'class="bounds"' not in page


async def test_a_number_that_happens_to_be_1_keeps_its_scale() -> None:
    async with stand(tokens=()) as s:
        page = await shown(s, Limit(LEFT, "warning", 5.0), left=1.0)
        assert "1 under warning" in Parsed(page).text and 'class="meter"' in page


async def test_a_rate_is_left_to_prometheus() -> None:
    async with stand(tokens=()) as s:
        page = await shown(s, Limit(REFUSED, "warning", 0.003), Limit(LATENCY, "warning", 0.5), refused=7.0)
        assert "refused" not in Parsed(page).text and "latency (p95)" in Parsed(page).text


async def test_a_signal_says_what_it_is_when_it_is_pointed_at() -> None:
    async with stand(tokens=()) as s:
        assert '<span title="What is left.">left</span>' in await shown(s, Limit(LEFT, "warning", 5.0), left=9.0)


async def test_what_is_beyond_its_threshold_is_told_with_its_unit_and_the_severest_bound() -> None:
    async with stand(tokens=()) as s:
        s.add(component("db"))
        s.take(
            result("db", "degraded", "threshold", "pool 0.9647 is at or above its warning threshold 0.8", pool=0.9647)
        )
        page = (await ask(s.port, "GET /")).text
        assert '<p class="message">pool 96.5 % is at or above its critical threshold, 95 %</p>' in page
        s.take(result("db", "unhealthy", "refused", "as it was", pool=0.97))
        assert '<p class="message">as it was</p>' in (await ask(s.port, "GET /")).text


async def test_a_scale_reaches_to_the_last_threshold() -> None:
    load = Signal(
        "load", gauge("stack_made_up_load_ratio", "Load.", "component"), "ratio", "Load.", warning=2, critical=5
    )
    async with stand(tokens=()) as s:
        page = await shown(s, Limit(load, "warning", 2.0), Limit(load, "critical", 5.0), load=0.935)
        assert 'width="16.3"' in page and "M34.8 0V8" in page and "M87.0 0V8" in page


async def test_one_card_that_needs_attention_has_its_past_beside_it() -> None:
    async with stand(tokens=()) as s:
        s.add(component("db"))
        s.take(result("db", "unhealthy", "refused"))
        page = (await ask(s.port, "GET /")).text
        assert page.count('<section class="cards bad"><article class="card unhealthy"><div><h3>') == 1
        assert '</div><div class="past"><svg class="bars"' in page


@pytest.mark.parametrize(("score", "text"), [(None, "–"), (0.0, "0"), (0.857, "86"), (0.9999, "99"), (1.0, "100")])
def test_the_score_is_rounded_and_100_only_when_nothing_is_wrong(score: float | None, text: str) -> None:
    assert Parsed(chart.ring(score, "degraded")).text == f"{text}score"
