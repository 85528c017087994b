"""JSON events as tests send them: parsed, scrubbed, and right by the published schema."""

import itertools
from typing import Any

import jsonschema
import pytest

from exporter.config.application import Scrub
from exporter.ingest import values
from exporter.ingest.events import parse
from exporter.ingest.events_forms import schema
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import Batch, Frame, Occasion, Origin, Raised

NOW = 1_800_000_000.0
SHOP = Origin("shop", "production")


def parsed(*events: Any) -> tuple[Batch, list[str]]:
    ids = (f"{n:032x}" for n in itertools.count())
    return parse(list(events), Scrubbing(Scrub(), b"k"), SHOP, NOW, lambda: next(ids))


def one(event: dict[str, Any]) -> Any:
    """What the event means; it is right, also by the published schema."""
    jsonschema.Draft202012Validator(schema()).validate(event)
    batch, problems = parsed(event)
    assert problems == []
    found = [*batch.occurrences, *batch.occasions, *(measured for _, measured in batch.measured)]
    return found[0] if len(found) == 1 else found
