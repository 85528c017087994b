"""Applications in trouble, as they tell it in JSON events: requests, operations, files, databases, caches, security."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.alerts.fault import Scene, Steps, provokes

Events = list[dict[str, Any]]
BOTH = ("warning", "critical")


@provokes("HttpErrorRateHigh/critical", "HttpResponsesSlow/warning")
def a_shop_window_is_slow_and_fails(scene: Scene) -> Steps:
    request = {"type": "request", "service": "window", "method": "GET", "route": "/"}
    healthy = [request | {"status": 200, "duration": 0.1}] * 4
    yield {}
    with _saying(scene, [request | {"status": 200, "duration": 8.0}, request | {"status": 503, "duration": 8.0}]):
        yield None
    with _saying(scene, healthy):
        yield None


@provokes("HttpRouteFailing/warning")
def one_route_of_many_fails(scene: Scene) -> Steps:
    request = {"type": "request", "service": "reports", "method": "GET", "duration": 0.1}
    others = [request | {"route": "/cart", "status": 200}] * 30
    yield {}
    with _saying(scene, [*others, request | {"route": "/report", "status": 502}]):
        yield None
    with _saying(scene, [request | {"route": "/report", "status": 200}]):
        yield None


@provokes(
    *(f"{alert}/{severity}" for alert in ("OperationSlow", "OperationsFailing") for severity in BOTH),
    *(f"{alert}/{severity}" for alert in ("UploadsFailing", "FileOperationsFailing") for severity in BOTH),
)
def extractions_are_slow_and_files_are_lost(scene: Scene) -> Steps:
    thresholds = {"slow_operations": {"critical": 20}}
    yield {"operations": {"geometry_extraction": {"slow": "30s"}}, "thresholds": thresholds}
    with _saying(
        scene,
        [
            {"type": "operation", "service": "cad", "name": "geometry_extraction", "duration": 31.0},
            {"type": "operation", "service": "cad", "name": "bom_extraction", "duration": 2.0, "failed": True},
            {"type": "upload", "service": "cad", "file_type": "step", "bytes": 10, "failed": True},
            {"type": "file", "service": "cad", "operation": "read", "file_type": "pdf", "failed": True},
        ],
    ):
        yield None
    yield None


@provokes(
    *(f"{alert}/{severity}" for alert in ("DatabaseCallsFailing", "DatabaseCallsSlow") for severity in BOTH),
    "CacheHitsFew/warning",
)
def a_database_hangs_and_a_cache_is_empty(scene: Scene) -> Steps:
    yield {}
    with _saying(
        scene,
        [
            {"type": "query", "service": "orders", "system": "postgresql", "operation": "SELECT", "duration": 9.0},
            {"type": "query", "service": "orders", "system": "redis", "duration": 0.1, "failed": True},
            {"type": "cache", "service": "orders", "misses": 50},
        ],
    ):
        yield None
    yield None


@provokes(
    *("SecurityEventCritical/critical", "SecurityEventHigh/warning", "BruteForce/warning", "BruteForce/critical"),
    *("ComplianceViolation/critical", "ComplianceViolation/warning"),
)
def somebody_breaks_in(scene: Scene) -> Steps:
    security = {"type": "security", "service": "vault"}
    classes = {"ITARViolation": {"severity": "critical"}, "ExportHint": {"severity": "low"}}
    yield {"classes": {name: fields | {"security": True} for name, fields in classes.items()}}
    with _saying(
        scene,
        [
            security | {"name": "admin_created", "severity": "critical"},
            security | {"name": "role_changed", "severity": "high"},
            *[security | {"name": "login_failed"}] * 20,
            *({"type": "error", "service": "vault", "exception": name, "message": "refused"} for name in classes),
        ],
    ):
        yield None
    yield None


@contextmanager
def _saying(scene: Scene, events: Events) -> Iterator[None]:
    """The applications say this twice a second."""
    over = threading.Event()
    assert scene.daemon is not None
    daemon, body = scene.daemon, json.dumps(events).encode()

    def say() -> None:
        while not over.wait(0.5):
            daemon.request(
                "POST", "/api/v1/events", body, {"Content-Type": "application/json"}, port=daemon.ingest_port
            )

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
