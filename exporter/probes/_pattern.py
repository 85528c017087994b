"""Regular expressions for what a target sends: RE2's, whose time is in proportion to the text, whatever it says.

Python's own take exponential time for some patterns and square for many: `status.*: ok` on 210 kB took 3.7 s.
"""

from typing import Any

BODY = 1 << 20
LINE = 1 << 16
"""Bytes that a pattern may take, its automaton's cache included: RE2 takes no pattern of more than a 64th, in steps."""
_LACKING = " (there is neither look-around nor backreference in RE2's syntax)"


class Pattern:
    """One that is compiled. RE2 lets other threads run meanwhile."""

    __slots__ = ("_compiled", "_size")

    def __init__(self, text: str, memory: int, *, captures: bool = False) -> None:
        """Raises ValueError."""
        import re2  # noqa: PLC0415 - 5 MB and 20 ms, for those only that have a pattern

        options = re2.Options()
        options.max_mem = memory
        options.log_errors = False  # to stderr, past the log
        options.never_capture = not captures  # finding groups takes 30 times as long as finding out
        try:
            self._compiled: Any = re2.compile(text, options)
        except re2.error as error:
            said = error.args[0] if error.args else ""
            shown = said.decode(errors="replace") if isinstance(said, bytes) else said
            lacking = _LACKING if "perl operator" in shown or "escape" in shown else ""
            raise ValueError(f"not a regular expression: {shown}{lacking}") from None
        except UnicodeEncodeError:
            raise ValueError("not a regular expression: it is no Unicode") from None
        self._size = int(self._compiled.programsize)

    def steps(self, size: int) -> int:
        """How many steps of 6 ns at most the search of so many bytes takes; mostly it is a hundredth of that."""
        return self._size * size

    def found(self, text: bytes) -> bool:
        """Whether it is anywhere in a text, which is UTF-8."""
        return self._compiled.search(text) is not None

    @property
    def names(self) -> dict[str, int]:
        """Its named groups and their numbers, from 1."""
        return dict(self._compiled.groupindex)

    def groups(self, line: str) -> tuple[str, ...] | None:
        """What its groups match, '' where they match nothing; None when it is not in the line."""
        found = self._compiled.search(line)
        return None if found is None else tuple(found.groups(""))


def utf8(text: bytes) -> bytes:
    """The same with U+FFFD for what is not UTF-8, which no part of a pattern would match."""
    return text if text.isascii() else text.decode(errors="replace").encode()
