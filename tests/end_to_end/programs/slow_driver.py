"""The daemon where the import of asyncpg takes a second; it makes a file `importing` as it begins."""

import importlib
import time
from pathlib import Path
from types import ModuleType

from exporter.cli import main

imported = importlib.import_module


def slow(name: str, package: str | None = None) -> ModuleType:
    if name == "asyncpg":
        Path("importing").touch()
        time.sleep(1)
    return imported(name, package)


importlib.import_module = slow
main()
