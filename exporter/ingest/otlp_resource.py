"""Whose telemetry it is: a resource's attributes as an Origin, remembered by their bytes."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from msgspec import Struct, field

from exporter.ingest import text
from exporter.ingest.otlp_attributes import every
from exporter.ingest.otlp_wire import Malformed, messages
from exporter.ingest.ports import Held, Scrubber
from exporter.ingest.values import Origin

REMEMBERED, REMEMBERED_BYTES = 256, 4_096
UNKNOWN = "unknown_service"
"""OpenTelemetry's own name for it."""
LONGEST_NAME = 100
# telemetry.sdk.language -> what Sentry calls the platform, by which frames are told apart.
PLATFORMS = {
    "nodejs": "node",
    "webjs": "javascript",
    "dotnet": "csharp",
    "cpp": "native",
    "swift": "cocoa",
}


class Resource(Struct, frozen=True, eq=False):
    """Who sends."""

    origin: Origin
    platform: str
    attributes: dict[str, Any]
    """All of them, scrubbed."""
    held: dict[tuple[Any, ...], Held] = field(default_factory=dict)
    """By what a span says of its request."""
    known: tuple[dict[tuple[int, ...], Held], dict[tuple[int, ...], Held]] = field(default_factory=lambda: ({}, {}))
    """By the marks of a span's attributes (Attributes.marks): of spans that are not in error, and of those that are."""


class Resources:
    """Resources as they come, by their bytes."""

    def __init__(self, scrubber: Scrubber, service: str = "", environment: str = "") -> None:
        """`service` and `environment`: where a resource does not say."""
        self._scrubber = scrubber
        self._service = service or UNKNOWN
        self._environment = environment
        self._known: dict[bytes, Resource] = {}

    def of(self, raw: bytes) -> Resource:
        """Raises Malformed."""
        if (found := self._known.get(raw)) is not None:
            return found
        made = self._made(raw)
        if len(raw) <= REMEMBERED_BYTES:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[raw] = made
        return made

    def _made(self, raw: bytes) -> Resource:
        try:
            attributes = every(messages()["Resource"].FromString(raw).attributes)
        except DecodeError:
            raise Malformed("a resource is malformed") from None
        attributes = tidy(attributes, self._scrubber)
        service = name(attributes, "service.name")
        origin = Origin(
            # Without a name of its own the SDK says unknown_service:node.
            service=service if service and not service.startswith(UNKNOWN) else self._service,
            environment=name(attributes, "deployment.environment.name", "deployment.environment") or self._environment,
            release=name(attributes, "service.version"),
        )
        language = name(attributes, "telemetry.sdk.language")
        return Resource(origin, PLATFORMS.get(language, language or "other"), attributes)


def name(attributes: Mapping[str, Any], *keys: str) -> str:
    """The first of the attributes that is there and a text, as a label may have it."""
    for key in keys:
        if (found := attributes.get(key)) and isinstance(found, str):
            return text.line(found, LONGEST_NAME).strip()
    return ""


def tidy(attributes: dict[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """Fit to be kept, with nothing personal in it."""
    try:
        cleaned: dict[str, Any] = scrubber.tree(text.clean(attributes))
    except text.Malformed:
        return {}
    return cleaned
