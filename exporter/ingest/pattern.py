"""Patterns of the configuration: `*` stands for any characters, and the time is in proportion to the text."""

from itertools import product

_ALTERNATIVES = 4
"""How many `**/` of one pattern may also be nothing: each doubles what is compared."""


class Pattern:
    """Matches a whole text, upper and lower case told apart."""

    __slots__ = ("_wanted",)

    def __init__(self, text: str) -> None:
        """`**/` also stands for nothing, so that src/**/a.py is src/a.py too."""
        self._wanted = tuple(_Parts(one) for one in _alternatives(text))

    def matches(self, text: str) -> bool:
        return any(parts.match(text) for parts in self._wanted)


class PathPattern(Pattern):
    """Matches a path from its beginning or from behind any `/`; one that begins with `/` from its beginning alone."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text if text.startswith("/") else f"**/{text}")

    def matches(self, text: str) -> bool:
        return super().matches(text.replace("\\", "/"))


class _Parts:
    """What stands between the stars, found one behind the other: the first place is as good as any later one."""

    __slots__ = ("_first", "_last", "_least", "_middle", "_whole")

    def __init__(self, text: str) -> None:
        self._first, *rest = text.split("*")
        self._whole = not rest
        self._last = rest[-1] if rest else ""
        self._middle = tuple(part for part in rest[:-1] if part)
        self._least = len(text) - text.count("*")

    def match(self, text: str) -> bool:
        if self._whole:
            return text == self._first
        if len(text) < self._least or not text.startswith(self._first) or not text.endswith(self._last):
            return False
        at, end = len(self._first), len(text) - len(self._last)
        for part in self._middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True


def _alternatives(text: str) -> tuple[str, ...]:
    """The patterns of `*` alone that together are this one."""
    pieces = text.split("**/")
    if pieces[0] and not pieces[0].endswith("/"):
        # a**/b is no folder of its own: there ** is *.
        pieces[:2] = ["*/".join(pieces[:2])] if len(pieces) > 1 else pieces
    while len(pieces) > _ALTERNATIVES + 1:
        pieces[-2:] = ["*/".join(pieces[-2:])]
    found = (
        "".join(piece + star for piece, star in zip(pieces, (*choice, ""), strict=True))
        for choice in product(("*/", ""), repeat=len(pieces) - 1)
    )
    return tuple(dict.fromkeys(found))
