"""What the Sentry parsers make of items, with the real scrubber and a clock that stands."""

from typing import Any

from exporter.config.application import Scrub
from exporter.ingest.envelope import Item
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.sentry import Sent, add, decoded
from exporter.ingest.sentry_fields import shift
from exporter.ingest.values import Batch, Measured, Occurrence, Origin
import msgspec

NOW = 1_795_000_000.0
ID = "9ec79c33ec9942ab8353589fcb2e04dc"
TRACE, SPAN = "5099ea5283d44fc3a3282bf22551d2ea", "af52b35990ae7358"
SHOP = Origin("shop", "production", "1.0")
HEADER: dict[str, Any] = {"trace": {"environment": "production", "release": "1.0", "sample_rate": "1.0"}}


def batch(type_: str, value: Any, header: dict[str, Any] | None = None) -> Batch:
    made = Batch()
    header = HEADER if header is None else header
    sent = Sent("shop", "", Scrubbing(Scrub(), b"key"), NOW, shift(header.get("sent_at"), NOW), header)
    add(made, decoded(Item(type_, msgspec.json.encode(value))), sent)
    return made


def occurrence(event: dict[str, Any], header: dict[str, Any] | None = None) -> Occurrence:
    (found,) = batch("event", {"event_id": ID, "timestamp": NOW, **event}, header).occurrences
    return found


def measured(type_: str, value: Any, header: dict[str, Any] | None = None) -> list[Measured]:
    return [one for _, one in batch(type_, value, header).measured]


def transaction(op: str, called: str, header: dict[str, Any] | None = None, **more: Any) -> list[Measured]:
    """Of half a second; `trace` and `data` go into its trace context."""
    data, status = more.pop("data", {}), more.pop("status", "ok")
    trace = {"op": op, "trace_id": TRACE, "span_id": SPAN, "status": status, "data": data}
    contexts = {"trace": trace, **more.pop("contexts", {})}
    event = {
        "event_id": ID,
        "start_timestamp": NOW - 0.5,
        "timestamp": NOW,
        "transaction": called,
        "contexts": contexts,
    }
    return measured("transaction", {**event, **more}, header)
