"""The endpoints of the Sentry protocol: `/envelope/`, which SDKs of today use, and `/store/`, of the older ones."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from exporter.ingest import sentry
from exporter.ingest.envelope import Envelope, Item, TooLarge
from exporter.ingest.intake import Intake
from exporter.ingest.ports import Refusing
from exporter.ingest.sentry import Decoded, Malformed, Sent
from exporter.ingest.sentry_fields import identity, shift
from exporter.ingest.values import Batch
from exporter.metric import counter
from exporter.web.call import Answer, Call, Refused
from exporter.web.sentry_sender import (
    ALLOWED_HEADERS,
    RATE_LIMITS,
    Sender,
    client,
    dsn_key,
    keys,
    origin_headers,
    sender,
)
from exporter.web.unpack import arrived, at_once, chunks, outcome, unpacked

T = TypeVar("T", Item, Decoded)

SKIPPED = counter(
    "stack_exporter_sentry_items_skipped_total",
    "Items of Sentry envelopes that are not stored, by type: attachment, profile, replay, metric, other.",
    "type",
)
TYPES = {
    **dict.fromkeys(("attachment", "view_hierarchy"), "attachment"),
    **dict.fromkeys(("profile", "profile_chunk"), "profile"),
    **dict.fromkeys(("replay_event", "replay_recording", "replay_video"), "replay"),
    **dict.fromkeys(("trace_metric", "statsd", "metric_buckets", "metric_meta", "metric"), "metric"),
}
LARGEST_EVENT = 2 * 1024 * 1024
"""Bytes of a body of `/store/`: an event in base64."""
A_TURN = 64 * 1024
"""Bytes of items after which others have a turn: to scrub a megabyte takes up to 50 ms."""


async def envelope(call: Call) -> Answer:
    """POST /api/{project}/envelope/"""
    return await _answered(call, _envelope)


async def store(call: Call) -> Answer:
    """POST /api/{project}/store/"""
    return await _answered(call, _store)


async def preflight(call: Call) -> Answer:
    """OPTIONS of either, which a browser sends before a request with headers of its own."""

    async def allowed(_: Call) -> Answer:
        headers = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": "3600",
            "Allow": "OPTIONS, POST",
        }
        return Answer(body=b"", headers=headers)

    return await _answered(call, allowed)


async def _answered(call: Call, answer: Callable[[Call], Awaitable[Answer]]) -> Answer:
    """In the protocol's form, whatever it is, and so that the page that asked may read it."""
    allowed: dict[str, str] = {}
    try:
        allowed = origin_headers(call)
        made = await answer(call)
    except TooLarge as large:
        made = _refused(Refused(413, str(large)))
    except Malformed as malformed:
        made = _refused(Refused(400, str(malformed)))
    except Refused as refused:
        made = _refused(refused)
    made.headers |= allowed
    return made


def _refused(refused: Refused) -> Answer:
    headers = dict(refused.headers)
    headers["X-Sentry-Error"] = refused.message
    if refused.status == 429:
        # No category stands for all of them: rate-limiting in Sentry's developer documentation.
        headers[RATE_LIMITS] = f"{headers.get('Retry-After', '60')}::key"
    return Answer(refused.status, body=_json({"detail": refused.message}), headers=headers)


async def _envelope(call: Call) -> Answer:
    intake = _intake(call)
    reading = _Reading(call)
    parsed = reading.parsed
    with _Counting(intake):
        came = await arrived(call)
        if came is not None and (text := at_once(call, came)) is not None:
            reading.feed(text)
        else:
            async for part in chunks(call, came=came):
                reading.feed(part)
        parsed.finish()
        header = parsed.header or {}
        who = reading.who or sender(call, reading.given | dsn_key(header.get("dsn")))
        items: list[Decoded] = []
        await _by_turns(parsed.items, lambda item: items.append(sentry.decoded(item)))
    tallies = call.services.state.tallies
    for type_, count in parsed.skipped.items():
        tallies.child(SKIPPED, TYPES.get(type_, "other")).add(count)
    return await _taken(call, intake, who, items, header)


class _Reading:
    """An envelope on its way, and its sender, once it is known by which key it comes."""

    def __init__(self, call: Call) -> None:
        self.parsed = Envelope()
        self.given = keys(call)
        self.who = sender(call, self.given) if self.given or not call.services.config.ingest.projects else None
        self._call = call

    def feed(self, part: bytes) -> None:
        parsed = self.parsed
        before = parsed.held
        parsed.feed(part)
        self._call.hold(parsed.held - before)
        if parsed.header is not None and (named := dsn_key(parsed.header.get("dsn")) - self.given):
            self.given, self.who = self.given | named, None
        if self.who is None and parsed.header is not None:
            self.who = sender(self._call, self.given)


async def _store(call: Call) -> Answer:
    intake = _intake(call)
    who = sender(call, keys(call))
    with _Counting(intake):
        item = sentry.stored(await unpacked(call, LARGEST_EVENT))
    return await _taken(call, intake, who, [item], {})


async def _taken(call: Call, intake: Intake, who: Sender, items: list[Decoded], header: dict[str, object]) -> Answer:
    events = sum(item.events for item in items)
    if events and (wait := intake.wait(who.key, events, "sentry")):
        raise _later(wait, "more events than are taken from one key: send them later")
    now = time.time()
    sent = Sent(who.service, who.environment, intake.scrubber, now, shift(header.get("sent_at"), now), header)
    id_ = sentry.kept_id(items, sent) or identity(header.get("event_id"))
    batch = Batch()
    with _Counting(intake, events):
        await _by_turns(items, lambda item: sentry.add(batch, item, sent))
    if events:
        try:
            await intake.take(batch, "sentry", lambda: client(call))
        except Refusing as refusing:
            # SDKs throw away what is answered by 5xx, and wait after 429.
            raise _later(refusing.retry_after, "the store takes nothing now: send it later") from None
    return Answer(body=_json({"id": id_} if id_ else {}))


async def _by_turns(items: Sequence[T], take: Callable[[T], None]) -> None:
    """Take each of them, and give others a turn after so many bytes."""
    since = 0
    for item in items:
        take(item)
        since += len(item.payload)
        if since > A_TURN:
            since = 0
            await asyncio.sleep(0)


def _later(wait: float, why: str) -> Refused:
    return Refused(429, why, headers={"Retry-After": str(max(1, math.ceil(wait)))})


def _intake(call: Call) -> Intake:
    if call.services.intake is None:
        raise Refused(503, "nothing is taken in here")
    return call.services.intake


class _Counting:
    """Counts what is malformed as invalid, what finds no room as limited; as one event where it can't be told."""

    def __init__(self, intake: Intake, events: int = 1) -> None:
        self._intake, self._events = intake, events

    def __enter__(self) -> None: ...
    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        became = outcome(error) if isinstance(error, Refused) else "invalid" if isinstance(error, Malformed) else ""
        if became:
            self._intake.count("sentry", became, self._events)


def _json(value: dict[str, object]) -> bytes:
    return msgspec.json.encode(value)
