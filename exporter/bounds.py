"""How much senders may make of one family of series: how many, which label values, and how long they stay."""

from collections.abc import Collection

OVERFLOW = "__overflow__"
"""The label value that takes what a family has no room for (OpenTelemetry calls its own otel.metric.overflow)."""

VALUES_OF_A_LABEL = 200
"""Values that a label may have within one service (faults.md, F35)."""
LONGEST = 128
"""Bytes of a value."""


class Bounds:
    """Of one family; the first of its labels is the service. `ttl` in seconds."""

    __slots__ = ("_values", "cap", "ttl")

    def __init__(self, cap: int, ttl: float) -> None:
        self.cap = cap
        self.ttl = ttl
        self._values: dict[tuple[int, str], dict[str, int]] = {}
        """Of each label, by its place, within a service: how many children have which value."""

    def fit(self, raw: tuple[str, ...]) -> tuple[str, ...]:
        """The labels, with the overflow's value for each that is one too many."""
        fitted: list[str] = []
        for place, text in enumerate(raw):
            known = self._values.get((place, fitted[0] if place else ""), {})
            value = text if len(text) <= LONGEST // 4 else cut(text)
            if value not in known and len(known) - (OVERFLOW in known) >= VALUES_OF_A_LABEL:
                value = OVERFLOW
            fitted.append(value)
        return tuple(fitted)

    def services(self) -> Collection[str]:
        """Those that have children."""
        return self._values.get((0, ""), {}).keys()

    def note(self, labels: tuple[str, ...], change: int) -> None:
        """A child comes (1) or goes (-1)."""
        for place, value in enumerate(labels):
            key = (place, labels[0] if place else "")
            known = self._values.setdefault(key, {})
            known[value] = known.get(value, 0) + change
            if not known[value]:
                del known[value]
                if not known:
                    del self._values[key]


def cut(text: str) -> str:
    """At most LONGEST bytes of it."""
    return text.encode(errors="replace")[:LONGEST].decode(errors="ignore")
