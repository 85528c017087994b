"""The order in which what came in is worked on: limit, group, keep, count. What is not kept is not counted."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from exporter.ingest.limit import Buckets
from exporter.ingest.ports import Entry, Grouper, Ledger, Meter, Outcome, Refusing, Scrubber
from exporter.ingest.refusals import Heard, Refusals, limited
from exporter.ingest.values import Batch, CheckIn, Occasion, Occurrence
from exporter.metric import counter
from exporter.tally import Tallies

EVENTS = counter(
    "stack_exporter_ingest_events_total",
    "Events that applications sent, by outcome: accepted, duplicate, limited, invalid, or refused by the store.",
    "source",
    "outcome",
)
SCRUBBED = counter(
    "stack_exporter_scrubbed_total", "Personal data and secrets removed from incoming events, by rule.", "rule"
)
SOURCES = ("sentry", "otlp", "events", "alertmanager")
OUTCOMES = ("accepted", "duplicate", "limited", "invalid", "refused")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reload puts another in the place of."""

    scrubber: Scrubber
    grouper: Grouper
    meter: Meter


class Intake:
    """Takes batches in."""

    def __init__(
        self,
        parts: Parts,
        ledger: Ledger,
        tallies: Tallies,
        buckets: Buckets,
        heard: Callable[[Sequence[CheckIn]], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Sequence[tuple[Entry, Outcome]]], Awaitable[None]] | None = None,
    ) -> None:
        """`heard` hands check-ins to the heartbeat components of their monitors' names; returns once that is kept.

        `tell` is told of what is kept, duplicates among it, and returns once those who are to know of it will.
        """
        self.parts = parts
        self.buckets = buckets
        self._ledger = ledger
        self._tallies = tallies
        self._heard = heard
        self._tell = tell
        self._clock = clock
        self._scrubbed: dict[str, int] = {}
        self.refusals = Refusals(clock)
        self._heard_of = Heard()
        for source in SOURCES:
            for outcome in OUTCOMES:
                tallies.child(EVENTS, source, outcome)

    def use(self, parts: Parts) -> None:
        """Work by these from now on."""
        self._count_scrubbed()
        self.parts, self._scrubbed = parts, {}

    @property
    def scrubber(self) -> Scrubber:
        return self.parts.scrubber

    def wait(self, key: str, events: int, source: str) -> float:
        """Take `events` from the sender's bucket and give 0; else the seconds to wait, and they count as limited."""
        wait = self.buckets.wait(f"{source}:{key}", events, self._clock())
        if wait:
            self.count(source, "limited", events)
            self.refusals.tell(limited(source, key), events, of="events")
        return wait

    def count(self, source: str, outcome: str, events: int = 1) -> None:
        if events:
            self._tallies.child(EVENTS, source, outcome).add(events)

    async def take(self, batch: Batch, source: str, client: Callable[[], str] = str) -> int:
        """Keep and count it; how many things were new. `client`: what sends, for the line of a service's first.

        Raises Refusing, and then nothing of it is kept or counted; or it is all but the check-ins, and sent again it
        changes nothing but them.
        """
        self.count(source, "invalid", batch.invalid)
        if not (batch.occurrences or batch.occasions or batch.check_ins or batch.measured):
            accepted = batch.events - batch.invalid - batch.repeated
            self.count(source, "duplicate", batch.repeated)
            self.count(source, "accepted", accepted)
            self._count_scrubbed()
            return accepted
        entries = self._entries(batch)
        outcomes: Sequence[Outcome] = ()
        if entries:
            try:
                outcomes = await self._ledger.add(entries)
            except Refusing:
                self.count(source, "refused", batch.events - batch.invalid)
                raise
        known = self._count(batch, entries, outcomes)
        if entries and self._tell is not None:
            await self._tell(list(zip(entries, outcomes, strict=True)))
        self._note(batch, lambda: client() or source)
        again = len(known) + batch.repeated
        for kind in (batch.occurrences, batch.occasions, batch.check_ins):
            again += len(kind) - len({_id(one) for one in kind})
        accepted = batch.events - batch.invalid - again
        self.count(source, "duplicate", again)
        self._count_scrubbed()
        fresh = [one for id_, one in {_id(one): one for one in batch.check_ins}.items() if id_ not in known]
        try:
            if batch.check_ins:  # also those that are known: when they came first, they may not have been kept
                await self._heard(fresh)
        except Refusing:
            self.count(source, "refused", len(fresh))
            self.count(source, "accepted", accepted - len(fresh))
            raise
        self.count(source, "accepted", accepted)
        return accepted

    def _entries(self, batch: Batch) -> list[Entry]:
        """What is kept, each id once; of what is only measured its id, if it has one."""
        grouper = self.parts.grouper
        found = {one.id: Entry(one.id, one.at, one, grouper.group(one)) for one in batch.occurrences}
        found |= {one.id: Entry(one.id, one.at, occasion=one) for one in batch.occasions}
        now = time.time()
        for check_in in batch.check_ins:
            found[_id(check_in)] = Entry(_id(check_in), now)
        for id_, _ in batch.measured:
            if id_ and id_ not in found:
                found[id_] = Entry(id_, now)
        return list(found.values())

    def _count(self, batch: Batch, entries: Sequence[Entry], outcomes: Sequence[Outcome]) -> set[str]:
        """Measure what was not known before; the ids of what was."""
        meter = self.parts.meter
        known = set()
        for entry, outcome in zip(entries, outcomes, strict=True):
            if outcome == "duplicate":
                known.add(entry.id)
            elif entry.occurrence is not None and entry.grouped is not None:
                meter.error(entry.occurrence, entry.grouped, outcome)
            elif entry.occasion is not None:
                meter.occasion(entry.occasion)
        for id_, measured in batch.measured:
            if id_ not in known:
                meter.take(measured)
        return known

    def _note(self, batch: Batch, client: Callable[[], str]) -> None:
        """Say whose first it is; of measurements one is looked at, as those of a batch are nearly always one's."""
        for what, found in (("error", batch.occurrences), ("event", batch.occasions)):
            for one in found:
                self._heard_of.of(one.origin.service, what, client)
        for _, measured in batch.measured[:1]:
            self._heard_of.of(measured.origin.service, "measurement", client)

    def _count_scrubbed(self) -> None:
        counts = self.parts.scrubber.counts
        for rule, count in counts.items():
            if more := count - self._scrubbed.get(rule, 0):
                self._tallies.child(SCRUBBED, rule).add(more)
                self._scrubbed[rule] = count


def _id(one: Occurrence | Occasion | CheckIn) -> str:
    """Under which it counts once. A job's beginning and its end come under one id and are two reports."""
    if isinstance(one, CheckIn):
        return hashlib.blake2b(f"{one.id} {one.status}".encode(), digest_size=16).hexdigest()
    return one.id
