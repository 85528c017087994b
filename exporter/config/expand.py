"""Puts what ${NAME}, ${NAME:-default} and ${file:/path} stand for into texts that are already parsed."""

import os
import re
import stat
from collections.abc import Mapping
from typing import Any

from exporter.config.problem import Path, Report

LARGEST_FILE = 64 * 1024
_LONGEST = 200
"""Characters of a path that is told."""

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?", re.DOTALL)


def expand(value: Any, environ: Mapping[str, str], report: Report, path: Path = ()) -> Any:
    """The value with all texts in it expanded; keys stay as they are. After parsing, so a value can't add YAML."""
    if isinstance(value, dict):
        return {key: expand(item, environ, report, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, environ, report, (*path, index)) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    try:
        text = _PLACEHOLDER.sub(lambda match: _meant(match, environ, report), value)
    except _Unknown as problem:
        report.add(path, str(problem))
        return value
    if text != value.replace("$${", "${"):
        report.expanded.add(path)
    return text


class _Unknown(Exception):  # noqa: N818 - a word to its catcher
    pass


def _meant(match: re.Match[str], environ: Mapping[str, str], report: Report) -> str:
    if match[0] == "$${":
        return "${"
    if match[1] is None:
        raise _Unknown("${ without its }: a literal ${ is written $${")
    if match[1].startswith("file:"):
        return _content(match[1].removeprefix("file:"), report)
    if not (parts := _NAME.fullmatch(match[1])):
        raise _Unknown("expected ${NAME}, ${NAME:-default} or ${file:/path}: a literal ${ is written $${")
    name, default = parts[1], parts[3]
    text = environ.get(name)
    if default is not None:  # as in a shell, an empty variable gives way to the default
        text = text or default
    if text is None:
        raise _Unknown(f"the environment variable {name} is not set")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Unknown(f"the environment variable {name} is not UTF-8") from None
    return text


def _content(path: str, report: Report) -> str:
    """A file's text without the line end at its end."""
    if not path.startswith("/"):
        raise _Unknown("${file:…} takes an absolute path")
    shown = f"${{file:{path if path.isprintable() and len(path) <= _LONGEST else '…'}}}"
    try:
        # Not blocking, because a named pipe without a writer would hold the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _Unknown(f"{shown} can't be read: {getattr(error, 'strerror', 'not a path')}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _Unknown(f"{shown} is not a regular file")
        report.read(path, found)
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise _Unknown(f"{shown} is larger than {LARGEST_FILE // 1024} KiB")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise _Unknown(f"{shown} is not UTF-8") from None
