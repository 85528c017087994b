"""JSON events that are no errors: what each type means."""

import itertools
from math import inf
from typing import Any

import jsonschema
import pytest

from exporter.config.application import Scrub
from exporter.ingest import values
from exporter.ingest.events import parse
from exporter.ingest.events_forms import schema
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import Batch, Frame, Occasion, Origin, Raised
from tests.ingest.events_made import NOW, SHOP, one, parsed


@pytest.mark.parametrize(
    ("event", "kind", "type_", "severity", "detail"),
    [
        ({"type": "security", "name": "brute_force"}, "security", "brute_force", "medium", {}),
        (
            {"type": "security", "name": "itar", "severity": "critical", "message": "m", "context": {"a": 1}},
            "security",
            "itar",
            "critical",
            {"message": "m", "extra": {"a": 1}},
        ),
        (
            {"type": "business", "name": "order_placed", "request_id": "r"},
            "business",
            "order_placed",
            "low",
            {"request_id": "r"},
        ),
    ],
)
def test_an_occasion_is_kept(event: Any, kind: Any, type_: str, severity: Any, detail: Any) -> None:
    assert one(event) == Occasion("0" * 32, NOW, SHOP, kind, type_, severity, "", detail)


def test_a_deploy_is_an_occasion_of_its_release() -> None:
    found = one({"type": "deploy", "release": "2.0", "at": 5})
    assert found == Occasion("0" * 32, 5.0, Origin("shop", "production", "2.0"), "deploy", "2.0")


@pytest.mark.parametrize(
    ("event", "measured"),
    [
        (
            {"type": "operation", "name": "bom", "duration": 2.5, "failed": True},
            values.Operation(SHOP, "events", "bom", 2.5, failed=True, at=NOW),
        ),
        (
            {"type": "task", "name": "mail", "duration": 1, "trace_id": "ab"},
            values.Task(SHOP, "events", "mail", "success", 1.0, at=NOW, trace_id="ab"),
        ),
        (
            {"type": "request", "method": "GET", "path": "/orders/7", "status": 200, "duration": 0.1},
            values.Request(SHOP, "events", "GET", "/orders/7", 200, 0.1, at=NOW),
        ),
        (
            {"type": "request", "method": "GET", "route": "/orders/{id}", "status": 200, "duration": 0.1},
            values.Request(SHOP, "events", "GET", "/orders/{id}", 200, 0.1, templated=True, at=NOW),
        ),
        (
            {"type": "query", "system": "postgresql", "operation": "SELECT", "duration": 0.01},
            values.Query(SHOP, "postgresql", "SELECT", 0.01),
        ),
        ({"type": "cache", "hit": True}, values.CacheUse(SHOP, "default", "hit")),
        ({"type": "cache", "cache": "pages", "hit": False}, values.CacheUse(SHOP, "pages", "miss")),
        (
            {"type": "ai_call", "model": "m-1", "output_tokens": 5},
            values.AiCall(SHOP, "", "m-1", "chat", inf, False, 0.0, 5.0, source="events", at=NOW),
        ),
        (
            {"type": "cache", "name": "pages", "hits": 9, "misses": 1},
            [values.CacheUse(SHOP, "pages", "hit", 9.0), values.CacheUse(SHOP, "pages", "miss", 1.0)],
        ),
        (
            {"type": "ai_call", "model": "m-1", "input_tokens": 10, "output_tokens": 5, "duration": 2},
            values.AiCall(SHOP, "", "m-1", "chat", 2.0, False, 10.0, 5.0, source="events", at=NOW),
        ),
        (
            {"type": "upload", "file_type": "step", "bytes": 1000, "duration": 3},
            values.FileUse(SHOP, "upload", "step", 1000.0, 3.0),
        ),
        (
            {"type": "file", "operation": "delete", "file_type": "pdf", "failed": True},
            values.FileUse(SHOP, "delete", "pdf", failed=True),
        ),
    ],
)
def test_work_is_measured(event: Any, measured: Any) -> None:
    assert one(event) == measured


def test_an_id_counts_once_whatever_text_it_is() -> None:
    again = {"type": "operation", "id": "job 4111 1111 1111 1111", "name": "bom", "duration": 1}
    other = again | {"id": "job 4222 2222 2222 2"}
    batch, _ = parsed(
        again, again, other, {"type": "error", "id": "7", "message": "m"}, {"type": "business", "id": "7", "name": "n"}
    )
    ids = [id_ for id_, _ in batch.measured]
    assert len(ids) == len(set(ids)) == 2
    assert all(len(id_) == 32 and int(id_, 16) for id_ in ids)
    assert batch.occurrences[0].id != batch.occasions[0].id
    assert parsed(again)[0].measured[0][0] == ids[0]
    assert parsed({"type": "cache", "hit": True})[0].measured[0][0] == ""
