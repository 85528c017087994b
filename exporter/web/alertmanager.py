"""POST /hooks/alertmanager: Alertmanager tells of alerts that fire and are resolved (FH-10)."""

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import islice

from exporter.ingest import alerts
from exporter.ingest.alerts import Notice
from exporter.ingest.ports import Refusing, Scrubber
from exporter.ingest.text import Malformed
from exporter.store.rows import Alert, Records, Wanted
from exporter.tally import Tallies
from exporter.web.call import Answer, Call, Refused
from exporter.web.unpack import unpacked

log = logging.getLogger(__name__)

LARGEST = 8 * 1024 * 1024
"""Bytes of a notification: some 8,000 alerts; Alertmanager sends as many as there are, unless max_alerts says less."""
AT_ONCE = 50
"""Alerts that are kept together: the store writes them in one go, and between them others have their turn."""
EARLIER = 500
"""Ended alerts of a name among which the same one is looked for, newest first."""
RETRY = {"Retry-After": "10"}


async def receive(call: Call) -> Answer:
    """Keep its alerts; 200 once all are kept that can be. What is sent again because one was not counts once."""
    records, scrubber = call.services.records, _scrubber(call)
    if records is None or scrubber is None:
        raise Refused(503, "nothing is kept", headers=RETRY)
    body = await unpacked(call, LARGEST)
    now = time.time()
    try:
        told = alerts.told(body)
    except Malformed as error:
        _count(call, "invalid", 1)
        raise Refused(400, f"the body is malformed: {error}") from None
    tallies = call.services.state.tallies
    if told.truncated:
        tallies.child(alerts.TRUNCATED).add(told.truncated)
    book = _Book(records, tallies, now)
    read = alerts.notices(told, scrubber, now)
    invalid = 0
    while part := list(islice(read, AT_ONCE)):
        good = [notice for notice in part if notice is not None]
        invalid += len(part) - len(good)
        await book.keep(good)
        await asyncio.sleep(0)
    for outcome, events in (("accepted", book.news), ("duplicate", book.known), ("invalid", invalid)):
        _count(call, outcome, events)
    if book.lost:
        _count(call, "refused", book.lost)
        raise Refused(503, "not every alert could be kept; send it again", headers=RETRY)
    if invalid and invalid == len(told.alerts):
        raise Refused(400, "none of its alerts has a status and a startsAt")
    return Answer(message="kept", data={"news": book.news, "known": book.known, "invalid": invalid})


class _Book:
    """What becomes of the alerts of one notification; one that fails loses no other."""

    def __init__(self, records: Records, tallies: Tallies, now: float) -> None:
        self.news = self.known = self.lost = 0
        self._records = records
        self._tallies = tallies
        self._now = now
        self._ended: dict[str, dict[str, list[Alert]]] = {}

    async def keep(self, notices: Sequence[Notice]) -> None:
        kept = await asyncio.gather(
            *(self._records.alerted(_alert(notice, self._now)) for notice in notices), return_exceptions=True
        )
        for notice, outcome in zip(notices, kept, strict=True):
            if isinstance(outcome, BaseException):
                self._fail(outcome)
            elif not outcome[1]:
                self.known += 1
            else:
                self.news += 1
                again = notice.status == "firing" and await self._flaps(notice)
                alerts.count(self._tallies, notice, outcome[0].starts_at, self._now, again=again)

    def _fail(self, error: BaseException) -> None:
        self.lost += 1
        if isinstance(error, asyncio.CancelledError):
            raise error
        if not isinstance(error, Refusing):
            log.error("an alert could not be kept", exc_info=error)

    async def _flaps(self, notice: Notice) -> bool:
        """Whether it was resolved within the hour before."""
        if notice.name not in self._ended:
            try:
                page = await self._records.alerts(Wanted(name=notice.name, status="resolved", limit=EARLIER))
            except Refusing:
                return False  # it is kept, and that alone is what the sender waits for
            found = self._ended[notice.name] = {}
            for alert in page.items:
                found.setdefault(alert.fingerprint, []).append(alert)
        earlier = self._ended[notice.name].get(notice.fingerprint, ())
        return any(
            one.resolved_at is not None and -alerts.AHEAD <= notice.starts_at - one.resolved_at < alerts.FLAP
            for one in earlier
        )


def _alert(notice: Notice, now: float) -> Alert:
    return Alert(
        id=notice.id,
        fingerprint=notice.fingerprint,
        name=notice.name,
        severity=notice.severity,
        team=notice.team,
        labels=notice.labels,
        annotations=notice.annotations,
        starts_at=notice.starts_at,
        received_at=now,
        resolved_at=notice.ends_at,
        resolved_by="alertmanager" if notice.status == "resolved" else "",
        receiver=notice.receiver,
        generator_url=notice.generator_url,
    )


def _scrubber(call: Call) -> Scrubber | None:
    return call.services.intake.scrubber if call.services.intake is not None else None


def _count(call: Call, outcome: str, events: int) -> None:
    if call.services.intake is not None:
        call.services.intake.count("alertmanager", outcome, events)
