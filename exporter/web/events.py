"""JSON events come in: POST /api/v1/events, whatever the Content-Type, and the schema of what it takes."""

import math
import secrets
import time
from functools import cache

import msgspec

from exporter.ingest import events_forms
from exporter.ingest.events import MOST, parse, read
from exporter.ingest.events_wrong import Unknown
from exporter.ingest.ports import Refusing
from exporter.ingest.text import Malformed
from exporter.ingest.values import Batch, Origin
from exporter.web.call import Answer, Call, Refused
from exporter.web.sender import sender
from exporter.web.unpack import outcome, unpacked

SOURCE = "events"
_TOLD = 100
"""Problems that are told; the others are counted."""


async def take(call: Call) -> Answer:
    """Keep and count what is right; say what is wrong with the others."""
    intake = call.services.intake
    if intake is None:
        raise Refused(503, "nothing is taken in yet", headers={"Retry-After": "1"})
    key = sender(call)
    try:
        raw = read(await unpacked(call))
    except Malformed as malformed:
        intake.count(SOURCE, "invalid")
        raise Refused(400, str(malformed)) from None
    except Refused as refused:
        intake.count(SOURCE, outcome(refused))
        raise
    if len(raw) > MOST:
        intake.count(SOURCE, "invalid", len(raw))
        raise Refused(413, f"more than {MOST} events in one request")
    if wait := intake.wait(key, len(raw), SOURCE):
        raise Refused(429, "too many events; send them again later", headers=_after(wait))
    services, unknown = call.services, Unknown()
    origin = Origin(services.service, services.environment)
    batch, problems = parse(raw, intake.scrubber, origin, time.time(), lambda: secrets.token_hex(16), unknown)
    try:
        accepted = await intake.take(batch, SOURCE)
    except Refusing as refusing:
        reason = f"nothing new can be kept now: {refusing.reason}"
        raise Refused(429, reason, headers=_after(refusing.retry_after)) from None
    return _answer(batch, accepted, problems, unknown.warnings())


async def schema(call: Call) -> Answer:  # noqa: ARG001 - what a handler takes
    """What may be sent, as JSON Schema."""
    return Answer(200, body=_schema(), content_type="application/schema+json", compressible=True)


def _answer(batch: Batch, accepted: int, problems: list[str], warnings: list[str]) -> Answer:
    valid = batch.events - batch.invalid
    ids = [one.id for one in batch.occurrences] + [one.id for one in batch.occasions]
    data = {"accepted": accepted, "duplicate": valid - accepted, "invalid": batch.invalid, "ids": ids}
    message = f"{accepted} accepted" if not problems else f"{accepted} accepted, {batch.invalid} not: see errors"
    metadata = {"warnings": warnings} if warnings else {}
    return Answer(200 if valid else 400, message, data, errors=tuple(problems[:_TOLD]), metadata=metadata)


def _after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


@cache
def _schema() -> bytes:
    return msgspec.json.format(msgspec.json.encode(events_forms.schema()), indent=2) + b"\n"
