"""Stack traces whose frames begin with `at`, or have an @ in them: JavaScript, Java, .NET, OpenTelemetry PHP."""

from collections.abc import Sequence
from typing import Any

import re2

from exporter.ingest.values import Frame

_AT = re2.compile(r"\s*at (.*)")
_V8 = re2.compile(r"(?:async )?(?:(.*) \()?((?:[a-z-]+:)?[^()]*):([0-9]{1,9}):[0-9]{1,9}\)?")
_V8_NATIVE = re2.compile(r"(?:async )?(.*) \((?:native|<anonymous>|index [0-9]+)\)")
_JAVA = re2.compile(r"(?:[^\s(]*/)?([^\s(]+)\(([^\s:()]+):?([0-9]{0,9})\)")
_JAVA_UNPLACED = re2.compile(r"(?:[^\s(]*/)?([^\s(]+)\((?:Native Method|Unknown Source)\)")
_NET = re2.compile(r"(.+?)\((.*)\)(?: in (.*):line ([0-9]{1,9}))?")
_GECKO = re2.compile(r"([^@]*)@(.+?):([0-9]{1,9}):[0-9]{1,9}")
_CAUSES = ("Caused by: ", "[cause]: ", "[CIRCULAR REFERENCE: ")

Found = list[tuple[str, str, list[Frame]]]


def begins(line: str) -> bool:
    """Whether it is a frame of such a stack."""
    return bool(_AT.fullmatch(line) or _GECKO.fullmatch(line))


def read(lines: Sequence[str]) -> Found:
    """Frames are printed innermost first, and causes below what they caused; .NET prints causes within it."""
    if any(line.lstrip().startswith("---> ") or " ---> " in line for line in lines):
        return _net(lines)
    found: Found = [("", "", [])]
    suppressed = False
    for number, line in enumerate(lines):
        bare = line.strip()
        cause = next((mark for mark in _CAUSES if bare.startswith(mark)), "")
        if cause:
            found.append((*_heading(bare.removeprefix(cause)), []))
            suppressed = False
        elif bare.startswith("Suppressed: "):
            suppressed = True
        elif suppressed:
            continue
        elif (frame := _frame(line)) is not None:
            found[-1][2].append(frame)
        elif number == 0:
            found[0] = (*_heading(bare), found[0][2])
    if not any(frames for *_, frames in found):
        return []
    return [(type_, value, frames[::-1]) for type_, value, frames in reversed(found)]


def _net(lines: Sequence[str]) -> Found:
    """Exception.ToString: the headings from the outermost in, then the frames from the innermost out."""
    headings: list[tuple[str, str]] = []
    closed: Found = []
    frames: list[Frame] = []
    for line in lines:
        bare = line.strip()
        if (frame := _frame(line)) is not None:
            frames.append(frame)
        elif bare.startswith("--- End of inner exception") and headings:
            closed.append((*headings.pop(), frames[::-1]))
            frames = []
        elif not frames and not closed:
            first, *inner = bare.split("---> ")
            if first.strip():
                headings.append(_heading(first))
            headings += [_heading(each) for each in inner]
    closed += [(*each, frames[::-1] if number == 0 else []) for number, each in enumerate(headings[::-1])]
    return closed


def _heading(line: str) -> tuple[str, str]:
    type_, colon, value = line.strip().partition(":")
    type_ = type_.removeprefix("Uncaught ")
    if " " in type_ or not type_:
        return "", line.strip()
    return type_, value.strip().removesuffix("{").rstrip() if colon else ""


def _frame(line: str) -> Frame | None:
    at = _AT.fullmatch(line)
    if at is None:
        match = _GECKO.fullmatch(line.strip())
        return _made("", match[1], match[2], match[3]) if match else None
    place = at[1].rstrip(" {")
    if match := _V8.fullmatch(place):
        return _made("", match[1], match[2], match[3])
    if match := _V8_NATIVE.fullmatch(place):
        return _made("", match[1], "", "")
    if match := _JAVA_UNPLACED.fullmatch(place):
        return _qualified(match[1], "", "")
    if (match := _JAVA.fullmatch(place)) and "." in match[2]:
        return _qualified(match[1], match[2], match[3])
    if match := _NET.fullmatch(place):
        return _qualified(match[1], match[3], match[4])
    return None


def _qualified(name: str, filename: Any, line: Any) -> Frame:
    module, _, function = name.rpartition(".")
    return _made(module, function, filename, line)


def _made(module: str, function: Any, filename: Any, line: Any) -> Frame:
    return Frame(module=module, function=(function or "").strip(), filename=filename or "", line=int(line or 0))
