"""The text of a stack trace, as each language prints it, as exceptions with their frames.

OTLP has `exception.stacktrace` as one text "in the natural representation for the language runtime" (semantic
conventions, exceptions). Line by line with RE2: a text that nobody foresaw costs linear time and gives no frames.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import re2

from exporter.ingest import otlp_stack_at
from exporter.ingest.values import Frame

LONGEST_MARGIN = 20
LONGEST, LONGEST_LINE, MOST_FRAMES, MOST_CAUSES = 64 * 1024, 1_000, 100, 10

_PYTHON = re2.compile(r'[ |+]*File "([^"]*)", line ([0-9]{1,9})(?:, in (.*))?')
_GO = re2.compile(r"\t(.+):([0-9]{1,9})(?: \+0x[0-9a-f]+)?")
_PHP = re2.compile(r"#[0-9]{1,5} (?:(.*)\(([0-9]{1,9})\): )?(.*)")
_RUBY = re2.compile(r"\s*(?:from )?(.+?):([0-9]{1,9}):in [`'](.*?)'(?:: (.*))?")


class Section(NamedTuple):
    """One exception of a chain; frames from the outermost call to where it was raised."""

    type: str
    value: str
    frames: tuple[Frame, ...]


def chain(text: str) -> list[Section]:
    """The exceptions that a stack trace tells of, from the first cause to what came of it; empty when it is none."""
    lines = [line[:LONGEST_LINE] for line in text[:LONGEST].splitlines()]
    found = _form(lines)(lines)
    return [Section(type_, value, tuple(frames[-MOST_FRAMES:])) for type_, value, frames in found[-MOST_CAUSES:]]


Found = list[tuple[str, str, list[Frame]]]


def _form(lines: Sequence[str]) -> Callable[[Sequence[str]], Found]:
    for line in lines:
        if "Traceback (most recent call last)" in line or _PYTHON.fullmatch(line):
            return _python
        if line.startswith("goroutine "):
            return _go
        if line.startswith("#0 "):
            return _php
        if _RUBY.fullmatch(line):
            return _ruby
        if otlp_stack_at.begins(line):
            return otlp_stack_at.read
    return otlp_stack_at.read


def heading(line: str) -> tuple[str, str]:
    """Type and message of `Type: message`; no type when the line is none."""
    type_, colon, value = line.strip().partition(":")
    if " " in type_ or not type_:
        return "", line.strip()
    return type_, value.strip() if colon else ""


def _python(lines: Sequence[str]) -> Found:
    """Causes come first, each with its frames outermost first, and its type and message below them."""
    found: Found = []
    frames: list[Frame] = []
    for line in lines:
        if match := _PYTHON.fullmatch(line):
            frames.append(_frame(match[3], match[1], match[2]))
        elif frames and (bare := line.strip(" |+")) and not line.lstrip("|+ ").startswith("Traceback ("):
            # What is indented is source code, the marks below it, or a line of the message. Groups have a margin.
            margin = line.find("| ")
            if line[margin + 2 if 0 <= margin <= LONGEST_MARGIN and not line[:margin].strip(" +|") else 0] != " ":
                found.append((*heading(bare), frames))
                frames = []
    if frames:
        found.append(("", "", frames))
    return found


def _go(lines: Sequence[str]) -> Found:
    """Innermost first: a line with the function and one with the place. Of the first goroutine alone."""
    frames: list[Frame] = []
    for above, line in pairwise(lines):
        if frames and not line.strip():
            break
        if match := _GO.fullmatch(line):
            name = above.removeprefix("created by ").partition(" in goroutine ")[0]
            name = name[: name.rfind("(")] if name.endswith(")") else name
            slash = name.rfind("/")
            package, _, function = name[slash + 1 :].partition(".")
            if name.startswith("go.opentelemetry.io/otel/sdk/"):
                continue  # it took the trace
            frames.append(_frame(function, match[1], match[2], module=name[: slash + 1] + package))
    return [("", "", frames[::-1])] if frames else []


def _php(lines: Sequence[str]) -> Found:
    """Exception::getTraceAsString: innermost first, without the line that threw."""
    frames: list[Frame] = []
    for line in lines:
        if (match := _PHP.fullmatch(line)) and match[3] != "{main}":
            name = match[3].partition("(")[0]
            module, arrow, function = name.replace("->", "::").rpartition("::")
            frames.append(_frame(function if arrow else name, match[1], match[2], module=module))
    return [("", "", frames[::-1])] if frames else []


def _ruby(lines: Sequence[str]) -> Found:
    """full_message: the innermost frame with message and, in parentheses, type; then the others; then causes."""
    found: Found = []
    for line in lines:
        if not (match := _RUBY.fullmatch(line)):
            continue
        frame = _frame(match[3], match[1], match[2])
        if match[4] is not None or not found:
            value, _, type_ = (match[4] or "").rpartition(" (")
            found.append((type_.removesuffix(")"), value or (match[4] or ""), [frame]))
        else:
            found[-1][2].append(frame)
    return [(type_, value, frames[::-1]) for type_, value, frames in reversed(found)]


def _frame(function: Any, filename: Any, line: Any, module: str = "") -> Frame:
    return Frame(module=module, function=(function or "").strip(), filename=filename or "", line=int(line or 0))
