"""POST /api/v1/events of the ingest listener, for the OpenAPI document: its schema is the one that is published."""

from typing import Any

import msgspec

from exporter.ingest import events_forms
from exporter.ingest.events import MOST

PATH = "/api/v1/events"
_REFS = "#/components/schemas/"
_PREFIX = "Sent."
_TOKEN: list[dict[str, list[str]]] = [{}, {"token": []}]
REFUSALS = {
    400: "None of the events can be taken, or the body is malformed; `errors` says why of each.",
    401: "The token is missing or wrong (`ingest.tokens`).",
    403: "A web page asks; or no token is configured, and it does not come from this machine.",
    408: "The body did not come in time.",
    413: "The body is larger than 16 MiB, or has more events than may come at once.",
    415: "The Content-Encoding is not known.",
    429: "The sender's limit, or the store takes nothing now: send it again after Retry-After.",
    503: "The daemon is starting.",
}
TAKEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer", "minimum": 0},
        "duplicate": {"type": "integer", "minimum": 0},
        "invalid": {"type": "integer", "minimum": 0},
        "ids": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["accepted", "duplicate", "invalid", "ids"],
    "description": "How many were taken, known by their id already, and wrong; `errors` of the answer tells of these.",
}


EXAMPLES: dict[str, Any] = {
    "an error": {
        "value": {"type": "error", "exception": "PaymentError", "message": "card was refused", "service": "shop"},
    },
    "a deploy and an operation": {
        "value": {
            "events": [
                {"type": "deploy", "service": "shop", "release": "1.2"},
                {"type": "operation", "service": "shop", "name": "export", "duration": 1.4},
            ]
        }
    },
}


def components() -> dict[str, Any]:
    """The schemas of events, under names of their own."""
    text = msgspec.json.encode(events_forms.schema()).replace(b'"#/$defs/', f'"{_REFS}{_PREFIX}'.encode())
    whole = msgspec.json.decode(text)
    parts = whole.pop("$defs")
    whole.pop("$schema")
    return {"Sent": whole, **{f"{_PREFIX}{name}": part for name, part in parts.items()}}


def operation(responses: dict[str, Any]) -> dict[str, Any]:
    """What is asked: one event, or many."""
    event = {"$ref": f"{_REFS}Sent"}
    many = {"type": "array", "items": event, "minItems": 1, "description": f"{MOST:,} at most."}
    schema = {"anyOf": [event, many, {"type": "object", "properties": {"events": many}, "required": ["events"]}]}
    return {
        "operationId": "events_take",
        "summary": "Send one event or many: errors, requests, operations, security and business events",
        "description": "Also one event a line; compressed by gzip, deflate, br or zstd.",
        "tags": ["ingest"],
        "security": _TOKEN,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": EXAMPLES}}},
        "responses": responses,
    }
