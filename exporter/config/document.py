"""YAML text as plain values with the line of each: a strict part of YAML 1.2, without what makes bombs."""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import Reader

from exporter.config.problem import ConfigError, Path, Problem, dotted

LARGEST = 1024 * 1024
DEEPEST = 20
MOST = 10_000
"""Values in one file."""
LIST = ""
"""The key of a document whose top is a list."""
_TOO_LARGE = Problem(0, "", "is larger than 1 MiB")

# YAML 1.2's core schema (specification, section 10.3.2) in decimal: `no`, `on`, `0o10` and `12:30` are text.
_WORDS: dict[str, bool | None] = {"null": None, "Null": None, "NULL": None, "~": None, "": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]{0,16})(\.[0-9]{0,17})?|\.[0-9]{1,17})([eE][-+]?[0-9]{1,2})?")

_INDENTED = re.compile(r" *\t")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_BINARY = "tag:yaml.org,2002:binary"

# libyaml's parser where PyYAML was built with it: a file of 1 MiB takes 0.1 s, and 5 s without.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values: dict with text keys, list, str, int, float, bool, None; `lines` of each by its path."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: dict[Path, int] = field(default_factory=dict)
    """Keys that are written again, and the line of the first; `values` has the last."""
    plain: frozenset[Path] = frozenset()
    """Of a foreign document: where a text is that may be meant as something else, as it is not quoted."""


def text(path: str) -> str:
    """A file's text. Raises ConfigError when it can't be read, is larger than 1 MiB or not UTF-8."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path has no shorter way to read so many bytes and no more
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError([Problem(0, "", f"can't be read: {error.strerror}")], path) from None
    if len(content) > LARGEST:
        raise ConfigError([_TOO_LARGE], path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(content.count(b"\n", 0, error.start) + 1, "", "is not UTF-8")], path) from None


def parse(text: str, *, source: str, foreign: bool = False, listed: bool = False) -> Document:
    """Parse one document, whose top is a mapping; an empty one is an empty mapping. Raises ConfigError.

    A `foreign` one is meant for Go's YAML: scalars stay texts as they are written, and !!binary is accepted.
    One that may be `listed` may have a list at its top, which is then the value of the key LIST.
    """
    try:
        if len(text) > LARGEST or len(text.encode()) > LARGEST:
            raise ConfigError([_TOO_LARGE], source)
        composer = _Composer(yaml.parse(text.removeprefix("\ufeff"), Loader=_Loader), foreign=foreign)
        values = composer.document(listed=listed)
    except UnicodeEncodeError:
        raise ConfigError([Problem(0, "", "is not text: it holds half of a surrogate pair")], source) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            [Problem(mark.line + 1 if mark else 0, "", f"is not YAML: {_words(error, mark, text)}")], source
        ) from None
    except yaml.YAMLError:
        control = Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, control.start()) + 1 if control else 0
        raise ConfigError(
            [Problem(line, "", "is not YAML: it holds a character that is not allowed")], source
        ) from None
    except _Refused as refused:
        problem = Problem(refused.line, dotted(refused.path), refused.message)
        raise ConfigError([problem], source) from None
    return Document(values, composer.lines, composer.repeated, frozenset(composer.plain))


def scalar(text: str) -> Any:
    """What a plain (unquoted) scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Refused(Exception):  # noqa: N818 - a word to its catcher
    def __init__(self, line: int, path: Path, message: str) -> None:
        super().__init__(message)
        self.line, self.path, self.message = line, path, message


class _Composer:
    """Builds values from the parser's events as they come, so that what is refused is not read to its end."""

    def __init__(self, events: Iterator[Any], *, foreign: bool) -> None:
        self._events = events
        self._foreign = foreign
        self.plain: set[Path] = set()
        self._count = 0
        self.lines: dict[Path, int] = {}
        self.repeated: dict[Path, int] = {}

    def document(self, *, listed: bool) -> dict[str, Any]:
        values: Any = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self.lines:
                    raise _Refused(_line(event), (), "holds more than one document")
                first = next(self._events)
                top = (LIST,) if listed and isinstance(first, yaml.SequenceStartEvent) else ()
                values = self._node(first, top, 0)
                values = {LIST: values} if top else values
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise _Refused(self.lines[()], (), "is not a mapping: expected keys such as components:")
        return values

    def _node(self, event: Any, path: Path, depth: int) -> Any:
        line = _line(event)
        self.lines[path] = line
        self._count += 1
        if self._count > MOST:
            raise _Refused(line, (), f"holds more than {MOST} values")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Refused(line, path, "anchors (&) and aliases (*) are not accepted: write the value out")
        if event.tag is not None and not (self._foreign and event.tag == _BINARY):
            raise _Refused(line, path, "tags (!) are not accepted")
        if isinstance(event, yaml.ScalarEvent):
            if self._foreign:
                return self._text(event, path)
            return scalar(event.value) if event.implicit[0] else event.value
        if depth >= DEEPEST:
            raise _Refused(line, (), f"is nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth + 1)
        return self._mapping(path, depth + 1)

    def _text(self, event: Any, path: Path) -> str | None:
        if event.tag == _BINARY:
            try:
                return b64decode("".join(event.value.split()), validate=True).decode("utf-8", "surrogateescape")
            except ValueError:
                raise _Refused(_line(event), path, "!!binary is not base64") from None
        if event.implicit[0]:
            if scalar(event.value) is None:
                return None
            self.plain.add(path)
        text: str = event.value
        return text

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth))
        return items

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in values:
                self.repeated.setdefault((*path, key), self.lines[(*path, key)])
            values[key] = self._node(next(self._events), (*path, key), depth)
            self.lines[(*path, key)] = _line(event)
        return values

    def _key(self, event: Any, path: Path) -> str:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Refused(line, path, "anchors (&) and aliases (*) are not accepted: write the value out")
        if not isinstance(event, yaml.ScalarEvent):
            raise _Refused(line, path, "a key is a text, not a mapping or a list")
        if event.tag is not None:
            raise _Refused(line, path, "tags (!) are not accepted")
        if event.value == "<<" and event.implicit[0]:
            raise _Refused(line, path, "merge keys (<<) are not accepted: write the keys out")
        text: str = event.value
        return text


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _words(error: yaml.MarkedYAMLError, mark: Any, text: str) -> str:
    """The parser's message. What it quotes may be a secret, but for signs such as ',' and ']'."""
    message = str(error.problem or error.context)
    words = re.sub(r"(\s*'[^\w\s]{1,3}')|\s*(['\"]).*?\2", lambda quoted: quoted[1] or "", message, flags=re.DOTALL)
    line = "".join(text.removeprefix("\ufeff").split("\n")[mark.line : mark.line + 1]) if mark else ""
    if _INDENTED.match(line) or line[mark.column : mark.column + 1] == "\t" if mark else False:
        return "use spaces, not tabs"
    # To YAML the { of ${ begins a mapping in a mapping, and only there: elsewhere it is a part of a text.
    if "expected ','" in words and "${" in _QUOTED.sub("", line):
        return f'{words}; within {{…}} quote it: "${{NAME}}"'
    return words
