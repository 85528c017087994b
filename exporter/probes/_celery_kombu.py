"""Messages as kombu writes them where the broker knows only texts: the body in base64, inside JSON."""

import binascii
import uuid
from typing import Any

import msgspec
from msgspec import Struct

from exporter.probes._celery_broker import Answer, Event
from exporter.probes._celery_control import JSON, headers


class _Properties(Struct):
    body_encoding: str | None = None


class _Message(Struct):
    body: str = ""
    content_type: str | None = msgspec.field(name="content-type", default=None)
    properties: _Properties = msgspec.field(default_factory=_Properties)


class _Headed(_Message):
    headers: dict[str, Any] = {}


_message = msgspec.json.Decoder(_Message)
_headed = msgspec.json.Decoder(_Headed)


def wrapped(body: bytes, exchange: str) -> bytes:
    """A message to an exchange."""
    return msgspec.json.encode(
        {
            "body": binascii.b2a_base64(body, newline=False).decode(),
            "content-encoding": "utf-8",
            "content-type": JSON,
            "headers": headers(),
            "properties": {
                "delivery_mode": 1,
                "delivery_info": {"exchange": exchange, "routing_key": ""},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


def answer(message: bytes) -> Answer | None:
    """A worker's answer; None when it is no message."""
    try:
        found = _headed.decode(message)
        body = _body(found)
    except (msgspec.DecodeError, ValueError):
        return None
    return Answer(str(found.headers.get("ticket", "")), found.content_type or "", body)


def event(message: object) -> Event:
    """The content type and body of an event; of what is no message both are empty."""
    if not isinstance(message, bytes):
        return Event("", b"")
    try:
        found = _message.decode(message)
        return Event(found.content_type or "", _body(found))
    except (msgspec.DecodeError, ValueError):
        return Event("", b"")


def _body(found: _Message) -> bytes:
    if found.properties.body_encoding == "base64":
        return binascii.a2b_base64(found.body)
    return found.body.encode(errors="replace")
