"""The files of the repository as text, without what was set up, built or cached."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
LONGEST, BUDGET = 300, 250
_LEFT_OUT = {"__pycache__", "build", "dist", "node_modules", "LICENSE", "uv.lock"}


def texts() -> Iterator[tuple[str, str]]:
    """Path from the root, and content; files that are not text are left out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if _ours(name)]
        for name in filter(_ours, names):
            path = Path(folder, name)
            try:
                yield str(path.relative_to(ROOT)), path.read_text()
            except (UnicodeDecodeError, FileNotFoundError):
                continue


def lengths() -> dict[str, int]:
    """Lines of each source file."""
    return {path: text.count("\n") for path, text in texts() if path.endswith((".py", ".sh", ".js", ".css", ".html"))}


@functools.cache
def rule_groups() -> tuple[dict[str, Any], ...]:
    """Of all files of alert_rules/, read once; by libyaml, which takes a tenth of the time."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = sorted((ROOT / "alert_rules").glob("*.yml"))
    return tuple(group for file in files for group in yaml.load(file.read_text(), loader)["groups"])


def _ours(name: str) -> bool:
    hidden = name.startswith(".") and name not in (".ci", ".gitignore", ".dockerignore")
    return not hidden and name not in _LEFT_OUT and not name.endswith(".egg-info")
