"""What an error is told by, once for all occurrences of it: its class, its own frames and where it was raised."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.ingest.group_frames import identities, own
from exporter.ingest.group_message import type_in
from exporter.ingest.group_names import ANYONE, LONGEST, function_name, qualified_name, simple_name
from exporter.ingest.group_place import place
from exporter.ingest.values import Frame, Raised

UNNAMED = "Error"
"""What JavaScript calls what is thrown without a class."""
MESSAGE = "message"
LABEL = 128
"""Bytes of a label."""

_MINIFIED = 2
"""Letters of a function's name up to which a minifier may have given it: it will be another in the next build."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """Of an exception, or of a message where there is none."""

    type: str
    """The class's simple name, a label."""
    telling: bool = False
    """Whether the frames tell this error from others; else its message does too."""
    names: tuple[str, ...] = ()
    """By which rules may mean the class: qualified, as it came, simple."""
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Of the application's own frames."""
    identities: tuple[tuple[str, str], ...] = ()
    """Place and function of these, which are the fingerprint."""
    culprit: str = ""
    """Function and module of the innermost; empty where neither is known."""


NONE = Traits(MESSAGE)


def traits(raised: Raised, platform: str) -> Traits:
    """Of the last exception of a chain."""
    type_ = (raised.type.strip() or type_in(raised.value) or UNNAMED)[:LONGEST]
    frames = own(raised.frames)
    found = identities(frames)
    modules = (name for frame in frames for name in (frame.module, place(frame.module, frame.filename)) if name)
    return Traits(
        type=label(simple_name(type_)),
        telling=bool(found) and not (platform == "javascript" and _minified(found)),
        names=tuple(dict.fromkeys((qualified_name(type_, raised.module), type_, simple_name(type_)))),
        modules=tuple(dict.fromkeys(modules)),
        files=tuple(dict.fromkeys(frame.filename for frame in frames if frame.filename)),
        identities=found,
        culprit=_culprit(frames),
    )


def _culprit(frames: Sequence[Frame]) -> str:
    for frame in reversed(frames):
        module = frame.module if frame.module not in ("", "__main__") else place(frame.module, frame.filename)
        function = function_name(frame.function)
        if module and function != ANYONE:
            return f"{function} in {module}"[:LONGEST]
        if module or function != ANYONE:
            return (module or function)[:LONGEST]
    return ""


def label(text: str) -> str:
    """As a label may be: printable, of at most 128 bytes, never empty."""
    shown = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    shown = " ".join(shown.split())
    raw = shown.encode("utf-8", "replace")
    return (shown if len(raw) <= LABEL else raw[:LABEL].decode("utf-8", "ignore")) or UNNAMED


def _minified(found: Sequence[tuple[str, str]]) -> bool:
    return all(len(function.rpartition(".")[2]) <= _MINIFIED for _, function in found)
