"""Items of an envelope as one batch: first what there is, by which its rate is limited; then what each says."""

import base64
import binascii
import zlib
from typing import Any

from msgspec import Struct

from exporter.ingest import text
from exporter.ingest.envelope import KEPT, Item, TooLarge
from exporter.ingest.sentry_event import Sent, event_id, feedback, occurrence
from exporter.ingest.sentry_fields import mappings, sequence
from exporter.ingest.sentry_health import check_in, logs, lost, session, sessions
from exporter.ingest.sentry_trace import span, transaction
from exporter.ingest.text import Malformed
from exporter.ingest.values import Batch

__all__ = ["Decoded", "Malformed", "Sent", "add", "decoded", "kept_id", "stored"]

MOST_PARTS = 5_000
"""Spans or log lines in one item: SDKs send up to 1,000 at once."""


class Decoded(Struct, frozen=True):
    """An item as JSON, not yet clean. `events`: how many things it holds."""

    type: str
    value: dict[str, Any]
    payload: bytes
    events: int = 1


def decoded(item: Item) -> Decoded:
    """Raises Malformed when it is not JSON of the right form."""
    value = text.decode(item.payload)
    if not isinstance(value, dict):
        raise Malformed("an item is not a JSON object")
    events = 1
    if item.type in ("span", "log"):
        events = len(_spans(value) if item.type == "span" else sequence(value.get("items")))
        if events > MOST_PARTS:
            raise TooLarge(f"an item holds more than {MOST_PARTS} spans or lines")
    return Decoded(item.type, value, item.payload, events)


def stored(body: bytes) -> Decoded:
    """The event of the older endpoint: JSON, or zlib, or base64 of either. Raises Malformed."""
    payload = body
    if not payload.lstrip(b" \t\r\n").startswith(b"{"):
        payload = _unpacked(payload)
    if len(payload) > KEPT["event"]:
        raise TooLarge(f"an event is larger than {KEPT['event']} bytes")
    found = decoded(Item("event", payload))
    return Decoded("transaction", found.value, payload) if found.value.get("type") == "transaction" else found


def kept_id(items: list[Decoded], sent: Sent) -> str:
    """The id that the reply names."""
    for item in items:
        if item.type in ("event", "transaction", "feedback"):
            return event_id(item.value, sent, item.payload)
    return ""


def add(batch: Batch, item: Decoded, sent: Sent) -> None:
    """What the item says, into the batch. Raises Malformed for an event with too many values or levels."""
    value = item.value
    batch.events += item.events
    match item.type:
        case "event":
            batch.occurrences.append(occurrence(value, sent, item.payload))
        case "transaction":
            batch.measure(event_id(value, sent, item.payload), transaction(value, sent))
        case "span":
            for one in _spans(value):
                if isinstance(one, dict):
                    batch.measure(*span(one, sent))
                else:
                    batch.invalid += 1
        case "log":
            lines = mappings(sequence(value.get("items")))
            batch.invalid += item.events - len(lines)
            batch.measured += [("", one) for one in logs(lines, sent)]
        case "session":
            for id_, ended in session(value, sent):
                batch.measure(id_, (ended,))
        case "sessions":
            batch.measured += sessions(value, sent)
        case "client_report":
            batch.measured += [("", one) for one in lost(value, sent)]
        case "check_in":
            if (report := check_in(value, sent, item.payload)) is None:
                batch.invalid += 1
            else:
                batch.check_ins.append(report)
        case _:
            batch.occasions.append(feedback(value, sent, item.payload))


def _spans(value: dict[str, Any]) -> list[Any]:
    """Version 2 sends many in one item, version 1 each in its own."""
    return sequence(value["items"]) if "items" in value else [value]


def _unpacked(body: bytes) -> bytes:
    """Raven's clients for Python sent zlib; those for PHP base64 of it."""
    most = KEPT["event"] + 1
    if not body.startswith(b"\x78"):
        try:
            body = base64.b64decode(body.strip(), validate=True)
        except binascii.Error:
            raise Malformed("the event is neither JSON nor base64") from None
    if body.startswith(b"{"):
        return body
    undo = zlib.decompressobj()
    try:
        return undo.decompress(body, most)
    except zlib.error:
        raise Malformed("the event is neither JSON nor compressed by zlib") from None
