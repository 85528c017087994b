"""What an error is told by, once for all occurrences of it: its class, its own frames and where it was raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from exporter.ingest.group_frames import identities, own
from exporter.ingest.group_message import type_in
from exporter.ingest.group_names import ANYONE, LONGEST, function_name, place, qualified_name, simple_name
from exporter.ingest.values import Frame, Raised

UNNAMED = "Error"
"""What JavaScript calls what is thrown without a class."""
MESSAGE = "message"
LABEL = 128
"""Bytes of a label."""

_MINIFIED = 2
"""Letters of a function's name up to which a minifier may have given it: it will be another in the next build."""


@dataclass(frozen=True, eq=False)
class Traits:
    """Of an exception, or of a message where there is none."""

    type: str
    """The class's simple name, a label."""
    names: tuple[str, ...]
    """By which rules may mean it: qualified, as it came, simple."""
    frames: tuple[Frame, ...]
    """The application's own."""
    identities: tuple[tuple[str, str], ...]
    telling: bool
    """Whether the frames tell this error from others; else its message does too."""

    @cached_property
    def modules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for f in self.frames for one in (f.module, place(f.module, f.filename)) if one))

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(frame.filename for frame in self.frames if frame.filename))

    @cached_property
    def culprit(self) -> str:
        """Function and module of the innermost frame; empty where neither is known."""
        for frame in reversed(self.frames):
            module = frame.module if frame.module not in ("", "__main__") else place(frame.module, frame.filename)
            function = function_name(frame.function)
            if module and function != ANYONE:
                return f"{function} in {module}"[:LONGEST]
            if module or function != ANYONE:
                return (module or function)[:LONGEST]
        return ""


NONE = Traits(MESSAGE, (), (), (), telling=False)


def traits(raised: Raised, platform: str) -> Traits:
    """Of the last exception of a chain."""
    type_ = raised.type.strip() or type_in(raised.value) or UNNAMED
    frames = tuple(own(raised.frames))
    found = identities(frames)
    return Traits(
        type=label(simple_name(type_)),
        names=tuple(dict.fromkeys((qualified_name(type_, raised.module), type_, simple_name(type_)))),
        frames=frames,
        identities=found,
        telling=bool(found) and not (platform == "javascript" and _minified(found)),
    )


def label(text: str) -> str:
    """As a label may be: printable, of at most 128 bytes, never empty."""
    shown = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    shown = " ".join(shown.split())
    raw = shown.encode("utf-8", "replace")
    return (shown if len(raw) <= LABEL else raw[:LABEL].decode("utf-8", "ignore")) or UNNAMED


def _minified(found: Sequence[tuple[str, str]]) -> bool:
    return all(len(function.rpartition(".")[2]) <= _MINIFIED for _, function in found)
