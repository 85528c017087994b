"""Writes the pages in docs/ from the code, or with --check says whether they are up to date."""

import argparse
import sys
from pathlib import Path

from exporter.docs import command, configuration, metrics

FOLDER = Path(__file__).parents[2] / "docs"


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or compare them; 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m exporter.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    check = parser.parse_args(arguments).check
    stale = []
    for name, text in pages().items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(f"docs/{name}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale and check:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run make docs\n")
        return 1
    return 0


def pages() -> dict[str, str]:
    """The generated pages by file name."""
    found = {"command.md": command.page(), "configuration.md": configuration.page(), "metrics.md": metrics.page()}
    return {name: "\n".join(parts) for name, parts in found.items()}
