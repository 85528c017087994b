"""What is wrong with a configuration: where (dotted path and line) and what, never the value itself."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Path = tuple[str | int, ...]
Stat = tuple[str, int, int, int]
"""A file's name, inode, time of change in nanoseconds and size: what tells whether it is another one by now."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `line` counts from 1; 0 when no line is to blame. `path` is dotted, such as web.admin_tokens[0]."""

    line: int
    path: str
    message: str
    source: str = ""
    """The file, when it is not the configuration itself but one that it names."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(Exception):
    """The configuration is refused: `problems` are all that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem], source: str) -> None:
        self.problems = sorted(set(problems), key=lambda problem: (problem.source, problem))
        self.source = source
        places = (f"{p.source or source}:{p.line}" if p.line else p.source or source for p in self.problems)
        super().__init__("\n".join(f"{place}: {p}" for place, p in zip(places, self.problems, strict=True)))


def dotted(path: Path) -> str:
    """The path as people write it: components.api.expect[0].status."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in path)
    return text.removeprefix(".")


def _printable(key: str) -> str:
    return key if len(key) <= 64 and key.isprintable() else f"{key[:64]!a}"


MOST = 100


class Enough(Exception):  # noqa: N818 - a word to its catcher
    """There are so many problems that more of them help nobody."""


class Report:
    """Gathers the problems of one document, each with the line of its path or of the nearest one above it."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self.problems: list[Problem] = []
        self.plain: set[Path] = set()
        """Where a text is that a foreign document left unquoted, so that it may stand for a number as well."""
        self.expanded: set[Path] = set()
        """Where ${…} made a text, which may stand for a number as well."""
        self.files: set[Stat] = set()
        """What was read for the document, such as what ${file:…} names."""
        self._blamed: set[Path] = set()
        self._lines = lines
        self._same: dict[Path, Path] = {}

    def add(self, path: Path, message: str) -> None:
        """Note a problem. Raises Enough at the hundredth."""
        written = self._written(path)
        above = next((written[:end] for end in range(len(written), -1, -1) if written[:end] in self._lines), ())
        problem = Problem(self._lines.get(above, 0), dotted(written), message)
        if problem not in self.problems:  # of what several components share, once
            self.problems.append(problem)
        self._blamed.update(path[:end] for end in range(len(path) + 1))
        if len(self.problems) >= MOST:
            raise Enough

    def read(self, path: str, found: os.stat_result) -> None:
        """Note a file that was read."""
        self.files.add((path, found.st_ino, found.st_mtime_ns, found.st_size))

    def same(self, path: Path, written: Path) -> None:
        """What is at `path`, and below, was made of what is written at `written`."""
        self._same[path] = written

    def was_expanded(self, path: Path) -> bool:
        """Whether ${…} made the text at the path, or at what this was made of."""
        return path in self.expanded or self._written(path) in self.expanded

    def _written(self, path: Path) -> Path:
        for end in range(len(path), 0, -1):
            if path[:end] in self._same:
                return (*self._same[path[:end]], *path[end:])
        return path

    def blames(self, path: Path) -> bool:
        """Whether something is wrong at the path or below it."""
        return path in self._blamed
