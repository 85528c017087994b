"""Migrations as files: parsed, never imported, and parsed again only when they change. It blocks: for a Lane."""

import ast
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from exporter.probe import Down

T = TypeVar("T")

MOST = 10_000
"""Files of migrations."""
LARGEST = 1 << 20
"""Bytes of one: parsing takes half a second and 60 MB for each MiB."""


class Sources(Generic[T]):
    """What a function finds in each of some files, kept for as long as they stay as they are."""

    def __init__(self, find: Callable[[str, ast.Module], T]) -> None:
        self._find = find
        self._found: dict[str, tuple[int, int, T]] = {}

    def read(self, paths: Sequence[str], until: float) -> list[T]:
        """In the order of the paths. Raises Down; also at `until`, and goes on from there the next time."""
        if len(paths) > MOST:
            raise Down("unreadable_code", f"{len(paths)} files, more than {MOST}")
        for number, path in enumerate(paths):
            with _spoken(path):
                status = os.stat(path)  # noqa: PTH116 - one a file and run, and a Path costs more than the call
                known = self._found.get(path)
                if known is None or known[:2] != (status.st_mtime_ns, status.st_size):
                    if time.monotonic() >= until:
                        raise Down("unreadable_code", f"{number} of {len(paths)} files are read; the next run goes on")
                    found = self._find(path, _tree(path, status.st_size))
                    self._found[path] = status.st_mtime_ns, status.st_size, found
        if len(self._found) > len(paths):
            self._found = {path: self._found[path] for path in paths}
        return [self._found[path][2] for path in paths]


def names(folder: str) -> list[str]:
    """What is in a folder, sorted. Raises Down."""
    with _spoken(folder):
        return sorted(os.listdir(folder))  # noqa: PTH208


def text(path: str) -> str:
    """A file of expected migrations. Raises Down."""
    with _spoken(path), Path(path).open("rb") as file:
        return file.read(LARGEST).decode(errors="replace")


def assigned(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """What a module or class assigns to plain names, with an annotation or without."""
    found: dict[str, ast.expr] = {}
    for statement in body:
        if isinstance(statement, ast.Assign):
            found.update({one.id: statement.value for one in statement.targets if isinstance(one, ast.Name)})
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            found[statement.target.id] = statement.value
    return found


def literal(path: str, name: str, value: ast.expr) -> Any:
    """The value, which is written as it is. Raises Down."""
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError):
        raise Down("unreadable_code", f"{path}: {name} is computed, and no code is run to know it"[:200]) from None


def _tree(path: str, size: int) -> ast.Module:
    if size > LARGEST:
        raise Down("unreadable_code", f"{path} has {size} bytes, more than {LARGEST}"[:200])
    try:
        # What Python thinks of "\\d" in a text is nothing for the log of a daemon that only reads it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(Path(path).read_bytes())
    except SyntaxError as error:
        raise Down("unreadable_code", f"{path}: line {error.lineno}: {error.msg}"[:200]) from None
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; parentheses a thousand deep
        raise Down("unreadable_code", f"{path}: {type(error).__name__}: {error}"[:200]) from None


@contextmanager
def _spoken(path: str) -> Iterator[None]:
    """An OSError as Down."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Down("no_code", f"{path}: {error.strerror}"[:200]) from None
    except OSError as error:
        raise Down("unreadable_code", f"{path}: {error.strerror}"[:200]) from None
