"""The order of intake: what is kept is counted, once for each id, and what is not kept is not."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from exporter.ingest.intake import EVENTS, SCRUBBED, Intake, Parts
from exporter.ingest.limit import Buckets
from exporter.ingest.ports import Entry, Grouped, Outcome, Refusing
from exporter.ingest.values import Batch, CheckIn, Measured, Occasion, Occurrence, Operation, Origin
from exporter.tally import Tallies

SHOP = Origin("shop", "production", "1.0")


class Remembering:
    """A ledger, and each of the others: it notes what it is asked."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.kept: dict[str, Entry] = {}
        self.refuse: Refusing | None = None
        self.forgetful: Refusing | None = None
        self.done: list[Any] = []

    async def add(self, entries: Sequence[Entry]) -> list[Outcome]:
        if self.refuse is not None:
            raise self.refuse
        found: list[Outcome] = []
        for entry in entries:
            known = entry.id in self.kept
            found.append("duplicate" if known else "new" if entry.grouped else "seen")
            self.kept[entry.id] = entry
        return found

    def group(self, occurrence: Occurrence) -> Grouped:
        return Grouped("f" * 32, occurrence.message, "", "ValueError", "high")

    def tree(self, value: Any) -> Any:
        return value

    def text(self, text: str) -> str:
        return text

    def user(self, user: Any) -> str:
        return ""

    def take(self, measured: Measured) -> None:
        self.done.append(measured)

    def error(self, occurrence: Occurrence, grouped: Grouped, outcome: Outcome) -> None:
        self.done.append((occurrence.id, grouped.type, outcome))

    def occasion(self, occasion: Occasion) -> None:
        self.done.append(occasion.id)


def intake(buckets: Buckets | None = None) -> tuple[Intake, Remembering, Tallies]:
    mind, tallies = Remembering(), Tallies()
    parts = Parts(mind, mind, mind)

    async def heard(check_ins: Sequence[CheckIn]) -> None:
        mind.done.extend(check_ins)
        if mind.forgetful is not None:
            raise mind.forgetful

    return Intake(parts, mind, tallies, buckets or Buckets(1, 10), heard, clock=lambda: 0.0), mind, tallies


def counted(tallies: Tallies, metric: Any = EVENTS) -> dict[tuple[str, ...], float]:
    return {child.labels: child.value for child in tallies.families[metric].children.values() if child.value}


def error(id: str) -> Occurrence:
    return Occurrence(id, 1.0, SHOP, "sdk", message="no")


WORK = Operation(SHOP, "sdk", "checkout", 0.5)
BEAT = CheckIn("c" * 32, "nightly", "ok")


def everything() -> Batch:
    return Batch(
        occurrences=[error("a" * 32)],
        occasions=[Occasion("b" * 32, 1.0, SHOP, "security", "brute_force")],
        check_ins=[BEAT],
        measured=[("d" * 32, WORK), ("", WORK)],
        events=6,
        invalid=1,
    )


def test_a_batch_is_kept_then_counted_and_measured() -> None:
    taking, mind, tallies = intake()
    assert asyncio.run(taking.take(everything(), "sentry")) == 5
    assert mind.kept.keys() > {"a" * 32, "b" * 32, "d" * 32}
    assert len(mind.kept) == 4
    assert mind.done == [("a" * 32, "ValueError", "new"), "b" * 32, WORK, WORK, BEAT]
    assert counted(tallies) == {("sentry", "accepted"): 5, ("sentry", "invalid"): 1}


def test_what_has_an_id_counts_once_however_often_it_is_sent() -> None:
    taking, mind, tallies = intake()
    for _ in range(3):
        asyncio.run(taking.take(everything(), "sentry"))
    assert mind.done == [("a" * 32, "ValueError", "new"), "b" * 32, WORK, WORK, BEAT, WORK, WORK]
    assert counted(tallies) == {("sentry", "accepted"): 7, ("sentry", "duplicate"): 8, ("sentry", "invalid"): 3}


def test_an_id_that_comes_twice_in_a_batch_counts_once() -> None:
    taking, mind, tallies = intake()
    batch = Batch(occurrences=[error("a" * 32), error("a" * 32)], events=2)
    assert asyncio.run(taking.take(batch, "events")) == 1
    assert mind.done == [("a" * 32, "ValueError", "new")]
    assert counted(tallies) == {("events", "accepted"): 1, ("events", "duplicate"): 1}


def test_whatever_comes_twice_in_a_batch_counts_once() -> None:
    taking, mind, tallies = intake()
    occasion = Occasion("b" * 32, 1.0, SHOP, "business", "order")
    batch = Batch(occasions=[occasion, occasion], check_ins=[BEAT, BEAT, BEAT], events=8)
    for _ in range(2):
        batch.measure("d" * 32, [WORK, WORK])
    batch.measure("", [WORK])
    assert asyncio.run(taking.take(batch, "sentry")) == 4
    assert mind.done == ["b" * 32, WORK, WORK, WORK, BEAT]
    assert counted(tallies) == {("sentry", "accepted"): 4, ("sentry", "duplicate"): 4}


def test_a_check_in_that_could_not_be_kept_is_refused_until_it_is_and_told_once() -> None:
    taking, mind, tallies = intake()
    mind.forgetful = Refusing("unavailable", 10.0)
    for _ in range(2):
        with pytest.raises(Refusing):
            asyncio.run(taking.take(everything(), "sentry"))
    mind.forgetful = None
    assert asyncio.run(taking.take(everything(), "sentry")) == 1
    assert mind.done == [("a" * 32, "ValueError", "new"), "b" * 32, WORK, WORK, BEAT, WORK, WORK]
    assert counted(tallies) == {
        ("sentry", "accepted"): 6,
        ("sentry", "duplicate"): 8,
        ("sentry", "refused"): 1,
        ("sentry", "invalid"): 3,
    }


def test_what_the_store_refuses_is_neither_counted_nor_measured() -> None:
    taking, mind, tallies = intake()
    mind.refuse = Refusing("full", 10.0)
    with pytest.raises(Refusing):
        asyncio.run(taking.take(everything(), "sentry"))
    assert mind.done == []
    assert counted(tallies) == {("sentry", "refused"): 5, ("sentry", "invalid"): 1}


def test_a_jobs_beginning_and_its_end_come_under_one_id_and_are_both_heard() -> None:
    taking, mind, _ = intake()
    began = CheckIn("c" * 32, "nightly", "in_progress")
    for report in (began, began, BEAT, BEAT):
        asyncio.run(taking.take(Batch(check_ins=[report], events=1), "sentry"))
    assert mind.done == [began, BEAT]


def test_what_need_not_be_kept_does_not_wait_for_the_store() -> None:
    taking, mind, tallies = intake()
    mind.refuse = Refusing("full", 10.0)
    assert asyncio.run(taking.take(Batch(measured=[("", WORK)], events=1), "otlp")) == 1
    assert mind.done == [WORK]


def test_a_sender_over_its_rate_is_told_for_how_long_and_its_events_are_counted() -> None:
    taking, _, tallies = intake()
    assert taking.wait("key", 10, "sentry") == 0
    assert taking.wait("key", 4, "sentry") == 4.0
    assert taking.wait("other", 4, "sentry") == taking.wait("key", 4, "otlp") == 0
    assert counted(tallies) == {("sentry", "limited"): 4}


def test_what_was_scrubbed_is_counted_by_rule_also_after_another_scrubber_took_over() -> None:
    taking, mind, tallies = intake()
    mind.counts = {"email": 2}
    asyncio.run(taking.take(Batch(), "sentry"))
    other = Remembering()
    other.counts = {"email": 1}
    taking.use(Parts(other, mind, mind))
    asyncio.run(taking.take(Batch(), "sentry"))
    assert counted(tallies, SCRUBBED) == {("email",): 3}
