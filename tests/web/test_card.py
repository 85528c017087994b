"""What a card and the ring say in words and figures."""

from dataclasses import replace

import pytest

from exporter.component import Limit
from exporter.metric import counter, gauge
from exporter.probe import LATENCY, Phase, Signal
from exporter.web import chart
from tests.web.client import ask
from tests.web.stand import Stand, asked_alone, component, result, stand
from tests.web.test_page import Parsed

SAVED = Signal(
    "saved", gauge("stack_made_up_saved", "1 or 0.", "component"), "number", "Whether it is saved.", direction="below", warning=0
)  # fmt: skip
REFUSED = Signal(
    "refused", counter("stack_made_up_refused_total", "Refused.", "component"), "number", "Refused a second.", statistic="rate"
)  # fmt: skip
CERTIFICATE = Signal(
    "certificate", gauge("stack_made_up_certificate_remaining_seconds", "Left.", "component"), "seconds", "Left.", direction="below"
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
        s.take(result("db", "degraded", "threshold", "one of them", pool=0.9647))
        page = (await ask(s.port, "GET /")).text
        assert '<p class="message">pool 96.5 % is at or above its critical threshold 95 %</p>' in page
        s.take(result("db", "unhealthy", "refused", "as it was", pool=0.97))
        assert '<p class="message">as it was</p>' in (await ask(s.port, "GET /")).text


@pytest.mark.parametrize(
    ("left", "text", "message"),
    [
        (40 * 86400.0, "certificatein 40 days", ""),
        (20 * 86400.0, "certificatein 20 days, warning", "certificate ends in 20 days, at or below its warning threshold 20 d"),
        (-117529532.0, "certificate1\u202f360 days ago, critical", "certificate ended 1\u202f360 days ago, at or below its critical threshold 3 d"),
    ],
)  # fmt: skip
async def test_what_is_left_of_a_certificate_is_told_as_a_moment(left: float, text: str, message: str) -> None:
    limits = (Limit(CERTIFICATE, "warning", 20 * 86400.0), Limit(CERTIFICATE, "critical", 3 * 86400.0))
    async with stand(tokens=()) as s:
        s.add(component("db", limits=limits))
        said = ("degraded", "threshold") if message else ()
        s.take(replace(result("db", *said), values={(CERTIFICATE.metric, ()): left}))
        page = Parsed((await ask(s.port, "GET /")).text).text
        assert text in page and message in page and "warning 20 d, critical 3 d" in page


async def test_phases_of_one_name_are_shown_together() -> None:
    several = (
        Phase("connect", 0.0, 0.01),
        Phase("query", 0.01, 0.2),
        Phase("connect", 0.21, 0.02),
        Phase("query", 0.23, 0.1),
    )
    async with stand(tokens=()) as s:
        s.add(component("db"))
        s.take(replace(result("db"), phases=several))
        page = (await ask(s.port, "GET /")).text
        text = Parsed(page).text
        assert "connect 30 ms" in text and "query 300 ms" in text
        assert (text.count("connect "), page.count('<rect class="phase')) == (1, 2)


async def test_what_is_not_scheduled_says_what_it_waits_for() -> None:
    async with stand(tokens=()) as s:
        s.add(asked_alone("shop"))
        s.add(component("db"))
        text = Parsed((await ask(s.port, "GET /")).text).text
        assert text.count("It runs when /probe?component=shop or a cycle asks.") == 1
        assert text.count("Its first run is under way.") == 1
        s.take(result("shop"))
        assert "or a cycle asks" not in (await ask(s.port, "GET /")).text


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
        assert page.count('<section class="cards bad"><article class="card unhealthy" id="component-db"><div><h3>') == 1
        assert '</div><div class="past"><svg class="bars"' in page


@pytest.mark.parametrize(("score", "text"), [(None, "–"), (0.0, "0"), (0.857, "86"), (0.9999, "99"), (1.0, "100")])
def test_the_score_is_rounded_and_100_only_when_nothing_is_wrong(score: float | None, text: str) -> None:
    assert Parsed(chart.ring(score, "degraded")).text == f"{text}score"
