"""The nine dashboards as they are committed."""

import functools
import json
from typing import Any

from tests.tree import ROOT

FOLDER = ROOT / "dashboards"
NAMES = "overview components application errors workers databases storage security exporter"
UIDS = tuple(f"stack-{name}" for name in NAMES.split())

Json = dict[str, Any]


@functools.cache
def boards() -> dict[str, Json]:
    """By uid. Of those that are not there a test tells."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("stack-*.json"))}
