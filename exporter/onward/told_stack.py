"""A chain of exceptions as the text of a stack trace, as its language would print it.

OTLP has `exception.stacktrace` as a text "in the natural representation for the language runtime" (semantic
conventions, exceptions). What is told of an error has been taken apart by then, so the text is made anew, in a form
that otlp_stack reads again.
"""

from collections.abc import Sequence

from exporter.ingest.values import Frame, Raised

LONGEST = 64 * 1024
"""Characters: as many as are read of one that comes in."""
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"


def stacktrace(chain: Sequence[Raised], platform: str) -> str:
    """Empty where no exception of the chain has a frame."""
    if not any(one.frames for one in chain):
        return ""
    if platform == "python":
        text = _CAUSE.join(_python(one) for one in chain)
    else:
        text = "\nCaused by: ".join(_others(one, platform) for one in reversed(chain))
    return text[:LONGEST]


def name(one: Raised) -> str:
    """With its module, as semantic conventions want it: fully qualified where the language has that."""
    return f"{one.module}.{one.type}" if one.module and one.type and one.module != "builtins" else one.type


def _heading(one: Raised) -> str:
    return f"{name(one)}: {one.value}" if one.value and one.type else name(one) or one.value


def _python(one: Raised) -> str:
    """Outermost first."""
    if not one.frames:
        return f"{_heading(one)}\n"
    lines = [f'  File "{_file(frame)}", line {frame.line}, in {frame.function}\n' for frame in one.frames]
    return f"Traceback (most recent call last):\n{''.join(lines)}{_heading(one)}\n"


def _others(one: Raised, platform: str) -> str:
    """Innermost first, each after `at`: Java's form, and that of V8, which most languages have alike."""
    place = _java if platform == "java" else _v8
    return "\n".join([_heading(one), *(f"    at {place(frame)}" for frame in reversed(one.frames))])


def _java(frame: Frame) -> str:
    qualified = f"{frame.module}.{frame.function}" if frame.module else frame.function
    file = frame.filename.rpartition("/")[2]
    return f"{qualified}({file}:{frame.line})" if file and frame.line else f"{qualified}({file or 'Unknown Source'})"


def _v8(frame: Frame) -> str:
    """The column is not known, and no form is read without one."""
    where = f"{_file(frame)}:{frame.line}:0"
    return f"{frame.function} ({where})" if frame.function else where


def _file(frame: Frame) -> str:
    return frame.filename or frame.module or "<unknown>"
