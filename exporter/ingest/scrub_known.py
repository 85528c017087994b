"""What was found to hold nothing, which one application sends with every event: short texts, and frames of stacks."""

from typing import Any

LONGEST = 200
"""Characters of a text that is remembered."""
MOST = 8_192
"""Of a kind: about 1 MB. Beyond it all are forgotten, and those that still come are soon known again."""
Mark = tuple[bool, tuple[str, ...], tuple[Any, ...], tuple[type, ...]]
"""A frame's keys, values and their types, as 1 equals True; whether it had variables."""


class Texts:
    """Texts that one book leaves as they are: what it says of a text it says wherever that stands."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: set[str] = set()

    def learn(self, text: str) -> None:
        if len(text) <= LONGEST:
            if len(self.known) >= MOST:
                self.known.clear()
            self.known.add(text)


class Frames:
    """Frames that are left as they are, but for their variables and lines of source."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[Mark] = set()

    def __contains__(self, mark: Mark) -> bool:
        try:
            return mark in self._known
        except TypeError:  # a list can't be looked up
            return False

    def learn(self, mark: Mark, out: dict[str, Any]) -> None:
        """Remember it when nothing of it changed."""
        _, names, values, types = mark
        plain = all(type_ in (str, int, bool, type(None)) for type_ in types)
        if not plain or sum(len(each) for each in values if type(each) is str) > 2 * LONGEST:
            return
        if all(name in out and out[name] == each for name, each in zip(names, values, strict=True)):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known.add(mark)


def mark(frame: dict[str, Any], *, variables: bool) -> Mark:
    """By which a frame without variables and source is known."""
    values = tuple(frame.values())
    return variables, tuple(frame), values, tuple(map(type, values))
