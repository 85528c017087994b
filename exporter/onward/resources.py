"""Resources as they go onward: scrubbed, with the attributes that they lack; remembered by their bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_fields import LENGTH, fields, tagged
from exporter.ingest.otlp_resource import REMEMBERED, REMEMBERED_BYTES, UNKNOWN
from exporter.ingest.otlp_wire import Malformed, messages
from exporter.onward.edits import ATTRIBUTE, Edit, Fixed, Places, changed, looked
from exporter.onward.verdicts import Verdicts

_ATTRIBUTES = 1
_NAME = b"service.name"


class Resources:
    """Until a reload."""

    def __init__(self, verdicts: Verdicts, attributes: Mapping[str, str]) -> None:
        """`attributes`: for resources that lack them. A name that the SDK made up, unknown_service…, is none."""
        self._verdicts = verdicts
        self._attributes = {key.encode(errors="replace"): each for key, each in attributes.items() if each}
        self._types: dict[str, Any] = messages()
        self._known: dict[bytes, bytes] = {}

    @property
    def adding(self) -> bool:
        return bool(self._attributes)

    def of(self, raw: bytes) -> bytes:
        """A Resource message; the same object when it stays as it is."""
        if (found := self._known.get(raw)) is not None:
            return raw if found == raw else found
        try:
            made = self._completed(self._scrubbed(raw))
        except Malformed:
            made = self._completed(b"")
        if len(raw) <= REMEMBERED_BYTES:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[raw] = made
        return made

    def _scrubbed(self, raw: bytes) -> bytes:
        # All of it: it is remembered, and what can't be read in it is found too.
        edits = looked(raw, 0, len(raw), {_ATTRIBUTES: ATTRIBUTE}, Places([(0, len(raw))]))
        parts = changed(raw, 0, len(raw), edits, self._verdicts.one)
        return raw if parts is None else b"".join(parts)

    def _completed(self, raw: bytes) -> bytes:
        if not self._attributes:
            return raw
        found, edits = set(), list[Edit]()
        for start, end, key, text in self._read(raw):
            if key == _NAME and key in self._attributes and (not text or text.startswith(UNKNOWN.encode())):
                edits.append(Fixed(start, end, b""))
            else:
                found.add(key)
        new = b"".join(self._field(key, each) for key, each in self._attributes.items() if key not in found)
        if not new:
            return raw
        edits.append(Fixed(len(raw), len(raw), new))
        parts = changed(raw, 0, len(raw), edits, self._verdicts.one)
        return raw if parts is None else b"".join(parts)

    def _read(self, raw: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
        """Where each attribute stands, its key and its text."""
        for key, start, at, end in fields(raw, 0, len(raw)):
            if key == _ATTRIBUTES << 3 | LENGTH:
                try:
                    pair = self._types["KeyValue"].FromString(raw[at:end])
                except (DecodeError, RecursionError):
                    continue
                yield start, end, pair.key, pair.value.string_value

    def _field(self, key: bytes, text: str) -> bytes:
        pair = self._types["KeyValue"](key=key)
        pair.value.string_value = text.encode(errors="replace")
        return tagged(_ATTRIBUTES, pair.SerializeToString())
